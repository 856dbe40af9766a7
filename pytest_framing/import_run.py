"""A run folder made of records that were produced elsewhere, so that gates, reports and comparisons work on them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest_framing
from pytest_framing.engines.reasoning import split_reasoning
from pytest_framing.errors import ImportedFileError, OutputError
from pytest_framing.fingerprint import DECIDING, Fingerprint
from pytest_framing.judges.vote import close_judge, judge_all
from pytest_framing.ledger import LedgerWriter
from pytest_framing.plan import Plan, SuitePlan, case_id, hold_unique
from pytest_framing.records import Case, PromptSummary, PromptTraits, Response, Role, Verdict, text_digest
from pytest_framing.run_folder import PLAN, RunRecord, Subject, new_salt, write_plan
from pytest_framing.suite import FramingPair, Suite, load_suite

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pytest_framing.imported_records import ImportedRecord
    from pytest_framing.judges.judge import Judge

SUITE = Path(__file__).parent / "data" / "imported_run.yaml"
UNKNOWN = "not recorded"
GIVEN = "given"
"""Label of the judge whose verdicts stand in the file."""
PLACEBO, NONE = "placebo", "none"


@dataclass(frozen=True)
class ImportRequest:
    """What is imported, and as what.

    ``opened`` says that the model's chat template opened a reasoning in each response; ``None``, that nobody knows.
    """

    source: Path
    model: str
    reference: str
    treatment: str
    records: Sequence[ImportedRecord]
    opened: bool | None = None


def import_run(request: ImportRequest, folder: Path, gates: Mapping[str, type[BaseModel]], judge: Judge) -> RunRecord:
    """Write plan and ledger of an imported run.

    Parameters
    ----------
    request
        Records with where they come from.
    folder
        The run folder; it is made.
    gates
        Parameter models of the known gates.
    judge
        Judges responses that come without a verdict.

    Raises
    ------
    ImportedFileError
        When framings cannot be told apart, or verdicts were given for some records alone.
    OutputError
        When the folder holds something already, or cannot be written.
    """
    records = request.records
    given = [record.verdict is not None for record in records]
    if any(given) and not all(given):
        line = records[given.index(False)].line
        raise ImportedFileError.at(request.source, line, "no verdict here, though other rows have one; fill it in")
    suite = _suite(request, gates)
    cases = _cases(suite, records)
    record = _record(request, suite, cases, GIVEN if all(given) else judge.label)
    _make_folder(folder)
    write_plan(folder, record)
    ledger = LedgerWriter(folder)
    judged: list[tuple[Case, Response]] = []
    ordered = _pairs_in_order(cases.values(), records)
    for imported in records:
        case = cases[imported.key]
        response = _response(
            case,
            imported,
            recorded=case.pair in ordered or (not case.pair and bool(imported.sequence)),
            opened=request.opened,
        )
        ledger.add_response(response)
        if imported.verdict:
            ledger.add_verdict(_given(case, imported))
        else:
            judged.append((case, response))
    try:
        for verdict in judge_all(judge, judged):
            ledger.add_verdict(verdict)
    finally:
        close_judge(judge)
    ledger.close()
    return record


def _suite(request: ImportRequest, gates: Mapping[str, type[BaseModel]]) -> Suite:
    compared = {request.reference, request.treatment}
    if len(compared) < 2 or compared & {PLACEBO, NONE}:
        raise ImportedFileError(
            f"--reference {request.reference} --treatment {request.treatment}: two different framings are compared, "
            f"and neither can be {PLACEBO!r} or {NONE!r}"
        )
    present = {record.framing for record in request.records}
    strange = sorted(present - {request.reference, request.treatment, PLACEBO, NONE})
    if strange:
        names = " and ".join(repr(name) for name in strange)
        raise ImportedFileError(
            f"{request.source}: framing {names} is neither the reference {request.reference!r} nor the treatment "
            f"{request.treatment!r}; name them (--reference NAME --treatment NAME)"
        )
    suite = load_suite(SUITE, gates)
    asked = {record.mode for record in request.records}
    return suite.model_copy(
        update={
            "framings": FramingPair(reference=request.reference, treatment=request.treatment),
            "modes": tuple(mode for mode in ("standard", "forcing") if mode in asked),
            "placement": "system",
        }
    )


def _cases(suite: Suite, records: Sequence[ImportedRecord]) -> dict[tuple[str, str, str, int], Case]:
    """Plan what the file should hold: both members of every pair, whether or not they are there."""
    reference, treatment = suite.framings.reference, suite.framings.treatment
    present = {record.key: record for record in records}
    wanted = dict.fromkeys(
        key
        for record in records
        for key in (
            [record.key]
            if record.framing in (PLACEBO, NONE)
            else [(record.prompt_id, name, record.mode, record.replicate) for name in (reference, treatment)]
        )
    )
    cases = {}
    for slot, key in enumerate(wanted, start=1):
        prompt_id, framing, mode, replicate = key
        role: Role = "placebo" if framing == PLACEBO else "single" if framing == NONE else "pair"
        record = present.get(key)
        cases[key] = Case(
            id=case_id(prompt_id, framing, mode, replicate),
            suite=suite.name,
            prompt_id=prompt_id,
            # A file holds no prompt: the digest of the id can agree with that of another import, never with a prompt's.
            prompt_digest=text_digest("imported", prompt_id),
            framing=framing,
            mode=mode,
            replicate=replicate,
            role=role,
            pair=f"{prompt_id}-{mode}" + (f"-r{replicate}" if replicate > 1 else "") if role == "pair" else "",
            period=0,
            batch="",
            slot=record.sequence if record is not None and record.sequence is not None else slot,
        )
    hold_unique(cases.values())
    return cases


def _record(
    request: ImportRequest, suite: Suite, cases: Mapping[tuple[str, str, str, int], Case], judge: str
) -> RunRecord:
    digest = f"sha256:{hashlib.sha256(request.source.read_bytes()).hexdigest()}"
    categories = {record.prompt_id: record.category for record in request.records}
    ids = sorted(categories)
    prompts = PromptSummary(
        source="imported",
        origin=request.source.name,
        revision="",
        resolution=f"imported from {request.source.name}",
        count=len(ids),
        digest=text_digest(*(f"{prompt_id}={text_digest('imported', prompt_id)}" for prompt_id in ids)),
    )
    traits = {prompt_id: PromptTraits(categories[prompt_id], categories[prompt_id], 0) for prompt_id in ids}
    deciding: dict[str, Any] = dict.fromkeys(DECIDING, UNKNOWN)
    deciding |= {
        "framings": {"reference": {"name": request.reference}, "treatment": {"name": request.treatment}},
        "modes": sorted(suite.modes),
        "judge": judge,
    }
    fingerprint = Fingerprint(
        deciding,
        {"model": request.model},
        {
            "imported": {"file": request.source.name, "digest": digest, "records": len(request.records)},
            "engine": {"name": "imported", "version": "", "invariance": "none"},
            "pytest_framing": pytest_framing.__version__,
        },
    )
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return RunRecord(
        run_id=f"{stamp}-imported-{digest.removeprefix('sha256:')[:8]}",
        salt=new_salt(),
        subject=Subject(request.model, "", "", "none", UNKNOWN),
        release=False,
        allowed_mismatch=(),
        suites={suite.name: suite},
        judges={suite.name: judge},
        fingerprints={suite.name: fingerprint},
        plan=Plan((SuitePlan(suite.name, prompts, tuple(cases.values()), (), traits),)),
    )


def _pairs_in_order(cases: Iterable[Case], records: Sequence[ImportedRecord]) -> frozenset[str]:
    """Return the pairs whose order the file tells: both members have a sequence, and not the same one."""
    sequences = {record.key: record.sequence for record in records}
    by_pair: dict[str, list[int | None]] = {}
    for case in cases:
        if case.pair:
            key = (case.prompt_id, case.framing, case.mode, case.replicate)
            by_pair.setdefault(case.pair, []).append(sequences.get(key))
    return frozenset(
        pair for pair, found in by_pair.items() if None not in found and len(set(found)) == len(found) == 2
    )


def _response(case: Case, imported: ImportedRecord, *, recorded: bool, opened: bool | None) -> Response:
    """Turn a text into a response. Stamps are those of the file, where it tells the order; no time is on record."""
    parts = split_reasoning(imported.response or "", opened=opened)
    return Response(
        suite=case.suite,
        case_id=case.id,
        answer=parts.answer,
        reasoning=parts.reasoning,
        reasoning_cut=parts.cut,
        finish_reason="stop",
        prompt_tokens=0,
        new_tokens=0,
        worker="imported" if recorded else "",
        sequence=imported.sequence or 0,
        batch="imported" if recorded else "",
        slot=case.slot,
        # The same for all: the order stands in sequence and slot, and a place in it is no time in an engine.
        started=0.0,
        seconds=0.0,
    )


def _given(case: Case, imported: ImportedRecord) -> Verdict:
    assert imported.verdict is not None
    return Verdict.on(case, GIVEN, imported.verdict, "as the file has it")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held: Collection[Path] = list(folder.iterdir())
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}; choose another --out") from error
    if held:
        what = "a run" if (folder / PLAN).exists() else "something"
        raise OutputError(f"{folder}: holds {what} already; choose another --out")
