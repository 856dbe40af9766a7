"""A run that has ended: its conclusion, drawn again from its record alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import FramingError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_framing.baseline import Baseline
    from pytest_framing.circumstances import Circumstances
    from pytest_framing.extensions import Extensions
    from pytest_framing.published import PublishedBaseline
    from pytest_framing.results import Conclusion
    from pytest_framing.run_folder import RunRecord


def conclude_again(
    folder: Path,
    baseline: str | None,
    *,
    judge: str = "",
    waived: Collection[str] = (),
    as_concluded: bool = False,
    extensions: Extensions | None = None,
    more: Mapping[str, Mapping[str, Any]] | None = None,
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
        Whether nothing but the folder is asked: judge, waivers and baselines are those of the conclusion in it.
    extensions
        Plugins, whose gates are known then.
    more
        Gates with their parameters that every suite is held to beside its own.

    Raises
    ------
    FramingError
        When the record is damaged, the baseline does not fit, a gate comes from a plugin that was not named, or the
        judge gave no verdict in this run.
    """
    from pytest_framing.circumstances import read_circumstances
    from pytest_framing.gates.evaluation import known_gates
    from pytest_framing.rejudging import judged_by
    from pytest_framing.results import conclude
    from pytest_framing.run_folder import read_plan

    record: RunRecord = read_plan(folder)
    circumstances = read_circumstances(folder)
    if as_concluded:
        judge, waived = circumstances.judge, circumstances.waived
    if judge:
        if not as_concluded:
            _check_judge(folder, judge)
        record = judged_by(record, judge)
    if more:
        suites = {
            name: suite.model_copy(update={"gates": suite.gates | dict(more)}) for name, suite in record.suites.items()
        }
        record = replace(record, suites=suites)
    gates = known_gates(extensions.gates if extensions is not None else ())
    _check_waived(record, waived)
    for suite_name, definition in record.suites.items():
        for gate in definition.gates:
            if gate not in gates:
                raise FramingError(f"suite {suite_name}: the gate {gate!r} comes from a plugin; name it with -p MODULE")
    baselines = _baselines(folder, record, circumstances, baseline, as_concluded=as_concluded)
    return conclude(
        record,
        folder,
        gates,
        baselines,
        deselected=circumstances.deselected,
        interrupted=circumstances.interrupted,
        waived=frozenset(waived),
        judge=judge,
        as_known=circumstances if as_concluded else None,
        calibration_kept="corrected_gap" not in (more or {}),
    )


def hold_baselines(folder: Path, judge: str) -> None:
    """Refuse a run whose baselines its verdicts by another judge could not be held against, before that one judges.

    Raises
    ------
    FramingError
        When the record is damaged, or a baseline does not fit.
    """
    from pytest_framing.circumstances import read_circumstances
    from pytest_framing.rejudging import judged_by
    from pytest_framing.run_folder import read_plan

    _baselines(folder, judged_by(read_plan(folder), judge), read_circumstances(folder), None, as_concluded=False)


def _baselines(
    folder: Path, record: RunRecord, circumstances: Circumstances, baseline: str | None, *, as_concluded: bool
) -> dict[str, tuple[Baseline | PublishedBaseline | None, str]]:
    from pytest_framing.baseline import Baseline, find_baseline, hold_comparable, kept_baseline, load_any
    from pytest_framing.settings import Settings

    baselines: dict[str, tuple[Baseline | PublishedBaseline | None, str]] = {}
    allowed = frozenset(record.allowed_mismatch)
    for suite in record.plan.suites:
        found: Baseline | PublishedBaseline | None
        kept = kept_baseline(folder, suite.suite)
        if as_concluded and suite.suite in circumstances.without_baseline:
            found, note = None, circumstances.without_baseline[suite.suite]
        elif baseline is None and kept.is_file() and suite.suite not in circumstances.without_baseline:
            found, note = load_any(kept), ""
        elif as_concluded:
            raise LedgerError(f"{kept}: missing, though suite {suite.suite!r} was compared with a baseline")
        else:
            settings = Settings(model=record.subject.name, root=Path.cwd(), baseline=baseline)
            found, note = find_baseline(settings, record.subject.name, suite.suite, suite.prompts.source)
        if isinstance(found, Baseline):
            ours = record.fingerprints[suite.suite].deciding.get("judge")
            theirs = found.fingerprint.deciding.get("judge")
            if baseline is None and ours != theirs and "judge" not in allowed:
                # Nobody named it: the run is judged by another than it began with, and has no baseline by that one.
                note = f"The baseline {found.path.name} was judged by {theirs}, this run by {ours}"
                found = None
            else:
                hold_comparable(record.fingerprints[suite.suite], found, allowed)
        baselines[suite.suite] = (found, note)
    return baselines


def _check_judge(folder: Path, judge: str) -> None:
    from pytest_framing.judges.noise import is_second
    from pytest_framing.ledger import read_verdicts
    from pytest_framing.settings import did_you_mean

    known = {verdict.judge for verdict in read_verdicts(folder).records if not is_second(verdict.judge)}
    if judge not in known:
        raise FramingError(f"--judge {judge}: gave no verdict in this run; {did_you_mean(judge, known)}")


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
