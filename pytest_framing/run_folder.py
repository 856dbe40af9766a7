"""The folder of a run: made before anything is generated, with the plan in it before the first token."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import LedgerError, OutputError
from pytest_framing.fingerprint import Fingerprint
from pytest_framing.json_documents import document_digest, read_document, write_document, write_text
from pytest_framing.plan import Plan, SuitePlan
from pytest_framing.suite import Suite, stored_suite
from pytest_framing.typed_records import typed_record, typed_value

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
PLAN = "plan.json"
RESULTS = "results.json"
RECEIPT = "receipt.json"
RECEIPT_PAGE = "receipt.html"
SUMMARY = "summary.md"
REPORT = "report.html"
LATEST = "latest"
DEFAULT = ".framing"


@dataclass(frozen=True)
class Subject:
    """What is gated, as ``results.json`` names it."""

    name: str
    checkpoint: str
    revision: str
    quantization: str
    dtype: str


@dataclass(frozen=True)
class RunRecord:
    """All that the folder of a run says before its first response: enough to gate it again without the model.

    ``skipped`` has the suites whose prompts were not at hand, by name, and why; ``baselines`` the digest of the file
    that each suite is compared with, empty where there is none. ``salt`` is what the digests of texts in the receipt
    are salted with: whoever has the run folder can compute them again, and nobody else can guess a text by its digest.
    """

    run_id: str
    salt: str
    subject: Subject
    release: bool
    allowed_mismatch: tuple[str, ...]
    suites: Mapping[str, Suite]
    judges: Mapping[str, str]
    fingerprints: Mapping[str, Fingerprint]
    plan: Plan
    lint: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    baselines: Mapping[str, str] = field(default_factory=dict)

    @property
    def protocol_digest(self) -> str:
        """Digest over the fingerprints of all suites."""
        return document_digest({name: one.document() for name, one in self.fingerprints.items()})


def new_run_id(model: str) -> str:
    """Return an id that sorts by time and says what was gated."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", model).strip("-.")[:40] or "model"
    return f"{stamp}-{name}-{secrets.token_hex(4)}"


def new_salt() -> str:
    """Return a salt for the digests of a run's receipt: 128 random bits in hex."""
    return secrets.token_hex(16)


def make_run_folder(parent: Path, run_id: str) -> Path:
    """Make the folder of a run.

    Raises
    ------
    OutputError
        When it cannot be written to.
    """
    folder = parent / run_id
    try:
        fresh = not parent.exists()
        folder.mkdir(parents=True)
        if fresh and parent.name == DEFAULT:
            write_text(parent / ".gitignore", "# Runs hold what models answered.\n*\n")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another folder with --framing-out"
        ) from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder}: cannot be written; choose another folder with --framing-out")
    return folder


def write_plan(folder: Path, record: RunRecord) -> None:
    """Write and sync ``plan.json``.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    suites = {
        name: {
            "definition": suite.model_dump(mode="json"),
            "judge": record.judges[name],
            "lint": list(record.lint.get(name, ())),
            "fingerprint": record.fingerprints[name].document(),
            **plan.document(),
        }
        for (name, suite), plan in zip(record.suites.items(), record.plan.suites, strict=True)
    }
    document = {
        "schema_version": SCHEMA_VERSION,
        "run_id": record.run_id,
        "salt": record.salt,
        "digest": record.plan.digest,
        "model": asdict(record.subject),
        "release": record.release,
        "allowed_mismatch": list(record.allowed_mismatch),
        "skipped": dict(record.skipped),
        "baselines": dict(record.baselines),
        "suites": suites,
    }
    # Over everything, so that no limit of a gate can be loosened afterwards without a trace.
    write_document(folder / PLAN, {**document, "record_digest": document_digest(document)})


def name_latest(folder: Path) -> None:
    """Point ``latest`` at a run whose plan is written.

    Raises
    ------
    OutputError
        When the link cannot be made.
    """
    link = folder.parent / f".{LATEST}-{folder.name}"
    try:
        link.symlink_to(folder.name, target_is_directory=True)
        link.replace(folder.parent / LATEST)
    except OSError as error:
        raise OutputError(f"{folder.parent / LATEST}: cannot be written: {error.strerror or error}") from error


def read_plan(folder: Path) -> RunRecord:
    """Read ``plan.json`` back.

    Raises
    ------
    LedgerError
        When the folder is no run, or the plan was changed after it was written.
    """
    path = folder / PLAN
    if not path.is_file():
        raise LedgerError(f"{folder}: not a run folder: there is no {PLAN} in it")
    document = read_document(path, LedgerError)
    if document.get("schema_version") != SCHEMA_VERSION:
        raise LedgerError(
            f"{path}: schema version {document.get('schema_version')!r}; this version reads {SCHEMA_VERSION}"
        )
    try:
        entries: dict[str, dict[str, Any]] = document["suites"]
        suites: dict[str, Suite] = {name: stored_suite(entry["definition"]) for name, entry in entries.items()}
        record = RunRecord(
            run_id=typed_value(str, document["run_id"]),
            salt=typed_value(str, document["salt"]),
            subject=typed_record(Subject, document["model"]),
            release=typed_value(bool, document["release"]),
            allowed_mismatch=typed_value(tuple[str, ...], document["allowed_mismatch"]),
            suites=suites,
            judges={name: typed_value(str, entry["judge"]) for name, entry in entries.items()},
            fingerprints={name: typed_record(Fingerprint, entry["fingerprint"]) for name, entry in entries.items()},
            lint={name: typed_value(tuple[str, ...], entry["lint"]) for name, entry in entries.items()},
            skipped=typed_value(dict[str, str], document["skipped"]),
            baselines=typed_value(dict[str, str], document["baselines"]),
            plan=Plan(tuple(SuitePlan.from_document(name, entry) for name, entry in entries.items())),
        )
        _hold_framings(record)
        digest = record.plan.digest
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LedgerError(f"{path}: not a plan ({type(error).__name__}: {error})") from error
    digested = {name: value for name, value in document.items() if name != "record_digest"}
    if digest != document.get("digest") or document_digest(digested) != document.get("record_digest"):
        raise LedgerError(f"{path}: the plan does not have the digest it was written with: it was changed afterwards")
    return record


def _hold_framings(record: RunRecord) -> None:
    """Hold that each case of a plan is one of its suite: pairs are under the two framings that are compared."""
    for plan in record.plan.suites:
        framings = record.suites[plan.suite].framings
        for case in plan.cases:
            compared = case.role != "pair" or case.framing in (framings.reference, framings.treatment)
            if case.suite != plan.suite or not compared:
                raise ValueError(f"the case {case.id[:60]!r} is none of the suite {plan.suite!r}")


def shown_run(folder: Path) -> str:
    """Return how a command of the shell names a run folder: what :func:`find_run` finds from the current folder."""
    here = Path.cwd()
    if folder.parent == here / DEFAULT:
        return folder.name
    return shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))


def find_run(text: str, root: Path, parent: Path | None = None) -> Path:
    """Return the run folder that a user means: a path, ``latest``, or a run id.

    Parameters
    ----------
    text
        What the user wrote.
    root
        Runs are looked for in the default folder below it.
    parent
        Where runs go instead of the default folder.

    Raises
    ------
    LedgerError
        When there is no such run.
    """
    parent = parent or root / DEFAULT
    for candidate in (Path(text).expanduser(), parent / text, Path(text).expanduser() / LATEST):
        if (candidate / PLAN).is_file():
            return candidate.resolve()
    raise LedgerError(f"{text}: no run there (a run folder holds {PLAN}); runs are kept in {parent}")
