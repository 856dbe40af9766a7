"""A run read back from its folder: the record, the evidence of each suite, and what was concluded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.circumstances import read_circumstances
from pytest_framing.early_stopping import read_stops
from pytest_framing.evidence import gather_evidence
from pytest_framing.ledger import read_responses, read_verdicts
from pytest_framing.results import read_results
from pytest_framing.run_folder import read_plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.run_folder import RunRecord


@dataclass(frozen=True)
class FinishedRun:
    """Everything that a run folder holds; ``results`` is empty where the session died before they were written."""

    record: RunRecord
    evidence: Mapping[str, SuiteEvidence] = field(repr=False)
    results: Mapping[str, Any] = field(repr=False)

    @property
    def verdict(self) -> str:
        """The verdict of the session."""
        return str(self.results.get("verdict", "not_evaluated"))


def read_finished_run(folder: Path) -> FinishedRun:
    """Read a run folder.

    Raises
    ------
    LedgerError
        When it is no run, its records are damaged, or its results are of another schema version.
    """
    record = read_plan(folder)
    circumstances = read_circumstances(folder)
    evidence = gather_evidence(
        record.plan,
        read_responses(folder).records,
        read_verdicts(folder).records,
        judges=record.judges,
        deselected=circumstances.deselected,
        interrupted=circumstances.interrupted,
        stops=read_stops(folder),
    )
    return FinishedRun(record, evidence, read_results(folder))
