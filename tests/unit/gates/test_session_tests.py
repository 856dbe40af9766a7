"""All tests of a session share alpha; and gates decide on counts of any size without a crash."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from pytest_framing.gates.evaluation import BUILTIN, evaluate, known_gates
from pytest_framing.gates.gate import GateContext, GateStatus
from pytest_framing.paired_table import PairedTable, Rate
from pytest_framing.stats.multiplicity import holm
from pytest_framing.study import FlipContrast, ModeStudy, Validity
from tests.unit.builders import Run, make_run, make_suite, table

CONTROLS = make_suite(modes=["standard", "forcing"], controls={"repeat_fraction": 0, "placebo": True})
UNEVEN, EVEN = table(30, 12, 12, 46), table(36, 4, 4, 56)


def named(run: Run, name: str) -> GateContext:
    context: GateContext = run.with_gate("excess_flips").context()
    return replace(context, suite=context.suite.model_copy(update={"suite": name}))


def test_p_values_of_all_suites_and_modes_are_adjusted_together() -> None:
    run = make_run(UNEVEN, EVEN, suite=CONTROLS)
    one = evaluate(known_gates(), {"a": named(run, "a")}, release=False)
    two = evaluate(known_gates(), {"a": named(run, "a"), "b": named(run, "b")}, release=False)
    raw = [test.p for name in ("a", "b") for test in two[name].tests]
    assert [test.adjusted for name in ("a", "b") for test in two[name].tests] == list(holm(raw))
    assert [test.tests for test in one["a"].tests] == [2, 2]
    assert [test.tests for test in two["b"].tests] == [4, 4]
    assert two["a"].tests[0].adjusted > one["a"].tests[0].adjusted


def test_both_the_raw_and_the_adjusted_figure_are_shown() -> None:
    run = make_run(table(20, 4, 4, 72), EVEN, suite=CONTROLS)
    evaluation = evaluate(known_gates(), {"a": named(run, "a")}, release=False)["a"]
    (test, _), (result, _) = evaluation.tests, evaluation.results
    assert f"p = {test.p:.2g}; {test.adjusted:.2g} among the 2 tests of the session" in result.observed


def test_a_test_that_no_outcome_could_fail_takes_no_share_of_alpha() -> None:
    run = make_run(UNEVEN, table(37, 3, 3, 57), suite=CONTROLS)
    evaluation = evaluate(known_gates(), {"a": named(run, "a")}, release=False)["a"]
    assert [test.scope for test in evaluation.tests] == ["standard"], "six flips have p = 0.016 at the least"
    assert "6 flip with the framing, 0 with the placebo (too few for a test)" in evaluation.results[1].observed


def test_a_gate_that_is_not_evaluated_takes_no_share_of_alpha() -> None:
    run = make_run(UNEVEN, EVEN, suite=CONTROLS)
    broken = named(run.without(run.cases[0]), "b")
    tests = evaluate(known_gates(), {"a": named(run, "a"), "b": broken}, release=False)
    assert (len(tests["a"].tests), len(tests["b"].tests)) == (2, 0)


def counted(study: ModeStudy) -> GateContext:
    """Return a context of one suite with every gate that looks at counts alone."""
    names = [gate.name for gate in BUILTIN if gate.needs == "complete" and gate.name not in ("order_randomized",)]
    run = make_run(table(1, 0, 0, 1))
    context: GateContext = replace(run, suite=make_suite(gates={name: {} for name in names})).context()
    return replace(context, study=replace(context.study, modes={"standard": study}))


CELLS = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 3), (5, 0, 7, 0), (10**6, 40_000, 44_000, 3 * 10**6)]


@pytest.mark.parametrize("cells", CELLS, ids=str)
@pytest.mark.parametrize("invalid", [0, 7])
def test_every_gate_decides_on_any_counts_without_a_crash(cells: tuple[int, int, int, int], invalid: int) -> None:
    whole = PairedTable(*cells)
    first = PairedTable(*(cell - cell // 2 for cell in cells))
    second = PairedTable(*(cell // 2 for cell in cells))
    study = ModeStudy(
        "standard",
        make_suite().framings,
        whole,
        Validity(whole.n, invalid, 0, invalid),
        first,
        second,
        {"free": Rate(0, whole.n), "paid": Rate(0, whole.n)},
        0,
        whole,
        FlipContrast(0, whole.flips.count, whole.flips.count, whole.n - 2 * whole.flips.count)
        if whole.n >= 2 * whole.flips.count
        else FlipContrast(whole.flips.count, 0, 0, whole.n - whole.flips.count),
    )
    context = counted(study)
    results = evaluate(known_gates(), {context.suite.name: context}, release=False)[context.suite.name].results
    assert not [result.reason for result in results if "broke" in result.reason]
    for result in results:
        words = f"{result.observed} {result.limit} {result.reason}".split()
        assert "nan" not in words
        assert result.status is not GateStatus.PASS or whole.n, f"{result.name} passes on nothing: {result.reason}"


@pytest.mark.parametrize(("b", "c"), [*itertools.product([0, 3, 15], [0, 4])])
def test_swapping_the_framings_turns_the_gap_and_changes_no_status(b: int, c: int) -> None:
    def statuses(cells: PairedTable) -> list[tuple[str, GateStatus]]:
        context = counted(ModeStudy("standard", make_suite().framings, cells, Validity(cells.n, 0, 0, 0), cells, cells))
        evaluation = evaluate(known_gates(), {context.suite.name: context}, release=False)[context.suite.name]
        return [(result.name, result.status) for result in evaluation.results]

    assert statuses(PairedTable(60, b, c, 120)) == statuses(PairedTable(60, c, b, 120))
