"""Arguments that several commands take, and the checks that make a wrong one an error that names it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

MOST_PROMPTS = 10**7
"""Nobody runs more; beyond it exact sums take more than a moment."""

SMALLEST_MARGIN = 1 / MOST_PROMPTS
"""No run of ``MOST_PROMPTS`` resolves a gap below one prompt."""


def run_argument(parser: argparse.ArgumentParser) -> None:
    """Take the run that a command works on."""
    parser.add_argument("run", metavar="RUN", help="run folder, run id below .framing, or latest")


def plugin_argument(parser: argparse.ArgumentParser) -> None:
    """Take the plugins whose judges, engines, prompt sources and gates a command knows."""
    parser.add_argument(
        "-p",
        "--plugin",
        metavar="MODULE",
        action="append",
        default=[],
        help="plugin with judges, engines or gates: a module, or a file such as conftest.py; may be repeated",
    )


def margin_argument(parser: argparse.ArgumentParser, default: float | None = None) -> None:
    """Take the margin; it is required where it has no default."""
    parser.add_argument(
        "--margin",
        type=number(at_least=SMALLEST_MARGIN, below=1),
        required=default is None,
        default=default,
        metavar="M",
        help="largest gap that does not matter, as a share: 0.05 is 5 points"
        + ("" if default is None else f" (default: {default:g})"),
    )


def json_argument(parser: argparse.ArgumentParser | argparse._MutuallyExclusiveGroup) -> None:
    """Take the wish for a document instead of lines."""
    parser.add_argument("--json", action="store_true", help="print unrounded numbers as JSON; null is undefined")


def whole_number(at_least: int, at_most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers in a range."""

    def read(text: str) -> int:
        try:
            value: int | None = int(text)
        except ValueError:
            value = None
        if value is None or not at_least <= value <= at_most:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {at_least:,} to {at_most:,}, got {_quoted(text)}"
            )
        return value

    return read


def number(
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> Callable[[str], float]:
    """Make a reader of numbers between a lower and an upper end; which ends count is in their names."""
    ends = {"above": above, "at least": at_least, "below": below, "at most": at_most}
    span = " and ".join(f"{name} {end:g}" for name, end in ends.items() if end is not None)

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        # NaN compares false, so it is refused too.
        inside = (
            (above is None or value > above)
            and (at_least is None or value >= at_least)
            and (below is None or value < below)
            and (at_most is None or value <= at_most)
        )
        if not inside or value != value:
            raise argparse.ArgumentTypeError(f"must be {span} (5 % is 0.05), got {_quoted(text)}")
        return value

    return read


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
