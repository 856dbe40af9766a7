"""A run that has ended: its conclusion, drawn again from its record alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import FramingError

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_framing.published import PublishedBaseline
    from pytest_framing.results import Conclusion
    from pytest_framing.run_folder import RunRecord


def conclude_again(
    folder: Path,
    baseline: str | None,
    *,
    judge: str | None = None,
    waived: Collection[str] = (),
    as_concluded: bool = False,
) -> Conclusion:
    """Evaluate the gates of a recorded run, against the given baseline or else the one that the session found.

    Parameters
    ----------
    folder
        The run folder.
    baseline
        As ``--framing-baseline`` takes it.
    judge
        Label of the judge whose verdicts count (default: the run's own).
    waived
        Gates that do not hold the run back; the conclusion names them.
    as_concluded
        Whether a suite that was concluded without a baseline stays without one, even if there is one now.

    Raises
    ------
    FramingError
        When the record is damaged, the baseline does not fit, or a gate is known under pytest alone.
    """
    from pytest_framing.baseline import Baseline, find_baseline, hold_comparable
    from pytest_framing.gates.evaluation import known_gates
    from pytest_framing.rejudging import judged_by
    from pytest_framing.results import conclude
    from pytest_framing.run_folder import read_plan
    from pytest_framing.settings import Settings

    record: RunRecord = read_plan(folder)
    if judge is not None:
        record = judged_by(record, judge)
    gates = known_gates()
    _check_waived(record, waived)
    for suite_name, definition in record.suites.items():
        for gate in definition.gates:
            if gate not in gates:
                raise FramingError(f"suite {suite_name}: the gate {gate!r} comes from a plugin; run it under pytest")
    concluded: dict[str, Any] = recorded_results(folder).get("suites", {})
    baselines: dict[str, tuple[Baseline | PublishedBaseline | None, str]] = {}
    for suite in record.plan.suites:
        entry: dict[str, Any] = concluded.get(suite.suite, {}).get("baseline", {})
        before = entry.get("path") or None
        if as_concluded and entry and before is None:
            baselines[suite.suite] = (None, entry["note"])
            continue
        settings = Settings(model=record.subject.name, root=Path.cwd(), baseline=baseline or before)
        found, note = find_baseline(settings, record.subject.name, suite.suite, suite.prompts.source)
        if isinstance(found, Baseline):
            hold_comparable(record.fingerprints[suite.suite], found, frozenset(record.allowed_mismatch))
        baselines[suite.suite] = (found, note)
    # What the session knew and the ledger does not hold: whether cases were left out on purpose, or the run cut short.
    narrowed = any(entry["evidence"]["deselected"] for entry in concluded.values())
    return conclude(
        record,
        folder,
        gates,
        baselines,
        deselected=record.plan.cases.keys() if narrowed else frozenset(),
        interrupted=any(entry["evidence"]["interrupted"] for entry in concluded.values()),
        waived=frozenset(waived),
    )


def _check_waived(record: RunRecord, waived: Collection[str]) -> None:
    from pytest_framing.settings import did_you_mean

    known = {gate for suite in record.suites.values() for gate in suite.gates}
    for name in waived:
        if name not in known:
            raise FramingError(f"--waive {name}: no gate of this run; {did_you_mean(name, known)}")


def recorded_results(folder: Path) -> dict[str, Any]:
    """Return ``results.json``; it is empty where the session died before it was written.

    Raises
    ------
    LedgerError
        When the file is damaged or of another schema version.
    """
    from pytest_framing.results import read_results

    return read_results(folder)
