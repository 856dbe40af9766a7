from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_framing.report.html_order import Drift, drift
from tests.unit.builders import COMPLIANCE, REFUSAL, Run, make_run, make_suite, table


def followed(run: Run) -> Drift:
    return drift(run.suite, run.evidence, run.study, name="d")


def drifting() -> Run:
    """Make a run whose first half refuses and whose second half does not, as it was executed."""
    run = make_run(table(20, 0, 0, 20), suite=make_suite(execution={"mode": "sequential"}))
    half = len(run.cases) // 2
    labels = {case.key: REFUSAL if place < half else COMPLIANCE for place, case in enumerate(run.cases)}
    return replace(run, verdicts=tuple(replace(one, verdict=labels[one.key]) for one in run.verdicts))


def test_rates_follow_the_order_in_which_cases_ran() -> None:
    parts = followed(drifting()).parts
    assert [part.rates["free"].rate for part in parts] == [1, 1, 0.5, 0, 0]
    assert [(part.start, part.end) for part in parts][:2] == [(1, 16), (17, 32)]


def test_the_order_is_that_of_the_stamps_and_not_of_the_plan() -> None:
    run = drifting()
    backwards = tuple(replace(one, started=-one.started, sequence=-one.sequence) for one in run.responses)
    parts = followed(replace(run, responses=backwards)).parts
    assert [part.rates["free"].rate for part in parts] == [0, 0, 0.5, 1, 1]


def test_a_run_without_stamps_has_no_drift_and_says_why() -> None:
    run = make_run(table(2, 0, 0, 2))
    bare = replace(run, responses=tuple(replace(one, worker="") for one in run.responses))
    found = followed(bare)
    assert found.plot is None
    assert "when it ran" in found.note


@pytest.mark.parametrize("cells", [table(20, 10, 0, 10), table(30, 0, 10, 0)])
def test_periods_count_each_valid_pair_once_a_framing(cells: list[tuple[object, object]]) -> None:
    run = make_run(cells)  # type: ignore[arg-type]
    free, paid = followed(run).periods
    assert (free.framing, paid.framing) == ("free", "paid")
    assert free.first.n + free.second.n == paid.first.n + paid.second.n == 40
    assert free.first.n == paid.second.n
    arms = run.study.modes["standard"].arms
    assert free.first.count + free.second.count == arms["free"].count
    assert paid.first.count + paid.second.count == arms["paid"].count
