"""Contingency tables of two independent groups or more: Fisher's exact test and chi-squared.

scipy's ``fisher_exact`` is used for two rows and columns only: on larger tables it is Monte Carlo, and a gate that
depends on random numbers is none.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray, IntArray

__all__ = ["ChiSquared", "chi_squared", "fisher"]

LARGEST_HALF = 2_000_000
"""Ways to fill half of the rows that `fisher` is ready to list (about 50 MB)."""

SAME = 1e-7
"""Relative difference below which two probabilities are one and the same but for rounding, as in R's fisher.test."""


class ChiSquared(NamedTuple):
    """Pearson's test of independence; the corrected figures are NaN except for two rows and two columns."""

    statistic: float
    df: int
    p: float
    corrected_statistic: float
    p_corrected: float


def chi_squared(table: ArrayLike) -> ChiSquared:
    """Pearson's chi-squared of a table, ``sum (observed - expected)^2 / expected``, and with Yates' correction.

    Parameters
    ----------
    table : array_like of int, shape (r, c)
        Counts.

    Returns
    -------
    ChiSquared
        Statistics at least 0, p-values 0 to 1. Rows and columns without a count are left out; when fewer than two of
        either remain, nothing can be compared: df is 0, the rest NaN.

    References
    ----------
    Pearson K. Philos Mag 1900;50:157-175. Yates F. J R Stat Soc Suppl 1934;1:217-235.
    """
    counts = _occupied(domain.table(table))
    if min(counts.shape) < 2:
        return ChiSquared(math.nan, 0, math.nan, math.nan, math.nan)
    plain = scipy.stats.chi2_contingency(counts, correction=False)
    statistic, df, p = float(plain.statistic), int(plain.dof), float(plain.pvalue)
    if counts.shape != (2, 2):
        return ChiSquared(statistic, df, p, math.nan, math.nan)
    corrected = scipy.stats.chi2_contingency(counts, correction=True)
    return ChiSquared(statistic, df, p, float(corrected.statistic), float(corrected.pvalue))


def fisher(table: ArrayLike) -> float:
    """Exact two-sided p-value of independence in a table with two columns: Fisher's, Freeman-Halton's for more rows.

    The probability, with all margins fixed, of the tables that are at most as probable as this one.

    Parameters
    ----------
    table : array_like of int, shape (r, 2) or (2, c)
        Counts.

    Returns
    -------
    float
        0 to 1; 1 where a margin is empty, as there is only one table then. NaN for a table too large to list (about
        2 million ways to fill either half of the rows): use `chi_squared`.

    References
    ----------
    Fisher RA. J R Stat Soc 1935;98:39-54. Freeman GH, Halton JH. Biometrika 1951;38:141-149.
    """
    counts = domain.table(table)
    if 2 not in counts.shape:
        raise ValueError(f"table must have two rows or two columns, got shape {counts.shape}")
    counts = counts if counts.shape[1] == 2 else counts.T
    counts = counts[counts.sum(axis=1) > 0]
    if len(counts) < 2 or (counts.sum(axis=0) == 0).any():
        return 1.0
    if len(counts) == 2:
        return min(1.0, float(scipy.stats.fisher_exact(counts).pvalue))
    return _freeman_halton(counts)


def _occupied(counts: IntArray) -> IntArray:
    rows, columns = counts.sum(axis=1) > 0, counts.sum(axis=0) > 0
    return np.asarray(counts[rows][:, columns], dtype=np.int64)


def _fillings(totals: IntArray) -> tuple[IntArray, FloatArray]:
    """Return the first-column sum and the log weight of every way to fill rows with these totals."""
    sums = [np.arange(total + 1, dtype=np.int64) for total in totals]
    weights = [
        scipy.special.gammaln(total + 1) - scipy.special.gammaln(x + 1) - scipy.special.gammaln(total - x + 1)
        for total, x in zip(totals, sums, strict=True)
    ]
    return reduce(np.add.outer, sums).ravel(), reduce(np.add.outer, weights).ravel()


def _freeman_halton(counts: IntArray) -> float:
    """Sum the probabilities of all tables that are no more probable than `counts`, meeting in the middle.

    The rows are halved and the ways to fill each half listed. For each way to fill one half, the other half has to
    supply the rest of the first column, and only what is light enough counts: a cumulative sum answers that.
    """
    totals, column = counts.sum(axis=1), int(counts[:, 0].sum())
    # balanced halves: the largest row opens one half, each next row goes where fewer ways have piled up
    halves: tuple[list[int], list[int]] = ([], [])
    for total in sorted((int(t) for t in totals), reverse=True):
        min(halves, key=lambda half: math.prod(t + 1 for t in half)).append(total)
    if max(math.prod(t + 1 for t in half) for half in halves) > LARGEST_HALF:
        return math.nan
    (sums, weights), (other_sums, other_weights) = (_fillings(np.array(half)) for half in halves)
    everything = (
        scipy.special.gammaln(totals.sum() + 1)
        - scipy.special.gammaln(column + 1)
        - scipy.special.gammaln(totals.sum() - column + 1)
    )
    observed = sum(
        scipy.special.gammaln(total + 1) - scipy.special.gammaln(x + 1) - scipy.special.gammaln(total - x + 1)
        for total, x in zip(totals, counts[:, 0], strict=True)
    )
    limit = float(observed) + math.log1p(SAME)
    p = 0.0
    for total in np.unique(sums):
        rest = np.sort(other_weights[other_sums == column - total])
        if rest.size == 0:
            continue
        mine = weights[sums == total]
        cumulative = np.concatenate(([0.0], np.cumsum(np.exp(rest - rest[-1]))))
        light = cumulative[np.searchsorted(rest, limit - mine, side="right")]
        p += float(np.sum(np.exp(mine + rest[-1] - everything) * light))
    return min(1.0, p)
