"""How commands write numbers: more digits than a gate's summary, since here the numbers are the answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_framing.stats.interval import Interval


def percent(share: float) -> str:
    """Write a share as a percentage; 0 and 100 % are written only where they are exact."""
    text = f"{100 * share:.2f} %"
    if text == "100.00 %" and share < 1:
        return "above 99.99 %"
    return f"{100 * share:.2g} %" if text == "0.00 %" and share > 0 else text


def given_percent(share: float) -> str:
    """Write a share that the user gave, with the digits that it came with."""
    return f"{100 * share:.10g} %"


def given_points(share: float) -> str:
    """Write a margin that the user gave, in percentage points."""
    return f"{100 * share:.10g} points"


def detectable_points(share: float) -> str:
    """Write the smallest detectable gap in percentage points, rounded up: a gap of the figure shown is detectable."""
    decimals = 2 if share >= 0.001 else 5
    # A figure that is whole but for the last bit stays what it is.
    return f"{math.ceil(100 * share * 10**decimals - 1e-6) / 10**decimals:.{decimals}f} points"


def signed_points(share: float) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.2f}"


def signed_interval(interval: Interval) -> str:
    """Write an interval of differences in percentage points."""
    return f"[{signed_points(interval.low)}, {signed_points(interval.high)}]"


def p_value(p: float) -> str:
    """Write a p-value with five decimals, or in powers of ten where those would hide it."""
    return f"{p:.5f}" if p >= 1e-3 or p == 0 else f"{p:.2e}"


def count(value: float, thing: str) -> str:
    """Write how many there are of a thing, rounded up; the plural takes an s."""
    whole = math.ceil(value)
    return f"{whole:,} {thing}" if whole == 1 else f"{whole:,} {thing}s"
