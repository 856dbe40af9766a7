"""The interval that every estimate of this package comes with."""

from __future__ import annotations

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """Two confidence limits, ``low <= high``; both are NaN when there is nothing to estimate from."""

    low: float
    high: float


NOTHING = Interval(math.nan, math.nan)
"""The interval of what there is nothing to estimate from."""
