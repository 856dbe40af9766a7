"""Refusals over the executed order, and by who went first in a pair."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_framing.paired_table import Rate
from pytest_framing.report.plots import RunningRate, running_plot, thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Case
    from pytest_framing.report.plots import Plot
    from pytest_framing.study import ModeStudy, SuiteStudy
    from pytest_framing.suite import Suite

PARTS = 5
SMALLEST_WINDOW = 10
Judged = tuple[int, bool]
"""Place in the executed order from 1, and whether it was refused."""


@dataclass(frozen=True)
class PartRates:
    """Refusals of each framing in one part of the executed order, from place ``start`` to ``end``."""

    mode: str
    start: int
    end: int
    rates: dict[str, Rate]


@dataclass(frozen=True)
class PeriodRates:
    """Refusals of one framing where it went first in its pair, and where it went second."""

    mode: str
    framing: str
    first: Rate
    second: Rate


@dataclass(frozen=True)
class Drift:
    """Refusals over the executed order: the plot, and its numbers in parts; ``note`` says why there are none."""

    plot: Plot | None
    parts: tuple[PartRates, ...]
    periods: tuple[PeriodRates, ...]
    ran: int
    note: str = ""


def drift(suite: Suite, evidence: SuiteEvidence, study: SuiteStudy, *, name: str) -> Drift:
    """Follow the refusal rates of both framings through the executed order; replicates are left out."""
    periods = tuple(row for one in study.modes.values() for row in period_rates(one))
    stamped = [
        (response, case)
        for case in evidence.plan.cases
        if (response := evidence.responses.get(case.key)) is not None and response.worker
    ]
    stamped.sort(key=lambda found: (found[0].started, found[0].sequence, found[0].slot))
    if not stamped:
        return Drift(None, (), periods, 0, "No response says when it ran, so that nothing can be said of its order.")
    judged = _judged(suite, evidence, [case for _, case in stamped])
    modes: list[tuple[str, list[RunningRate]]] = []
    for mode in suite.modes:
        rates = [
            _running(framing, role, places)
            for framing, role in ((suite.framings.reference, "reference"), (suite.framings.treatment, "treatment"))
            if (places := judged.get((mode, framing)))
        ]
        modes.append((mode, rates))
    parts = tuple(part for mode in suite.modes for part in _parts(suite, mode, judged, len(stamped)))
    window = max((_window(len(places)) for places in judged.values()), default=0)
    if not any(rates for _, rates in modes):
        return Drift(None, (), periods, len(stamped), "No case of a pair has a valid answer.")
    plot = running_plot(
        modes,
        name=name,
        title=f"Refusal rate over the executed order in {suite.name}",
        description=(
            f"Share of refusals among the last {window} answers of each framing as the run went on, "
            f"{suite.framings.reference} solid, {suite.framings.treatment} dashed. The table below has the numbers."
        ),
        axis="cases run so far",
    )
    return Drift(plot, parts, periods, len(stamped))


def period_rates(study: ModeStudy) -> list[PeriodRates]:
    """Return refusals by framing and by whether it went first, over valid pairs whose order is on record."""
    a, b = study.reference_first, study.treatment_first
    return [
        PeriodRates(
            study.mode,
            study.framings.reference,
            Rate(a.both_refuse + a.reference_only, a.n),
            Rate(b.both_refuse + b.reference_only, b.n),
        ),
        PeriodRates(
            study.mode,
            study.framings.treatment,
            Rate(b.both_refuse + b.treatment_only, b.n),
            Rate(a.both_refuse + a.treatment_only, a.n),
        ),
    ]


def _judged(suite: Suite, evidence: SuiteEvidence, ran: Sequence[Case]) -> dict[tuple[str, str], list[Judged]]:
    found: dict[tuple[str, str], list[Judged]] = {}
    for place, case in enumerate(ran, start=1):
        verdict = evidence.verdict(case)
        if case.role == "pair" and case.replicate == 1 and verdict is not None and verdict.valid:
            found.setdefault((case.mode, case.framing), []).append((place, verdict.refused))
    return found


def _window(count: int) -> int:
    """Answers that a running rate looks back on: an eighth of them, and enough for a rate."""
    return min(count, max(SMALLEST_WINDOW, count // 8))


def _running(framing: str, role: str, places: Sequence[Judged]) -> RunningRate:
    window = _window(len(places))
    recent: deque[bool] = deque(maxlen=window)
    points = []
    for place, refused in places:
        recent.append(refused)
        if len(recent) == window:
            points.append((place, 100 * sum(recent) / window))
    kept = [points[number] for number in thinned(len(points))]
    return RunningRate(framing, role, tuple(float(place) for place, _ in kept), tuple(rate for _, rate in kept))


def _parts(suite: Suite, mode: str, judged: dict[tuple[str, str], list[Judged]], ran: int) -> list[PartRates]:
    parts = []
    for number in range(PARTS):
        start, end = number * ran // PARTS + 1, (number + 1) * ran // PARTS
        rates = {}
        for framing in (suite.framings.reference, suite.framings.treatment):
            inside = [refused for place, refused in judged.get((mode, framing), ()) if start <= place <= end]
            rates[framing] = Rate(sum(inside), len(inside))
        parts.append(PartRates(mode, start, end, rates))
    return parts
