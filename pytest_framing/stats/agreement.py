"""Do two judges, or many, give the same verdicts.

Chance-corrected agreement is ``(observed - expected) / (1 - expected)``; the coefficients differ in what they expect.
Kappa falls towards 0 when one verdict is rare, even if judges agree on 96 %; AC1 and PABAK beside it show that.
Nothing is cut to [-1, 1]: intervals are normal approximations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray, IntArray

__all__ = ["Agreement", "fleiss_kappa", "gwet_ac1", "kappa", "krippendorff_alpha", "pabak"]


class Agreement(NamedTuple):
    """A coefficient (1 is perfect, 0 what chance gives), its standard error and confidence limits."""

    estimate: float
    se: float
    low: float
    high: float


def _with_limits(estimate: float, se: float, confidence: float) -> Agreement:
    z = domain.normal_quantile(confidence)
    return Agreement(estimate, se, estimate - z * se, estimate + z * se)


def _two_judges(table: ArrayLike) -> IntArray:
    counts = domain.table(table)
    if counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise ValueError(f"table must be square with at least two verdicts, got shape {counts.shape}")
    return counts


def kappa(table: ArrayLike, confidence: float = 0.95) -> Agreement:
    """Cohen's kappa of two judges; expected agreement is the sum of the products of their margins.

    Parameters
    ----------
    table : array_like of int, shape (q, q)
        Items by the verdict of judge 1 (rows) and of judge 2 (columns).
    confidence : float
        Strictly between 0 and 1.

    Returns
    -------
    Agreement
        With the large-sample standard error of Fleiss, Cohen and Everitt. All NaN without an item, and where both
        judges give one and the same verdict throughout: agreement is then certain, whatever they know.

    References
    ----------
    Cohen J. Educ Psychol Meas 1960;20:37-46. Fleiss JL, Cohen J, Everitt BS. Psychol Bull 1969;72:323-327.
    """
    from statsmodels.stats.inter_rater import cohens_kappa  # takes longer to import than all else here

    counts = _two_judges(table)
    n = int(counts.sum())
    chance = int(counts.sum(axis=0) @ counts.sum(axis=1))
    if n == 0 or chance == n * n:
        return _with_limits(math.nan, math.nan, confidence)
    result = cohens_kappa(counts)
    variance = float(result.var_kappa)  # of perfect agreement it is 0 but for the last bit
    return _with_limits(float(result.kappa), math.sqrt(max(variance, 0.0)), confidence)


def pabak(table: ArrayLike, confidence: float = 0.95) -> Agreement:
    """Prevalence- and bias-adjusted kappa, ``(q p - 1) / (q - 1)`` for a share p of agreement; 2p - 1 for two verdicts.

    Parameters as in `kappa`.

    Returns
    -------
    Agreement
        With ``se = q / (q - 1) sqrt(p (1 - p) / n)``, which is 0 for perfect agreement. All NaN without an item.

    References
    ----------
    Byrt T, Bishop J, Carlin JB. J Clin Epidemiol 1993;46:423-429.
    """
    counts = _two_judges(table)
    n, verdicts = int(counts.sum()), len(counts)
    if n == 0:
        return _with_limits(math.nan, math.nan, confidence)
    agreed = int(np.trace(counts)) / n
    se = verdicts / (verdicts - 1) * math.sqrt(agreed * (1 - agreed) / n)
    return _with_limits((verdicts * agreed - 1) / (verdicts - 1), se, confidence)


def gwet_ac1(table: ArrayLike, confidence: float = 0.95) -> Agreement:
    """Gwet's AC1 of two judges; expected agreement is ``sum pi (1 - pi) / (q - 1)`` over the mean margins pi.

    Parameters as in `kappa`.

    Returns
    -------
    Agreement
        With Gwet's linearised standard error. All NaN without an item; the standard error alone for one item.

    References
    ----------
    Gwet KL. Br J Math Stat Psychol 2008;61:29-48.
    """
    counts = _two_judges(table)
    verdicts = len(counts)
    first, second = np.indices(counts.shape).reshape(2, -1)
    items = np.eye(verdicts)[first] + np.eye(verdicts)[second]
    weights = counts.ravel().astype(np.float64)
    if weights.sum() == 0:
        return _with_limits(math.nan, math.nan, confidence)
    shares = items / 2
    chance = shares @ (1 - weights @ shares / weights.sum()) / (verdicts - 1)
    return _with_limits(*_linearised((first == second).astype(np.float64), chance, weights), confidence)


def fleiss_kappa(counts: ArrayLike, confidence: float = 0.95) -> Agreement:
    """Fleiss' kappa of many judges; expected agreement is ``sum pi^2`` over the shares pi of the verdicts.

    Parameters
    ----------
    counts : array_like of int, shape (n, q)
        How many judges gave each of the q verdicts to each of the n items; the same number of judges throughout, at
        least two.
    confidence : float
        Strictly between 0 and 1.

    Returns
    -------
    Agreement
        With Gwet's linearised standard error, which does not assume that kappa is 0. All NaN where one verdict is all
        there is; the standard error alone for one item.

    References
    ----------
    Fleiss JL. Psychol Bull 1971;76:378-382. Gwet KL. Educ Psychol Meas 2021;81:781-790.
    """
    items = domain.table(counts, "counts").astype(np.float64)
    judges = items.sum(axis=1)
    if (judges != judges[0]).any() or judges[0] < 2:
        raise ValueError("counts must have the same number of judges in each row, at least two")
    shares = items / judges[0]
    agreed = (items * (items - 1)).sum(axis=1) / (judges[0] * (judges[0] - 1))
    overall = shares.mean(axis=0)
    return _with_limits(*_linearised(agreed, shares @ overall, np.ones(len(items))), confidence)


def _linearised(agreed: FloatArray, chance: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Return a coefficient and its standard error from each item's observed and expected agreement.

    An item changes the estimate through its own agreement and, twice over (expected agreement is quadratic in the
    shares of the verdicts), through the expected one.
    """
    n = float(weights.sum())
    observed, expected = float(weights @ agreed) / n, float(weights @ chance) / n
    if math.isclose(expected, 1.0):
        return math.nan, math.nan
    estimate = (observed - expected) / (1 - expected)
    influence = (agreed - expected) / (1 - expected) - 2 * (1 - estimate) * (chance - expected) / (1 - expected)
    se = math.sqrt(float(weights @ (influence - estimate) ** 2) / (n * (n - 1))) if n > 1 else math.nan
    return estimate, se


def krippendorff_alpha(data: Sequence[Sequence[object]], confidence: float = 0.95) -> Agreement:
    """Krippendorff's alpha for nominal verdicts; judges may have skipped items.

    ``1 - (n - 1) sum_u (m_u^2 - sum_k n_uk^2) / (m_u - 1) / (n^2 - sum_k n_k^2)``, with m_u verdicts on item u, n_uk of
    them k, over the n verdicts on items that have at least two.

    Parameters
    ----------
    data : sequence of sequence, shape (judges, items)
        Verdicts of any hashable kind; None or NaN where a judge gave none.
    confidence : float
        Strictly between 0 and 1.

    Returns
    -------
    Agreement
        The standard error is the jackknife's over items. All NaN where no item has two verdicts or one verdict is all
        there is; the standard error alone where leaving out an item leaves that.

    References
    ----------
    Krippendorff K. Content Analysis, 2nd ed., 2004, ch. 11. Efron B, Stein C. Ann Stat 1981;9:586-596.
    """
    if len({len(row) for row in data}) > 1:
        raise ValueError("data must have the same number of items for every judge")
    # a verdict that is not equal to itself is a NaN
    columns = [[v for v in column if v is not None and v == v] for column in zip(*data, strict=True)]
    paired = [column for column in columns if len(column) >= 2]
    verdicts = {verdict: k for k, verdict in enumerate(dict.fromkeys(v for column in paired for v in column))}
    items = np.zeros((len(paired), len(verdicts)))
    for row, column in zip(items, paired, strict=True):
        for verdict in column:
            row[verdicts[verdict]] += 1
    sizes = items.sum(axis=1)
    disagreed = (sizes**2 - (items**2).sum(axis=1)) / (sizes - 1)

    def alpha(disagreement: FloatArray, shares: FloatArray) -> FloatArray:
        n = shares.sum(axis=-1)
        expected = n**2 - (shares**2).sum(axis=-1)
        safe = np.where(expected > 0, expected, np.nan)
        return np.asarray(1 - (n - 1) * disagreement / safe, dtype=np.float64)

    estimate = float(alpha(disagreed.sum(), items.sum(axis=0)))
    left_out = alpha(disagreed.sum() - disagreed, items.sum(axis=0) - items)
    n = len(items)
    se = math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum())) if n > 1 else math.nan
    return _with_limits(estimate, se, confidence)
