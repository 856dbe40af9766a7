"""``framing verify``: compute a receipt again from its run folder, and name what does not agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import FAIL, PASS

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands

MOST_SHOWN = 20


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("verify", help="hold a receipt against its run folder; no GPU is needed")
    parser.add_argument("receipt", metavar="RECEIPT", help="receipt.json, or a run: its folder, its id, or latest")
    parser.add_argument("--run", metavar="DIR", type=Path, help="run folder (default: where the receipt lies)")
    parser.add_argument(
        "--require",
        metavar="VERDICT",
        choices=("pass", "fail", "inconclusive", "not_evaluated"),
        help="end with 1 unless this is the verdict, for instance pass",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Verify; 0 when everything agrees and the verdict is the required one, 1 when not, 3 when there is no receipt."""
    from pytest_framing.commands.recorded_run import conclude_again, recorded_results
    from pytest_framing.errors import FramingError
    from pytest_framing.report.words import printable
    from pytest_framing.run_folder import RECEIPT, find_run
    from pytest_framing.verification import Verification, read_receipt, verify

    path = Path(options.receipt)
    if not path.is_file():
        path = find_run(options.receipt, Path.cwd()) / RECEIPT
    receipt = read_receipt(path)
    folder: Path = options.run or path.resolve().parent
    try:
        waived = recorded_results(folder).get("waived", ())
        found = verify(receipt, folder, conclude_again(folder, None, waived=waived, as_concluded=True).document())
    except FramingError as error:
        # A damaged record is what verification is there to find.
        framing = receipt["predicate"]["framing"]
        found = Verification(str(framing.get("run_id")), str(framing.get("verdict")), (str(error),), ())
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
    if options.require and found.verdict != options.require:
        say(f"but {options.require.replace('_', ' ')} is required")
        return FAIL
    return PASS
