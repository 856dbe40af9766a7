"""Difference of two paired proportions where answers come in clusters: several samplings of one query."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pytest_framing.stats import domain
from pytest_framing.stats.paired import tango_interval

__all__ = ["ClusteredDifference", "clustered_difference"]


class ClusteredDifference(NamedTuple):
    """Share of the first minus share of the second, its interval, and what the clusters cost."""

    estimate: float
    low: float
    high: float
    n: int
    clusters: int
    design_effect: float


def clustered_difference(
    first: ArrayLike, second: ArrayLike, cluster: ArrayLike, confidence: float = 0.95
) -> ClusteredDifference:
    """Interval for the difference of two paired proportions, with pairs clustered.

    Tango's score interval on effective counts: discordant pairs and their number are divided by the design effect, the
    variance of the mean difference between clusters over that between independent pairs, at least 1. Numbers of pairs
    are rounded down and discordant ones up, which errs towards wider intervals.

    Parameters
    ----------
    first, second : array_like of {0, 1}, shape (n,)
        The two answers of each pair.
    cluster : array_like, shape (n,)
        Which cluster each pair belongs to.
    confidence : float
        Two-sided confidence, strictly between 0 and 1.

    Returns
    -------
    ClusteredDifference
        NaN without a pair. Without clusters of more than one pair it is Tango's interval.

    References
    ----------
    Rao JNK, Scott AJ. A simple method for the analysis of clustered binary data. Biometrics 1992;48:577-585.
    """
    one, other = domain.binary(first, "first"), domain.binary(second, "second")
    names = np.asarray(cluster)
    if one.shape != other.shape or names.shape != one.shape:
        raise ValueError("first, second and cluster must be sequences of the same length")
    n = len(one)
    domain.level(confidence, "confidence")
    if n == 0:
        return ClusteredDifference(math.nan, math.nan, math.nan, 0, 0, math.nan)
    difference = (one - other).astype(np.float64)
    groups = np.unique(names, return_inverse=True)[1]
    clusters = int(groups.max()) + 1
    estimate = float(difference.mean())
    effect = 1.0
    if clusters < n:
        residuals = np.bincount(groups, weights=difference - estimate)
        between = float((residuals**2).sum()) * clusters / max(clusters - 1, 1)
        independent = float(((difference - estimate) ** 2).sum()) * n / (n - 1)
        # Pairs that all differ alike say nothing of their clusters: then each cluster counts as one pair.
        effect = max(1.0, between / independent) if independent > 0 else n / clusters
    b, c = int((difference > 0).sum()), int((difference < 0).sum())
    effective = max(1, math.floor(n / effect))
    only_first, only_second = (min(math.ceil(count / effect - 1e-9), effective) for count in (b, c))
    only_second = min(only_second, effective - only_first)
    low, high = tango_interval(only_first, only_second, effective, confidence)
    return ClusteredDifference(estimate, min(low, estimate), max(high, estimate), n, clusters, effect)
