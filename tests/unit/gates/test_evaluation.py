from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.gates import demonstrations
from pytest_framing.gates.evaluation import BUILTIN, known_gates, parameter_models, verdict
from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateParameters, GateResult, GateStatus
from tests.unit.builders import REPLICATION, Run, gate_results, judged, make_baseline, make_run, table
from tests.unit.demonstration_runs import planted, run_with, suite_with

PASS, FAIL, INCONCLUSIVE = GateStatus.PASS, GateStatus.FAIL, GateStatus.INCONCLUSIVE
NOT_EVALUATED = GateStatus.NOT_EVALUATED
RUN = make_run(REPLICATION)
FIRST = RUN.cases[0]
WITH_DEMONSTRATIONS = run_with(planted(0.9, -0.6), suite=suite_with(orderings={"counts": [16], "which": ["prefix"]}))
NEEDS_CASES = [gate.name for gate in BUILTIN if gate.needs == "complete"]
NEEDS_BASELINE = [gate.name for gate in BUILTIN if gate.needs == "baseline"]


def made(status: GateStatus, *, excused: bool = False) -> GateResult:
    return GateResult("teapots", "gate", "teapots", status, "", "", "", excused)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([PASS, PASS], PASS),
        ([PASS, NOT_EVALUATED], NOT_EVALUATED),
        ([NOT_EVALUATED, INCONCLUSIVE, PASS], INCONCLUSIVE),
        ([INCONCLUSIVE, FAIL, NOT_EVALUATED], FAIL),
    ],
)
def test_the_verdict_is_the_worst_status(statuses: list[GateStatus], expected: GateStatus) -> None:
    assert verdict(made(status) for status in statuses) is expected


def test_what_is_excused_does_not_count() -> None:
    assert verdict([made(PASS), made(NOT_EVALUATED, excused=True)]) is PASS


@pytest.mark.parametrize("results", [[], [made(NOT_EVALUATED, excused=True)]], ids=["no gate", "excused alone"])
def test_nothing_passes_where_no_gate_passed(results: list[GateResult]) -> None:
    assert verdict(results) is not PASS


@pytest.mark.parametrize("gate", NEEDS_CASES + NEEDS_BASELINE)
@pytest.mark.parametrize(
    ("run", "words"),
    [
        pytest.param(RUN.without(FIRST), "1 did not run", id="missing"),
        pytest.param(replace(RUN, verdicts=RUN.verdicts[1:]), "1 have no verdict", id="unjudged"),
        pytest.param(replace(RUN, responses=RUN.responses + RUN.responses[:1]), "more than once", id="duplicated"),
        pytest.param(replace(RUN, interrupted=True), "cut short", id="interrupted"),
        pytest.param(RUN.without(FIRST).without(RUN.cases[1], deselected=True), "1 did not run", id="and left out"),
    ],
)
def test_no_gate_is_evaluated_on_missing_evidence_and_none_is_excused(gate: str, run: Run, words: str) -> None:
    (result,) = judged(run, gate)
    assert (result.status, result.excused, result.holds) == (NOT_EVALUATED, False, False)
    assert result.scope == "teapots"
    assert words in result.reason


@pytest.mark.parametrize("gate", NEEDS_CASES + NEEDS_BASELINE)
def test_cases_left_out_on_purpose_excuse_a_gate_and_not_in_a_release(gate: str) -> None:
    narrowed = RUN.without(FIRST, deselected=True)
    (result,) = judged(narrowed, gate)
    assert (result.status, result.excused, result.holds) == (NOT_EVALUATED, True, True)
    assert "1 were deselected" in result.reason
    (released,) = judged(narrowed, gate, release=True)
    assert (released.status, released.excused, released.holds) == (NOT_EVALUATED, False, False)


@pytest.mark.parametrize("gate", NEEDS_CASES)
def test_a_run_that_was_narrowed_and_then_cut_short_is_not_excused(gate: str) -> None:
    (result,) = judged(replace(RUN.without(FIRST, deselected=True), interrupted=True), gate)
    assert not result.excused


@pytest.mark.parametrize("gate", NEEDS_BASELINE)
def test_a_baseline_that_does_not_exist_yet_excuses_its_gates_and_not_in_a_release(gate: str) -> None:
    (result,) = judged(RUN, gate)
    assert (result.status, result.excused, result.holds) == (NOT_EVALUATED, True, True)
    assert "no baseline exists yet" in result.reason
    (released,) = judged(RUN, gate, release=True)
    assert not released.holds


@pytest.mark.parametrize("gate", NEEDS_BASELINE)
def test_with_a_baseline_its_gates_are_evaluated(gate: str, tmp_path: Path) -> None:
    run = WITH_DEMONSTRATIONS if gate in {one.name for one in demonstrations.GATES} else RUN
    assert {result.status for result in judged(run, gate, baseline=make_baseline(run, tmp_path))} == {PASS}


@pytest.mark.parametrize("status", [FAIL, INCONCLUSIVE])
def test_neither_a_failure_nor_doubt_lets_a_run_pass(status: GateStatus) -> None:
    assert not made(status).holds


def test_gates_are_evaluated_in_the_order_of_the_suite() -> None:
    names = ["power", "complete", "flip_rate"]
    suite = RUN.suite.model_copy(update={"gates": {name: {} for name in names}})
    results = gate_results(replace(RUN, suite=suite))
    assert [result.name for result in results] == names


def test_a_result_of_one_mode_names_it_and_one_of_the_suite_does_not() -> None:
    (of_mode,), (of_suite,) = judged(RUN, "flip_rate"), judged(RUN, "complete")
    assert (of_mode.label, of_suite.label) == ("flip_rate[standard]", "complete")


def test_every_result_gives_a_reason_and_serialises() -> None:
    suite = RUN.suite.model_copy(update={"gates": {gate.name: {} for gate in BUILTIN}})
    results = gate_results(replace(RUN, suite=suite))
    assert all(result.reason.endswith(".") for result in results)
    assert {*results[0].document()} >= {"name", "scope", "status", "observed", "limit", "reason"}


class Loose(GateParameters):
    """No parameters."""


def passes(_: Loose, context: GateContext) -> Iterator[GateOutcome]:
    yield GateOutcome(context.suite.name, PASS, "", "", "Mine.")


def test_a_gate_of_a_plugin_joins_the_built_in_ones() -> None:
    gates = known_gates([Gate("kettle_is_full", Loose, passes, "nothing", "an empty kettle")])
    run = RUN.with_gate("kettle_is_full")
    assert [result.status for result in gate_results(run, gates=gates, release=True)] == [PASS]
    assert parameter_models(gates)["kettle_is_full"] is Loose


def test_a_gate_of_a_plugin_takes_the_place_of_a_built_in_one() -> None:
    gates = known_gates([Gate("flip_rate", Loose, passes, "complete", "mine")])
    run = make_run(table(0, 50)).with_gate("flip_rate")
    assert [result.reason for result in gate_results(run, gates=gates, release=True)] == ["Mine."]


def test_every_built_in_gate_says_what_it_protects_from() -> None:
    assert all(gate.protects_from for gate in BUILTIN)
    assert len({gate.name for gate in BUILTIN}) == len(BUILTIN)


def no_number(_: Loose, context: GateContext) -> dict[str, float]:
    return {context.suite.name: math.nan}


def broken(_: Loose, context: GateContext) -> dict[str, float]:
    raise ZeroDivisionError("twice")


@pytest.mark.parametrize(
    ("tests", "status", "words"),
    [(no_number, INCONCLUSIVE, "cannot be computed"), (broken, NOT_EVALUATED, "ZeroDivisionError: twice")],
)
def test_a_test_that_fails_makes_no_gate_pass(tests: Any, status: GateStatus, words: str) -> None:
    gates = known_gates([Gate("kettle_is_full", Loose, passes, "complete", "an empty kettle", tests)])
    (result,) = gate_results(RUN.with_gate("kettle_is_full"), gates=gates)
    assert (result.status, result.holds) == (status, False)
    assert words in result.reason


def test_a_baseline_gate_that_breaks_is_not_excused(tmp_path: Path) -> None:
    def breaks(_: Loose, context: GateContext) -> Iterator[GateOutcome]:
        raise ZeroDivisionError

    gates = known_gates([Gate("kettle_is_full", Loose, breaks, "baseline", "an empty kettle")])
    run = RUN.with_gate("kettle_is_full")
    (result,) = gate_results(run, gates=gates, baseline=make_baseline(RUN, tmp_path))
    assert (result.status, result.holds) == (NOT_EVALUATED, False)
