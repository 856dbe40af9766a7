"""What the controller of a run does with the report of every case, as it comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_framing.report.progress import Progress
from pytest_framing.shared_strings import with_shared_strings

if TYPE_CHECKING:
    from pytest_framing.session import GateSession


class ReportWatch:
    """Sees every report on the controller, with and without xdist; a hook of reports has no other way to its config."""

    def __init__(self, session: GateSession, config: pytest.Config) -> None:
        """Watch the cases of that session."""
        self._session, self._config = session, config
        self._progress = Progress(len(session.prepared.record.plan.cases))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_from_serializable(self, data: dict[str, Any]) -> None:
        """Let the reports of the workers share their texts: pytest keeps three reports a case until the end."""
        data.update(with_shared_strings(data))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hand verdicts to the monitor of early stopping, and say now and then how far the run is."""
        outcome = getattr(report, "framing", None)
        if outcome is None or report.when != "call":
            return
        self._session.watch((outcome["suite"], outcome["case"]), outcome["verdict"])
        line = self._progress.add(outcome["tokens"])
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if line and terminal is not None and self._config.option.verbose >= 0:
            terminal.ensure_newline()
            terminal.write_line(line)
