"""A receipt held against its run folder, and told in lines: what ``framing verify`` and ``framing receipt`` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.commands.arguments import plugin_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import FAIL, PASS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from pytest_framing.verification import Verification

MOST_SHOWN = 20
VERDICTS = ("pass", "fail", "inconclusive", "not_evaluated")


def run_folder_argument(parser: argparse.ArgumentParser) -> None:
    """Take the run folder of a receipt, and the plugins that its gates come from."""
    plugin_argument(parser)
    parser.add_argument("--run", metavar="DIR", type=Path, help="run folder (default: where the receipt lies)")


def require_argument(parser: argparse.ArgumentParser) -> None:
    """Take the verdict that is asked for."""
    parser.add_argument(
        "--require",
        metavar="VERDICT",
        choices=VERDICTS,
        help="end with 1 unless this is the verdict, as pass",
    )


def find_receipt(text: str) -> Path:
    """Return the receipt that a user means: the file, or that of a run.

    Raises
    ------
    LedgerError
        When there is neither.
    """
    from pytest_framing.run_folder import RECEIPT, find_run

    path = Path(text)
    return path if path.is_file() else find_run(text, Path.cwd()) / RECEIPT


def hold_against_folder(
    receipt: Mapping[str, Any], folder: Path, plugins: Sequence[str], *, beside: Path | None = None
) -> Verification:
    """Compute the receipt again from its folder and compare; a damaged record is a problem like any other.

    ``beside`` is the folder of the receipt itself, where its page may lie.

    Raises
    ------
    LedgerError
        When there is no run in the folder.
    SettingsError
        When a plugin cannot be imported.
    """
    from pytest_framing.commands.recorded_run import conclude_again
    from pytest_framing.errors import FramingError
    from pytest_framing.extensions import load_extensions
    from pytest_framing.run_folder import find_run
    from pytest_framing.verification import Verification, verify

    folder = find_run(str(folder), Path.cwd())
    extensions = load_extensions(plugins)
    try:
        conclusion = conclude_again(folder, None, as_concluded=True, extensions=extensions)
        return verify(receipt, folder, conclusion, beside=beside)
    except FramingError as error:
        framing = receipt["predicate"]["framing"]
        return Verification(framing["run_id"], framing["verdict"], (str(error),), ())


def tell(found: Verification, required: str | None) -> int:
    """Print what was found; 0 when everything agrees and the verdict is the required one, else 1."""
    from pytest_framing.report.words import printable

    for note in found.notes:
        say(printable(f"note: {note}"))
    for problem in found.problems[:MOST_SHOWN]:
        say(printable(f"does not agree: {problem}"))
    if len(found.problems) > MOST_SHOWN:
        say(f"and {len(found.problems) - MOST_SHOWN} more")
    if found.problems:
        say(printable(f"NOT VERIFIED: {found.run_id}"))
        return FAIL
    say(printable(f"verified: {found.run_id}, verdict {found.verdict.replace('_', ' ')}"))
    return hold_required(found.verdict, required)


def hold_required(verdict: str, required: str | None) -> int:
    """Return 0 where no other verdict is required, else say so and return 1."""
    if required and verdict != required:
        say(f"but {required.replace('_', ' ')} is required")
        return FAIL
    return PASS
