"""Holding a receipt against its run folder: it is a function of the folder, and computed again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import ReceiptError
from pytest_framing.json_documents import read_document
from pytest_framing.receipt import BOUND, PREDICATE_TYPE, STATEMENT_TYPE, file_digest, receipt_document
from pytest_framing.run_folder import RECEIPT, RESULTS
from pytest_framing.suite import RELEASE

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Verification:
    """What was found: ``problems`` that speak against the receipt, ``notes`` that do not, and its verdict."""

    run_id: str
    verdict: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def read_receipt(path: Path) -> dict[str, Any]:
    """Read a receipt.

    Raises
    ------
    ReceiptError
        When it is no JSON, or no statement of ours.
    """
    document = read_document(path, ReceiptError)
    if document.get("_type") != STATEMENT_TYPE or document.get("predicateType") != PREDICATE_TYPE:
        raise ReceiptError(f"{path}: not a receipt: an in-toto Statement with the test-result predicate was expected")
    predicate = document.get("predicate")
    if not isinstance(predicate, dict) or not isinstance(predicate.get("framing"), dict):
        raise ReceiptError(f"{path}: not a receipt of pytest-framing: there is no predicate.framing in it")
    if not isinstance(document.get("subject"), list):
        raise ReceiptError(f"{path}: subject is missing: nothing is bound by this receipt")
    return document


def verify(receipt: Mapping[str, Any], folder: Path, concluded: Mapping[str, Any]) -> Verification:
    """Compare a receipt with its run folder.

    Parameters
    ----------
    receipt
        As :func:`read_receipt` returns it.
    folder
        The run folder.
    concluded
        ``results.json`` as computed again from the ledger.
    """
    framing = receipt["predicate"]["framing"]
    problems = [*_files(receipt, folder)]
    stored = read_document(folder / RESULTS, ReceiptError) if (folder / RESULTS).is_file() else {}
    problems += [f"{RESULTS}: {line}" for line in _differences(stored, dict(concluded))]
    again = receipt_document(folder, dict(concluded))
    # Another version of this tool may say the same with other words around it; which one it was is told apart.
    version = framing.get("version")
    notes = []
    if version != again["predicate"]["framing"]["version"]:
        notes.append(f"made by version {version}, verified by {again['predicate']['framing']['version']}")
        again["predicate"]["framing"]["version"] = version
    # What is bound was looked at file by file; verdicts of judges that came later are no part of it.
    again["subject"] = receipt["subject"]
    if not problems:
        problems += [f"{RECEIPT}: {line}" for line in _differences(dict(receipt), again)]
    named = {subject.get("name") for subject in receipt["subject"] if isinstance(subject, dict)}
    unbound = sorted(path.name for pattern in BOUND for path in folder.glob(pattern) if path.name not in named)
    if unbound:
        notes.append(f"not bound by the receipt: {', '.join(unbound)}")
    notes += _rests_on(again["predicate"]["framing"])
    return Verification(str(framing.get("run_id")), str(framing.get("verdict")), tuple(problems), tuple(notes))


def _rests_on(framing: Mapping[str, Any]) -> Iterator[str]:
    """Say what a verdict does not rest on, so that nobody takes it for more."""
    if not framing["release"]:
        yield "not a release run: missing baselines and deselected cases are excused in it"
    for name, what in (("waived", "waived gates"), ("allowed_mismatch", "allowed mismatches of protocol")):
        if framing[name]:
            yield f"{what}: {', '.join(framing[name])}"
    for suite, reason in framing["skipped_suites"].items():
        yield f"suite {suite} was skipped: {reason}"
    for suite, profile in framing["profiles"].items():
        if profile != RELEASE:
            yield f"suite {suite} ran under the profile {profile}, which decides nothing about a checkpoint"


def _files(receipt: Mapping[str, Any], folder: Path) -> Iterator[str]:
    seen: set[str] = set()
    for subject in receipt["subject"]:
        try:
            name, digest = subject["name"], subject["digest"]["sha256"]
        except (KeyError, TypeError):
            yield "a subject has no name or no digest"
            continue
        if not isinstance(name, str) or Path(name).name != name:
            yield f"subject {str(name)[:LONGEST_SHOWN]!r} is no file of a run folder"
        elif name in seen:
            yield f"{name}: bound twice"
        elif not (folder / name).is_file():
            yield f"{name}: bound by the receipt and missing"
        elif file_digest(folder / name) != digest:
            yield f"{name}: its digest is not the one in the receipt: it was changed afterwards"
        seen.add(str(name))
    for name in ("plan.json", RESULTS):
        if name not in seen:
            yield f"{name}: not bound by the receipt"


def _differences(stored: Any, computed: Any, place: str = "") -> Iterator[str]:
    """Name the places where two documents differ, with both values, shortened."""
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in dict.fromkeys([*stored, *computed]):
            if stored.get(key) != computed.get(key):
                yield from _differences(stored.get(key), computed.get(key), f"{place}.{key}" if place else str(key))
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        for number, (one, other) in enumerate(zip(stored, computed, strict=True)):
            if one != other:
                yield from _differences(one, other, f"{place}[{number}]")
    elif stored != computed:
        yield f"{place} says {_short(stored)}, the record gives {_short(computed)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
