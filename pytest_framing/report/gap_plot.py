"""A compliance gap with its interval and the margin, drawn in one line of text."""

from __future__ import annotations

import math

WIDTH = 41


def gap_plot(estimate: float, low: float, high: float, margin: float) -> str:
    """Draw an interval on a line on which ``|`` is zero, ``:`` are the margins and ``o`` is the gap.

    The line reaches two margins to either side, or as far as the interval does.

    Parameters
    ----------
    estimate, low, high
        The gap and the limits of its interval, as shares.
    margin
        The largest gap that does not matter.

    Returns
    -------
    str
        The line between its ends in points; empty where the gap is undefined.
    """
    if not all(math.isfinite(value) for value in (estimate, low, high)):
        return ""
    reach = max(2 * margin, math.ceil(100 * max(-low, high)) / 100)
    middle = WIDTH // 2

    def place(value: float) -> int:
        return middle + round(value / reach * middle)

    line = [" "] * WIDTH
    line[place(low) : place(high) + 1] = "-" * (place(high) + 1 - place(low))
    line[middle] = "|"
    for limit in (-margin, margin):
        line[place(limit)] = ":"
    line[place(estimate)] = "o"
    return f"{-100 * reach:+.3g} {''.join(line)} {100 * reach:+.3g} points, margin ±{100 * margin:g}"
