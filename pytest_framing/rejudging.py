"""Judging the responses of a run again: new verdicts beside the old ones, and what changed."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.circumstances import read_circumstances
from pytest_framing.errors import JudgeError, LedgerError
from pytest_framing.import_run import GIVEN
from pytest_framing.json_documents import read_document, write_document
from pytest_framing.judges.noise import is_sampled, judged_again
from pytest_framing.judges.vote import close_judge, judge_all
from pytest_framing.ledger import LedgerWriter, read_responses, read_verdicts
from pytest_framing.run_lock import lock_session

if TYPE_CHECKING:
    from pytest_framing.judges.judge import Judge
    from pytest_framing.records import Case, CaseKey, Response, Verdict, VerdictLabel
    from pytest_framing.run_folder import RunRecord


CHUNK = 1024
"""Responses that are handed to a judge at once; their verdicts are on disk before the next are."""


@dataclass(frozen=True)
class Rejudging:
    """What a new judge says of a run that another one judged.

    ``added`` counts new verdicts: a case that the judge judged before is left alone. ``again`` counts responses of the
    sample that it judged twice. ``changed`` has every case on which the two judges differ, with the old verdict and the
    new one.
    """

    record: RunRecord
    before: Mapping[str, str]
    label: str
    added: int
    again: int
    compared: int
    changed: Mapping[CaseKey, tuple[VerdictLabel, VerdictLabel]]

    @property
    def transitions(self) -> Counter[tuple[str, str]]:
        """Number of cases by old and new verdict."""
        return Counter((old.value, new.value) for old, new in self.changed.values())


def recorded_seed(record: RunRecord, folder: Path, label: str) -> int | None:
    """Return the seed that a judge's verdicts in a run were made with; nothing where none is on record.

    Raises
    ------
    LedgerError
        When the record of it is damaged.
    """
    path = _seed_path(folder, label)
    if path.is_file():
        seed = read_document(path, LedgerError).get("seed")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise LedgerError(f"{path}: not the seed of a judging; framing judge writes one")
        return seed
    own = {record.suites[name].order.seed for name, judge in record.judges.items() if judge == label}
    return own.pop() if len(own) == 1 else None


def judged_again_document(record: RunRecord, folder: Path, label: str) -> dict[str, Any]:
    """Return what the results by another judge say of it; without a seed on record, none is said.

    Raises
    ------
    LedgerError
        When the record of the seed is damaged.
    """
    return {"judged_again": {"judge": label, "seed": recorded_seed(record, folder, label)}}


def _keep_seed(record: RunRecord, folder: Path, label: str, seed: int) -> None:
    earlier = recorded_seed(record, folder, label)
    if earlier is None:
        write_document(_seed_path(folder, label), {"schema_version": 1, "judge": label, "seed": seed})
    elif earlier != seed:
        raise JudgeError(f"{folder}: {label} judges this run with seed {earlier}, not with {seed}")


def _seed_path(folder: Path, label: str) -> Path:
    return folder / f"judging-{slug(label)}.json"


def judge_again(
    record: RunRecord, folder: Path, judge: Judge, sample: float = 0.0, seed: int | None = None
) -> Rejudging:
    """Judge every response of a run, and append the verdicts to files of the judge's own.

    Questions of the manipulation check keep their verdicts: no judge of answers knows them. Responses come in an order
    that says nothing of their framing.

    Parameters
    ----------
    record, folder
        The run.
    judge
        Who judges.
    sample
        Share of the responses that it judges twice, for its own noise; the run's own judge judges none twice.
    seed
        What the judge draws with; it is on disk before the first verdict is.

    Raises
    ------
    JudgeError
        When the run holds verdicts alone, or the judge cannot judge, or has judged with another seed.
    LedgerError, OutputError
        When the ledger is damaged or cannot be written.
    """
    lock = lock_session(folder)
    try:
        return _judge_again(record, folder, judge, sample, seed)
    finally:
        close_judge(judge)
        lock.release()


def _judge_again(record: RunRecord, folder: Path, judge: Judge, sample: float, seed: int | None) -> Rejudging:
    cases = {key: case for key, case in record.plan.cases.items() if case.role != "check"}
    verdicts = read_verdicts(folder).records
    old = {one.key: one.verdict for one in verdicts if one.judge == record.judges.get(one.suite)}
    new = {one.key: one.verdict for one in verdicts if one.judge == judge.label}
    twice = {one.key for one in verdicts if one.judge == judged_again(judge.label)}
    items = [(cases[one.key], one) for one in read_responses(folder).records if one.key in cases]
    items.sort(key=lambda item: _place(item[0].key))
    if GIVEN in record.judges.values() and not any(response.answer or response.reasoning for _, response in items):
        raise JudgeError(f"{folder}: was imported from ready verdicts; it holds no answers that a judge could read")
    fresh = [item for item in items if item[0].key not in new]
    # Second verdicts of the judge that a conclusion rests on would change what the run says, and unmake its receipt.
    concluded_by = read_circumstances(folder).judge
    sampled = [
        item
        for item in items
        if is_sampled(item[0].key, sample)
        and item[0].key not in twice
        and judge.label not in (record.judges.get(item[0].key[0]), concluded_by)
    ]
    # Verdicts of older records have no seed, and none is made up for them.
    if seed is not None and (fresh or sampled) and not (new and recorded_seed(record, folder, judge.label) is None):
        _keep_seed(record, folder, judge.label, seed)
    ledger = LedgerWriter(folder, slug(judge.label))
    for verdict in _verdicts(judge, fresh, 0):
        ledger.add_verdict(verdict)
        new[verdict.key] = verdict.verdict
    for verdict in _verdicts(judge, sampled, 1):
        ledger.add_verdict(replace(verdict, judge=judged_again(judge.label)))
    ledger.close()
    both = [key for key in cases if key in old and key in new]
    return Rejudging(
        record=judged_by(record, judge.label),
        before=record.judges,
        label=judge.label,
        added=len(fresh),
        again=len(sampled),
        compared=len(both),
        changed={key: (old[key], new[key]) for key in both if old[key] is not new[key]},
    )


def _verdicts(judge: Judge, items: Sequence[tuple[Case, Response]], repeat: int) -> Iterator[Verdict]:
    for start in range(0, len(items), CHUNK):
        yield from judge_all(judge, items[start : start + CHUNK], repeat)


def _place(key: CaseKey) -> bytes:
    """Return where a case stands in an order that nobody chose."""
    return hashlib.blake2b("\x1f".join(key).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def judged_by(record: RunRecord, label: str) -> RunRecord:
    """Return the record as if this judge had been asked for: its verdicts count, and its name is in the protocol."""
    return replace(
        record,
        judges=dict.fromkeys(record.judges, label),
        fingerprints={
            name: replace(one, deciding={**one.deciding, "judge": label}) for name, one in record.fingerprints.items()
        },
    )


def slug(label: str) -> str:
    """Write a judge's label so that it can stand in a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-.") or "judge"
