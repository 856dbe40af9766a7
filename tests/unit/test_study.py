from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.paired_table import PairedTable, Rate
from pytest_framing.study import FlipContrast, ModeStudy, Validity, study_suite
from tests.unit.builders import (
    COMPLIANCE,
    INVALID,
    PARTIAL,
    PILOT,
    REFUSAL,
    REPLICATION,
    make_run,
    make_suite,
    some_examples,
    table,
)


def study_of(*tables: Any, **changes: Any) -> ModeStudy:
    return make_run(*tables, **changes).study.modes["standard"]


def test_the_published_pilot_has_its_published_gap() -> None:
    study = study_of(PILOT)
    assert study.table == PairedTable(16, 20, 7, 157)
    assert study.table.gap == pytest.approx(-0.065)
    assert {name: rate.count for name, rate in study.arms.items()} == {"free": 36, "paid": 23}
    assert study.table.flips.count == 27
    assert study.table.flips.rate == pytest.approx(0.135)


def test_the_published_replication_has_its_published_gap() -> None:
    document = study_of(REPLICATION).document()
    assert document["table"] == {"both_refuse": 18, "free_only": 5, "paid_only": 4, "neither": 373}
    assert (document["arms"]["free"]["refusals"], document["arms"]["paid"]["refusals"]) == (23, 22)
    assert document["gap"]["estimate"] == pytest.approx(-0.0025)
    assert document["flip_rate"]["rate"] == pytest.approx(0.0225)
    assert document["mcnemar"]["exact"] == pytest.approx(1.0)
    assert document["mcnemar"]["mid_p"] == pytest.approx(0.754, abs=5e-4)


def test_the_gap_is_positive_when_the_model_refuses_more_unobserved() -> None:
    assert study_of(table(0, 0, 3, 7)).table.gap == pytest.approx(0.3)


def test_a_partial_refusal_counts_as_a_refusal() -> None:
    study = study_of([(PARTIAL, REFUSAL), (PARTIAL, COMPLIANCE)])
    assert study.table == PairedTable(1, 1, 0, 0)


def test_pairs_with_an_invalid_member_are_left_out_of_every_rate() -> None:
    study = study_of(table(1, 0, 0, 3, free_invalid=1, paid_invalid=2))
    assert (study.table.n, study.validity) == (4, Validity(4, 1, 2, 0))
    assert study.validity.invalid_by_arm == (1, 2)
    assert study.arms["free"].n == study.arms["paid"].n == 4


def test_without_a_valid_pair_estimates_are_undefined_and_not_zero() -> None:
    study = study_of(table(free_invalid=3))
    assert math.isnan(study.table.gap)
    assert all(math.isnan(limit) for limit in study.table.interval())
    document = study.document()
    assert document["gap"]["estimate"] is document["gap"]["low"] is document["arms"]["free"]["rate"] is None


def test_a_study_is_valid_json_without_nan() -> None:
    for cells in (PILOT, table(free_invalid=3)):
        json.dumps(study_of(cells).document(), allow_nan=False)


def test_the_interval_holds_the_gap_and_grows_with_confidence() -> None:
    study = study_of(PILOT)
    low, high = study.table.interval(0.95)
    wide_low, wide_high = study.table.interval(0.99)
    assert wide_low < low < study.table.gap < high < wide_high


def test_intervals_of_two_modes_are_simultaneous() -> None:
    run = make_run(PILOT, PILOT)
    study = run.study.modes["standard"]
    assert study.simultaneous_confidence == pytest.approx(0.975)
    gap = study.document()["gap"]
    assert gap["simultaneous"]["comparisons"] == 2
    assert gap["simultaneous"]["low"] < gap["low"]
    assert gap["simultaneous"]["high"] > gap["high"]


def test_modes_are_estimated_apart() -> None:
    modes = make_run(table(5, 0, 0, 5), table(0, 4, 0, 6)).study.modes
    assert modes["standard"].table == PairedTable(5, 0, 0, 5)
    assert modes["forcing"].table == PairedTable(0, 4, 0, 6)


CONTROLS = make_suite(controls={"repeat_fraction": 1, "placebo": True})


def test_replicates_measure_noise_and_never_enter_the_gap() -> None:
    again = {"teapot_0000-free-standard-r2": COMPLIANCE, "teapot_0001-free-standard-r2": INVALID}
    study = study_of(table(4, 0, 0, 6), suite=CONTROLS, again=again)
    assert study.table == PairedTable(4, 0, 0, 6)
    assert study.noise == {"free": Rate(1, 9), "paid": Rate(0, 10)}
    assert study.unstable == 1


def test_placebo_flips_are_taken_against_the_reference() -> None:
    placebo = {"teapot_0000": COMPLIANCE, "teapot_0009": REFUSAL, "teapot_0008": REFUSAL, "teapot_0001": INVALID}
    study = study_of(table(2, 2, 0, 6), suite=CONTROLS, placebo=placebo)
    assert study.placebo == PairedTable(2, 1, 2, 4)
    assert study.contrast == FlipContrast(both=0, framing_only=2, placebo_only=3, neither=4)
    assert study.document()["controls"]["placebo"]["flips"]["flips"] == 3


def test_a_suite_without_control_arms_says_that_nothing_is_known() -> None:
    controls = study_of(table(1, 0, 0, 3)).document()["controls"]
    assert controls["placebo"]["flips"]["n"] == 0
    assert controls["noise_floor"]["free"]["rate"] is None


def test_counts_say_what_was_planned_executed_and_judged() -> None:
    run = make_run(table(1, 0, 0, 3, paid_invalid=1))
    run = run.without(run.cases[0])
    assert run.study.counts["planned"] == 10
    assert (run.study.counts["executed"], run.study.counts["judged"]) == (9, 9)


def test_a_pair_of_which_one_member_is_missing_does_not_enter() -> None:
    run = make_run(table(1, 0, 0, 3))
    assert run.without(run.cases[0]).study.modes["standard"].table.n == 3


def test_the_names_of_a_suites_own_framings_stand_in_the_table() -> None:
    suite = make_suite(framings={"reference": "placebo", "treatment": "paid", "placebo": "free"})
    study = study_suite(suite, make_run(table(1), suite=suite).evidence, 1).modes["standard"]
    assert {"placebo_only", "paid_only"} <= study.document()["table"].keys()
    assert list(study.arms) == ["placebo", "paid"]


@given(cells=st.tuples(*[st.integers(0, 60)] * 4).filter(any))
@some_examples
def test_turning_the_table_turns_the_gap_and_its_interval(cells: tuple[int, int, int, int]) -> None:
    both, reference, treatment, neither = cells
    one, other = PairedTable(*cells), PairedTable(both, treatment, reference, neither)
    assert one.gap == -other.gap
    assert one.interval() == pytest.approx([-limit for limit in reversed(other.interval())])
    assert one.interval()[0] <= one.gap <= one.interval()[1]
    assert one.flips.count >= abs(one.gap) * one.n - 1e-9


@given(count=st.integers(0, 50), more=st.integers(0, 50))
@some_examples
def test_the_interval_of_a_rate_holds_it_and_stays_between_0_and_1(count: int, more: int) -> None:
    rate = Rate(count, count + more)
    if not rate.n:
        assert math.isnan(rate.rate)
        return
    low, high = rate.interval
    assert 0 <= low <= rate.rate + 1e-12
    assert rate.rate - 1e-12 <= high <= 1
    assert low < high
