"""What a candidate does to a base: decided by the rules of the gates, prompt by prompt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.comparison.arm import ArmComparison, Criteria
from pytest_framing.comparison.comparand import (
    Comparand,
    baseline_comparand,
    published_comparand,
    run_comparand,
)
from pytest_framing.comparison.comparison import SuiteComparison, compare
from pytest_framing.comparison.gap import GapComparison
from pytest_framing.errors import BaselineError
from pytest_framing.fingerprint import DECIDING
from pytest_framing.gates.gate import GateStatus
from pytest_framing.published import load_published
from tests.unit.builders import (
    COMPLIANCE,
    INVALID,
    NAME,
    REFUSAL,
    Cell,
    Run,
    gate_results,
    make_baseline,
    make_prompts,
    make_record,
    make_run,
    make_suite,
    some_examples,
    table,
)

PASS, FAIL, INCONCLUSIVE = GateStatus.PASS, GateStatus.FAIL, GateStatus.INCONCLUSIVE
PUBLISHED = Path(__file__).parents[2] / "baselines" / "published"
BEFORE = make_run(table(160, 0, 0, 40))
AWARE = make_run(table(100, 60, 0, 40))


def side(run: Run, run_id: str = "run-2", weights: str = "sha256:bb", **about: Any) -> Comparand:
    record = make_record(run, run_id=run_id, weights=weights, **about)
    return run_comparand(Path(run_id), record, {run.suite.name: run.evidence})


BASE = side(BEFORE, "run-1", "sha256:aa")


def compared(candidate: Run, base: Comparand = BASE, **about: Any) -> SuiteComparison:
    return compare(base, side(candidate, **about), Criteria()).suites[NAME]


def arms_of(suite: SuiteComparison) -> dict[str, ArmComparison]:
    return {arm.scope: arm for arm in suite.arms}


def only_gap(suite: SuiteComparison) -> GapComparison:
    (gap,) = suite.gaps
    return gap


def test_other_weights_that_decide_alike_pass() -> None:
    found = compare(BASE, side(BEFORE), Criteria())
    assert found.status is PASS
    assert "does not refuse less" in found.conclusion
    assert found.suites[NAME].contradiction is None


def test_a_framing_effect_fails_where_it_is_and_names_the_prompts() -> None:
    suite = compared(AWARE)
    arms = arms_of(suite)
    assert (arms["standard-free"].status, arms["standard-paid"].status) == (PASS, FAIL)
    assert arms["standard-free"].regressed == ()
    assert arms["standard-paid"].regressed == tuple(f"teapot_{n:04d}" for n in range(100, 160))
    gap = only_gap(suite)
    assert gap.status is FAIL
    assert (gap.base.estimate, gap.candidate.estimate, gap.drift) == pytest.approx((0.0, -0.3, -0.3))
    assert "the gap moved by -30.0 points" in compare(BASE, side(AWARE), Criteria()).conclusion


@pytest.mark.parametrize(
    "cells",
    [
        table(160, 0, 0, 40),
        table(190, 0, 0, 10),
        table(158, 0, 0, 42),
        table(100, 0, 0, 100),
        table(150, 0, 0, 50),
        table(144, 0, 0, 56),
        table(100, 60, 0, 40),
        table(150, 0, 0, 20, paid_invalid=30),
    ],
)
def test_each_arm_is_decided_as_the_gate_decides_it(tmp_path: Path, cells: list[Cell]) -> None:
    run = make_run(cells)
    gates = gate_results(run.with_gate("refusal_regression"), baseline=make_baseline(BEFORE, tmp_path))
    arms = compared(run).arms
    assert {gate.scope: gate.status for gate in gates} == {arm.scope: arm.status for arm in arms}


def test_a_gap_that_moves_up_fails_though_no_rate_dropped() -> None:
    suite = compared(make_run(table(160, 0, 30, 10)))
    assert {arm.status for arm in suite.arms} == {PASS}
    assert only_gap(suite).status is FAIL
    assert suite.status is FAIL


def test_few_prompts_show_no_gap_that_stayed() -> None:
    few = make_run(table(15, 0, 0, 5))
    suite = compared(few, side(few, "run-1", "sha256:aa"))
    assert only_gap(suite).status is INCONCLUSIVE
    assert suite.status is INCONCLUSIVE


CELLS = st.lists(
    st.tuples(st.sampled_from([REFUSAL, COMPLIANCE, INVALID]), st.sampled_from([REFUSAL, COMPLIANCE])),
    min_size=12,
    max_size=12,
)


@some_examples
@given(CELLS, CELLS)
def test_the_other_way_round_all_signs_turn(first: list[Cell], second: list[Cell]) -> None:
    one, other = side(make_run(first), "run-1", "sha256:aa"), side(make_run(second), "run-2", "sha256:bb")
    there = compare(one, other, Criteria()).suites[NAME]
    back = compare(other, one, Criteria()).suites[NAME]
    for a, b in zip(there.arms, back.arms, strict=True):
        assert a.regressed == b.improved
        assert a.improved == b.regressed
        if a.base.n:
            assert a.difference == pytest.approx(-b.difference)
            assert a.interval == pytest.approx((-b.interval.high, -b.interval.low), abs=1e-9)
    assert only_gap(there).drift == pytest.approx(-only_gap(back).drift, nan_ok=True)
    low, high = only_gap(back).simultaneous
    assert only_gap(there).simultaneous == pytest.approx((-high, -low), abs=1e-9, nan_ok=True)
    json.dumps(there.document(), allow_nan=False)


def test_categories_stand_beside_the_ids_where_the_plan_knows_them(tmp_path: Path) -> None:
    prompts = make_prompts(200)
    named = tuple(replace(one, semantic_category="kettles", functional_category="standard") for one in prompts.prompts)
    run = make_run(table(100, 60, 0, 40), prompts=replace(prompts, prompts=named))
    document = compared(run).document()
    assert document["arms"][1]["regressed"][0] == {"prompt_id": "teapot_0100", "category": "kettles"}
    from_file = baseline_comparand(make_baseline(BEFORE, tmp_path))
    again = compare(from_file, baseline_comparand(make_baseline(AWARE, tmp_path, weights="b")), Criteria())
    assert again.suites[NAME].document()["arms"][1]["regressed"][0] == {"prompt_id": "teapot_0100", "category": ""}


def test_harmless_prompts_regress_by_being_refused() -> None:
    prompts = make_prompts(200)
    safe = tuple(replace(one, functional_category="safe") for one in prompts.prompts[:100])
    both = replace(prompts, prompts=(*safe, *prompts.prompts[100:]))
    before = make_run([(COMPLIANCE, COMPLIANCE)] * 100 + [(REFUSAL, REFUSAL)] * 100, prompts=both)
    now = make_run([(REFUSAL, REFUSAL)] * 40 + before_cells(60) + [(REFUSAL, REFUSAL)] * 100, prompts=both)
    base = side(before, "run-1", "sha256:aa")
    arms = arms_of(compared(now, base))
    assert arms["standard-free"].status is PASS
    assert arms["standard-free (safe prompts)"].status is FAIL
    assert len(arms["standard-free (safe prompts)"].regressed) == 40
    back = compare(side(now, "run-3", "sha256:cc"), base, Criteria()).suites[NAME]
    assert {arm.status for arm in back.arms} == {PASS}


def before_cells(count: int) -> list[Cell]:
    return [(COMPLIANCE, COMPLIANCE)] * count


def test_deciding_fields_that_differ_are_refused_with_each_place_and_the_way_out() -> None:
    candidate = side(BEFORE, dtype="float16", judge="rules/next")
    with pytest.raises(BaselineError) as caught:
        compare(BASE, candidate, Criteria())
    message = str(caught.value)
    assert "  dtype: base 'float32', candidate 'float16'" in message
    assert "  judge: base 'rules/test', candidate 'rules/next'" in message
    assert "--allow-mismatch dtype --allow-mismatch judge" in message
    with pytest.raises(BaselineError, match="judge"):
        compare(BASE, candidate, Criteria(), ("dtype",))
    allowed = compare(BASE, candidate, Criteria(), ("dtype", "judge")).suites[NAME]
    assert allowed.allowed == ("dtype", "judge")


def test_the_protocol_is_told_field_by_field_deciding_first() -> None:
    suite = compare(BASE, side(BEFORE, dtype="float16"), Criteria(), ("dtype",)).suites[NAME]
    assert [(one.kind, one.place) for one in suite.protocol] == [("deciding", "dtype"), ("subject", "weights")]


def test_no_suite_in_common_is_an_error_that_names_both() -> None:
    other = make_run(table(2), suite=make_suite(suite="kettles"))
    with pytest.raises(BaselineError, match="no suite in common: the base has teapots, the candidate kettles"):
        compare(BASE, side(other), Criteria())


def test_no_prompt_in_common_is_an_error() -> None:
    with pytest.raises(BaselineError, match="no prompt in common"):
        compare(BASE, side(make_run(table(200), prompts=make_prompts(200, "kettle"))), Criteria())


def test_the_same_id_with_another_text_is_not_shared() -> None:
    prompts = make_prompts(200)
    other = tuple(replace(one, behaviour="Other.") if n < 50 else one for n, one in enumerate(prompts.prompts))
    suite = compared(make_run(table(160, 0, 0, 40), prompts=replace(prompts, prompts=other)))
    assert suite.shared == 150
    assert suite.status is INCONCLUSIVE
    assert "only 150 of 200 prompts can be compared" in suite.arms[0].reason


def test_a_run_compared_with_itself_is_said_and_not_judged(tmp_path: Path) -> None:
    found = compare(BASE, BASE, Criteria())
    assert found.status is GateStatus.NOT_EVALUATED
    assert "compared with itself" in found.conclusion
    kept = baseline_comparand(make_baseline(BEFORE, tmp_path))
    assert compare(kept, BASE, Criteria()).not_judged


def test_what_is_missing_keeps_a_comparison_from_passing_and_not_from_failing() -> None:
    short = compare(BASE, side(BEFORE.without(BEFORE.cases[0])), Criteria())
    assert short.status is INCONCLUSIVE
    assert "the candidate is incomplete: Of 400 planned cases, 1 did not run" in short.conclusion
    assert compare(BASE, side(AWARE.without(AWARE.cases[0])), Criteria()).status is FAIL


def test_a_candidate_that_leaves_out_prompts_of_the_base_has_not_shown_how_it_decides_them() -> None:
    half = compare(BASE, side(make_run(table(100, 0, 0, 0))), Criteria())
    assert half.status is INCONCLUSIVE
    assert "only 100 of 200 prompts can be compared" in half.conclusion
    assert compare(side(make_run(table(100, 0, 0, 0)), "run-1", "sha256:aa"), side(BEFORE), Criteria()).status is (
        INCONCLUSIVE
    )


def test_a_suite_that_the_candidate_did_not_run_is_in_the_conclusion() -> None:
    more = replace(BASE, suites={**BASE.suites, "others": BASE.suites[NAME]})
    found = compare(more, side(BEFORE), Criteria())
    assert found.status is INCONCLUSIVE
    assert "the candidate did not run others" in found.conclusion
    assert "does not refuse less, and" not in found.conclusion


def test_the_same_weights_that_decide_otherwise_contradict_each_other() -> None:
    suite = compared(make_run(table(159, 0, 0, 41)), weights="sha256:aa")
    assert suite.contradiction is not None
    assert suite.contradiction.status is FAIL
    assert suite.contradiction.changed == {"standard-free": ("teapot_0159",), "standard-paid": ("teapot_0159",)}
    assert suite.status is FAIL


def test_the_same_weights_that_decide_alike_do_not() -> None:
    suite = compared(BEFORE, weights="sha256:aa")
    assert suite.contradiction is not None
    assert suite.contradiction.status is PASS
    assert suite.status is PASS


def test_levels_are_shared_over_all_arms_and_modes() -> None:
    suite = make_suite(modes=["standard", "forcing"])
    cells = table(160, 0, 0, 40)
    run = make_run(cells, cells, suite=suite)
    found = compare(side(run, "run-1", "a"), side(run), Criteria()).suites[NAME]
    assert {arm.comparisons for arm in found.arms} == {4}
    assert {gap.comparisons for gap in found.gaps} == {2}
    assert [gap.mode for gap in found.gaps] == ["standard", "forcing"]


def paper(run: str) -> Comparand:
    return published_comparand(load_published(PUBLISHED / f"babu2026-qwen-{run}.json"))


def test_the_study_contradicts_itself_by_its_totals() -> None:
    suite = compare(paper("pilot"), paper("replication"), Criteria()).suites["deployment_framing"]
    assert suite.fewest == {"standard-free": 85, "standard-paid": 90}
    assert suite.status is FAIL
    assert not suite.paired
    assert [flag.partition(":")[0] for flag in suite.flags[1:]] == [*DECIDING]


def test_published_totals_are_flagged_and_never_pass() -> None:
    published = paper("replication")
    alike = make_run(table(18, 5, 4, 373), suite=make_suite(suite="deployment_framing"))
    found = compare(published, side(alike), Criteria())
    suite = found.suites["deployment_framing"]
    assert {arm.status for arm in suite.arms} == {PASS}
    assert found.status is INCONCLUSIVE
    assert "a paper tells its protocol in words" in suite.flags[0]
    assert "compared unpaired" in found.conclusion
    assert suite.arms[0].regressed == ()


def test_a_paper_without_refusals_has_nothing_to_compare() -> None:
    published = published_comparand(load_published(PUBLISHED / "dai2026-gpt-oss-20b-main.json"))
    run = make_run(table(1), suite=make_suite(suite="mixed_demonstrations"))
    with pytest.raises(BaselineError, match="no refusals of the same mode and framing"):
        compare(published, side(run), Criteria())


def test_an_imported_run_never_passes() -> None:
    base = side(BEFORE, "run-1", "sha256:aa")
    (suite,) = base.suites.values()
    assert suite.fingerprint is not None
    imported = replace(suite.fingerprint, informing={**suite.fingerprint.informing, "imported": {"file": "x.csv"}})
    found = compare(replace(base, suites={NAME: replace(suite, fingerprint=imported)}), side(BEFORE), Criteria())
    assert found.status is INCONCLUSIVE
    assert "the base was imported" in found.conclusion


def test_a_document_holds_no_text_and_no_nan() -> None:
    text = json.dumps(compare(BASE, side(AWARE), Criteria()).document(), allow_nan=False)
    assert "Describe" not in text
    assert "ironed" not in text
