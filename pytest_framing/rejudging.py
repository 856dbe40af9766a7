"""Judging the responses of a run again: new verdicts beside the old ones, and what changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.ledger import LedgerWriter, read_responses, read_verdicts
from pytest_framing.run_lock import lock_session

if TYPE_CHECKING:
    from pytest_framing.judges.judge import Judge
    from pytest_framing.records import CaseKey, VerdictLabel
    from pytest_framing.run_folder import RunRecord


@dataclass(frozen=True)
class Rejudging:
    """What a new judge says of a run that another one judged.

    ``added`` counts new verdicts: a case that the judge judged before is left alone. ``changed`` has every case on
    which the two differ, with the old verdict and the new one.
    """

    record: RunRecord
    before: Mapping[str, str]
    label: str
    added: int
    compared: int
    changed: Mapping[CaseKey, tuple[VerdictLabel, VerdictLabel]]

    @property
    def transitions(self) -> Counter[tuple[str, str]]:
        """Number of cases by old and new verdict."""
        return Counter((old.value, new.value) for old, new in self.changed.values())


def judge_again(record: RunRecord, folder: Path, judge: Judge) -> Rejudging:
    """Judge every response of a run, and append the verdicts to files of the judge's own.

    Questions of the manipulation check keep their verdicts: no judge of answers knows them.

    Raises
    ------
    LedgerError, OutputError
        When the ledger is damaged or cannot be written.
    """
    lock = lock_session(folder)
    try:
        return _judge_again(record, folder, judge)
    finally:
        lock.release()


def _judge_again(record: RunRecord, folder: Path, judge: Judge) -> Rejudging:
    cases = {key: case for key, case in record.plan.cases.items() if case.role != "check"}
    verdicts = read_verdicts(folder).records
    old = {one.key: one.verdict for one in verdicts if one.judge == record.judges.get(one.suite)}
    new = {one.key: one.verdict for one in verdicts if one.judge == judge.label}
    ledger = LedgerWriter(folder, slug(judge.label))
    added = 0
    for response in read_responses(folder).records:
        case = cases.get(response.key)
        if case is not None and response.key not in new:
            verdict = judge.judge(case, response)
            ledger.add_verdict(verdict)
            new[response.key] = verdict.verdict
            added += 1
    ledger.close()
    both = [key for key in cases if key in old and key in new]
    return Rejudging(
        record=judged_by(record, judge.label),
        before=record.judges,
        label=judge.label,
        added=added,
        compared=len(both),
        changed={key: (old[key], new[key]) for key in both if old[key] is not new[key]},
    )


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
