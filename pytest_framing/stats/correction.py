"""Rates that a judge's errors have moved, moved back: Rogan-Gladen, and prediction-powered inference."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pytest_framing.stats import domain, rates
from pytest_framing.stats.interval import Interval

__all__ = [
    "LEAST_YOUDEN",
    "Corrected",
    "CorrectedDifference",
    "JudgedArm",
    "PredictionPowered",
    "corrected_difference",
    "corrected_gap",
    "ppi_mean",
    "rogan_gladen",
]

LEAST_YOUDEN = 0.5
"""Sensitivity + specificity - 1 below which nothing is corrected: the division would multiply the noise."""


class Corrected(NamedTuple):
    """A corrected rate before and after it is cut to [0, 1], its standard error and confidence limits."""

    raw: float
    rate: float
    se: float
    low: float
    high: float


class JudgedArm(NamedTuple):
    """Verdicts of one arm, and what human labels say of its judge there: hits, and of how many, for each property."""

    positive: int
    n: int
    found: int
    positives: int
    cleared: int
    negatives: int


class CorrectedDifference(NamedTuple):
    """A difference of two corrected rates, with confidence limits."""

    estimate: float
    low: float
    high: float


class PredictionPowered(NamedTuple):
    """A mean from few labels and many predictions, its standard error and limits, and the weight of the predictions."""

    estimate: float
    se: float
    low: float
    high: float
    weight: float
    exact: bool


def rogan_gladen(
    positive: float,
    n: float,
    sensitivity: float,
    specificity: float,
    sensitivity_n: float | None = None,
    specificity_n: float | None = None,
    confidence: float = 0.95,
) -> Corrected:
    r"""Rate of true positives behind a judge's verdicts: ``(p + Sp - 1) / (Se + Sp - 1)``.

    .. math:: \mathrm{se}^2 = \frac{p(1-p)/n + \pi^2 Se(1-Se)/n_{Se} + (1-\pi)^2 Sp(1-Sp)/n_{Sp}}{(Se+Sp-1)^2}

    Parameters
    ----------
    positive, n : int
        Verdicts that the judge calls positive, and of how many.
    sensitivity, specificity : float
        Of the judge, 0 to 1.
    sensitivity_n, specificity_n : int, optional
        Human-labelled positives and negatives from which they were estimated, at least 1; without one it is taken as
        known, and its term is 0.
    confidence : float
        Strictly between 0 and 1.

    Returns
    -------
    Corrected
        `raw` may lie outside [0, 1]; `rate` and the limits may not. The limits are Lang and Reiczigel's; with both
        properties known they are Wilson's limits of p, corrected. All NaN for n = 0, and for Se + Sp - 1 below 0.5:
        so poor a judge is not corrected, it is replaced.

    References
    ----------
    Rogan WJ, Gladen B. Am J Epidemiol 1978;107:71-76. Lang Z, Reiczigel J. Prev Vet Med 2014;113:13-22.
    """
    hits, trials = domain.count(positive, "positive"), domain.count(n, "n")
    se, sp = domain.share(sensitivity, "sensitivity"), domain.share(specificity, "specificity")
    samples = [_sample(sensitivity_n, "sensitivity_n"), _sample(specificity_n, "specificity_n")]
    z = domain.normal_quantile(confidence)
    if hits > trials:
        raise ValueError(f"positive must not exceed n, got {positive!r} of {n!r}")
    youden = se + sp - 1
    if trials == 0 or youden < LEAST_YOUDEN:
        return Corrected(*(math.nan,) * 5)
    p = hits / trials
    raw = (p - (1 - sp)) / youden
    variance = p * (1 - p) / trials + raw**2 * se * (1 - se) / samples[0] + (1 - raw) ** 2 * sp * (1 - sp) / samples[1]
    if samples == [math.inf, math.inf]:
        limits = Interval(*((limit - (1 - sp)) / youden for limit in rates.wilson_interval(hits, trials, confidence)))
    else:
        limits = _lang_reiczigel(hits, trials, (se, samples[0]), (sp, samples[1]), z)
    low, high = (min(max(limit, 0.0), 1.0) for limit in limits)
    return Corrected(raw, min(max(raw, 0.0), 1.0), math.sqrt(variance) / youden, low, high)


def _sample(size: float | None, name: str) -> float:
    """Return the size of a validation sample; of one that need not be reckoned with, infinity."""
    if size is None:
        return math.inf
    labelled = domain.count(size, name)
    if labelled == 0:
        raise ValueError(f"{name} must be at least 1")
    return float(labelled)


def _lang_reiczigel(
    hits: int, trials: int, sensitivity: tuple[float, float], specificity: tuple[float, float], z: float
) -> Interval:
    """Return limits from estimates that are each drawn a little to the middle, with the shift that this calls for."""
    size = trials + z * z
    p = (hits + z * z / 2) / size
    (se, se_variance), (sp, sp_variance) = (_drawn_in(*judge) for judge in (sensitivity, specificity))
    youden = se + sp - 1
    rate = (p + sp - 1) / youden
    shift = 2 * z * z * (rate * se_variance - (1 - rate) * sp_variance)
    variance = p * (1 - p) / size + rate**2 * se_variance + (1 - rate) ** 2 * sp_variance
    reach = z * math.sqrt(variance) / youden
    return Interval(rate + shift - reach, rate + shift + reach)


def _drawn_in(estimate: float, size: float) -> tuple[float, float]:
    """Return a proportion with one success and one failure added, and its variance."""
    if math.isinf(size):
        return estimate, 0.0
    drawn = (estimate * size + 1) / (size + 2)
    return drawn, drawn * (1 - drawn) / (size + 2)


def corrected_gap(gap: float, sensitivity: float, specificity: float, *, equal_in_both_framings: bool) -> float:
    """Difference of two rates, corrected for a judge that errs alike under both: ``gap / (Se + Sp - 1)``.

    Parameters
    ----------
    gap : float
        Observed difference, -1 to 1.
    sensitivity, specificity : float
        Of the judge, 0 to 1.
    equal_in_both_framings : bool
        Whether they were shown to be the same under both framings.

    Returns
    -------
    float
        NaN unless they were (a difference of the judge's errors would pass for one of the model), and for
        Se + Sp - 1 below 0.5.
    """
    observed = domain.real(gap, "gap", -1.0, 1.0, ends=True)
    youden = domain.share(sensitivity, "sensitivity") + domain.share(specificity, "specificity") - 1
    return observed / youden if equal_in_both_framings and youden >= LEAST_YOUDEN else math.nan


def corrected_difference(
    first: JudgedArm, second: JudgedArm, limits: Interval, confidence: float = 0.95
) -> CorrectedDifference:
    r"""Difference of two rates, each corrected by the judge's errors in its own arm: :math:`\pi_1 - \pi_2`.

    With :math:`\pi_i = (p_i + Sp_i - 1) / J_i` and :math:`J_i = Se_i + Sp_i - 1`. Nothing is pooled, so that errors
    which differ between the arms leave no bias; how well each is known enters the limits instead.

    Parameters
    ----------
    first, second : JudgedArm
        The two arms, on the same prompts.
    limits : Interval
        Confidence limits of the observed difference :math:`p_1 - p_2`, from the pairs.
    confidence : float
        That of ``limits``, strictly between 0 and 1.

    Returns
    -------
    CorrectedDifference
        Distances of the limits are added as squares (MOVER): of ``limits``, stretched by the mean of 1 / J; of
        :math:`p_1 + p_2`, as far as the two J differ; and of the estimate at the Wilson limits of each Se and Sp.
        Correlations between labels of the same prompts are left out of account, which widens the limits. They are cut
        to [-1, 1]. All NaN without a verdict or a label of each kind in an arm, and where an arm's J is below 0.5.

    References
    ----------
    Rogan WJ, Gladen B. Am J Epidemiol 1978;107:71-76. Zou GY, Donner A. Stat Med 2008;27:1693-1702.
    """
    arms = (first, second)
    if any(0 in (arm.n, arm.positives, arm.negatives) or _youden(arm) < LEAST_YOUDEN for arm in arms):
        return CorrectedDifference(math.nan, math.nan, math.nan)
    p = [arm.positive / arm.n for arm in arms]
    se, sp = [arm.found / arm.positives for arm in arms], [arm.cleared / arm.negatives for arm in arms]
    estimate = _true_rate(p[0], se[0], sp[0]) - _true_rate(p[1], se[1], sp[1])
    weights = [1 / _youden(arm) for arm in arms]
    mean, apart = (weights[0] + weights[1]) / 2, abs(weights[0] - weights[1]) / 2
    gap = p[0] - p[1]
    shared = apart * sum(high - low for low, high in (rates.wilson_interval(*arm[:2], confidence) for arm in arms)) / 2
    below, above = [mean * (gap - limits.low), shared], [mean * (limits.high - gap), shared]
    for arm, rate, sensitivity, specificity, sign in zip(arms, p, se, sp, (1, -1), strict=True):
        here = _true_rate(rate, sensitivity, specificity)
        moved = [
            *(_true_rate(rate, limit, specificity) for limit in _wilson(arm.found, arm.positives, confidence)),
            *(_true_rate(rate, sensitivity, limit) for limit in _wilson(arm.cleared, arm.negatives, confidence)),
        ]
        shifts = [sign * (other - here) for other in moved]
        if any(math.isnan(shift) for shift in shifts):
            return CorrectedDifference(estimate, -1.0, 1.0)
        below += [-shift for shift in shifts if shift < 0]
        above += [shift for shift in shifts if shift > 0]
    return CorrectedDifference(
        estimate, max(estimate - math.hypot(*below), -1.0), min(estimate + math.hypot(*above), 1.0)
    )


def _youden(arm: JudgedArm) -> float:
    return arm.found / arm.positives + arm.cleared / arm.negatives - 1


def _true_rate(p: float, sensitivity: float, specificity: float) -> float:
    """Return the rate behind p, uncut; NaN for a judge that tells nothing."""
    youden = sensitivity + specificity - 1
    return (p + specificity - 1) / youden if youden > 0 else math.nan


def _wilson(hits: int, trials: int, confidence: float) -> Interval:
    return Interval(*rates.wilson_interval(hits, trials, confidence))


def ppi_mean(
    labels: ArrayLike,
    predictions: ArrayLike,
    unlabelled_predictions: ArrayLike,
    confidence: float = 0.95,
    weight: float | None = None,
) -> PredictionPowered:
    """Rate from few human labels and many judge verdicts, by prediction-powered inference (PPI++).

    ``mean(w f_unlabelled) + mean(y - w f)``, with variance ``var(w f_unlabelled) / N + var(y - w f) / n`` (both over
    the count, not the count less 1). The weight that makes it smallest is
    ``w = cov(y, f) / ((1 + n / N) var(f over all))``, cut to [0, 1].

    Parameters
    ----------
    labels, predictions : array_like of {0, 1}, shape (n,)
        Human label y and judge verdict f of the labelled answers.
    unlabelled_predictions : array_like of {0, 1}, shape (N,)
        Judge verdicts of the others.
    confidence : float
        Strictly between 0 and 1.
    weight : float, optional
        0 (labels alone) to 1 (classical PPI) instead of the best one.

    Returns
    -------
    PredictionPowered
        Cut to nothing: the normal limits may pass 0 or 1. NaN with fewer than two labels or no prediction.
        When judge and human never disagreed, the correction has variance 0 and the normal interval would take the
        judge for perfect. `exact` is then true, the weight 1, `se` NaN, and the limits are the Clopper-Pearson limits
        of the judge's rate, each moved out by the Clopper-Pearson bound of the disagreement, at half of the error
        each.

    References
    ----------
    Angelopoulos AN et al. Science 2023;382:669-674. Angelopoulos AN, Duchi JC, Zrnic T. arXiv:2311.01453.
    """
    y, f = domain.binary(labels, "labels"), domain.binary(predictions, "predictions")
    rest = domain.binary(unlabelled_predictions, "unlabelled_predictions")
    if y.size != f.size:
        raise ValueError(f"labels and predictions must go together, got {y.size} and {f.size}")
    z = domain.normal_quantile(confidence)
    given = None if weight is None else domain.share(weight, "weight")
    if y.size < 2 or rest.size == 0:
        return PredictionPowered(math.nan, math.nan, math.nan, math.nan, math.nan, exact=False)
    if (y == f).all():
        return _without_disagreement(int(rest.sum()), rest.size, y.size, confidence)
    w = _best_weight(y, f, rest) if given is None else given
    estimate = float(w * rest.mean() + (y - w * f).mean())
    se = math.sqrt(float(np.var(w * rest)) / rest.size + float(np.var(y - w * f)) / y.size)
    return PredictionPowered(estimate, se, estimate - z * se, estimate + z * se, w, exact=False)


def _best_weight(y: domain.IntArray, f: domain.IntArray, rest: domain.IntArray) -> float:
    covariance = float(np.mean((y - y.mean()) * (f - f.mean())))
    variance = float(np.var(np.concatenate((f, rest)), ddof=1))
    if variance == 0:  # a judge with one verdict predicts nothing
        return 0.0
    return min(max(covariance / ((1 + y.size / rest.size) * variance), 0.0), 1.0)


def _without_disagreement(positive: int, n: int, labelled: int, confidence: float) -> PredictionPowered:
    half = (1 + confidence) / 2  # each of the two statements may err half as often as both together
    judged = rates.clopper_pearson_interval(positive, n, half)
    disagreement = 1 - (1 - half) ** (1 / labelled)
    low, high = max(judged.low - disagreement, 0.0), min(judged.high + disagreement, 1.0)
    return PredictionPowered(positive / n, math.nan, low, high, 1.0, exact=True)
