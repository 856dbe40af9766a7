"""Mixed demonstrations: what harmful and benign compliance examples in the context do to compliance.

The model is ``logit P(comply) = b0 + b1 harmful + b2 benign``, with counts of demonstrations. Answers to one query go
together, so Wald tests with covariance clustered by query are the tests of record; likelihood ratios, which ignore
that, are reported, and `clustered` holds the sensitivity analyses.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray, IntArray
from pytest_framing.stats.firth import firth_logit
from pytest_framing.stats.interval import Interval
from pytest_framing.stats.significance import UNTESTED, Significance, chi_squared_test

__all__ = [
    "Coefficients",
    "Composition",
    "Hypotheses",
    "Significance",
    "benign_effect_is_negligible",
    "benign_interval",
    "classify",
    "fit",
]

LARGEST_SE = 10.0
"""On the log-odds scale; more is a coefficient on its way to infinity."""

CERTAIN = 1e-8
"""A fitted probability this close to 0 or 1 is one that separation has pushed there."""

NO_VARIANCE = 1e-9
"""A clustered variance below this share of the model-based one is a 0 that was rounded."""

FEWEST_QUERIES = 10
"""Fewer clusters give too small a covariance, and a class where there is none; Firth's takes answers as independent."""

RESTRICTIONS = {
    "total": np.array([[0.0, 1.0, -1.0]]),
    "harmful": np.array([[0.0, 0.0, 1.0]]),
    "joint": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
}


class Coefficients(NamedTuple):
    """Log odds, and log odds ratios for one more demonstration."""

    intercept: float
    harmful: float
    benign: float


class Hypotheses(NamedTuple):
    """Total count alone matters (b1 = b2); harmful count alone matters (b2 = 0); neither does (b1 = b2 = 0)."""

    total: Significance
    harmful: Significance
    joint: Significance


class Composition(NamedTuple):
    """The fitted model. `se` and `wald` are clustered by query unless `method` is "firth"; `reason` says why then."""

    coefficients: Coefficients
    se: Coefficients
    model_se: Coefficients
    wald: Hypotheses
    likelihood_ratio: Hypotheses
    loglik: float
    n: int
    queries: int
    method: Literal["ml", "firth", "none"]
    reason: str


TOO_FEW = f"fewer than {FEWEST_QUERIES} queries: no test by query"
NO_COEFFICIENTS = Coefficients(math.nan, math.nan, math.nan)
NO_HYPOTHESES = Hypotheses(UNTESTED, UNTESTED, UNTESTED)


def fit(harmful: ArrayLike, benign: ArrayLike, complied: ArrayLike, query: ArrayLike) -> Composition:
    """Fit compliance to the counts of harmful and benign demonstrations and test the three hypotheses.

    Parameters
    ----------
    harmful, benign : array_like of float, shape (n,)
        Demonstrations of either kind in the context, at least 0.
    complied : array_like of {0, 1}, shape (n,)
        Whether the answer complied.
    query : array_like, shape (n,)
        Which query was asked: the cluster.

    Returns
    -------
    Composition
        Maximum likelihood, with the clustered covariance corrected by ``G / (G - 1) (N - 1) / (N - K)``. Under
        separation (not converged, a standard error above 10, or a fitted probability within 1e-8 of 0 or 1) it is
        Firth's penalised fit: model-based standard errors and Wald tests, penalised likelihood ratios. With fewer than
        ten queries standard errors and Wald tests are NaN, as either would claim too much. Everything is NaN, and
        `method` "none", where the counts do not vary independently of each other.

    References
    ----------
    Liang KY, Zeger SL. Biometrika 1986;73:13-22. Firth D. Biometrika 1993;80:27-38.
    """
    design, outcome, clusters = design_of(harmful, benign, complied, query)
    n, queries = len(outcome), int(clusters.max()) + 1 if len(clusters) else 0
    if n == 0 or np.linalg.matrix_rank(design) < 3:
        reason = "harmful and benign counts do not vary independently of each other"
        return Composition(
            NO_COEFFICIENTS, NO_COEFFICIENTS, NO_COEFFICIENTS, NO_HYPOTHESES, NO_HYPOTHESES, math.nan, n, queries,
            "none", reason,
        )  # fmt: skip
    import statsmodels.api as sm  # takes longer to import than all else here

    model = sm.GLM(outcome, design, family=sm.families.Binomial())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # separation is looked for below; the library warns of only half of it
        plain = model.fit()
        separation = separation_sign(bool(plain.converged), np.asarray(plain.bse), np.asarray(plain.fittedvalues))
        if separation:
            return _penalised(design, outcome, queries, separation)
        clustered = model.fit(cov_type="cluster", cov_kwds={"groups": clusters}) if queries >= FEWEST_QUERIES else None
        restricted = [float(sm.GLM(outcome, x, family=model.family).fit().llf) for x in _restricted(design)]
    ratios = [
        chi_squared_test(2 * (float(plain.llf) - loglik), len(restriction))
        for loglik, restriction in zip(restricted, RESTRICTIONS.values(), strict=True)
    ]
    se, wald, reason = NO_COEFFICIENTS, NO_HYPOTHESES, TOO_FEW
    if clustered is not None:
        se, reason = Coefficients(*(float(value) for value in clustered.bse)), ""
        wald = _wald(np.asarray(clustered.params), np.asarray(clustered.cov_params()), np.asarray(plain.cov_params()))
        if not all(math.isfinite(test.p) for test in wald):
            reason = "answers change with the demonstrations in too few queries for a clustered test"
    return Composition(
        coefficients=Coefficients(*(float(value) for value in plain.params)),
        se=se,
        model_se=Coefficients(*(float(value) for value in plain.bse)),
        wald=wald,
        likelihood_ratio=Hypotheses(*ratios),
        loglik=float(plain.llf),
        n=n,
        queries=queries,
        method="ml",
        reason=reason,
    )


def design_of(
    harmful: ArrayLike, benign: ArrayLike, complied: ArrayLike, query: ArrayLike
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return the design (constant, harmful, benign), the outcome, and the queries numbered from 0."""
    outcome = domain.binary(complied, "complied")
    columns = [np.asarray(values, dtype=np.float64) for values in (harmful, benign)]
    names = np.asarray(query)
    if any(values.shape != outcome.shape for values in (*columns, names)):
        raise ValueError("harmful, benign, complied and query must be sequences of the same length")
    if not all((np.isfinite(values) & (values >= 0)).all() for values in columns):
        raise ValueError("harmful and benign must be counts of at least 0")
    clusters = np.unique(names, return_inverse=True)[1]
    return np.column_stack([np.ones(len(outcome)), *columns]), outcome, np.asarray(clusters, dtype=np.int64)


def separation_sign(converged: bool, se: FloatArray, fitted: FloatArray) -> str:
    """Return the sign of separation that shows, or an empty string."""
    if not converged:
        return "maximum likelihood did not converge"
    if not (se <= LARGEST_SE).all():  # NaN, too, is such a sign
        return f"a standard error above {LARGEST_SE:g}"
    if ((fitted < CERTAIN) | (fitted > 1 - CERTAIN)).any():
        return f"a fitted probability within {CERTAIN:g} of 0 or 1"
    return ""


def _restricted(design: FloatArray) -> tuple[FloatArray, ...]:
    """Return the designs under the three hypotheses, in the order of `Hypotheses`."""
    constant, harmful, benign = design.T
    return np.column_stack([constant, harmful + benign]), np.column_stack([constant, harmful]), constant[:, None]


def _wald(beta: FloatArray, covariance: FloatArray, independent: FloatArray) -> Hypotheses:
    """Test the hypotheses; `independent` is the covariance without clusters, against which one is recognised as none.

    Where every query is answered alike throughout, coefficients and their clustered covariance are both 0 but for
    rounding, and a test would be of the rounding. A joint hypothesis is then tested in what is left of it, with fewer
    degrees of freedom.
    """

    def test(restriction: FloatArray) -> Significance:
        effect = restriction @ beta
        between, within = (restriction @ matrix @ restriction.T for matrix in (covariance, independent))
        try:
            scale = np.linalg.inv(np.linalg.cholesky(within))
        except np.linalg.LinAlgError:
            return UNTESTED
        variances, directions = np.linalg.eigh(scale @ between @ scale.T)
        kept = variances > NO_VARIANCE
        along = directions.T @ (scale @ effect)
        if not kept.any() or (np.abs(along[~kept]) > math.sqrt(NO_VARIANCE)).any():
            return UNTESTED
        return chi_squared_test(float((along[kept] ** 2 / variances[kept]).sum()), int(kept.sum()))

    return Hypotheses(*(test(restriction) for restriction in RESTRICTIONS.values()))


def _penalised(design: FloatArray, outcome: IntArray, queries: int, reason: str) -> Composition:
    full = firth_logit(design, outcome)
    p = 1 / (1 + np.exp(-design @ np.array(full.coefficients)))
    covariance = np.linalg.inv((design.T * (p * (1 - p))) @ design)
    # (1, h + g, g) spans the same model, penalty included (its determinant is 1); b1 = b2 is its last coefficient at 0
    turned = design @ np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0]])

    def ratio(x: FloatArray, zero: Sequence[int]) -> Significance:
        drop = full.penalised_loglik - firth_logit(x, outcome, zero).penalised_loglik
        return chi_squared_test(2 * drop, len(zero))

    se, enough = Coefficients(*full.se), queries >= FEWEST_QUERIES
    note = f"separation ({reason}): Firth's penalised fit, standard errors not clustered"
    return Composition(
        coefficients=Coefficients(*full.coefficients),
        se=se if enough else NO_COEFFICIENTS,
        model_se=se,
        wald=_wald(np.array(full.coefficients), covariance, covariance) if enough else NO_HYPOTHESES,
        likelihood_ratio=Hypotheses(ratio(turned, [2]), ratio(design, [2]), ratio(design, [1, 2])),
        loglik=full.penalised_loglik,
        n=len(outcome),
        queries=queries,
        method="firth",
        reason=note if enough else f"{note}; {TOO_FEW}",
    )


def classify(benign: float, p: float, alpha: float = 0.05) -> Literal["dilution", "amplification", "none"]:
    """Name what benign demonstrations do, from their coefficient and the Holm-adjusted p of b2 = 0.

    Parameters
    ----------
    benign : float
        Coefficient b2.
    p : float
        Adjusted over models and hypotheses, 0 to 1.
    alpha : float
        Level, strictly between 0 and 1.

    Returns
    -------
    {"dilution", "amplification", "none"}
        Significantly below 0, above 0, or neither. "none" is "no significant benign effect", not "no effect" (that is
        `benign_effect_is_negligible`); NaN is "none", as nothing was shown.
    """
    limit = domain.level(alpha, "alpha")
    if not math.isnan(p):
        domain.share(p, "p")
    if not p <= limit or not abs(benign) > 0:
        return "none"
    return "dilution" if benign < 0 else "amplification"


def benign_interval(composition: Composition, confidence: float = 0.95) -> Interval:
    """Return the normal interval ``b2 +- z se`` of the benign coefficient; NaN where the standard error is."""
    z = domain.normal_quantile(confidence)
    centre, reach = composition.coefficients.benign, z * composition.se.benign
    return Interval(centre - reach, centre + reach)


def benign_effect_is_negligible(composition: Composition, margin: float, alpha: float = 0.05) -> bool:
    """Whether the (1 - 2 alpha) interval of b2 lies inside +-margin (log odds ratio a demonstration); NaN does not."""
    if not 0 < margin < math.inf:
        raise ValueError(f"margin must be above 0 and finite, got {margin!r}")
    interval = benign_interval(composition, 1 - 2 * domain.real(alpha, "alpha", 0.0, 0.5, ends=False))
    return -margin < interval.low and interval.high < margin
