"""The outcome of a chi-squared test."""

from __future__ import annotations

import math
from typing import NamedTuple

import scipy

__all__ = ["UNTESTED", "Significance", "chi_squared_test"]


class Significance(NamedTuple):
    """A chi-squared statistic, its degrees of freedom and its p-value."""

    statistic: float
    df: int
    p: float


UNTESTED = Significance(math.nan, 0, math.nan)
"""What could not be tested."""


def chi_squared_test(statistic: float, df: int) -> Significance:
    """Return a statistic with its upper tail; a little below 0 is a 0 that was rounded, more is no statistic at all."""
    if not statistic >= -1e-6:
        return UNTESTED
    return Significance(max(statistic, 0.0), df, float(scipy.stats.chi2.sf(max(statistic, 0.0), df)))
