from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_framing.order_evidence import OrderEvidence, executed_order
from pytest_framing.records import Response
from tests.unit.builders import Run, make_prompts, make_run, make_suite, table

TABLE = table(3, 2, 1, 14)
BATCHED = make_run(TABLE)
SEQUENTIAL = make_run(TABLE, suite=make_suite(execution={"mode": "sequential"}))
RUNS = pytest.mark.parametrize("run", [BATCHED, SEQUENTIAL], ids=["batched", "sequential"])


def order_of(run: Run) -> OrderEvidence:
    return executed_order(run.evidence, run.suite)


def pair_of(run: Run, number: int = 0) -> tuple[Response, Response]:
    """Both responses of a pair, in drawn order."""
    first = [case for case in run.cases if case.period == 1][number]
    second = next(case for case in run.cases if case.pair == first.pair and case.period == 2)
    by_key = {response.key: response for response in run.responses}
    return by_key[first.key], by_key[second.key]


def restamped(run: Run, *changed: Response) -> Run:
    by_key = {response.key: response for response in changed}
    return replace(run, responses=tuple(by_key.get(one.key, one) for one in run.responses))


def swapped(run: Run, number: int = 0) -> Run:
    """Return the run as if one pair had run the other way round."""
    first, second = pair_of(run, number)
    stamps = [
        {name: getattr(other, name) for name in ("sequence", "slot", "started", "seconds")} for other in (second, first)
    ]
    return restamped(run, replace(first, **stamps[0]), replace(second, **stamps[1]))


@RUNS
def test_a_run_as_planned_departs_nowhere(run: Run) -> None:
    order = order_of(run)
    assert (order.departures, order.overlapping, order.unrecorded) == ((), (), 0)
    drawn = [case.framing == "free" for case in run.cases if case.period == 1]
    assert list(order.reference_first) == drawn


@RUNS
def test_a_pair_that_ran_the_other_way_round_is_a_departure(run: Run) -> None:
    order = order_of(swapped(run))
    assert len(order.departures) == 1
    assert sum(order.reference_first) != sum(order_of(run).reference_first)


def test_the_stamps_decide_and_not_the_plan() -> None:
    """A plan that was written with a fixed order does not have the order of the seed."""
    fixed = make_run(TABLE, suite=make_suite(order={"seed": 7, "conditions": "fixed"}))
    order = order_of(replace(fixed, suite=BATCHED.suite))
    assert all(order.reference_first)
    assert 0 < len(order.departures) < 20


def test_a_plan_of_another_seed_is_a_departure() -> None:
    other = BATCHED.suite.model_copy(update={"order": BATCHED.suite.order.model_copy(update={"seed": 8})})
    assert order_of(replace(BATCHED, suite=other)).departures


def test_fixed_conditions_are_executed_as_such() -> None:
    order = order_of(make_run(TABLE, suite=make_suite(order={"seed": 7, "conditions": "fixed"})))
    assert all(order.reference_first)
    assert order.departures == ()


def test_members_in_two_batches_are_a_departure() -> None:
    _, second = pair_of(BATCHED)
    order = order_of(restamped(BATCHED, replace(second, batch="teapots/99999")))
    assert len(order.departures) == 1


def test_turns_that_overlap_are_told_in_sequential_execution() -> None:
    first, second = pair_of(SEQUENTIAL)
    order = order_of(restamped(SEQUENTIAL, replace(second, started=first.started + first.seconds / 2)))
    assert len(order.overlapping) == 1


def test_rows_of_a_batch_overlap_by_nature() -> None:
    first, second = pair_of(BATCHED)
    assert first.started == second.started
    assert order_of(BATCHED).overlapping == ()


def test_a_sequence_number_that_does_not_rise_is_an_overlap() -> None:
    first, second = pair_of(SEQUENTIAL)
    assert order_of(restamped(SEQUENTIAL, replace(second, sequence=first.sequence))).overlapping


def test_the_clocks_of_two_workers_are_not_compared() -> None:
    first, second = pair_of(SEQUENTIAL)
    other = replace(second, worker="gw1", started=first.started - 1000, sequence=1)
    assert order_of(restamped(SEQUENTIAL, other)).overlapping == ()


@pytest.mark.parametrize("stamp", [{"worker": ""}, {"batch": ""}], ids=["no worker", "no batch"])
def test_a_pair_without_stamps_is_unrecorded(stamp: dict[str, Any]) -> None:
    first, _ = pair_of(BATCHED)
    order = order_of(restamped(BATCHED, replace(first, **stamp)))
    assert order.unrecorded == 1
    assert len(order.reference_first) == 19


def test_a_pair_of_which_one_member_did_not_run_has_no_order() -> None:
    case = next(case for case in BATCHED.cases if case.period == 1)
    order = order_of(BATCHED.without(case))
    assert (len(order.reference_first), order.unrecorded) == (19, 0)


def test_pairs_are_listed_in_the_order_in_which_they_ran() -> None:
    last = max(response.started for response in SEQUENTIAL.responses) + 100
    first, second = pair_of(SEQUENTIAL)
    late = restamped(SEQUENTIAL, replace(first, started=last), replace(second, started=last + 1))
    before, after = order_of(SEQUENTIAL).reference_first, order_of(late).reference_first
    assert after == (*before[1:], before[0])


def test_replicates_count_and_placebo_cases_do_not() -> None:
    suite = make_suite(controls={"repeat_fraction": 0.5, "placebo": True})
    assert len(order_of(make_run(TABLE, suite=suite, prompts=make_prompts(20))).reference_first) == 30
