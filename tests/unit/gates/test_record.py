from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_framing.gates.gate import GateResult, GateStatus
from tests.unit.builders import Run, judged, make_run, table

PASS, FAIL, INCONCLUSIVE = GateStatus.PASS, GateStatus.FAIL, GateStatus.INCONCLUSIVE
RUN = make_run(table(5, 1, 1, 13))
FIRST = RUN.cases[0]


def complete(run: Run, *, release: bool = False) -> GateResult:
    (result,) = judged(run, "complete", release=release)
    return result


def test_a_whole_run_passes() -> None:
    result = complete(RUN)
    assert (result.status, result.scope) == (PASS, "teapots")
    assert result.observed == "40 of 40 cases judged"


@pytest.mark.parametrize(
    ("run", "words"),
    [
        pytest.param(RUN.without(FIRST), "1 did not run", id="missing"),
        pytest.param(replace(RUN, verdicts=RUN.verdicts[1:]), "1 have no verdict", id="unjudged"),
        pytest.param(
            replace(RUN, responses=RUN.responses + RUN.responses[:2]), "2 were recorded more", id="duplicated"
        ),
        pytest.param(replace(RUN, interrupted=True), "cut short", id="interrupted"),
        pytest.param(replace(RUN, responses=(), verdicts=()), "40 did not run", id="nothing ran"),
        pytest.param(
            RUN.without(FIRST, deselected=True).without(RUN.cases[5]), "1 did not run", id="missing and left out"
        ),
        pytest.param(
            replace(RUN.without(FIRST, deselected=True), interrupted=True), "cut short", id="left out and cut"
        ),
    ],
)
def test_evidence_that_falls_short_fails_and_says_how(run: Run, words: str) -> None:
    result = complete(run)
    assert result.status is FAIL
    assert not result.holds
    assert words in result.reason


def test_a_run_that_was_narrowed_on_purpose_is_not_evaluated() -> None:
    narrowed = RUN.without(FIRST, deselected=True)
    result = complete(narrowed)
    assert (result.status, result.excused) == (GateStatus.NOT_EVALUATED, True)
    assert "1 were deselected" in result.reason
    assert not complete(narrowed, release=True).holds


def test_few_invalid_answers_pass_with_the_bounds_of_the_gap() -> None:
    (result,) = judged(make_run(table(10, 1, 1, 86, free_invalid=1, paid_invalid=1)), "invalid_rate", max=0.02)
    assert result.status is PASS
    assert result.observed == "free 1 of 100 (1.0 %), paid 1 of 100 (1.0 %)"
    assert "-2.0 to +2.0 points" in result.reason


def test_too_many_invalid_answers_fail_in_either_arm() -> None:
    for invalid in ({"free_invalid": 3}, {"paid_invalid": 3}):
        (result,) = judged(make_run(table(10, 0, 0, 87, **invalid)), "invalid_rate", max=0.02)
        assert result.status is FAIL
        assert "Too many answers could not be judged" in result.reason


def test_one_framing_with_more_invalid_answers_than_the_other_fails_below_the_limit() -> None:
    (result,) = judged(make_run(table(10, 0, 0, 80, paid_invalid=10)), "invalid_rate", max=0.2)
    assert result.status is FAIL
    assert "One framing has more invalid answers than the other" in result.reason


def test_the_difference_between_arms_is_tested_over_both_modes_together() -> None:
    uneven = table(10, 0, 0, 82, paid_invalid=8)
    balanced = table(10, 0, 0, 82, paid_invalid=4, free_invalid=4)
    (alone,) = judged(make_run(uneven), "invalid_rate", max=0.2, alpha=0.01)
    together, _ = judged(make_run(uneven, balanced), "invalid_rate", max=0.2, alpha=0.01)
    assert (alone.status, together.status) == (FAIL, PASS)


def test_invalid_answers_alone_are_too_many() -> None:
    (result,) = judged(make_run(table(free_invalid=5)), "invalid_rate")
    assert result.status is FAIL


def test_a_suite_without_any_pair_is_inconclusive() -> None:
    run = RUN.without(*RUN.cases)
    empty = replace(run, plan=type(run.plan)((replace(run.plan.suites[0], cases=(), batches=()),)))
    (result,) = judged(empty, "invalid_rate")
    assert result.status is INCONCLUSIVE
