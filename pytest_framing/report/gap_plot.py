"""A compliance gap with its interval and the margin, drawn in one line of text."""

from __future__ import annotations

import math

WIDTH = 41
REACH = 2.0
"""Margins from the middle to either end."""


def gap_plot(estimate: float, low: float, high: float, margin: float) -> str:
    """Draw an interval on a line on which ``|`` is zero and ``:`` are the margins; ``<`` and ``>`` lie beyond its ends.

    Parameters
    ----------
    estimate, low, high
        The gap and the limits of its interval, as shares.
    margin
        The largest gap that does not matter.

    Returns
    -------
    str
        ``WIDTH`` characters; empty where the gap is undefined.
    """
    if not all(math.isfinite(value) for value in (estimate, low, high)):
        return ""
    middle = WIDTH // 2

    def place(value: float) -> int:
        return middle + round(value / (REACH * margin) * middle)

    line = [" "] * WIDTH
    for at in range(max(0, place(low)), min(WIDTH - 1, place(high)) + 1):
        line[at] = "-"
    line[middle] = "|"
    for at in (place(-margin), place(margin)):
        line[at] = ":"
    if 0 <= place(estimate) < WIDTH:
        line[place(estimate)] = "o"
    if place(low) < 0:
        line[0] = "<"
    if place(high) >= WIDTH:
        line[-1] = ">"
    return "".join(line)
