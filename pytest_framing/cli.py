"""``framing``: plan a run, gate its record again, keep it as a baseline; without pytest and without a GPU."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest_framing
from pytest_framing.commands import (
    annotate,
    baseline,
    calibrate,
    check_table,
    compare,
    export,
    gate,
    import_file,
    judge,
    lint,
    motivation,
    power,
    receipt,
    report,
    review,
    tune,
    verify,
)
from pytest_framing.commands.console import finish
from pytest_framing.commands.exit_codes import BROKEN
from pytest_framing.errors import FramingError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    gate.add_parser,
    judge.add_parser,
    calibrate.add_parser,
    motivation.add_parser,
    review.add_parser,
    import_file.add_parser,
    export.add_parser,
    compare.add_parser,
    baseline.add_parser,
    report.add_parser,
    annotate.add_parser,
    verify.add_parser,
    receipt.add_parser,
    lint.add_parser,
    power.add_parser,
    tune.add_parser,
    check_table.add_parser,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 pass, 1 fail, 2 inconclusive or not evaluated, 3 broken input."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
        finish()
    except FramingError as error:
        sys.stderr.write(f"framing: {error}\n")
        return BROKEN
    return code


class _Parser(argparse.ArgumentParser):
    """Ends with the code for broken input: argparse's own 2 would read as an inconclusive run."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(BROKEN, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="framing",
        description="Work with the records of gate runs (pytest suites/ --model NAME makes them).",
        epilog="Exit codes: 0 pass, 1 fail, 2 inconclusive or not evaluated, 3 broken input.",
    )
    parser.add_argument("--version", action="version", version=f"pytest-framing {pytest_framing.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add_parser in COMMANDS:
        add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
