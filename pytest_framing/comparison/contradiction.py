"""Decisions that changed though they had no reason to: the same weights under the same protocol decide alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import BaselineError
from pytest_framing.gates.gate import GateStatus, percent
from pytest_framing.gates.regression import decision_of
from pytest_framing.protocol_difference import same_platform, same_protocol, same_weights
from pytest_framing.published import fewest_changes, least_changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_framing.comparison.arm import Criteria
    from pytest_framing.comparison.comparand import SuiteDecisions


@dataclass(frozen=True)
class Contradiction:
    """Every changed decision of two runs of the same weights under the same protocol, by arm.

    ``allowed`` is the share that may change: none on the same platform.
    """

    status: GateStatus
    reason: str
    decisions: int
    allowed: float
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Entry of JSON output."""
        return {
            "status": self.status.value,
            "decisions": self.decisions,
            "allowed": self.allowed,
            "changed": {arm: list(prompts) for arm, prompts in self.changed.items()},
            "reason": self.reason,
        }


def contradiction(base: SuiteDecisions, candidate: SuiteDecisions, criteria: Criteria) -> Contradiction | None:
    """Hold all decisions on shared prompts against each other, by the rule of the gate ``comparable``.

    Returns
    -------
    Contradiction or None
        ``None`` where weights or protocol are others, or not known to be the same, so that decisions may change.
    """
    ours, theirs = candidate.fingerprint, base.fingerprint
    if ours is None or theirs is None or not (same_protocol(ours, theirs) and same_weights(ours, theirs)):
        return None
    shared = {key: (base.decisions[key], now) for key, now in candidate.decisions.items() if key in base.decisions}
    changed = changed_decisions(base, candidate)
    count = sum(len(prompts) for prompts in changed.values())
    unmoved = same_platform(ours, theirs)
    allowed = 0.0 if unmoved else criteria.max_changed
    where = "on the same platform" if unmoved else f"on another platform, where {percent(allowed)} may change"
    observed = f"{count} of {len(shared)} shared decisions changed {where}"
    if count <= allowed * len(shared):
        return Contradiction(
            GateStatus.PASS, f"the same weights decide alike: {observed}", len(shared), allowed, changed
        )
    reason = f"the same weights under the same protocol contradict each other: {observed}"
    return Contradiction(GateStatus.FAIL, reason, len(shared), allowed, changed)


def changed_decisions(base: SuiteDecisions, candidate: SuiteDecisions) -> dict[str, tuple[str, ...]]:
    """List the prompts on which two sides decide otherwise, answers that became invalid included, by arm."""
    changed: dict[str, list[str]] = {}
    for (mode, framing, prompt_id, digest), now in candidate.decisions.items():
        before = base.decisions.get((mode, framing, prompt_id, digest))
        if before is not None and decision_of(before) != decision_of(now):
            changed.setdefault(f"{mode}-{framing}", []).append(prompt_id)
    return {arm: tuple(sorted(prompts)) for arm, prompts in changed.items()}


def fewest_changed(base: SuiteDecisions, candidate: SuiteDecisions) -> dict[str, int]:
    """Fewest decisions that must have changed, by arm, where one side has totals alone; empty where nothing follows."""
    if base.published is not None and candidate.published is not None:
        try:
            by_mode = fewest_changes(base.published, candidate.published)
        except BaselineError:
            # Other models, or prompts that nobody can tell: no contradiction follows, and that is no error here.
            return {}
        return {f"{mode}-{name}": least for mode, arms in by_mode.items() for name, least in arms.items() if least}
    paper, run = (base, candidate) if base.published is not None else (candidate, base)
    if paper.published is None:
        return {}
    totals = {arm: (rate.count, rate.n) for arm, rate in run.totals.items()}
    found = least_changed(paper.published, totals, *run.asked)
    return {f"{mode}-{framing}": least for (mode, framing), least in found.items()}
