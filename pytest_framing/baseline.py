"""Baselines: the decisions of an earlier run, kept as JSON to be reviewed like code, and what may meet them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pytest_framing.errors import BaselineError, OutputError, place
from pytest_framing.fingerprint import DECIDING, Fingerprint
from pytest_framing.json_documents import differences, document_digest, read_document, write_bytes, write_document
from pytest_framing.published import PublishedBaseline, is_published, load_published
from pytest_framing.records import VerdictLabel, with_waived
from pytest_framing.run_lock import folder_alone
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.settings import Settings
    from pytest_framing.study import SuiteStudy

SCHEMA_VERSION = 1
FOLDER = "baselines"
KEPT = "baseline-"
"""How the copies in a run folder begin."""
NONE = "none"
# Enough of a digest to tell contents apart, short enough for a file that people review.
DIGEST_CHARACTERS = len("sha256:") + 16
DecisionKey = tuple[str, str, str, str]
"""Mode, framing, prompt id and shortened content digest."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Protocol(_Document):
    deciding: dict[str, Any]
    subject: dict[str, Any]
    informing: dict[str, Any]


class Earlier(_Document):
    """What is left of a version of a baseline that was replaced; ``decisions`` is the digest of those it held."""

    run_id: str
    saved: str
    verdict: str
    waived: tuple[str, ...] = ()
    saved_by: str = ""
    commit: str = ""
    reason: str = ""
    decisions: str


class _BaselineDocument(_Document):
    schema_version: Literal[1]
    suite: str
    model: str
    prompt_source: str
    run_id: str
    saved: str
    verdict: str
    waived: tuple[str, ...] = ()
    saved_by: str = ""
    commit: str = ""
    reason: str = ""
    history: tuple[Earlier, ...] = ()
    fingerprint: _Protocol
    estimates: dict[str, Any]
    composition: dict[str, Any] = {}
    decisions: dict[str, dict[str, dict[str, VerdictLabel]]]


@dataclass(frozen=True)
class Provenance:
    """Who saves a baseline, at which commit of the repository that it lies in, and why; empty where nobody can tell."""

    saved_by: str = ""
    commit: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Baseline:
    """One baseline file; ``history`` has the versions that it replaced, newest last, ``content`` the file as it was."""

    path: Path
    suite: str
    model: str
    prompt_source: str
    run_id: str
    fingerprint: Fingerprint
    estimates: Mapping[str, Any] = field(repr=False)
    decisions: Mapping[DecisionKey, VerdictLabel] = field(repr=False)
    saved: str = ""
    verdict: str = ""
    waived: tuple[str, ...] = ()
    provenance: Provenance = Provenance()
    history: tuple[Earlier, ...] = ()
    content: bytes = field(default=b"", repr=False)
    composition: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """Digest of the file, as ``sha256sum`` prints it."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @property
    def standing(self) -> str:
        """The verdict of the run that it was saved from, with the gates that were waived in it."""
        return f"verdict {with_waived(self.verdict, self.waived)}"

    @property
    def reservation(self) -> str:
        """What to know before holding anything against it; empty where its own run passed every gate."""
        return f"its own run: {self.standing}" if self.verdict != "pass" or self.waived else ""

    def decision(self, mode: str, framing: str, prompt_id: str, digest: str) -> VerdictLabel | None:
        """Return the verdict on a prompt, if the baseline has one on the same content."""
        return self.decisions.get((mode, framing, prompt_id, digest[:DIGEST_CHARACTERS]))


def baseline_path(folder: Path, model: str, suite: str, prompt_source: str) -> Path:
    """Return where the baseline of a model, suite and prompt source is filed."""
    return folder / model.replace("/", "--") / f"{suite}.{prompt_source}.json"


def find_baseline(
    settings: Settings, model: str, suite: str, prompt_source: str
) -> tuple[Baseline | PublishedBaseline | None, str]:
    """Find the baseline to compare a suite with: decisions of an earlier run, or published totals where named so.

    Returns
    -------
    baseline : Baseline, PublishedBaseline or None
    note : str
        Why there is none; empty otherwise.

    Raises
    ------
    BaselineError
        When the file that the user named is missing, or any baseline is damaged or of another schema version.
    """
    if settings.baseline == NONE:
        return None, "No baseline was asked for (--framing-baseline none)"
    if settings.baseline is None:
        path = baseline_path(settings.root / FOLDER, model, suite, prompt_source)
    else:
        named = Path(settings.baseline)
        if not named.exists():
            raise BaselineError(f"--framing-baseline {named}: no such file or folder")
        if named.is_file():
            baseline = load_any(named)
            if baseline.suite != suite:
                return None, f"The baseline {named} belongs to the suite {baseline.suite!r}"
            if isinstance(baseline, Baseline) and baseline.model != model:
                return None, (
                    f"The baseline {named} is of the model {baseline.model!r}, and this run gates {model!r} (other "
                    f"weights of one model are --model {baseline.model} --checkpoint FOLDER)"
                )
            return baseline, ""
        path = baseline_path(named, model, suite, prompt_source)
        if not path.is_file() and (named / path.name).is_file():
            path = named / path.name
    if not path.is_file():
        return (
            None,
            f"No baseline exists yet at {place(path, settings.root)}; save one with `framing baseline save RUN`",
        )
    return load_baseline(path), ""


def load_any(path: Path) -> Baseline | PublishedBaseline:
    """Read a baseline file or one of published results, whichever it is.

    Raises
    ------
    BaselineError
        When it is neither.
    """
    return load_published(path) if is_published(path) else load_baseline(path)


def kept_baseline(folder: Path, suite: str) -> Path:
    """Return where a run keeps the baseline that a suite is compared with: a copy, byte by byte."""
    return folder / f"{KEPT}{suite}.json"


def keep_baselines(folder: Path, baselines: Mapping[str, Baseline | PublishedBaseline | None]) -> None:
    """Copy the baseline of each suite into a run folder, so that the run can be concluded again on any machine.

    Raises
    ------
    OutputError
        When a copy cannot be written.
    """
    for suite, baseline in baselines.items():
        if baseline is not None:
            write_bytes(kept_baseline(folder, suite), baseline.content)


def load_baseline(path: Path) -> Baseline:
    """Read and check a baseline file.

    Raises
    ------
    BaselineError
        For a file that is no JSON, of another schema version, or with keys that a baseline does not have.
    """
    document = read_document(path, BaselineError)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BaselineError(
            f"{path}: schema version {version!r}, but this version of pytest-framing reads {SCHEMA_VERSION}; save the "
            "baseline again from a run (framing baseline save RUN)"
        )
    try:
        parsed = _BaselineDocument.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BaselineError(f"{path}: {where}: {first['msg']}") from None
    decisions = {}
    for mode, framings in parsed.decisions.items():
        for framing, verdicts in framings.items():
            for key, verdict in verdicts.items():
                prompt_id, _, digest = key.rpartition("@")
                decisions[mode, framing, prompt_id, digest] = verdict
    protocol = parsed.fingerprint
    return Baseline(
        path=path,
        suite=parsed.suite,
        model=parsed.model,
        prompt_source=parsed.prompt_source,
        run_id=parsed.run_id,
        fingerprint=Fingerprint(protocol.deciding, protocol.subject, protocol.informing),
        estimates=parsed.estimates,
        decisions=decisions,
        saved=parsed.saved,
        verdict=parsed.verdict,
        waived=parsed.waived,
        provenance=Provenance(parsed.saved_by, parsed.commit, parsed.reason),
        history=parsed.history,
        content=path.read_bytes(),
        composition=parsed.composition,
    )


def save_baseline(
    path: Path,
    *,
    model: str,
    run_id: str,
    verdict: str,
    fingerprint: Fingerprint,
    study: SuiteStudy,
    evidence: SuiteEvidence,
    waived: Sequence[str] = (),
    provenance: Provenance | None = None,
) -> None:
    """Write a baseline from the evidence of a run; ids, digests and decisions, no text.

    What a baseline at the same place said of itself is kept in the new one's history.

    Raises
    ------
    BaselineError
        When the evidence is not complete, or the run was cut short; when what is replaced is no baseline.
    OutputError
        When the file cannot be written.
    """
    if not evidence.complete:
        raise BaselineError(f"run {run_id}: no baseline can rest on it: {evidence.shortfall()}")
    decisions: dict[str, dict[str, dict[str, str]]] = {}
    for case in sorted(evidence.plan.cases, key=lambda one: one.key):
        if case.replicate == 1 and case.role != "check":
            verdicts = decisions.setdefault(case.mode, {}).setdefault(case.framing, {})
            key = f"{case.prompt_id}@{case.prompt_digest[:DIGEST_CHARACTERS]}"
            verdicts[key] = evidence.verdicts[case.key].verdict.value
    document = {
        "schema_version": SCHEMA_VERSION,
        "suite": evidence.plan.suite,
        "model": model,
        "prompt_source": evidence.plan.prompts.source,
        "run_id": run_id,
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": verdict,
        **({"waived": list(waived)} if waived else {}),
        **asdict(provenance or Provenance()),
        "history": [],
        "fingerprint": fingerprint.document(),
        "estimates": {mode: one.document() for mode, one in study.modes.items()},
        **({"composition": study.composition.document()} if study.composition is not None else {}),
        "decisions": decisions,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    # Another that saves at the same time would otherwise replace this one without keeping it in its history.
    with folder_alone(path.parent):
        write_document(path, document | {"history": _history(path)})


def _history(path: Path) -> list[dict[str, Any]]:
    """Return the versions that a new baseline at this place replaces, newest last."""
    if not path.is_file():
        return []
    load_baseline(path)
    replaced = read_document(path, BaselineError)
    before = {name: replaced[name] for name in Earlier.model_fields if name in replaced}
    return [*replaced.get("history", []), before | {"decisions": document_digest(replaced["decisions"])}]


def differing_fields(ours: Fingerprint, theirs: Fingerprint) -> dict[str, tuple[Any, Any]]:
    """Return the deciding fields in which two protocols differ, each with both values."""
    return {
        name: (ours.deciding.get(name), theirs.deciding.get(name))
        for name in DECIDING
        if ours.deciding.get(name) != theirs.deciding.get(name)
    }


def check_allowed_fields(fields: Iterable[str], option: str = "--framing-allow-mismatch") -> None:
    """Refuse an option that allows a mismatch and names no deciding field.

    Raises
    ------
    BaselineError
        Naming the fields that there are.
    """
    for name in fields:
        if name not in DECIDING:
            raise BaselineError(f"{option} {name}: no deciding field; {did_you_mean(name, DECIDING)}")


def hold_comparable(fingerprint: Fingerprint, baseline: Baseline, allowed: frozenset[str]) -> None:
    """Refuse a comparison between two protocols, before anything is generated.

    Raises
    ------
    BaselineError
        With a field-by-field difference and the ways out.
    """
    different = differing_fields(fingerprint, baseline.fingerprint)
    blocking = {name: values for name, values in different.items() if name not in allowed}
    if not blocking:
        return
    lines = [f"{baseline.path}: the baseline was made under another protocol, so that nothing can be compared:"]
    for name, (ours, theirs) in blocking.items():
        lines.extend(
            f"  {at}: this run {mine!r}, baseline {other!r}" for at, mine, other in differences(ours, theirs, name)
        )
    lines.append(
        "Ways out: run under the baseline's protocol; --framing-baseline none; or "
        + " ".join(f"--framing-allow-mismatch {name}" for name in blocking)
        + " (the record shows it)."
    )
    raise BaselineError("\n".join(lines))
