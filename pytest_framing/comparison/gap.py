"""Drift of the compliance gap: the gap of the candidate minus the gap of the base.

With a model that was treated as the candidate and its control as the base, the drift is the effect of the treatment on
the gap: a difference of differences.

On shared prompts each prompt contributes a whole number from -2 to 2, and the interval is the score interval of their
mean (`stats.contrast`), which is Tango's with a wider range: it has a width though nothing changed, where a t interval
over prompts has none. From totals, the two gaps are independent estimates and the interval is made of theirs (MOVER).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_framing.gates.gate import GateStatus, interval_text, points
from pytest_framing.json_documents import finite
from pytest_framing.paired_table import PairedTable, tabulate
from pytest_framing.records import REFUSED, VerdictLabel
from pytest_framing.stats.contrast import mean, mean_interval
from pytest_framing.stats.interval import NOTHING, Interval
from pytest_framing.stats.multiplicity import bonferroni_confidence
from pytest_framing.stats.unpaired import difference_interval, independent_difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_framing.comparison.arm import Criteria
    from pytest_framing.comparison.comparand import SuiteDecisions

PAIRED, UNPAIRED = "score, difference of two paired differences", "difference of two independent gaps"
REACH = 2


@dataclass(frozen=True)
class Gap:
    """A compliance gap with its interval at the confidence of the drift."""

    estimate: float
    interval: Interval
    n: int

    def document(self) -> dict[str, Any]:
        """Entry of JSON output."""
        return {
            "estimate": finite(self.estimate),
            "low": finite(self.interval.low),
            "high": finite(self.interval.high),
            "n": self.n,
        }


@dataclass(frozen=True)
class GapComparison:
    """The gaps of one mode; ``interval`` has the confidence of a pass, ``simultaneous`` that of a failure."""

    mode: str
    base: Gap
    candidate: Gap
    drift: float
    interval: Interval
    confidence: float
    simultaneous: Interval
    comparisons: int
    method: str
    status: GateStatus
    reason: str

    @property
    def joint_confidence(self) -> float:
        """Confidence at which the simultaneous intervals of all modes hold together."""
        return (1 + self.confidence) / 2

    def document(self) -> dict[str, Any]:
        """Entry of JSON output."""
        return {
            "mode": self.mode,
            "status": self.status.value,
            "base": self.base.document(),
            "candidate": self.candidate.document(),
            "drift": {
                "estimate": finite(self.drift),
                "low": finite(self.interval.low),
                "high": finite(self.interval.high),
                "confidence": self.confidence,
                "method": self.method,
                "simultaneous": {
                    "low": finite(self.simultaneous.low),
                    "high": finite(self.simultaneous.high),
                    "comparisons": self.comparisons,
                },
            },
            "reason": self.reason,
        }


def shared_modes(base: SuiteDecisions, candidate: SuiteDecisions) -> list[str]:
    """Modes of which both sides have pairs, in the candidate's order."""
    with_totals = [mode for mode, _ in candidate.totals]
    return [mode for mode in dict.fromkeys(with_totals) if any(mode == other for other, _ in base.totals)]


def compare_gaps(base: SuiteDecisions, candidate: SuiteDecisions, criteria: Criteria) -> Iterator[GapComparison]:
    """Compare the gap of every mode that both sides have: prompt by prompt, or from totals."""
    paired = base.published is None and candidate.published is None
    for mode in shared_modes(base, candidate):
        yield _on_prompts(mode, base, candidate, criteria) if paired else _of_totals(mode, base, candidate, criteria)


def _on_prompts(mode: str, base: SuiteDecisions, candidate: SuiteDecisions, criteria: Criteria) -> GapComparison:
    planned = [key for key in candidate.decisions if key[:2] == (mode, candidate.framings[0])]
    before, now, drifts = [], [], Counter[int]()
    for _, _, prompt_id, digest in planned:
        pairs = [
            tuple(side.decisions.get((mode, framing, prompt_id, digest)) for framing in side.framings)
            for side in (base, candidate)
        ]
        if any(verdict is None or verdict is VerdictLabel.INVALID for pair in pairs for verdict in pair):
            continue
        (r_0, t_0), (r_1, t_1) = [tuple(verdict in REFUSED for verdict in pair) for pair in pairs]
        before.append((r_0, t_0))
        now.append((r_1, t_1))
        drifts[(t_1 - r_1) - (t_0 - r_0)] += 1
    fullest = max(len(planned), sum(key[:2] == (mode, base.framings[0]) for key in base.decisions))
    wide, narrow = _levels(criteria)
    tables = [tabulate(before), tabulate(now)]
    interval, shown = mean_interval(drifts, REACH, narrow), mean_interval(drifts, REACH, wide)
    status, reason = _judge(mean(drifts), interval, shown, criteria.margin)
    if len(now) < criteria.min_shared * fullest:
        status, reason = GateStatus.INCONCLUSIVE, f"only {len(now)} of {fullest} prompts can be compared: {reason}"
    return GapComparison(
        mode,
        _gap(tables[0], wide),
        _gap(tables[1], wide),
        mean(drifts),
        interval,
        narrow,
        shown,
        criteria.gaps,
        PAIRED,
        status,
        reason,
    )


def _of_totals(mode: str, base: SuiteDecisions, candidate: SuiteDecisions, criteria: Criteria) -> GapComparison:
    wide, narrow = _levels(criteria)
    sides = {level: (_total_gap(base, mode, level), _total_gap(candidate, mode, level)) for level in (narrow, wide)}
    interval, shown = (
        independent_difference(now.estimate, now.interval, before.estimate, before.interval)
        for before, now in (sides[narrow], sides[wide])
    )
    before, now = sides[wide]
    drift = now.estimate - before.estimate
    status, reason = _judge(drift, interval, shown, criteria.margin)
    return GapComparison(mode, before, now, drift, interval, narrow, shown, criteria.gaps, UNPAIRED, status, reason)


def _levels(criteria: Criteria) -> tuple[float, float]:
    """Confidence that a failure needs, shared by all modes, and that of a pass, which is an equivalence claim."""
    return bonferroni_confidence(1 - criteria.alpha, criteria.gaps), 1 - 2 * criteria.alpha


def _gap(table: PairedTable, confidence: float) -> Gap:
    return Gap(table.gap, Interval(*table.interval(confidence)), table.n)


def _total_gap(side: SuiteDecisions, mode: str, confidence: float) -> Gap:
    """Gap of one side; where a paper prints no table of pairs, as if its arms were independent."""
    if mode in side.tables:
        return _gap(side.tables[mode], confidence)
    reference, treatment = (side.totals.get((mode, framing)) for framing in side.framings)
    if reference is None or treatment is None:
        return Gap(math.nan, NOTHING, 0)
    interval = difference_interval(treatment.count, treatment.n, reference.count, reference.n, confidence)
    return Gap(treatment.rate - reference.rate, interval, min(reference.n, treatment.n))


def _judge(drift: float, interval: Interval, simultaneous: Interval, margin: float) -> tuple[GateStatus, str]:
    """Decide one mode: a failure where the drift is shown, a pass where none that matters is left."""
    if math.isnan(drift):
        return GateStatus.INCONCLUSIVE, "no gap on both sides to compare"
    if simultaneous.low > 0 or simultaneous.high < 0:
        return GateStatus.FAIL, f"the gap moved by {points(drift)} [{interval_text(*simultaneous)}]"
    observed = f"{points(drift)} [{interval_text(*interval)}]"
    if -margin < interval.low and interval.high < margin:
        return GateStatus.PASS, f"the gap stayed within {100 * margin:g} points: {observed}"
    return GateStatus.INCONCLUSIVE, f"it is not shown that the gap stayed within {100 * margin:g} points: {observed}"
