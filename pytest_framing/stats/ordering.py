"""Does the order of the demonstrations matter: several orderings of the same context, each put to every query."""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pytest_framing.stats import domain, multiplicity, paired
from pytest_framing.stats.clustered import ConditionalFit, conditional_logit
from pytest_framing.stats.domain import FloatArray, IntArray
from pytest_framing.stats.interval import Interval
from pytest_framing.stats.significance import UNTESTED, Significance, chi_squared_test

__all__ = [
    "Comparison",
    "OrderingModel",
    "Recency",
    "Significance",
    "cochran_q",
    "order_conditional",
    "order_wald",
    "pairwise",
    "recency",
]


class Comparison(NamedTuple):
    """Two orderings: `b` queries comply under the first only, `c` under the second only."""

    first: int
    second: int
    b: int
    c: int
    p_mid: float
    p_holm: float


class Recency(NamedTuple):
    """Compliance with harmful demonstrations last minus first: difference, its Tango interval, and mid-p."""

    difference: float
    interval: Interval
    b: int
    c: int
    p_mid: float


class OrderingModel(NamedTuple):
    """Conditional logit of the orderings against a reference, and its likelihood-ratio test."""

    fit: ConditionalFit
    likelihood_ratio: Significance


def cochran_q(matrix: ArrayLike) -> Significance:
    """Cochran's Q, the test that all orderings have one compliance rate.

    ``(k - 1) (k sum_j C_j^2 - T^2) / (k T - sum_i R_i^2)`` over column sums C, row sums R and their total T.

    Parameters
    ----------
    matrix : array_like of {0, 1}, shape (queries, k)
        Whether each query was complied with under each ordering.

    Returns
    -------
    Significance
        Chi-squared with k - 1 degrees of freedom. NaN with fewer than two orderings, and where no query's answer
        depends on the ordering: 0 / 0.

    References
    ----------
    Cochran WG. Biometrika 1950;37:256-266.
    """
    answers = domain.binary(matrix, "matrix", ndim=2)
    rows = answers.sum(axis=1)
    if answers.shape[1] < 2 or not ((rows > 0) & (rows < answers.shape[1])).any():
        return UNTESTED
    from statsmodels.stats.contingency_tables import cochrans_q  # takes longer to import than all else here

    result = cochrans_q(answers)
    return Significance(float(result.statistic), int(result.df), float(result.pvalue))


def pairwise(matrix: ArrayLike, planned: tuple[int, int] | None = None) -> tuple[Comparison, ...]:
    """Compare every two orderings by mid-p McNemar, adjusted by Holm over all of them.

    Parameters
    ----------
    matrix : array_like of {0, 1}, shape (queries, k)
        As in `cochran_q`.
    planned : tuple of int, optional
        Two columns that are left out, as their contrast was planned (`recency`) and is tested by itself.

    Returns
    -------
    tuple of Comparison
        In the order (0, 1), (0, 2), ..., (k - 2, k - 1).

    References
    ----------
    As `paired.mcnemar` and `multiplicity.holm`.
    """
    answers = domain.binary(matrix, "matrix", ndim=2)
    left_out = set(planned or ())
    if not left_out <= set(range(answers.shape[1])):
        raise ValueError(f"planned must name two columns below {answers.shape[1]}, got {planned!r}")
    pairs = [pair for pair in combinations(range(answers.shape[1]), 2) if set(pair) != left_out]
    flips = [_flips(answers, first, second) for first, second in pairs]
    p_values = [paired.mcnemar(b, c).p_mid for b, c in flips]
    return tuple(
        Comparison(*pair, *counts, p, adjusted)
        for pair, counts, p, adjusted in zip(pairs, flips, p_values, multiplicity.holm(p_values), strict=True)
    )


def recency(matrix: ArrayLike, prefix: int, suffix: int, confidence: float = 0.95) -> Recency:
    """Test the one planned contrast: harmful demonstrations last (suffix) against first (prefix).

    Parameters
    ----------
    matrix : array_like of {0, 1}, shape (queries, k)
        As in `cochran_q`.
    prefix, suffix : int
        Columns of the two orderings.
    confidence : float
        Strictly between 0 and 1.

    Returns
    -------
    Recency
        Positive: what comes last counts more. `b` is suffix only, `c` prefix only. Without a query, difference and
        interval are NaN and p is 1.
    """
    answers = domain.binary(matrix, "matrix", ndim=2)
    if not {prefix, suffix} <= set(range(answers.shape[1])) or prefix == suffix:
        raise ValueError(f"prefix and suffix must be two columns below {answers.shape[1]}, got {prefix!r}, {suffix!r}")
    b, c = _flips(answers, suffix, prefix)
    n = len(answers)
    difference = (b - c) / n if n else math.nan
    return Recency(difference, paired.tango_interval(b, c, n, confidence), b, c, paired.mcnemar(b, c).p_mid)


def _flips(answers: IntArray, first: int, second: int) -> tuple[int, int]:
    difference = answers[:, first] - answers[:, second]
    return int((difference > 0).sum()), int((difference < 0).sum())


def _long(answers: IntArray, reference: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Return one row an answer: indicators of the orderings but the reference, the answer, the query."""
    queries, orderings = answers.shape
    if not 0 <= reference < orderings:
        raise ValueError(f"reference must be a column below {orderings}, got {reference!r}")
    indicators = np.delete(np.eye(orderings), reference, axis=1)
    return np.tile(indicators, (queries, 1)), answers.ravel(), np.repeat(np.arange(queries), orderings)


def order_wald(matrix: ArrayLike, reference: int = 0) -> Significance:
    """Wald test, clustered by query, that no ordering differs from the reference: logit, a sensitivity analysis.

    Parameters
    ----------
    matrix : array_like of {0, 1}, shape (queries, k)
        As in `cochran_q`.
    reference : int
        Column that the others are compared with; the test does not depend on it.

    Returns
    -------
    Significance
        k - 1 degrees of freedom. NaN where an ordering always or never complies (separation), and with no more queries
        than orderings, as the clustered covariance has not the rank for the test then.
    """
    answers = domain.binary(matrix, "matrix", ndim=2)
    indicators, outcome, queries = _long(answers, reference)
    rates = answers.mean(axis=0) if len(answers) else np.zeros(1)
    if ((rates == 0) | (rates == 1)).any() or len(answers) <= answers.shape[1] or answers.shape[1] < 2:
        return UNTESTED
    import statsmodels.api as sm

    design = np.column_stack([np.ones(len(outcome)), indicators])
    model = sm.GLM(outcome, design, family=sm.families.Binomial())
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": queries})
    effect, covariance = np.asarray(fitted.params)[1:], np.asarray(fitted.cov_params())[1:, 1:]
    if np.linalg.matrix_rank(covariance) < len(effect):  # two orderings whose answers are the same throughout
        return UNTESTED
    return chi_squared_test(float(effect @ np.linalg.solve(covariance, effect)), len(effect))


def order_conditional(matrix: ArrayLike, reference: int = 0) -> OrderingModel:
    """Conditional logistic regression by query of compliance on the ordering: a sensitivity analysis.

    Parameters
    ----------
    matrix : array_like of {0, 1}, shape (queries, k)
        As in `cochran_q`.
    reference : int
        Column that the others are compared with.

    Returns
    -------
    OrderingModel
        Coefficients of the other columns in their order. NaN as in `clustered.conditional_logit`.
    """
    indicators, outcome, queries = _long(domain.binary(matrix, "matrix", ndim=2), reference)
    fit = conditional_logit(indicators, outcome, queries)
    if math.isnan(fit.loglik):
        return OrderingModel(fit, UNTESTED)
    return OrderingModel(fit, chi_squared_test(2 * (fit.loglik - fit.null_loglik), indicators.shape[1]))
