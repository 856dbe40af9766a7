"""Tango's score statistic for the difference of two paired proportions; `paired` explains the cells."""

from __future__ import annotations

import math

import numpy as np

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray, IntArray

__all__ = ["score_variance", "tango_score", "tango_scores"]


def score_variance(b: IntArray | int, c: IntArray | int, n: int, delta: float) -> FloatArray:
    """Return n (2q + delta (1 - delta)), the variance of b - c if the difference is `delta`; for one table or many.

    q, the estimate of P(only condition 2) given delta, is the larger root of 2n q^2 + B q + C. For delta >= 0 C is not
    positive, so the discriminant needs no clamp; a negative delta is the same problem with the conditions swapped.
    """
    if delta < 0:
        return score_variance(c, b, n, -delta)
    middle = np.asarray(-b - c + (2 * n - b + c) * delta, dtype=np.float64)
    last = -c * delta * (1.0 - delta)
    reach = np.sqrt(middle * middle - 8.0 * n * last) + np.abs(middle)
    # of the two forms of the root, the one without a cancellation
    q = np.where(middle <= 0, reach / (4.0 * n), -2.0 * last / np.where(reach > 0, reach, 1.0))
    return np.asarray(n * (2.0 * q + delta * (1.0 - delta)), dtype=np.float64)


def tango_scores(b: IntArray, c: IntArray, n: int, delta: float) -> FloatArray:
    """Return `tango_score` of many tables of `n` pairs, for a difference within (-1, 1) other than 0; unchecked."""
    return np.asarray((b - c - n * delta) / np.sqrt(score_variance(b, c, n, delta)), dtype=np.float64)


def tango_score(b: float, c: float, n: float, delta: float = 0.0) -> float:
    r"""Score statistic for the hypothesis that the difference of two paired proportions is `delta`.

    .. math:: T(\delta) = \frac{b - c - n\delta}{\sqrt{n(2q + \delta(1-\delta))}}, \quad
              q = \frac{\sqrt{B^2 - 4AC} - B}{2A}

    with A = 2n, B = -b - c + (2n - b + c) delta, C = -c delta (1 - delta).

    Parameters
    ----------
    b, c : int
        Pairs that refuse only under condition 1, only under condition 2.
    n : int
        All pairs.
    delta : float
        Hypothesised difference, -1 to 1.

    Returns
    -------
    float
        T, asymptotically standard normal, falling in `delta`. T(0)^2 is the uncorrected McNemar statistic. Where the
        variance is 0 (delta = 0 without discordant pairs, delta = 1 or -1) T is 0 if the estimate equals `delta` and
        infinite otherwise. NaN for n = 0.

    References
    ----------
    Tango T. Equivalence test and confidence interval for the difference in proportions for the paired-sample design.
    Stat Med 1998;17:891-908.
    """
    only_1, only_2, pairs = domain.discordant(b, c, n)
    difference = domain.real(delta, "delta", -1.0, 1.0, ends=True)
    if pairs == 0:
        return math.nan
    excess = only_1 - only_2 - pairs * difference
    variance = float(score_variance(only_1, only_2, pairs, difference))
    if variance > 0:
        return excess / math.sqrt(variance)
    return 0.0 if excess == 0 else math.copysign(math.inf, excess)
