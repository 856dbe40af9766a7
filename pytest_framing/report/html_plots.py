"""The rows of the report's interval plots: gaps of all suites, and flips beside what noise and placebo make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_framing.gates.gate import percent, points
from pytest_framing.report.plots import IntervalRow, interval_plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_framing.paired_table import Rate
    from pytest_framing.report.html_findings import Sensitivity
    from pytest_framing.report.plots import Plot
    from pytest_framing.study import ModeStudy


def gap_plot(modes: Sequence[tuple[str, ModeStudy, Sensitivity]]) -> Plot | None:
    """Draw the gap of each suite and mode with both intervals and the margin; nothing without a suite."""
    rows = [_gap_row(name, study, seen) for name, study, seen in modes]
    if not rows:
        return None
    named = {(study.framings.treatment, study.framings.reference) for _, study, _ in modes}
    (treatment, reference), *others = named
    between = "treatment minus reference" if others else f"{treatment} minus {reference}"
    return interval_plot(
        rows,
        name="gaps",
        title="Compliance gaps with their intervals",
        description=" ".join(
            f"{row.label}, 95 % interval {row.low:+.1f} to {row.high:+.1f}, margin {row.margin:g}."
            for row in rows
            if row.estimate == row.estimate
        )
        or "No gap is defined.",
        axis=f"refusal rate, {between} (points)",
    )


def flip_plot(suite: str, studies: Sequence[ModeStudy], number: int) -> Plot | None:
    """Draw the flip rates of framing, placebo and repetition of each mode; nothing where no pair is valid."""
    rows: list[IntervalRow] = []
    for study in studies:
        repeated = [(f"{framing} repeated", rate) for framing, rate in study.noise.items()]
        kinds = [("framing", study.table.flips, "treatment"), ("placebo", study.placebo.flips, "placebo")]
        kinds.extend((label, rate, "reference") for label, rate in repeated)
        rows.extend(_flip_row(f"{study.mode}, {label}", rate, role) for label, rate, role in kinds if rate.n)
    if not rows:
        return None
    return interval_plot(
        rows,
        name=f"flips-{number}",
        title=f"Flip rates in {suite}",
        description=" ".join(f"{row.label}, 95 % interval {row.low:.1f} to {row.high:.1f} %." for row in rows),
        axis="verdicts that change (%)",
        floor=0.0,
    )


def _gap_row(name: str, study: ModeStudy, seen: Sensitivity) -> IntervalRow:
    table = study.table
    low, high = table.interval()
    wide_low, wide_high = seen.together
    label = f"{name}, {study.mode}" + (f": {points(table.gap)}".replace("-", "−") if table.n else "")
    return IntervalRow(
        label,
        100 * table.gap,
        100 * low,
        100 * high,
        wide_low=100 * wide_low,
        wide_high=100 * wide_high,
        margin=100 * seen.margin,
        role="ink",
    )


def _flip_row(label: str, rate: Rate, role: str) -> IntervalRow:
    low, high = rate.interval
    return IntervalRow(f"{label}: {percent(rate.rate)}", 100 * rate.rate, 100 * low, 100 * high, role=role)
