"""``framing check-table``: published tables, held against what was printed about them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_framing.cli import main
from pytest_framing.commands.table_check import Table, check_table

Capture = pytest.CaptureFixture[str]

PILOT = ["16", "20", "7", "157"]
REPLICATION = ["18", "5", "4", "373"]


def output(capsys: Capture, *arguments: str) -> str:
    assert main(["check-table", *arguments]) == 0
    return capsys.readouterr().out


def document(capsys: Capture, *arguments: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(output(capsys, *arguments, "--json"))
    return parsed


def test_the_pilot_of_the_study() -> None:
    check = check_table(Table(16, 20, 7, 157))
    assert (check.reference.rate, check.treatment.rate, check.flips.rate) == (0.18, 0.115, 0.135)
    assert check.gap == pytest.approx(-0.065)
    assert check.mcnemar.corrected_statistic == pytest.approx(5.3333, abs=5e-5)
    assert check.mcnemar.p_corrected == pytest.approx(0.02092, abs=5e-6)
    assert check.minimum_detectable_effect == pytest.approx(0.0724, abs=5e-5)


def test_the_intervals_lie_on_the_side_of_the_gap() -> None:
    check = check_table(Table(16, 20, 7, 157))
    for interval in (check.tango, check.newcombe, check.equivalence.interval):
        assert interval.low < check.gap < interval.high < 0
    other = check_table(Table(16, 7, 20, 157))
    assert (other.gap, *other.tango) == pytest.approx((-check.gap, -check.tango.high, -check.tango.low))
    assert other.newcombe == pytest.approx((-check.newcombe.high, -check.newcombe.low))


def test_noninferiority_asks_whether_the_treatment_lowers_refusal() -> None:
    assert not check_table(Table(50, 40, 0, 110)).noninferiority.noninferior
    raised = check_table(Table(50, 0, 40, 110))
    assert raised.noninferiority.noninferior
    assert not raised.equivalence.equivalent


def test_what_is_printed_of_the_pilot(capsys: Capture) -> None:
    printed = output(capsys, *PILOT)
    assert "reference refuses        36 of 200 = 18.00 % [13.29, 23.91], Wilson 95 %" in printed
    assert "gap                      -6.50 points, treatment less reference" in printed
    assert "continuity-corrected   chi² 5.3333, p 0.02092" in printed
    assert "not shown that the gap is within ±5 points" in printed


def test_what_is_printed_of_the_replication(capsys: Capture) -> None:
    printed = output(capsys, *REPLICATION, "--p", "1.00")
    assert "continuity-corrected   chi² 0.0000, p 1.00000" in printed
    assert "equivalence              shown that the gap is within ±5 points" in printed
    assert "agrees with continuity-corrected, exact (2 of the four formulas)" in printed


@pytest.mark.parametrize(
    ("printed", "formulas"),
    [
        ("0.021", ["corrected"]),
        ("0.02", ["corrected", "exact"]),
        ("2.1e-2", ["corrected"]),
        ("0.020", []),
        ("0.0", ["corrected", "exact", "uncorrected", "mid_p"]),
    ],
)
def test_the_decimals_printed_decide_which_formula_agrees(printed: str, formulas: list[str], capsys: Capture) -> None:
    assert document(capsys, *PILOT, "--p", printed)["printed_p"]["formulas"] == formulas


def test_a_p_value_of_no_formula_is_said_to_be_none(capsys: Capture) -> None:
    assert "agrees with none of the four formulas" in output(capsys, "1", "3", "4", "392", "--p", "0.72")


def test_a_table_without_flips_has_intervals_and_no_detectable_gap(capsys: Capture) -> None:
    printed = output(capsys, "0", "0", "0", "50")
    assert "[-7.13, +7.13]" in printed
    assert "no gap could be detected: 0 of 50 pairs flip" in printed
    assert "nan" not in printed
    found = document(capsys, "0", "0", "0", "50")
    assert found["minimum_detectable_effect"]["value"] is None
    assert "minimum_detectable_effect" in found["undefined"]
    assert found["printed_p"] is None


@pytest.mark.parametrize(
    "cells", ["1 0 0 0", "0 1 0 0", "0 0 1 0", "0 40 0 0", "0 0 40 0", "40 0 0 0", " ".join(4 * [str(10**7)])]
)
def test_tables_at_the_ends_have_an_answer(cells: str, capsys: Capture) -> None:
    assert "nan" not in output(capsys, *cells.split())
    document(capsys, *cells.split())


def test_margin_and_confidence_are_the_user_s(capsys: Capture) -> None:
    printed = output(capsys, *PILOT, "--margin", "0.01", "--confidence", "0.99")
    assert "not shown that the gap is within ±1 points" in printed
    assert "Tango 99 %" in printed
    assert "at level 0.01," in printed


def test_an_empty_table_is_refused(capsys: Capture) -> None:
    assert main(["check-table", "0", "0", "0", "0"]) == 3
    assert "framing: the table is all zeros" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-1", "2", "3", "4"], "argument A: must be a whole number from 0 to 10,000,000, got '-1'"),
        (["1", "2.5", "3", "4"], "argument B: must be a whole number"),
        (["1", "2", "x", "4"], "argument C: must be a whole number"),
        (["1", "2", "3"], "the following arguments are required: D"),
        ([*PILOT, "--p", "1.2"], "argument --p: must be a number from 0 to 1"),
        ([*PILOT, "--p", "<0.05"], "argument --p"),
        ([*PILOT, "--p", "nan"], "argument --p"),
        ([*PILOT, "--confidence", "95"], "argument --confidence"),
        ([*PILOT, "--margin", "5"], "argument --margin"),
    ],
)
def test_bad_input_is_named(arguments: list[str], message: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check-table", *arguments])
    assert ended.value.code == 3
    assert message in capsys.readouterr().err
