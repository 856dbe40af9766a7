from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.errors import PromptError, SuiteError
from pytest_framing.gates.evaluation import known_gates, parameter_models
from pytest_framing.plan import Plan, SuitePlan, hold_unique_suites, plan_suite, treatment_first
from pytest_framing.records import Case, Prompt, PromptSet
from pytest_framing.shapes import LONGEST, bucket, buckets
from pytest_framing.suite import Suite, load_suite
from tests.unit.builders import NAME, count_tokens, make_plan, make_prompts, make_suite, some_examples

SHIPPED = Path(__file__).parents[2] / "suites" / "deployment_framing" / "suite.yaml"
CONTROLS = {"repeat_fraction": 0.25, "placebo": True}


def full_suite(**changes: object) -> Suite:
    """Return a suite with both modes and every control arm."""
    return make_suite(**({"modes": ["standard", "forcing"], "controls": CONTROLS} | changes))


def planned(count: int = 40, **changes: object) -> SuitePlan:
    return make_plan(full_suite(**changes), make_prompts(count)).suites[0]


def periods(plan: SuitePlan) -> dict[str, int]:
    """Period of every case that is a member of a pair."""
    return {case.id: case.period for case in plan.cases if case.role == "pair"}


def members(plan: SuitePlan) -> dict[str, list[Case]]:
    """Cases of each pair."""
    pairs: dict[str, list[Case]] = {}
    for case in plan.cases:
        if case.role == "pair":
            pairs.setdefault(case.pair, []).append(case)
    return pairs


def test_the_draw_of_a_pair_does_not_depend_on_the_other_prompts() -> None:
    suite, prompts = full_suite(controls={"repeat_fraction": 1, "placebo": False}), make_prompts(40)
    some = replace(prompts, prompts=prompts.prompts[7::3])
    whole, part = (periods(make_plan(suite, one).suites[0]) for one in (prompts, some))
    assert part
    assert part.items() <= whole.items()


def test_the_draw_does_not_depend_on_the_order_of_the_file() -> None:
    suite, prompts = full_suite(), make_prompts(40)
    shuffled = list(prompts.prompts)
    random.Random(5).shuffle(shuffled)
    plans = [make_plan(suite, replace(prompts, prompts=tuple(order))) for order in (prompts.prompts, shuffled)]
    assert periods(plans[0].suites[0]) == periods(plans[1].suites[0])


def test_the_draw_does_not_depend_on_how_cases_are_batched() -> None:
    batched = planned(execution={"batch_size": 4})
    assert periods(batched) == periods(planned(execution={"batch_size": 16}))
    assert periods(batched) == periods(planned(execution={"mode": "sequential"}))


@pytest.mark.parametrize(
    "other",
    [(8, "s", "p", "m", 1), (7, "t", "p", "m", 1), (7, "s", "q", "m", 1), (7, "s", "p", "n", 1), (7, "s", "p", "m", 2)],
)
def test_the_draw_depends_on_each_of_its_arguments(other: tuple[int, str, str, str, int]) -> None:
    seed, suite, prompt, mode, replicate = other
    own = [treatment_first(7, "s", f"p{n}", "m", 1) for n in range(64)]
    assert own != [treatment_first(seed, suite, f"{prompt}{n}", mode, replicate) for n in range(64)]


def test_the_draw_is_the_same_on_every_machine_and_in_every_process() -> None:
    drawn = "".join(
        str(int(treatment_first(20260221, "deployment_framing", f"p{n}", "standard", 1))) for n in range(16)
    )
    assert drawn == "1000110001111111"


@given(seed=st.integers(0, 10**18 - 1))
@some_examples
def test_the_draw_is_fair_over_prompts(seed: int) -> None:
    first = sum(treatment_first(seed, "teapots", f"p{n}", "standard", 1) for n in range(2000))
    assert abs(first - 1000) < 6 * 22.4  # six standard deviations


def test_the_draws_of_two_modes_are_independent() -> None:
    agree = sum(
        treatment_first(7, "teapots", f"p{n}", "standard", 1) == treatment_first(7, "teapots", f"p{n}", "forcing", 1)
        for n in range(2000)
    )
    assert abs(agree - 1000) < 6 * 22.4


def test_drawn_periods_are_the_slots_of_a_pair() -> None:
    for first, second in members(planned()).values():
        assert (first.period, second.period) == (1, 2)
        assert (first.framing == "paid") == treatment_first(7, NAME, first.prompt_id, first.mode, first.replicate)


@pytest.mark.parametrize(
    "execution", [{"batch_size": 2}, {"batch_size": 6}, {"batch_size": 32}, {"mode": "sequential"}]
)
def test_both_members_of_a_pair_share_a_batch_in_adjacent_slots(execution: dict[str, object]) -> None:
    for first, second in members(planned(execution=execution)).values():
        assert first.batch == second.batch
        assert second.slot == first.slot + 1


def test_placebo_cases_and_replicates_have_batches_of_their_own() -> None:
    plan = planned()
    kinds: dict[str, set[tuple[str, int]]] = {}
    for case in plan.cases:
        kinds.setdefault(case.batch, set()).add((case.role, case.replicate))
    assert all(len(kind) == 1 for kind in kinds.values())
    assert set().union(*kinds.values()) == {("pair", 1), ("pair", 2), ("placebo", 1)}


@given(size=st.integers(1, 32).map(lambda half: 2 * half), tokens=st.integers(64, 4000), count=st.integers(1, 30))
@some_examples
def test_batches_have_an_even_number_of_rows_within_size_and_token_budget(size: int, tokens: int, count: int) -> None:
    plan = planned(count, execution={"batch_size": size, "batch_tokens": tokens})
    for batch in plan.batches:
        assert batch.rows % 2 == 0
        assert 2 <= batch.rows <= size
        assert batch.rows == 2 or batch.rows * batch.length <= tokens
        assert 1 <= len(batch.case_ids) <= batch.rows


@given(count=st.integers(1, 30), seed=st.integers(0, 1000))
@some_examples
def test_every_case_is_in_exactly_one_batch_that_is_long_enough(count: int, seed: int) -> None:
    prompts = make_prompts(count)
    texts = {prompt.id: prompt for prompt in prompts.prompts}
    plan = make_plan(full_suite(order={"seed": seed}), prompts).suites[0]
    placed = [(batch.id, slot, name) for batch in plan.batches for slot, name in enumerate(batch.case_ids)]
    assert sorted(placed) == sorted((case.batch, case.slot, case.id) for case in plan.cases)
    lengths = {batch.id: batch.length for batch in plan.batches}
    for case in plan.cases:
        assert count_tokens(texts[case.prompt_id], case.framing, case.mode) <= lengths[case.batch]


@given(length=st.integers(1, LONGEST), rows=st.integers(2, 256))
def test_the_bucket_of_a_length_is_the_shortest_that_fits(length: int, rows: int) -> None:
    size = bucket(length, rows)
    assert length <= size
    assert not [other for other in buckets(rows) if length <= other < size]


def test_a_prompt_that_no_model_could_take_is_an_error() -> None:
    with pytest.raises(PromptError, match="longer than the longest bucket"):
        bucket(LONGEST + 1, 8)


def test_fixed_conditions_run_the_reference_first_always() -> None:
    assert all(first.framing == "free" for first, _ in members(planned(order={"conditions": "fixed"})).values())


def test_prompts_in_given_order_stay_in_it() -> None:
    suite = make_suite(order={"prompts": "given"}, execution={"mode": "sequential"})
    plan = make_plan(suite, make_prompts(10)).suites[0]
    assert [case.prompt_id for case in plan.cases[::2]] == [prompt.id for prompt in make_prompts(10).prompts]


def test_case_ids_say_prompt_framing_mode_and_replicate() -> None:
    plan = planned(1, controls={"repeat_fraction": 1, "placebo": True}, modes=["forcing"])
    assert {case.id for case in plan.cases} == {
        "teapot_0000-free-forcing",
        "teapot_0000-paid-forcing",
        "teapot_0000-free-forcing-r2",
        "teapot_0000-paid-forcing-r2",
        "teapot_0000-placebo-forcing",
    }


def test_a_placebo_case_has_no_pair_and_no_period() -> None:
    placebo = [case for case in planned().cases if case.role == "placebo"]
    assert {(case.framing, case.pair, case.period, case.replicate) for case in placebo} == {("placebo", "", 0, 1)}


def test_400_prompts_of_the_shipped_suite_make_2800_cases_and_12_questions() -> None:
    suite = load_suite(SHIPPED, parameter_models(known_gates()))
    roles = Counter(case.role for case in make_plan(suite, make_prompts(400)).cases.values())
    assert roles == {"pair": 2000, "placebo": 800, "check": 12}


@pytest.mark.parametrize(("fraction", "repeated"), [(0, 0), (0.25, 10), (1, 40)])
def test_the_share_of_prompts_asked_for_runs_twice(fraction: float, repeated: int) -> None:
    plan = planned(controls={"repeat_fraction": fraction, "placebo": False})
    assert len({case.prompt_id for case in plan.cases if case.replicate == 2}) == repeated


def test_the_same_prompts_run_twice_in_both_modes() -> None:
    again = [case for case in planned().cases if case.replicate == 2]
    by_mode = [{case.prompt_id for case in again if case.mode == mode} for mode in ("standard", "forcing")]
    assert by_mode[0] == by_mode[1]


def test_a_plan_is_the_same_each_time_it_is_drawn() -> None:
    assert make_plan(full_suite(), make_prompts(30)).digest == make_plan(full_suite(), make_prompts(30)).digest


@pytest.mark.parametrize(
    "changes",
    [{"order": {"seed": 8}}, {"execution": {"batch_size": 4}}, {"controls": {"placebo": False}}, {"suite": "kettles"}],
)
def test_the_digest_changes_with_everything_that_is_planned(changes: dict[str, object]) -> None:
    other = make_plan(full_suite(**changes), make_prompts(30))
    assert other.digest != make_plan(full_suite(), make_prompts(30)).digest


def test_the_digest_changes_with_the_text_of_a_prompt_whose_id_stays() -> None:
    prompts = make_prompts(5)
    changed = replace(prompts, prompts=(replace(prompts.prompts[0], behaviour="Other."), *prompts.prompts[1:]))
    assert make_plan(full_suite(), prompts).digest != make_plan(full_suite(), changed).digest


def test_a_plan_is_read_back_from_json() -> None:
    plan = make_plan(full_suite(), make_prompts(12))
    documents = json.loads(json.dumps(plan.document()))
    again = Plan(tuple(SuitePlan.from_document(name, one) for name, one in documents.items()))
    assert again == plan
    assert again.digest == plan.digest


def test_a_plan_holds_no_prompt_text() -> None:
    plan = make_plan(full_suite(), make_prompts(3))
    assert "Describe" not in json.dumps(plan.document())
    assert "Describe" not in repr(plan)


def test_two_prompts_that_lead_to_one_case_id_are_an_error_that_names_both() -> None:
    suite = make_suite(framings={"reference": "free", "treatment": "tier-free"})
    prompts = PromptSet("x", "x", "x", (Prompt("kettle", "Hum."), Prompt("kettle-tier", "Whistle.")))
    with pytest.raises(PromptError, match=r"'kettle(-tier)?' and 'kettle(-tier)?' .*'kettle-tier-free-standard'"):
        plan_suite(suite, prompts, count_tokens)


def test_two_suites_of_one_name_are_an_error_that_names_both_files() -> None:
    with pytest.raises(SuiteError, match=r"b/suite\.yaml: suite 'teapots' stands in a/suite\.yaml too"):
        hold_unique_suites([("teapots", Path("a/suite.yaml")), ("teapots", Path("b/suite.yaml"))])
