"""Going on with a run that was cut off: it has to be the same run, and what is recorded is not run again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import LedgerError
from pytest_framing.json_documents import differences
from pytest_framing.judges.manipulation_check import LABEL as CHECK_JUDGE
from pytest_framing.ledger import read_responses, read_verdicts

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_framing.records import CaseKey, Response, Verdict
    from pytest_framing.run_folder import RunRecord


@dataclass(frozen=True)
class Recorded:
    """What earlier sessions of a run left in its ledger, by case."""

    responses: Mapping[CaseKey, Response] = field(default_factory=dict)
    verdicts: Mapping[CaseKey, Verdict] = field(default_factory=dict)


def read_recorded(record: RunRecord, folder: Path) -> Recorded:
    """Read the ledger of a run that goes on; verdicts of judges that it did not ask stay out.

    Raises
    ------
    LedgerError
        When it is damaged anywhere but at the end of a file.
    """
    counted = {*record.judges.values(), CHECK_JUDGE}
    return Recorded(
        {one.key: one for one in read_responses(folder).records},
        {one.key: one for one in read_verdicts(folder).records if one.judge in counted},
    )


def hold_same_run(recorded: RunRecord, prepared: RunRecord, folder: Path) -> None:
    """Refuse to go on with a run as another one.

    Raises
    ------
    LedgerError
        Naming every field of the protocol that differs, or that the plan does.
    """
    ours_named, theirs_named = (sorted(run.suites) for run in (prepared, recorded))
    changed = []
    if ours_named != theirs_named:
        changed.append(f"  suites: now {', '.join(ours_named)}, then {', '.join(theirs_named)}")
    # Of a suite that one of them lacks, nothing more is said.
    changed += [
        f"  {place}: now {now!r}, then {then!r}"
        for suite in sorted(recorded.fingerprints.keys() & prepared.fingerprints.keys())
        for place, now, then in differences(_document(prepared, suite), _document(recorded, suite), suite)
    ]
    for suite in sorted(recorded.suites.keys() & prepared.suites.keys()):
        ours, theirs = (run.suites[suite].model_dump(mode="json", exclude={"path"}) for run in (prepared, recorded))
        changed.extend(
            f"  {suite}.suite.yaml: {place}: now {now!r}, then {then!r}"
            for place, now, then in differences(ours, theirs)
        )
    of_suites = ("judges", "baselines") if ours_named == theirs_named else ()
    for name in ("release", "allowed_mismatch", *of_suites):
        now, then = getattr(prepared, name), getattr(recorded, name)
        if now != then:
            changed.append(f"  {name}: now {now!r}, then {then!r}")
    if not changed and recorded.plan.digest != prepared.plan.digest:
        changed = ["  the plan: prompts, seed, profile or suites are not those that the run began with"]
    if changed:
        raise LedgerError(
            "\n".join(
                (
                    f"{folder}: this would not be the same run, and a run is one protocol from its first case to its "
                    "last:",
                    *changed,
                    "Give the options that it began with, or start a new run.",
                )
            )
        )


def next_session(folder: Path) -> int:
    """Return the number of the session that goes on: each has ledger files of its own."""
    names = (path.stem for path in folder.glob("*.jsonl"))
    found = [int(match[1]) for name in names if (match := re.search(r"\.(\d+)$", name))]
    return max(found, default=1) + 1


def worker_name(worker: str, session: int) -> str:
    """Name a worker so that its stamps and files are those of one process: clocks and counters start anew with it."""
    return worker if session == 1 else f"{worker}.{session}"


def count_sessions(workers: set[str]) -> int:
    """Return how many sessions wrote responses, from the workers that they name."""
    return max((int(match[1]) for name in workers if (match := re.search(r"\.(\d+)$", name))), default=1)


def _document(record: RunRecord, suite: str) -> dict[str, Any]:
    found = record.fingerprints.get(suite)
    return found.document() if found is not None else {}
