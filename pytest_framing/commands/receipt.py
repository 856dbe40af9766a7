"""``framing receipt``: sign a receipt with a key of one's own, verify such a signature, print or renew a receipt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import plugin_argument, run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import FAIL, PASS
from pytest_framing.commands.receipt_check import (
    find_receipt,
    hold_against_folder,
    hold_required,
    require_argument,
    run_folder_argument,
    tell,
)

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands

PASSWORD = "FRAMING_KEY_PASSWORD"


def add_parser(commands: Commands) -> None:
    """Describe the commands."""
    parser = commands.add_parser("receipt", help="sign a receipt with a local key, verify its signature, or print it")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    sign = actions.add_parser("sign", help="hold a receipt against its run, then sign it into a DSSE envelope")
    sign.add_argument("receipt", metavar="RECEIPT", help="receipt.json, or a run: its folder, its id, or latest")
    sign.add_argument(
        "--key",
        metavar="FILE",
        type=Path,
        required=True,
        help=f"private key, PEM (PKCS #8); the password of an encrypted one stands in {PASSWORD}",
    )
    sign.add_argument("--out", metavar="FILE", type=Path, help="envelope (default: receipt.dsse.json beside it)")
    run_folder_argument(sign)
    sign.add_argument(
        "--unverified", action="store_true", help="sign a receipt whose run is not at hand, without looking at it"
    )
    sign.set_defaults(command=run_sign)
    verify = actions.add_parser("verify", help="verify the signature of an envelope, and the receipt in it")
    verify.add_argument("envelope", metavar="ENVELOPE", type=Path, help="receipt.dsse.json")
    verify.add_argument("--key", metavar="FILE", type=Path, required=True, help="public key, PEM")
    verify.add_argument(
        "--run",
        metavar="DIR",
        type=Path,
        help="also hold the receipt against this run folder, as `framing verify` does",
    )
    plugin_argument(verify)
    require_argument(verify)
    verify.set_defaults(command=run_verify)
    write = actions.add_parser("write", help="write the receipt of a run again, with what is known of its judge by now")
    run_argument(write)
    plugin_argument(write)
    write.set_defaults(command=run_write)
    page = actions.add_parser("page", help="write a receipt as a page to print, from the receipt alone")
    page.add_argument("receipt", metavar="RECEIPT", help="receipt.json, or a run: its folder, its id, or latest")
    page.add_argument("--out", metavar="FILE", type=Path, help="page (default: receipt.html beside the receipt)")
    page.set_defaults(command=run_page)


def run_sign(options: argparse.Namespace) -> int:
    """Sign; 1 when the receipt does not agree with its run, and nothing is signed then."""
    from pytest_framing.json_documents import write_document
    from pytest_framing.receipt.signature import sign
    from pytest_framing.receipt.statement import read_receipt

    path = find_receipt(options.receipt)
    receipt = read_receipt(path)
    beside = path.resolve().parent
    if not options.unverified:
        found = hold_against_folder(receipt, options.run or beside, options.plugin, beside=beside)
        if tell(found, None) != PASS:
            say("nothing was signed")
            return FAIL
    password = os.environ.get(PASSWORD)
    envelope = sign(path.read_bytes(), options.key, password.encode("utf-8") if password else None)
    out: Path = options.out or path.with_name("receipt.dsse.json")
    write_document(out, envelope)
    say(f"signed: {out} (key {envelope['signatures'][0]['keyid'][:16]}…)")
    return PASS


def run_write(options: argparse.Namespace) -> int:
    """Write the receipt again; the exit code says nothing about the run."""
    from dataclasses import replace

    from pytest_framing.commands.recorded_run import conclude_again
    from pytest_framing.extensions import load_extensions
    from pytest_framing.results import known_of_judges, write_receipt
    from pytest_framing.run_folder import RECEIPT, find_run

    folder = find_run(options.run, Path.cwd())
    conclusion = conclude_again(folder, None, as_concluded=True, extensions=load_extensions(options.plugin))
    known = known_of_judges(conclusion.record, folder)
    write_receipt(replace(conclusion, accuracy=known.accuracy, calibrations=known.calibrations), folder)
    say(f"receipt: {folder / RECEIPT}")
    return PASS


def run_page(options: argparse.Namespace) -> int:
    """Write the page; the exit code says nothing about the run."""
    from pytest_framing.json_documents import write_text
    from pytest_framing.receipt.statement import read_receipt
    from pytest_framing.report.receipt_page import receipt_page
    from pytest_framing.run_folder import RECEIPT_PAGE

    path = find_receipt(options.receipt)
    out: Path = options.out or path.with_name(RECEIPT_PAGE)
    write_text(out, receipt_page(read_receipt(path)))
    say(f"receipt: {out}")
    return PASS


def run_verify(options: argparse.Namespace) -> int:
    """Verify; 1 when the signature or the receipt does not hold, or the verdict is not the required one."""
    from pytest_framing.errors import WrongSignatureError
    from pytest_framing.receipt.signature import verify_signature
    from pytest_framing.receipt.statement import hold_receipt
    from pytest_framing.report.words import printable

    try:
        signed = verify_signature(options.envelope, options.key)
    except WrongSignatureError as error:
        say(printable(str(error)))
        return FAIL
    hold_receipt(signed.document, options.envelope)
    framing = signed.document["predicate"]["framing"]
    say(printable(f"signed with key {signed.key[:16]}…: {framing['run_id']}, verdict {framing['verdict']}"))
    if options.run is None:
        say("note: the receipt was not held against its run (--run DIR)")
        return hold_required(framing["verdict"], options.require)
    return tell(hold_against_folder(signed.document, options.run, options.plugin), options.require)
