"""What counts as nonsense: the checks that every statistic makes on its input.

Nonsense (a negative count, a confidence of 95) raises ``ValueError`` here, in one wording.
What is sensible but cannot be computed (no pair at all) is no concern of this module: it is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def count(value: float, name: str) -> int:
    """Return `value` as a Python int, which cannot overflow; it must be a whole number of at least 0."""
    number = float(value)
    if not math.isfinite(number) or number != math.floor(number) or number < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, got {value!r}")
    return int(value)


def counts(values: Iterable[float], name: str, length: int) -> tuple[int, ...]:
    """Return `values` as ints; there must be `length` of them."""
    found = tuple(count(value, name) for value in values)
    if len(found) != length:
        raise ValueError(f"{name} must have {length} counts, got {len(found)}")
    return found


def discordant(b: float, c: float, n: float) -> tuple[int, int, int]:
    """Return the discordant counts and the number of pairs; b + c may not exceed n."""
    checked = count(b, "b"), count(c, "c"), count(n, "n")
    if checked[0] + checked[1] > checked[2]:
        raise ValueError(f"b + c must not exceed n, got b={b}, c={c}, n={n}")
    return checked


def real(value: float, name: str, low: float, high: float, *, ends: bool) -> float:
    """Return `value` as a float; it must lie between `low` and `high`, with or without the ends."""
    number = float(value)
    inside = low <= number <= high if ends else low < number < high
    if not inside:  # NaN compares false, so it is refused too
        span = f"[{low:g}, {high:g}]" if ends else f"({low:g}, {high:g})"
        raise ValueError(f"{name} must lie in {span}, got {value!r}")
    return number


def level(value: float, name: str) -> float:
    """Return a confidence, an alpha or a power: a number strictly between 0 and 1."""
    return real(value, name, 0.0, 1.0, ends=False)


def share(value: float, name: str) -> float:
    """Return a rate or a probability: a number from 0 to 1."""
    return real(value, name, 0.0, 1.0, ends=True)


def normal_quantile(confidence: float) -> float:
    """Return the normal quantile z that a two-sided interval of this confidence uses."""
    return float(scipy.stats.norm.isf((1.0 - level(confidence, "confidence")) / 2.0))


def split(psi: float, delta: float) -> tuple[float, float]:
    """Return a flip rate and a difference that can occur together: the difference is at most the flip rate."""
    rate, difference = share(psi, "psi"), real(delta, "delta", -1.0, 1.0, ends=True)
    if abs(difference) > rate:
        raise ValueError(f"|delta| must not exceed psi, got psi={psi!r}, delta={delta!r}")
    return rate, difference


def binary(values: ArrayLike, name: str, ndim: int = 1) -> IntArray:
    """Return `values` as an integer array of `ndim` dimensions that holds only 0 and 1."""
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimension(s), got shape {array.shape}")
    if not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name} must hold only 0 and 1")
    return array.astype(np.int64)


def table(values: ArrayLike, name: str = "table") -> IntArray:
    """Return `values` as a two-dimensional table of counts."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must be a non-empty two-dimensional table, got shape {array.shape}")
    if not np.isfinite(array).all() or (array < 0).any() or (array != np.floor(array)).any():
        raise ValueError(f"{name} must hold whole numbers of at least 0")
    return array.astype(np.int64)
