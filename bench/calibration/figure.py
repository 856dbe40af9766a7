"""The study in one figure: false alarms of the session, power, and what a drifting engine does in either order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from bench.calibration.cells import DRIFT
from bench.calibration.report import PROMISE, cells, fails, harmless, lesson_flip_rate

Document = Mapping[str, Any]
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")
"""Okabe and Ito's, which people who see colours otherwise tell apart; markers differ as well, for print in grey."""
MARKERS = ("o", "s", "^", "D", "v")


def write_figure(result: Document, path: Path) -> None:
    """Draw the figure; the same result gives the same bytes."""
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(11, 4.4), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        _false_alarms(left, result)
        _power(middle, result)
        _lesson(right, result)
        figure.savefig(path, dpi=130, metadata={"Software": None})


def _false_alarms(axes: Any, result: Document) -> None:
    quiet = harmless(result)
    for number, psi in enumerate(sorted({cell["psi"] for cell in quiet})):
        found = sorted((cell for cell in quiet if cell["psi"] == psi), key=lambda cell: int(cell["n"]))
        estimates = [cell["session"]["any_fail_by_chance"] for cell in found]
        shares = [100 * one["share"] for one in estimates]
        below = [100 * (one["share"] - one["low"]) for one in estimates]
        above = [100 * (one["high"] - one["share"]) for one in estimates]
        limited = any("flip_rate" in cell["consequences"] for cell in found)
        name = f"{100 * psi:g} % of pairs flip" + (", without flip_rate" if limited else "")
        style: dict[str, Any] = {"color": COLOURS[number], "marker": MARKERS[number], "markersize": 5, "capsize": 2}
        axes.errorbar([cell["n"] for cell in found], shares, [below, above], label=name, **style)
    axes.axhline(100 * PROMISE, color="black", linestyle="--", linewidth=1, label=f"promise: {100 * PROMISE:g} %")
    _finish(axes, "False alarms of the whole session\n(no effect, no drift, drawn order)", "sessions with any fail, %")
    axes.set_ylim(bottom=0)


def _power(axes: Any, result: Document) -> None:
    truths = ((0.15, 0.065), (0.02, 0.02), (0.05, 0.02), (0.15, 0.02))
    for number, (psi, gap) in enumerate(truths):
        found = cells(result, psi=psi, gap=gap, drift=0.0, order="bernoulli")
        label = f"{100 * gap:g} points, {100 * psi:g} % of pairs flip"
        _line(axes, number, found, lambda cell: fails(cell, "gap_contains_zero"), label)
    _finish(axes, "Power of gap_contains_zero\n(drawn order, no drift)", "sessions with fail in a mode, %")


def _lesson(axes: Any, result: Document) -> None:
    psi = lesson_flip_rate(result)
    truth: Document = {"psi": psi, "gap": 0.0, "drift": DRIFT}
    fixed, drawn = (cells(result, order=order, **truth) for order in ("fixed", "bernoulli"))
    _line(axes, 0, fixed, lambda cell: fails(cell, "gap_contains_zero"), "fixed order: gap_contains_zero fails")
    _line(axes, 1, drawn, lambda cell: fails(cell, "gap_contains_zero"), "drawn order: gap_contains_zero fails")
    _line(axes, 2, drawn, lambda cell: fails(cell, "period_effect"), "drawn order: period_effect names the drift")
    title = f"No framing effect, and an engine that drifts\n(by {100 * DRIFT:g} points; {100 * psi:g} % of pairs flip)"
    _finish(axes, title, "sessions, %")


def _line(axes: Any, number: int, found: Sequence[Document], share: Callable[[Document], float], label: str) -> None:
    shares = [100 * share(cell) for cell in found]
    axes.plot(
        [cell["n"] for cell in found], shares, color=COLOURS[number], marker=MARKERS[number], markersize=5, label=label
    )
    axes.set_ylim(-3, 103)


def _finish(axes: Any, title: str, unit: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xscale("log")
    axes.set_xticks([50, 200, 400, 1000], ["50", "200", "400", "1000"])
    axes.minorticks_off()
    axes.set_xlabel("prompts")
    axes.set_ylabel(unit)
    axes.grid(axis="y", linewidth=0.4, alpha=0.6)
    axes.legend(frameon=False, fontsize=8.5, loc="upper center", bbox_to_anchor=(0.5, -0.16))
