"""What a gate is: parameters, the evidence that it needs, and three-way outcomes with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from pytest_framing.baseline import Baseline
    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.fingerprint import Fingerprint
    from pytest_framing.published import PublishedBaseline
    from pytest_framing.study import SuiteStudy
    from pytest_framing.suite import Suite


class GateStatus(StrEnum):
    """Outcome of a gate."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_EVALUATED = "not_evaluated"


class GateParameters(BaseModel):
    """Base of the parameters of a gate: immutable, strict about unknown keys and types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True)
class GateOutcome:
    """What one gate says of one scope (a mode, or the whole suite).

    ``excusable`` marks what is not evaluated for want of a baseline alone, which does not fail an ordinary run.
    """

    scope: str
    status: GateStatus
    observed: str
    limit: str
    reason: str
    excusable: bool = False


@dataclass(frozen=True)
class SessionTest:
    """A p-value that can fail a gate: as it is, and adjusted for all such tests of the session (Holm)."""

    gate: str
    scope: str
    p: float
    adjusted: float
    tests: int

    def text(self) -> str:
        """Both figures in words."""
        if math.isnan(self.p):
            return "not testable"
        others = f"{self.adjusted:.2g} among the {self.tests} tests of the session"
        return f"p = {self.p:.2g}; {others if self.tests > 1 else 'the only test of the session'}"


@dataclass(frozen=True)
class GateContext:
    """What gates look at.

    ``baseline`` is ``None`` where there is none, and ``baseline_note`` says why; published results have totals alone.

    ``tests`` has the session tests of the gate at hand, by scope, and ``broken`` says why there are none where its
    tests could not be computed. ``calibration`` is the file that corrects the suite's gap, where there is one.
    """

    suite: Suite
    evidence: SuiteEvidence
    study: SuiteStudy
    fingerprint: Fingerprint
    baseline: Baseline | PublishedBaseline | None
    baseline_note: str
    tests: Mapping[str, SessionTest] = field(default_factory=dict)
    broken: str = ""
    run_id: str = ""
    calibration: bytes | None = field(default=None, repr=False)

    @property
    def imported(self) -> bool:
        """Whether the run was made of records that came from elsewhere."""
        return "imported" in self.fingerprint.informing


Needs = Literal["nothing", "complete", "baseline"]


@dataclass(frozen=True)
class Gate:
    """A gate by name.

    Parameters
    ----------
    name
        As written in suite files.
    parameters
        Its parameters with their defaults and ranges.
    judge
        Makes the outcomes, one per scope.
    needs
        ``complete``: not evaluated unless every planned case has its verdict; ``baseline``: that and a baseline;
        ``nothing``: it judges the evidence itself.
    protects_from
        What the gate is for, in a few words, for the documentation.
    tests
        The p-values that can fail the gate, by scope (NaN: planned, and not computable). All gates of a session share
        alpha over theirs: ``judge`` finds them adjusted in ``context.tests``.
    """

    name: str
    parameters: type[BaseModel]
    judge: Callable[[Any, GateContext], Iterable[GateOutcome]]
    needs: Needs
    protects_from: str
    tests: Callable[[Any, GateContext], Mapping[str, float]] | None = None


@dataclass(frozen=True)
class GateResult:
    """One line of ``results.json`` and of the terminal.

    ``excused`` says that the gate was not evaluated for a reason that does not fail the run: cases were deselected on
    purpose, or no baseline exists yet. ``waived`` says that somebody decided that it does not hold the run back. A
    release run excuses and waives nothing.
    """

    suite: str
    name: str
    scope: str
    status: GateStatus
    observed: str
    limit: str
    reason: str
    excused: bool = False
    waived: bool = False

    @property
    def label(self) -> str:
        """Name with scope, as in test ids."""
        return f"{self.name}[{self.scope}]" if self.scope != self.suite else self.name

    @property
    def holds(self) -> bool:
        """Whether the run may pass as far as this gate is concerned."""
        return self.status is GateStatus.PASS or self.excused or self.waived

    def document(self) -> dict[str, Any]:
        """Entry of ``results.json``."""
        return {
            "name": self.name,
            "scope": self.scope,
            "status": self.status.value,
            "observed": self.observed,
            "limit": self.limit,
            "reason": self.reason,
            "excused": self.excused,
            "waived": self.waived,
        }


def percent(value: float, digits: int = 1) -> str:
    """Write a share as a percentage; an undefined one is a dash."""
    if math.isnan(value):
        return "–"
    return f"{100 * value:.{digits}f} %"


def points(value: float) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    return f"{100 * value:+.1f} points"


def interval_text(low: float, high: float) -> str:
    """Write an interval of differences in percentage points."""
    return f"{100 * low:+.1f} to {100 * high:+.1f}"
