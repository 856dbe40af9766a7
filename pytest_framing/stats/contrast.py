"""The mean of a small whole number over prompts: a paired difference (-1 to 1), or the difference of two (-2 to 2).

Tango's interval is the one of record for a paired difference. A change of the compliance gap between two runs on the
same prompts is the difference of two such differences, so that each prompt contributes a whole number from -2 to 2.
The interval here is Tango's score interval with that wider range. A t interval over prompts would be simpler, but it
has no width where no decision changed, which is what two runs of good checkpoints look like.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import scipy

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray
from pytest_framing.stats.interval import NOTHING, Interval

__all__ = ["mean", "mean_interval"]


def mean(counts: Mapping[int, int]) -> float:
    """Mean of whole numbers given by how often each occurs; NaN for none."""
    n = sum(counts.values())
    return sum(value * count for value, count in counts.items()) / n if n else math.nan


def mean_interval(counts: Mapping[int, int], reach: int, confidence: float = 0.95) -> Interval:
    r"""Score interval for the mean of a whole number between ``-reach`` and ``reach``.

    The limits are the two means at which the absolute score statistic is the normal quantile z:

    .. math:: T(\delta) = \frac{\sqrt n\,(\bar x - \delta)}{\sqrt{\sum_k \hat p_k k^2 - \delta^2}}

    with the multinomial probabilities p estimated by maximum likelihood under the constraint that their mean is delta.
    Values that did not occur may get probability, as in Tango's interval, which this is for ``reach = 1``.

    Parameters
    ----------
    counts : mapping of int to int
        How many prompts have each value; the values lie between ``-reach`` and ``reach``.
    reach : int
        Largest value there can be, at least 1.
    confidence : float
        Two-sided confidence, strictly between 0 and 1.

    Returns
    -------
    Interval
        Within [-reach, reach]; never of zero width. Where all n values are 0 it is ``+-reach z^2 / (n + z^2)``. Both
        limits are NaN for no value at all. Negating the values negates and swaps the limits.

    References
    ----------
    Tango, Stat Med 1998;17:891-908. Owen AB. Biometrika 1988;75:237-249 (the constrained probabilities).
    """
    if reach < 1:
        raise ValueError(f"reach must be at least 1, got {reach!r}")
    for value in counts:
        if not -reach <= value <= reach:
            raise ValueError(f"values must lie in [{-reach}, {reach}], got {value!r}")
    checked = {value: domain.count(count, "count") for value, count in counts.items()}
    z = domain.normal_quantile(confidence)
    if not any(checked.values()):
        return NOTHING
    negated = {-value: count for value, count in checked.items()}
    return Interval(-_upper_limit(negated, reach, z), _upper_limit(checked, reach, z))


def _upper_limit(counts: Mapping[int, int], reach: int, z: float) -> float:
    """Return the mean above the estimate at which the score statistic is -z."""
    values = np.array([value for value, count in sorted(counts.items()) if count], dtype=np.float64)
    weights = np.array([count for _, count in sorted(counts.items()) if count], dtype=np.float64)
    n = float(weights.sum())
    estimate = float(values @ weights) / n
    if values.size == 1:
        # The variance is 0 at the estimate, which would pass for a root.
        return (n * estimate + z * z * reach) / (n + z * z)

    def distance(delta: float) -> float:
        return estimate - delta + z * math.sqrt(_variance(values, weights, reach, delta) / n)

    return float(scipy.optimize.brentq(distance, estimate, float(reach), xtol=1e-14, rtol=1e-13))


def _variance(values: FloatArray, weights: FloatArray, reach: int, delta: float) -> float:
    """Variance of the likeliest distribution of mean ``delta``, which is at least the observed mean.

    The probabilities are ``w_k / (n (1 + m (k - delta)))``, and what is missing from 1 goes to ``reach``.
    """
    if delta >= reach:
        return 0.0
    n = float(weights.sum())
    away = values - delta
    # The multiplier at which `reach` itself gets probability; above the estimate it is never positive.
    least = -1.0 / (reach - delta)

    def constraint(multiplier: float) -> float:
        return float((weights * away / (1.0 + multiplier * away)).sum())

    if values[-1] < reach and constraint(least) <= 0:
        multiplier = least
    else:
        # The sum falls in the multiplier, from infinity where `reach` occurs, to at most 0 at 0.
        start = least if values[-1] < reach else least * (1.0 - 1e-12)
        multiplier = float(scipy.optimize.brentq(constraint, start, 0.0, xtol=1e-15)) if constraint(0.0) < 0 else 0.0
    p = weights / (n * (1.0 + multiplier * away))
    missing = max(0.0, 1.0 - float(p.sum()))
    return max(0.0, float(p @ values**2) + missing * reach**2 - delta**2)
