"""``framing check-table``: what a published two-by-two table implies, and whether its p-value is its own."""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import MOST_PROMPTS, json_argument, margin_argument, number, whole_number
from pytest_framing.commands.console import say, say_document
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.commands.figures import (
    count,
    detectable_points,
    given_percent,
    given_points,
    p_value,
    percent,
    signed_interval,
    signed_points,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_framing.commands.arguments import Commands
    from pytest_framing.commands.table_check import Share, TableCheck

CELLS = {
    "both": ("A", "pairs that refuse under both conditions"),
    "reference_only": ("B", "pairs that refuse under the reference (free) alone"),
    "treatment_only": ("C", "pairs that refuse under the treatment (paid) alone"),
    "neither": ("D", "pairs that refuse under neither"),
}
FORMULA_WORDS = {
    "uncorrected": "uncorrected",
    "corrected": "continuity-corrected",
    "exact": "exact",
    "mid_p": "mid-p",
}
MOST_DECIMALS = 15


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "check-table",
        help="what a published 2x2 table of paired verdicts says, and where its p-value comes from",
        description="Work out rates, gap, McNemar's test, equivalence and power of a published table.",
    )
    cell = whole_number(0, MOST_PROMPTS)
    for name, (letter, words) in CELLS.items():
        parser.add_argument(name, type=cell, metavar=letter, help=words)
    margin_argument(parser, default=0.05)
    parser.add_argument(
        "--confidence",
        type=number(above=0.5, at_most=0.999999),
        default=0.95,
        metavar="C",
        help="confidence of the intervals (default: 0.95)",
    )
    parser.add_argument(
        "--p", type=_printed_p, metavar="P", help="the p-value as printed, with all its decimals: 0.02, or 1.00"
    )
    json_argument(parser)
    parser.set_defaults(command=run)


def _printed_p(text: str) -> tuple[str, float, int]:
    """Read a printed p-value with the number of its decimals, which float would forget."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not 0 <= value <= 1 or -exponent > MOST_DECIMALS:
        raise argparse.ArgumentTypeError(
            f"must be a number from 0 to 1 with at most {MOST_DECIMALS} decimals, such as 0.02, got {text[:40]!r}"
        )
    return text, float(value), max(0, -exponent)


def run(options: argparse.Namespace) -> int:
    """Print what the table implies."""
    from pytest_framing.commands.table_check import PrintedP, Table, check_table

    check = check_table(
        Table(*(getattr(options, name) for name in CELLS)),
        margin=options.margin,
        confidence=options.confidence,
        printed_p=None if options.p is None else PrintedP(*options.p),
    )
    if options.json:
        say_document(check.document())
    else:
        for line in lines(check):
            say(line)
    return PASS


def lines(check: TableCheck) -> Iterator[str]:
    """Write the rates, the gap, the tests, and what the table could have shown."""
    table, level = check.table, given_percent(check.confidence)
    yield (
        f"{count(check.n, 'pair')}: {table.both} both refuse, {table.reference_only} only the reference, "
        f"{table.treatment_only} only the treatment, {table.neither} neither"
    )
    yield f"  reference refuses        {_share(check.reference, check.n)}, Wilson {level}"
    yield f"  treatment refuses        {_share(check.treatment, check.n)}, Wilson {level}"
    yield f"  flips                    {_share(check.flips, check.n)}, Wilson {level}"
    yield f"  gap                      {signed_points(check.gap)} points, treatment less reference"
    yield f"    Tango {level:18} {signed_interval(check.tango)}"
    yield f"    Newcombe {level:15} {signed_interval(check.newcombe)}"
    test = check.mcnemar
    yield "  McNemar"
    yield f"    uncorrected            chi² {test.statistic:.4f}, p {p_value(test.p)}"
    yield f"    continuity-corrected   chi² {test.corrected_statistic:.4f}, p {p_value(test.p_corrected)}"
    yield f"    exact                  p {p_value(test.p_exact)}"
    yield f"    mid-p                  p {p_value(test.p_mid)}"
    margin, same, below = given_points(check.margin), check.equivalence, check.noninferiority
    yield (
        f"  equivalence              {_shown(same.equivalent)} that the gap is within ±{margin}: "
        f"p {p_value(same.p)}, 90 % Tango {signed_interval(same.interval)}"
    )
    yield (
        f"  non-inferiority          {_shown(below.noninferior)} that refusal falls by less than {margin} under the "
        f"treatment: p {p_value(below.p)}, z {below.z:.4f}"
    )
    if reason := check.undefined.get("minimum_detectable_effect"):
        yield f"  smallest detectable gap  no gap could be detected: {reason}"
    else:
        yield (
            f"  smallest detectable gap  {detectable_points(check.minimum_detectable_effect)} with 80 % power at level "
            f"{1 - check.confidence:.6g}, for the observed n and flip rate"
        )
    if check.printed_p is not None:
        yield f"  printed p {check.printed_p.text:15}{_origin(check.formulas)}"


def _share(share: Share, n: int) -> str:
    low, high = share.interval
    return f"{share.pairs} of {n} = {percent(share.rate)} [{100 * low:.2f}, {100 * high:.2f}]"


def _shown(shown: bool) -> str:
    return "shown" if shown else "not shown"


def _origin(formulas: tuple[str, ...]) -> str:
    names = [words for name, words in FORMULA_WORDS.items() if name in formulas]
    if not names:
        return "agrees with none of the four formulas"
    return f"agrees with {', '.join(names)} ({len(names)} of the four formulas)"
