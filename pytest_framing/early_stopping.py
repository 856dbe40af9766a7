"""Stopping a suite early on a large effect: an e-value over discordant pairs, which may be looked at after every one.

Looking at a p-value after every pair errs far more often than it says. An e-value does not: under no effect it reaches
``1 / alpha`` at any time with probability ``alpha`` at most. It saves prompts on large effects alone, and it can only
fail a run: a suite that stopped early never passes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import LedgerError
from pytest_framing.json_documents import read_document, write_document
from pytest_framing.records import REFUSED, CaseKey, VerdictLabel
from pytest_framing.stats.sequential import log_e_value
from pytest_framing.typed_records import typed_record

if TYPE_CHECKING:
    from pytest_framing.plan import Plan
    from pytest_framing.records import Case
    from pytest_framing.suite import Suite

FILE = "stopped.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class EarlyStop:
    """Where and why a suite stopped: the discordant pairs of one mode, among the pairs judged by then."""

    suite: str
    mode: str
    last_case: str
    pairs: int
    planned: int
    treatment_only: int
    reference_only: int
    log_e_value: float
    threshold: float

    def reason(self) -> str:
        """Say it in a sentence."""
        return (
            f"stopped after {self.pairs} of {self.planned} pairs in {self.mode} mode: "
            f"{self.treatment_only} refused under the treatment framing alone, {self.reference_only} under the "
            f"reference alone, an e-value of {_large(self.log_e_value)} where {self.threshold:g} suffices"
        )


@dataclass
class StopMonitor:
    """Watches verdicts as they come in, whoever judged them, and says when a suite has seen enough.

    Parameters
    ----------
    plan
        The plan of the session.
    suites
        Its suites by name; those without ``stop: {early: true}`` are never stopped.
    """

    plan: Plan
    suites: Mapping[str, Suite]
    stopped: dict[str, EarlyStop] = field(default_factory=dict, init=False)
    _seen: set[CaseKey] = field(default_factory=set, init=False)
    _waiting: dict[tuple[str, str], tuple[Case, bool | None]] = field(default_factory=dict, init=False)
    _counts: dict[tuple[str, str], Counter[str]] = field(default_factory=dict, init=False)

    def add(self, key: CaseKey, label: VerdictLabel) -> EarlyStop | None:
        """Take in a verdict; return the stop that it brings about.

        A case counts once, however often it reports: from the ledger of a run that goes on, and from several tests.
        """
        if key in self._seen:
            return None
        self._seen.add(key)
        suite = self.suites[key[0]]
        case = self.plan.cases[key]
        if not suite.stop.early or suite.name in self.stopped or case.role != "pair" or case.replicate != 1:
            return None
        refused = None if label is VerdictLabel.INVALID else label in REFUSED
        other = self._waiting.pop((suite.name, case.pair), None)
        if other is None:
            self._waiting[suite.name, case.pair] = (case, refused)
            return None
        counts = self._counts.setdefault((suite.name, case.mode), Counter())
        counts["pairs"] += 1
        if refused is None or other[1] is None or refused == other[1]:
            return None
        treatment_refused = refused if case.framing == suite.framings.treatment else other[1]
        counts["treatment_only" if treatment_refused else "reference_only"] += 1
        value = log_e_value(counts["treatment_only"], counts["reference_only"])
        threshold = len(suite.modes) / suite.stop.alpha
        if value < math.log(threshold):
            return None
        stop = EarlyStop(
            suite.name,
            case.mode,
            case.id,
            counts["pairs"],
            len(self.plan.prompts(suite.name)),
            counts["treatment_only"],
            counts["reference_only"],
            value,
            threshold,
        )
        self.stopped[suite.name] = stop
        return stop


def write_stops(folder: Path, stops: Iterable[EarlyStop]) -> None:
    """Write where suites stopped into the run folder, where every worker sees it.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    write_document(
        folder / FILE, {"schema_version": SCHEMA_VERSION, "suites": {stop.suite: asdict(stop) for stop in stops}}
    )


def read_stops(folder: Path) -> dict[str, EarlyStop]:
    """Read where suites stopped; empty where none did.

    Raises
    ------
    LedgerError
        When the file is damaged, or does not hold what it claims: an e-value that its own counts give, above its
        threshold.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    document: dict[str, Any] = read_document(path, LedgerError)
    try:
        stops = {name: typed_record(EarlyStop, stop) for name, stop in document["suites"].items()}
        sound = all(
            math.isclose(log_e_value(stop.treatment_only, stop.reference_only), stop.log_e_value, rel_tol=1e-9)
            and stop.log_e_value >= math.log(stop.threshold)
            and stop.treatment_only + stop.reference_only <= stop.pairs <= stop.planned
            for stop in stops.values()
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LedgerError(f"{path}: not a record of early stops ({type(error).__name__}: {error})") from error
    if document.get("schema_version") != SCHEMA_VERSION or not sound:
        raise LedgerError(f"{path}: the e-values in it are not those of its counts: it was changed afterwards")
    return stops


def _large(log_value: float) -> str:
    return f"{math.exp(log_value):.3g}" if log_value < 300 else f"10^{log_value / math.log(10):.0f}"
