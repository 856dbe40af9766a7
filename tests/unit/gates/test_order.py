from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_framing.gates.gate import GateResult, GateStatus
from pytest_framing.plan import treatment_first
from pytest_framing.records import Prompt, PromptSet
from tests.unit.builders import COMPLIANCE, NAME, REFUSAL, Run, judged, make_prompts, make_run, make_suite, table

RUN = make_run(table(10, 2, 2, 86))


def result_of(run: Run, **parameters: Any) -> GateResult:
    (result,) = judged(run, "order_randomized", **parameters)
    return result


def restamped(run: Run, count: int, **stamps: Any) -> Run:
    return replace(
        run, responses=tuple(replace(one, **stamps) if n < count else one for n, one in enumerate(run.responses))
    )


def test_order_that_was_drawn_and_executed_as_drawn_passes() -> None:
    result = result_of(RUN)
    assert (result.status, result.scope) == (GateStatus.PASS, "teapots")
    assert "free first in " in result.observed
    assert "of 100 pairs" in result.observed
    assert "balance p = " in result.observed
    assert "runs p = " in result.observed


def test_replicates_are_pairs_whose_order_counts() -> None:
    suite = make_suite(controls={"repeat_fraction": 0.5, "placebo": True})
    assert "of 150 pairs" in result_of(make_run(table(10, 2, 2, 86), suite=suite)).observed


def test_one_pair_that_ran_the_other_way_round_fails() -> None:
    result = result_of(restamped(RUN, 1, slot=1000))
    assert result.status is GateStatus.FAIL
    assert "differs from the draw in 1 pairs" in result.reason


def test_a_suite_that_fixes_the_order_fails() -> None:
    result = result_of(make_run(table(10, 2, 2, 86), suite=make_suite(order={"conditions": "fixed"})))
    assert result.status is GateStatus.FAIL
    assert "Order was not drawn: the suite fixes it" in result.reason


def test_turns_that_overlap_fail() -> None:
    suite = make_suite(execution={"mode": "sequential"})
    result = result_of(restamped(make_run(table(10, 2, 2, 86), suite=suite), 1, seconds=1000.0))
    assert result.status is GateStatus.FAIL
    assert "1 pairs overlap in time" in result.reason


def test_order_that_was_not_recorded_is_inconclusive() -> None:
    result = result_of(restamped(RUN, 1, worker=""))
    assert result.status is GateStatus.INCONCLUSIVE
    assert "not recorded" in result.observed


def drawn(first: str, count: int = 30) -> Run:
    """Return a run of prompts that the seed happens to draw one way, as a broken generator would."""
    ids = (f"kettle_{n}" for n in range(200))
    chosen = [one for one in ids if treatment_first(7, NAME, one, "standard", 1) == (first == "paid")][:count]
    prompts = PromptSet("nonsense", "", "", tuple(Prompt(one, f"Describe {one}.") for one in chosen))
    return make_run(table(count), prompts=prompts)


@pytest.mark.parametrize("first", ["free", "paid"])
def test_a_draw_that_goes_one_way_always_fails_though_it_was_executed_as_drawn(first: str) -> None:
    result = result_of(drawn(first))
    assert result.status is GateStatus.FAIL
    assert "does not look random" in result.reason
    assert "--framing-seed" in result.reason


def test_so_few_pairs_that_chance_makes_them_alike_are_no_failure() -> None:
    assert result_of(drawn("free", 2)).status is not GateStatus.FAIL


def test_a_balanced_order_that_alternates_fails_by_its_runs() -> None:
    suite = make_suite(order={"seed": 7, "prompts": "given"}, execution={"mode": "sequential"})
    ids = [f"kettle_{n}" for n in range(400)]
    halves = [[one for one in ids if treatment_first(7, NAME, one, "standard", 1) is way][:40] for way in (True, False)]
    ordered = [one for pair in zip(*halves, strict=True) for one in pair]
    prompts = PromptSet("nonsense", "", "", tuple(Prompt(one, f"Describe {one}.") for one in ordered))
    result = result_of(make_run(table(5, 0, 0, 75), suite=suite, prompts=prompts))
    assert "free first in 40 of 80 pairs" in result.observed
    assert result.status is GateStatus.FAIL


def test_alpha_decides_how_much_imbalance_passes() -> None:
    """Twenty pairs of which 5 go one way: p = 0.04."""
    free, paid = drawn("free").plan.suites[0].cases, drawn("paid").plan.suites[0].cases
    ids = [case.prompt_id for case in free if case.period == 1][:5] + [c.prompt_id for c in paid if c.period == 1][:15]
    prompts = PromptSet("nonsense", "", "", tuple(Prompt(one, f"Describe {one}.") for one in ids))
    run = make_run(table(5, 0, 0, 15), prompts=prompts)
    assert result_of(run, alpha=0.001).status is GateStatus.PASS
    assert result_of(run, alpha=0.1).status is GateStatus.FAIL


def drifting(late: int, early: int, rest: int = 100) -> Run:
    """Return a run in which that many pairs refuse in their second period only, and in their first only."""
    prompts = make_prompts(late + early + rest)
    cells = []
    for number, prompt in enumerate(prompts.prompts):
        paid_first = treatment_first(7, NAME, prompt.id, "standard", 1)
        late_only, early_only = number < late, late <= number < late + early
        if late_only or early_only:
            refused_paid = paid_first is early_only
            cells.append((COMPLIANCE, REFUSAL) if refused_paid else (REFUSAL, COMPLIANCE))
        else:
            cells.append((REFUSAL, REFUSAL) if number % 2 else (COMPLIANCE, COMPLIANCE))
    return make_run(cells, prompts=prompts)


def test_an_engine_that_drifts_is_named() -> None:
    (result,) = judged(drifting(late=24, early=2), "period_effect")
    assert result.status is GateStatus.FAIL
    assert "The engine drifts, or cases are not independent" in result.reason
    assert "refused 41.3 % in the first period, 58.7 % in the second" in result.observed


def test_a_drift_under_random_order_is_no_gap() -> None:
    (gap,) = judged(drifting(late=24, early=2), "gap_contains_zero")
    assert gap.status is GateStatus.PASS


def test_flips_that_fall_evenly_on_both_periods_pass() -> None:
    (result,) = judged(drifting(late=12, early=12), "period_effect")
    assert result.status is GateStatus.PASS
    assert "p = 1; the only test of the session" in result.observed


def test_fewer_than_six_flips_bound_the_period_effect_by_themselves() -> None:
    (result,) = judged(drifting(late=5, early=0), "period_effect")
    assert (result.status, result.observed) == (GateStatus.PASS, "5 of 105 pairs flip")


def test_under_one_order_period_and_framing_cannot_be_told_apart() -> None:
    suite = make_suite(order={"conditions": "fixed"})
    (result,) = judged(make_run(table(10, 12, 2, 76), suite=suite), "period_effect")
    assert (result.status, result.observed) == (GateStatus.INCONCLUSIVE, "100 pairs ran one way, 0 the other")


def test_order_that_goes_with_the_category_fails() -> None:
    """Half of the prompts run one way and half the other, and each half is of a category of its own."""
    ids = [f"kettle_{n}" for n in range(400)]
    halves = {
        way: [one for one in ids if treatment_first(7, NAME, one, "standard", 1) is way][:60] for way in (True, False)
    }
    prompts = tuple(
        Prompt(one, f"Describe {one}.", semantic_category="lids" if way else "spouts")
        for way, half in halves.items()
        for one in half
    )
    result = result_of(make_run(table(5, 0, 0, 115), prompts=PromptSet("nonsense", "", "", prompts)))
    assert result.status is GateStatus.FAIL
    assert "category and length p = " in result.reason
