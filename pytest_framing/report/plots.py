"""The plots of the report: intervals in rows, and a rate over the executed order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_framing.report.svg import COLOURS, drawing, inline_svg, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Two drawings a plot, of which the style sheet shows the one that fits: text that shrinks with its plot cannot be read
# on a phone.
WIDE, NARROW = 680.0, 320.0
ROW = 46.0
CHARACTER = 6.6
MOST_POINTS = 160


@dataclass(frozen=True)
class Plot:
    """A plot in both widths, as ``<svg>`` elements."""

    wide: str
    narrow: str


@dataclass(frozen=True)
class IntervalRow:
    """One row: an estimate with its interval, a wider one around it, and a band that it is held against.

    All in percent or points; NaN where undefined. ``role`` names the colour and the marker.
    """

    label: str
    estimate: float
    low: float
    high: float
    wide_low: float = math.nan
    wide_high: float = math.nan
    margin: float = math.nan
    role: str = "reference"


@dataclass(frozen=True, order=True)
class RatePoint:
    """A rate with its interval, in percent, at a count."""

    count: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class RateCurve:
    """Rates by a count; ``role`` names colour and marker."""

    label: str
    role: str
    points: tuple[RatePoint, ...]


@dataclass(frozen=True)
class RunningRate:
    """Refusal rate of one framing over the executed order; ``positions`` and ``rates`` (percent) go together."""

    framing: str
    role: str
    positions: tuple[float, ...]
    rates: tuple[float, ...]


MARKERS = {"reference": "o", "treatment": "s", "placebo": "^", "ink": "D"}
DASHES = {"reference": "-", "treatment": "--"}


def interval_plot(
    rows: Sequence[IntervalRow], *, name: str, title: str, description: str, axis: str, floor: float | None = None
) -> Plot:
    """Draw one row an interval, its label above it; ``floor`` is where a rate cannot fall below."""

    def draw(width: float) -> Figure:
        figure = new_figure(width, ROW * len(rows) + 52)
        axes = figure.subplots()
        low, high = _limits(rows, floor)
        # A row of labels has to fit above the first interval.
        axes.set(xlim=(low, high), ylim=(len(rows) - 0.45, -0.85), xlabel=axis, yticks=[])
        axes.spines["left"].set_visible(False)
        if floor is None:
            axes.axvline(0, color=COLOURS["muted"], linewidth=1, zorder=1)
        for number, row in enumerate(rows):
            _interval_row(axes, number, row, width)
        axes.locator_params(axis="x", nbins=8 if width > NARROW else 5)
        return figure

    return _both(draw, name, title, description)


def running_plot(
    modes: Sequence[tuple[str, Sequence[RunningRate]]], *, name: str, title: str, description: str, axis: str
) -> Plot:
    """Draw the running rates of each mode below each other."""

    def draw(width: float) -> Figure:
        figure = new_figure(width, 170 * len(modes) + 40)
        end = max((one.positions[-1] for _, rates in modes for one in rates), default=1)
        top = max((max(one.rates) for _, rates in modes for one in rates), default=0)
        for axes, (mode, rates) in zip(figure.subplots(len(modes), 1, squeeze=False)[:, 0], modes, strict=True):
            axes.set_title(f"{mode} mode", loc="left", fontsize=12)
            axes.set(xlim=(0, end * 1.02), ylim=(0, min(100, max(10, top * 1.15))), ylabel="% refused", xlabel=axis)
            axes.grid(axis="y", color=COLOURS["rule"], linewidth=0.8)
            for one in rates:
                axes.plot(
                    one.positions,
                    one.rates,
                    DASHES.get(one.role, ":"),
                    color=COLOURS[one.role],
                    linewidth=2,
                    label=one.framing,
                )
            axes.locator_params(axis="x", nbins=6 if width > NARROW else 4, integer=True)
            axes.locator_params(axis="y", nbins=5)
            if rates:
                axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0, handlelength=2.4)
        return figure

    return _both(draw, name, title, description)


def rate_plot(curves: Sequence[RateCurve], *, name: str, title: str, description: str, axis: str, floor: float) -> Plot:
    """Draw rates against a count on a scale that doubles; ``floor`` is a rate to hold them against, NaN for none."""

    def place(count: int) -> float:
        return math.log2(1 + count)

    def draw(width: float) -> Figure:
        figure = new_figure(width, 330)
        axes = figure.subplots()
        counts = sorted({point.count for curve in curves for point in curve.points})
        top = max((point.high for curve in curves for point in curve.points), default=100.0)
        axes.set(ylim=(0, min(100, 1.1 * top)), xlabel=axis, ylabel="% complied")
        axes.set_xticks([place(count) for count in counts], [str(count) for count in counts])
        axes.grid(axis="y", color=COLOURS["rule"], linewidth=0.8)
        if not math.isnan(floor):
            axes.axhline(floor, color=COLOURS["muted"], linewidth=1, linestyle=":")
        for number, curve in enumerate(curves):
            # Intervals at one count stand side by side.
            shift = 0.07 * (number - (len(curves) - 1) / 2)
            axes.errorbar(
                [place(point.count) + shift for point in curve.points],
                [point.rate for point in curve.points],
                yerr=[
                    [max(0.0, point.rate - point.low) for point in curve.points],
                    [max(0.0, point.high - point.rate) for point in curve.points],
                ],
                color=COLOURS[curve.role],
                marker=("o", "s", "^", "D", "v", "P")[number % 6],
                markersize=6,
                linewidth=1.5,
                label=curve.label,
            )
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4 if width > NARROW else 2, borderaxespad=0)
        return figure

    return _both(draw, name, title, description)


def thinned(count: int) -> list[int]:
    """Positions of at most ``MOST_POINTS`` of so many points, evenly spread, with the last."""
    step = max(1, math.ceil(count / MOST_POINTS))
    return sorted({*range(0, count, step), *([count - 1] if count else [])})


def _both(draw: Callable[[float], Figure], name: str, title: str, description: str) -> Plot:
    with drawing():
        wide, narrow = (
            inline_svg(draw(width), name=f"{name}-{kind}", title=title, description=description, kind=kind)
            for width, kind in ((WIDE, "wide"), (NARROW, "narrow"))
        )
    return Plot(wide, narrow)


def _interval_row(axes: Axes, number: int, row: IntervalRow, width: float) -> None:
    colour = COLOURS[row.role]
    if not math.isnan(row.margin):
        axes.fill_between(
            [-row.margin, row.margin], number - 0.18, number + 0.36, color=COLOURS["band"], linewidth=0, zorder=0
        )
    defined = not math.isnan(row.estimate)
    # White space above the interval holds the label, so that a long name takes nothing from the axis.
    text = row.label if defined else f"{row.label}: undefined"
    axes.text(
        0,
        number - 0.36,
        _fitting(text, width),
        transform=axes.get_yaxis_transform(),
        va="center",
        bbox={"facecolor": COLOURS["paper"], "edgecolor": "none", "pad": 1},
    )
    place = number + 0.09
    if not defined:
        return
    if not math.isnan(row.wide_low):
        axes.plot([row.wide_low, row.wide_high], [place, place], color=colour, linewidth=1.2, marker="|", markersize=9)
    axes.plot([row.low, row.high], [place, place], color=colour, linewidth=4, solid_capstyle="butt")
    marker = MARKERS[row.role]
    axes.plot(
        [row.estimate],
        [place],
        marker=marker,
        color=colour,
        markersize=9,
        markeredgecolor=COLOURS["paper"],
        markeredgewidth=1.5,
        clip_on=False,
    )


def _limits(rows: Sequence[IntervalRow], floor: float | None) -> tuple[float, float]:
    ends = [
        value
        for row in rows
        for value in (row.low, row.high, row.wide_low, row.wide_high, row.margin, -row.margin)
        if not math.isnan(value)
    ]
    low, high = min([*ends, 0.0]), max([*ends, 1.0])
    room = 0.06 * (high - low)
    return (low - room if floor is None else floor, high + room)


def _fitting(text: str, width: float) -> str:
    """Shorten a label in its middle: what tells two labels apart stands at their ends."""
    most = int(width / CHARACTER) - 2
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - tail - 1]}…{text[-tail:]}"
