"""Demonstrations on the page: compliance by numbers and by ordering, and the table of conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_framing.report.plots import IntervalRow, Plot, RateCurve, RatePoint, interval_plot, rate_plot

if TYPE_CHECKING:
    from pytest_framing.composition_study import CompositionStudy, ConditionStudy
    from pytest_framing.paired_table import Rate

ROLES = ("reference", "treatment", "placebo", "ink")


@dataclass(frozen=True)
class ReportedComposition:
    """What the page says of the demonstrations of one suite; plots are ``None`` where there is nothing to draw."""

    study: CompositionStudy
    conditions: list[ConditionStudy]
    plot: Plot | None
    ordering_plot: Plot | None


def report_composition(study: CompositionStudy | None, number: int) -> ReportedComposition | None:
    """Prepare the section of a suite; ``number`` keeps the names of its plots apart."""
    if study is None:
        return None
    return ReportedComposition(
        study,
        [study.baseline, *study.conditions.values()],
        composition_plot(study, number),
        ordering_plot(study, number),
    )


def composition_plot(study: CompositionStudy, number: int) -> Plot | None:
    """Draw compliance against the number of harmful demonstrations, one curve a number of benign ones."""
    by_benign: dict[int, list[RatePoint]] = {}
    for one in study.conditions.values():
        if one.context is not None and one.context.grid and one.compliance.n:
            by_benign.setdefault(one.context.benign, []).append(_point(one.context.harmful, one.compliance))
    if not by_benign:
        return None
    curves = [
        RateCurve(f"{benign} benign", ROLES[place % len(ROLES)], tuple(sorted(points)))
        for place, (benign, points) in enumerate(sorted(by_benign.items()))
    ]
    alone = study.baseline.compliance
    return rate_plot(
        curves,
        floor=100 * alone.rate,
        name=f"composition-{number}",
        title="Compliance by the number of harmful demonstrations",
        description=f"{study.reason} The line across is compliance without demonstrations.",
        axis="harmful demonstrations",
    )


def ordering_plot(study: CompositionStudy, number: int) -> Plot | None:
    """Draw compliance under each ordering of each mixture."""
    rows = [
        IntervalRow(f"{mixture}, harmful ones {name}", 100 * rate.rate, 100 * rate.interval[0], 100 * rate.interval[1])
        for mixture, orderings in study.orderings.items()
        for name, rate in orderings.rates.items()
    ]
    if not rows:
        return None
    return interval_plot(
        rows,
        name=f"ordering-{number}",
        title="Compliance by ordering",
        description="The same demonstrations in several orderings, with 95 % intervals.",
        axis="% complied",
        floor=0,
    )


def _point(harmful: int, rate: Rate) -> RatePoint:
    low, high = rate.interval
    return RatePoint(harmful, 100 * rate.rate, 100 * low, 100 * high)
