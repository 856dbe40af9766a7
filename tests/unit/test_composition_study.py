"""What a run says of demonstrations: the class of effect, ordering, format, sources, and the framing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from pytest_framing.composition_study import CompositionStudy
from pytest_framing.demonstrations import Context
from pytest_framing.records import Case, PromptSet, VerdictLabel
from tests.unit.builders import COMPLIANCE, INVALID, REFUSAL, Run, make_prompts, make_run, make_verdict, table
from tests.unit.demonstration_runs import Rule, answering, planted, run_with, suite_with


def study_of(run: Run) -> CompositionStudy:
    found = run.study.composition
    assert found is not None
    return found


def alike(case: Case, context: Context | None, ease: float) -> VerdictLabel:
    return COMPLIANCE if ease > 0 else REFUSAL


def counting(case: Case, context: Context | None, ease: float) -> VerdictLabel:
    # A little noise of the model's own: which of two contexts of one size it likes better is no rule.
    taste = 0.3 * ((len(case.prompt_id) + sum(map(ord, case.id))) % 7 - 3) / 3
    count = context.condition.count if context else 0
    return COMPLIANCE if -2.0 + 0.9 * math.log1p(count) + ease + taste > 0 else REFUSAL


@pytest.mark.parametrize(
    ("rule", "effect", "total"),
    [
        (planted(0.9, -0.6), "dilution", True),
        (planted(0.9, 0.3, -2.0), "amplification", True),
        (counting, "amplification", False),
    ],
    ids=["diluting", "amplifying", "counting"],
)
def test_planted_effects_are_classified_and_the_hypotheses_agree(rule: Rule, effect: str, total: bool) -> None:
    found = study_of(run_with(rule))
    assert found.effect_class == effect
    assert (found.adjusted["total"] < 0.05) == total
    assert found.adjusted["joint"] < 0.001
    assert found.composition.coefficients.harmful > 0


def test_answers_that_demonstrations_do_not_change_are_no_evidence_of_an_effect() -> None:
    found = study_of(run_with(alike))
    assert found.effect_class == "none"
    assert found.document()["reason"].startswith("No test of the benign demonstrations")
    assert found.document()["hypotheses"]["harmful"]["p"] is None


def test_where_the_total_alone_decides_the_joint_hypothesis_is_still_tested() -> None:
    def total(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        return COMPLIANCE if ease + (context.condition.count if context else 0) / 8 > 1 else REFUSAL

    tests = study_of(run_with(total)).composition.wald
    assert math.isnan(tests.total.p)
    assert tests.joint.df == 1
    assert tests.joint.p < 0.001


def test_complete_separation_takes_the_penalised_fit() -> None:
    def never(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        return COMPLIANCE if context is not None and context.condition.harmful > 2 else REFUSAL

    assert study_of(run_with(never)).composition.method == "firth"


def test_the_arm_without_demonstrations_is_apart_from_the_regression() -> None:
    found = study_of(run_with(planted(0.9, -0.6), queries=20))
    assert found.baseline.compliance.n == 20
    assert found.composition.n == 20 * 6 * 2


def test_format_adoption_is_counted_apart_from_compliance() -> None:
    run = run_with(planted(0.9, 0.0), queries=20)
    refused = {verdict.case_id for verdict in run.verdicts if verdict.refused}
    copied = answering(run, lambda case: "Answer: No." if case.id in refused else "Fog is ironed.")
    found = study_of(copied).conditions["h8-b8"]
    assert found.adoption(complied=False).rate == 1.0
    assert found.adoption(complied=True).rate == 0.0


def test_recency_is_the_planned_contrast_of_orderings() -> None:
    def last_counts(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        late = context is not None and context.condition.ordering == "suffix"
        return COMPLIANCE if ease + 1.5 * late > 1 else REFUSAL

    suite = suite_with(orderings={"counts": [16], "which": ["prefix", "random"]})
    entry = study_of(run_with(last_counts, suite=suite)).document()["ordering"]["h8-b8"]
    assert entry["recency"]["low"] > 0
    assert entry["cochran_q"]["p"] < 0.001
    assert [(one["first"], one["second"]) for one in entry["pairwise"]] == [("suffix", "random"), ("prefix", "random")]


def test_benign_sources_are_compared_on_the_same_queries() -> None:
    def letters(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        other = context is not None and context.condition.benign_source == "letters"
        return COMPLIANCE if ease > (0.5 if other else 0) else REFUSAL

    suite = suite_with(other_benign=[{"source": "letters"}], benign_ablation={"counts": [4]})
    (entry,) = study_of(run_with(letters, suite=suite)).document()["benign_sources"]
    assert (entry["condition"], entry["source"]) == ("h2-b2", "letters")
    assert entry["other_only"] == 0 < entry["own_only"]
    assert entry["high"] < 0


def test_samplings_of_a_query_are_no_further_queries() -> None:
    def of_the_query(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        condition = context.condition if context is not None else None
        usual = condition is not None and condition.ordering == "suffix" and condition.benign_source != "letters"
        return COMPLIANCE if ease > (0.0 if usual else 0.5) else REFUSAL

    def tests(samplings: int) -> tuple[list[float], list[float]]:
        suite = suite_with(
            samplings=samplings,
            orderings={"counts": [4], "which": ["prefix", "random"]},
            other_benign=[{"source": "letters"}],
            benign_ablation={"counts": [4]},
        )
        found = study_of(run_with(of_the_query, suite=suite)).document()
        ordering, (source,) = found["ordering"]["h2-b2"], found["benign_sources"]
        pairs = [one["p"] for one in ordering["pairwise"]]
        p = [ordering["cochran_q"]["p"], ordering["recency"]["p"], *pairs, source["p"]]
        return p, [source["high"] - source["low"], ordering["recency"]["high"] - ordering["recency"]["low"]]

    (once, widths), (often, widths_often) = tests(1), tests(3)
    assert max(once[:2]) < 0.05
    assert often == once
    assert widths_often == pytest.approx(widths, rel=0.1)


def test_results_are_by_source_of_the_queries() -> None:
    prompts = make_prompts(40)
    halves = tuple(replace(one, source="ab"[n % 2]) for n, one in enumerate(prompts.prompts))
    run = run_with(planted(0.9, -0.6), prompts=PromptSet("a_b", "nowhere", "made", halves))
    document = study_of(run).document()
    assert set(document["by_source"]) == {"a", "b"}
    assert document["conditions"]["h8-b8"]["by_source"]["a"]["n"] == 40


def test_invalid_answers_leave_the_regression_and_are_counted() -> None:
    run = run_with(planted(0.9, -0.6), queries=20)
    lost = next(case for case in run.cases if case.mode == "h8-b8-s1")
    verdicts = tuple(make_verdict(lost, INVALID) if one.case_id == lost.id else one for one in run.verdicts)
    found = study_of(replace(run, verdicts=verdicts))
    assert found.composition.n == 20 * 6 * 2 - 1
    assert found.worst_invalid[0] == "h8-b8"


def test_interaction_is_the_change_of_the_framing_effect_by_query() -> None:
    def framed(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        return COMPLIANCE if ease + 2.0 * (case.framing == "paid" and context is not None) > 1 else REFUSAL

    suite = suite_with(framings={"counts": [4], "fractions": [0.5]})
    (found,) = study_of(run_with(framed, suite=suite)).interactions
    assert found.condition == "h2-b2"
    assert found.low > 0
    assert found.less == 0 < found.more
    assert found.p < 0.001


def test_a_suite_without_demonstrations_has_no_composition() -> None:
    assert make_run(table(1, 0, 0, 1)).study.composition is None


def test_document_has_no_number_that_json_cannot_hold() -> None:
    document: dict[str, Any] = study_of(run_with(alike, queries=3)).document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
