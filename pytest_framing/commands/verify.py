"""``framing verify``: compute a receipt again from its run folder, and name what does not agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_framing.commands.receipt_check import (
    find_receipt,
    hold_against_folder,
    require_argument,
    run_folder_argument,
    tell,
)

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("verify", help="hold a receipt against its run folder; no GPU is needed")
    parser.add_argument("receipt", metavar="RECEIPT", help="receipt.json, or a run: its folder, its id, or latest")
    run_folder_argument(parser)
    require_argument(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Verify; 0 when everything agrees and the verdict is the required one, 1 when not, 3 when there is no receipt."""
    from pytest_framing.receipt.statement import read_receipt

    path = find_receipt(options.receipt)
    beside = path.resolve().parent
    found = hold_against_folder(read_receipt(path), options.run or beside, options.plugin, beside=beside)
    return tell(found, options.require)
