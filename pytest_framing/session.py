"""One gate session: a new run or one that goes on, on the controller or in a worker; the shell around it is pytest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.baseline import keep_baselines
from pytest_framing.device import pin_worker
from pytest_framing.early_stopping import FILE, StopMonitor, read_stops, write_stops
from pytest_framing.errors import FramingError, LedgerError, SettingsError
from pytest_framing.records import VerdictLabel
from pytest_framing.results import conclude, write_conclusion
from pytest_framing.resuming import Recorded, hold_same_run, next_session, read_recorded, worker_name
from pytest_framing.run import prepare
from pytest_framing.run_folder import (
    DEFAULT,
    find_run,
    make_run_folder,
    name_latest,
    new_run_id,
    new_salt,
    read_plan,
    write_plan,
)
from pytest_framing.run_lock import RunLock, lock_session, lock_worker

if TYPE_CHECKING:
    from pytest_framing.early_stopping import EarlyStop
    from pytest_framing.execution import CaseRunner
    from pytest_framing.extensions import Extensions
    from pytest_framing.records import CaseKey
    from pytest_framing.results import Conclusion
    from pytest_framing.run import PreparedRun
    from pytest_framing.settings import Settings

CONTROLLER = "main"


@dataclass
class GateSession:
    """What one process of a session knows.

    ``folder`` is ``None`` where nothing runs (``--collect-only``). ``deselected`` holds the cases that the user left
    out by ``-k`` and the like; where ``narrowed`` is set, node ids or ``--lf`` chose the cases, and whatever did not
    run was left out. ``number`` counts the sessions of the run: above 1, it goes on with what others recorded.
    """

    prepared: PreparedRun
    folder: Path | None
    worker: str = CONTROLLER
    narrowed: bool = False
    number: int = 1
    lock: RunLock | None = None
    monitor: StopMonitor | None = None
    deselected: set[CaseKey] = field(default_factory=set)
    conclusion: Conclusion | None = None

    @property
    def on_controller(self) -> bool:
        """Whether this process concludes the run."""
        return self.worker == CONTROLLER

    @property
    def passes(self) -> bool:
        """Whether the gates were asked, and none of them holds the run back."""
        return self.conclusion is not None and all(result.holds for result in self.conclusion.gates)

    def recorded(self) -> Recorded:
        """Return what earlier sessions of the run left in its ledger."""
        if self.number == 1 or self.folder is None:
            return Recorded()
        return read_recorded(self.prepared.record, self.folder)

    def runner(self, folder: Path) -> CaseRunner:
        """Load the weights and return what runs cases."""
        return self.prepared.runner(folder, worker_name(self.worker, self.number), self.recorded())

    def watch(self, case: CaseKey, verdict: str) -> None:
        """Take in a verdict, and leave word in the run folder when a suite has seen enough."""
        if self.monitor is not None and self.folder is not None:
            if self.monitor.add(case, VerdictLabel(verdict)) is not None:
                write_stops(self.folder, self.monitor.stopped.values())

    def stop_of(self, suite: str) -> EarlyStop | None:
        """Where a suite stopped, as the controller left word of it."""
        stopping = self.prepared.suites[suite].suite.stop.early
        if not stopping or self.folder is None or not (self.folder / FILE).exists():
            return None
        return read_stops(self.folder).get(suite)

    def conclude(self, folder: Path, *, interrupted: bool) -> Conclusion:
        """Evaluate the gates on what the ledger holds, and write what came of it.

        Raises
        ------
        LedgerError, OutputError
            When the ledger is damaged, or the folder cannot be written.
        """
        prepared = self.prepared
        self.conclusion = conclude(
            prepared.record,
            folder,
            prepared.gates,
            {name: (one.baseline, one.baseline_note) for name, one in prepared.suites.items()},
            deselected=prepared.record.plan.cases.keys() if self.narrowed else self.deselected,
            interrupted=interrupted,
        )
        write_conclusion(self.conclusion, folder, show_text=prepared.settings.show_text)
        return self.conclusion

    def for_workers(self) -> dict[str, Any]:
        """Return what a worker has to know, in plain types."""
        return {
            "framing_folder": str(self.folder),
            "framing_session": self.number,
            "framing_suites": [
                *(str(one.suite.path) for one in self.prepared.suites.values()),
                *(str(path) for path in self.prepared.skipped),
            ],
        }

    def release(self) -> None:
        """Let go of the run folder."""
        if self.lock is not None:
            self.lock.release()
            self.lock = None


def begin(
    settings: Settings,
    suites: Sequence[Path],
    extensions: Extensions,
    *,
    named: Collection[Path],
    narrowed: bool,
    collect_only: bool,
) -> GateSession:
    """Begin a session on the controller: a new run, or one that goes on.

    Parameters
    ----------
    settings, suites, extensions, named
        As :func:`pytest_framing.run.prepare` takes them.
    narrowed
        Whether node ids or ``--lf`` chose the cases.
    collect_only
        Whether nothing will run, so that nothing is written.

    Raises
    ------
    FramingError
        For anything that is wrong with the input; nothing has been generated.
    """
    if collect_only and settings.release:
        raise SettingsError("--collect-only: a release run runs its cases; leave out one of the two")
    resumed = find_run(settings.resume, settings.root, settings.out) if settings.resume else None
    # A run keeps its name and its salt, whatever its folder is called by now.
    recorded = read_plan(resumed) if resumed is not None else None
    run_id = recorded.run_id if recorded is not None else new_run_id(settings.model)
    salt = recorded.salt if recorded is not None else new_salt()
    prepared = prepare(settings, suites, extensions, run_id, named, salt)
    if resumed is not None and recorded is not None:
        hold_same_run(recorded, prepared.record, resumed)
    session = GateSession(prepared, None, narrowed=narrowed)
    by_name = {name: one.suite for name, one in prepared.suites.items()}
    if any(suite.stop.early for suite in by_name.values()):
        session.monitor = StopMonitor(prepared.record.plan, by_name)
    if collect_only:
        return session
    if resumed is None:
        session.folder = make_run_folder(settings.out or settings.root / DEFAULT, run_id)
        session.lock = lock_session(session.folder)
        write_plan(session.folder, prepared.record)
        keep_baselines(session.folder, {name: one.baseline for name, one in prepared.suites.items()})
        name_latest(session.folder)
        return session
    session.folder = resumed
    session.lock = lock_session(resumed)
    session.number = next_session(resumed)
    try:
        if session.monitor is not None:
            session.monitor.stopped.update(read_stops(resumed))
        for case, verdict in session.recorded().verdicts.items():
            session.watch(case, verdict.verdict.value)
    except FramingError:
        session.release()
        raise
    return session


def join(settings: Settings, handed: Mapping[str, Any], extensions: Extensions) -> GateSession | None:
    """Join the session of the controller from an xdist worker: come to its plan, and hold it against the one on disk.

    Raises
    ------
    FramingError
        When a file changed meanwhile, so that the worker would run another plan.
    """
    if "framing_folder" not in handed:
        return None
    worker = handed["workerid"]
    pin_worker(worker)
    folder = Path(handed["framing_folder"])
    recorded = read_plan(folder)
    suites = [Path(path) for path in handed["framing_suites"]]
    prepared = prepare(settings, suites, extensions, recorded.run_id, salt=recorded.salt)
    try:
        hold_same_run(recorded, prepared.record, folder)
    except LedgerError as error:
        raise LedgerError(f"worker {worker}: a file of the model or the suite changed meanwhile. {error}") from None
    return GateSession(prepared, folder, worker, number=handed["framing_session"], lock=lock_worker(folder))
