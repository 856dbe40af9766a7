"""Sensitivity analyses of `composition`: other ways to allow for answers to one query going together."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pytest_framing.stats.composition import Coefficients, design_of, separation_sign
from pytest_framing.stats.domain import FloatArray, IntArray

__all__ = ["ConditionalFit", "ExchangeableFit", "conditional", "conditional_logit", "exchangeable"]


class ExchangeableFit(NamedTuple):
    """Population-averaged coefficients, robust standard errors, and the correlation of two answers to one query."""

    coefficients: Coefficients
    se: Coefficients
    correlation: float


class ConditionalFit(NamedTuple):
    """Within-query coefficients, standard errors, and the conditional log likelihood, at the fit and with none."""

    coefficients: tuple[float, ...]
    se: tuple[float, ...]
    loglik: float
    null_loglik: float


def exchangeable(harmful: ArrayLike, benign: ArrayLike, complied: ArrayLike, query: ArrayLike) -> ExchangeableFit:
    """Generalised estimating equations with one correlation for all pairs of answers to a query.

    Parameters
    ----------
    harmful, benign, complied, query : array_like, shape (n,)
        As in `composition.fit`.

    Returns
    -------
    ExchangeableFit
        All NaN where the counts do not vary independently, compliance does not vary, there are fewer than two queries,
        or there is a sign of separation, as in `composition.fit`.

    References
    ----------
    Liang KY, Zeger SL. Biometrika 1986;73:13-22.
    """
    design, outcome, clusters = design_of(harmful, benign, complied, query)
    nothing = Coefficients(math.nan, math.nan, math.nan)
    missing = ExchangeableFit(nothing, nothing, math.nan)
    if not _varies(design, outcome) or clusters.max() < 1:
        return missing
    import statsmodels.api as sm  # takes longer to import than all else here

    rows = np.argsort(clusters, kind="stable")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what did not settle is returned as NaN
        structure = sm.cov_struct.Exchangeable()
        model = sm.GEE(outcome[rows], design[rows], clusters[rows], family=sm.families.Binomial(), cov_struct=structure)
        try:
            fitted = model.fit()
        except (np.linalg.LinAlgError, ValueError):
            return missing
        se = np.asarray(fitted.bse)
    if separation_sign(bool(fitted.converged), se, np.asarray(fitted.fittedvalues)):
        return missing
    return ExchangeableFit(
        coefficients=Coefficients(*(float(value) for value in fitted.params)),
        se=Coefficients(*(float(value) for value in se)),
        correlation=float(structure.dep_params),
    )


def conditional(harmful: ArrayLike, benign: ArrayLike, complied: ArrayLike, query: ArrayLike) -> ConditionalFit:
    """Conditional logistic regression by query; the coefficients are (harmful, benign). See `conditional_logit`."""
    design, outcome, clusters = design_of(harmful, benign, complied, query)
    return conditional_logit(design[:, 1:], outcome, clusters)


def conditional_logit(design: FloatArray, outcome: IntArray, clusters: IntArray) -> ConditionalFit:
    """Logistic regression given each cluster's number of successes, which removes what is particular to it.

    Parameters
    ----------
    design : ndarray of float, shape (n, k)
        Without a constant: that is conditioned away.
    outcome, clusters : ndarray of int, shape (n,)
        0 or 1; and which cluster each row belongs to.

    Returns
    -------
    ConditionalFit
        Clusters without both outcomes say nothing and drop out. All NaN where none is left, where the design does not
        vary within those left, or where the fit does not settle (separation).

    References
    ----------
    Breslow NE, Day NE. Statistical Methods in Cancer Research I, 1980, ch. 7.
    """
    k = design.shape[1]
    missing = ConditionalFit((math.nan,) * k, (math.nan,) * k, math.nan, math.nan)
    mixed = [cluster for cluster in np.unique(clusters) if len(np.unique(outcome[clusters == cluster])) == 2]
    kept = np.isin(clusters, mixed)
    x, y, groups = design[kept], outcome[kept], clusters[kept]
    within = [x[groups == cluster] - x[groups == cluster].mean(axis=0) for cluster in mixed]
    if not mixed or np.linalg.matrix_rank(np.concatenate(within)) < k:
        return missing
    from statsmodels.discrete.conditional_models import ConditionalLogit

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what did not settle is returned as NaN
        model = ConditionalLogit(y, x, groups=groups)
        try:
            fitted = model.fit(method="newton")  # the default, BFGS, can be off by 1e-4
        except (np.linalg.LinAlgError, ValueError):
            return missing
        null = float(model.loglike(np.zeros(k)))
    beta, se = np.asarray(fitted.params, dtype=np.float64), np.asarray(fitted.bse, dtype=np.float64)
    if not np.isfinite([*beta, *se]).all() or np.abs(model.score(beta)).max() > 1e-4 or (se > 10).any():
        return missing
    return ConditionalFit(tuple(map(float, beta)), tuple(map(float, se)), float(fitted.llf), null)


def _varies(design: FloatArray, outcome: IntArray) -> bool:
    return len(outcome) > 0 and outcome.min() < outcome.max() and int(np.linalg.matrix_rank(design)) == design.shape[1]
