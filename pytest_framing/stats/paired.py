"""Two conditions on the same prompts: the difference of two paired proportions.

A pair is one prompt under condition 1 and condition 2. Of `n` pairs, `a` refuse under both, `b` only under
condition 1, `c` only under condition 2 and `d` under neither. The difference is ``delta = (b - c) / n``; for the
compliance gap condition 1 is the treatment (`paid`), so `b` is `paid_only` and `c` is `free_only`.

Tango's score interval is the interval of record. The others are second opinions; Wald's decides nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import scipy

from pytest_framing.stats import domain
from pytest_framing.stats.interval import NOTHING, Interval
from pytest_framing.stats.score import score_variance, tango_score
from pytest_framing.stats.second_opinions import (
    agresti_min_interval,
    bonett_price_interval,
    newcombe_interval,
    wald_interval,
)

__all__ = [
    "Equivalence",
    "Interval",
    "McNemar",
    "NonInferiority",
    "agresti_min_interval",
    "bonett_price_interval",
    "equivalence",
    "mcnemar",
    "newcombe_interval",
    "noninferiority",
    "tango_interval",
    "tango_score",
    "wald_interval",
    "worst_case_gap",
]


class McNemar(NamedTuple):
    """McNemar's test in its four forms; `p_mid` is primary, `p_exact` confirms."""

    statistic: float
    corrected_statistic: float
    p: float
    p_corrected: float
    p_exact: float
    p_mid: float


class Equivalence(NamedTuple):
    """Two one-sided score tests: `interval` has confidence 1 - 2 alpha, `p` is the larger of the two p-values."""

    interval: Interval
    p: float
    equivalent: bool


class NonInferiority(NamedTuple):
    """One-sided score test that condition 2 is not below condition 1 by the margin or more."""

    z: float
    p: float
    noninferior: bool


def _upper_limit(b: int, c: int, n: int, z: float) -> float:
    """Return the difference above the estimate at which the score statistic is -z."""
    if b == n:  # T falls to 0, not to -z, at delta = 1
        return 1.0
    # In these two cases the variance is 0 at the estimate, which would pass for a root.
    if b + c == 0:
        return z * z / (n + z * z)
    if c == n:
        return (z * z - n) / (z * z + n)

    def distance(delta: float) -> float:
        # T(delta) + z times T's denominator, which is 0 at delta = 1
        return b - c - n * delta + z * math.sqrt(float(score_variance(b, c, n, delta)))

    return float(scipy.optimize.brentq(distance, (b - c) / n, 1.0, xtol=1e-16, rtol=1e-15))


def tango_interval(b: float, c: float, n: float, confidence: float = 0.95) -> Interval:
    """Score interval for the difference of two paired proportions: the interval of record.

    The limits are the two differences at which the absolute score statistic (`tango_score`) is the normal quantile z.

    Parameters
    ----------
    b, c : int
        Pairs that refuse only under condition 1, only under condition 2.
    n : int
        All pairs.
    confidence : float
        Two-sided confidence, strictly between 0 and 1.

    Returns
    -------
    Interval
        Within [-1, 1]; never of zero width. Without a discordant pair it is +-z^2 / (n + z^2); a limit is exactly 1
        for b = n and -1 for c = n. Both limits are NaN for n = 0: no pair, no estimate.

    References
    ----------
    Tango, Stat Med 1998;17:891-908.
    """
    only_1, only_2, pairs = domain.discordant(b, c, n)
    z = domain.normal_quantile(confidence)
    if pairs == 0:
        return NOTHING
    return Interval(-_upper_limit(only_2, only_1, pairs, z), _upper_limit(only_1, only_2, pairs, z))


def mcnemar(b: float, c: float) -> McNemar:
    """McNemar's test: uncorrected, corrected for continuity, exact and mid-p; all two-sided.

    The statistics are (b - c)^2 / (b + c) and max(|b - c| - 1, 0)^2 / (b + c), both chi-squared with one degree of
    freedom. The exact p is min(1, 2 P(X <= min(b, c))) for X ~ Binomial(b + c, 1/2); mid-p counts half of the
    probability of the observed table.

    Parameters
    ----------
    b, c : int
        Pairs that refuse only under condition 1, only under condition 2.

    Returns
    -------
    McNemar
        For b = c both statistics are 0 and every p is 1. So it is for b + c = 0, where nothing contradicts the
        hypothesis; libraries return inf, NaN or 0.5 there.

    References
    ----------
    McNemar Q. Psychometrika 1947;12:153-157. Fagerland MW, Lydersen S, Laake P. BMC Med Res Methodol 2013;13:91.
    """
    only_1, only_2 = domain.count(b, "b"), domain.count(c, "c")
    flips, fewer = only_1 + only_2, min(only_1, only_2)
    if only_1 == only_2:
        return McNemar(0.0, 0.0, 1.0, 1.0, 1.0, 1.0)
    statistic = (only_1 - only_2) ** 2 / flips
    corrected = (abs(only_1 - only_2) - 1) ** 2 / flips
    tied = float(scipy.stats.binom.pmf(fewer, flips, 0.5))
    below = float(scipy.stats.binom.cdf(fewer - 1, flips, 0.5))
    return McNemar(
        statistic=statistic,
        corrected_statistic=corrected,
        p=float(scipy.stats.chi2.sf(statistic, 1)),
        p_corrected=float(scipy.stats.chi2.sf(corrected, 1)),
        p_exact=min(1.0, 2.0 * (below + tied)),
        p_mid=min(1.0, 2.0 * below + tied),
    )


def equivalence(b: float, c: float, n: float, margin: float, alpha: float = 0.05) -> Equivalence:
    """Test that the difference lies within +-margin: the (1 - 2 alpha) Tango interval inside the margin.

    Parameters
    ----------
    b, c : int
        Pairs that refuse only under condition 1, only under condition 2.
    n : int
        All pairs.
    margin : float
        Largest difference that does not matter, above 0 and at most 1.
    alpha : float
        Level of each one-sided test, strictly between 0 and 0.5; 0.05 goes with a 90 % interval.

    Returns
    -------
    Equivalence
        `p` is the larger of the two one-sided score p-values; `equivalent` says that both limits lie strictly inside.
        For n = 0 the interval and `p` are NaN and nothing is shown.

    References
    ----------
    Liu JP et al. Tests for equivalence or non-inferiority for paired binary data. Stat Med 2002;21:231-245.
    """
    limit = _margin(margin)
    interval = tango_interval(b, c, n, 1.0 - 2.0 * domain.real(alpha, "alpha", 0.0, 0.5, ends=False))
    p = max(
        float(scipy.stats.norm.cdf(tango_score(b, c, n, limit))),
        float(scipy.stats.norm.sf(tango_score(b, c, n, -limit))),
    )
    return Equivalence(interval, p, -limit < interval.low and interval.high < limit)


def noninferiority(b: float, c: float, n: float, margin: float, alpha: float = 0.05) -> NonInferiority:
    """Test that condition 2 refuses at most `margin` less often than condition 1: reject delta >= margin.

    For a regression test, condition 1 is the baseline and condition 2 the candidate.

    Parameters
    ----------
    b, c : int
        Pairs that refuse only under condition 1, only under condition 2.
    n : int
        All pairs.
    margin : float
        Largest loss that does not matter, above 0 and at most 1.
    alpha : float
        One-sided level, strictly between 0 and 1.

    Returns
    -------
    NonInferiority
        `z` is the score statistic at `margin`, `p` its lower tail, `noninferior` says p <= alpha. For n = 0, `z` and
        `p` are NaN and nothing is shown.

    References
    ----------
    Tango, Stat Med 1998;17:891-908.
    """
    z = tango_score(b, c, n, _margin(margin))
    p = float(scipy.stats.norm.cdf(z))
    return NonInferiority(z, p, p <= domain.level(alpha, "alpha"))


def _margin(value: float) -> float:
    if float(value) == 0:
        raise ValueError("margin must be above 0: no sample shows a difference of exactly 0")
    return domain.share(value, "margin")


def worst_case_gap(b: float, c: float, n_valid: float, invalid: float) -> Interval:
    """Bounds of the difference over everything that the invalid pairs might have been.

    Every invalid pair is counted against condition 1, then for it: ``(b - c -+ invalid) / (n_valid + invalid)``.

    Parameters
    ----------
    b, c : int
        Valid pairs that refuse only under condition 1, only under condition 2.
    n_valid : int
        Pairs in which both verdicts are valid.
    invalid : int
        Pairs in which at least one is not.

    Returns
    -------
    Interval
        Bounds, not confidence limits; of zero width without an invalid pair. NaN without any pair.

    References
    ----------
    Horowitz JL, Manski CF. J Am Stat Assoc 2000;95:77-84.
    """
    only_1, only_2, valid = domain.discordant(b, c, n_valid)
    lost = domain.count(invalid, "invalid")
    total = valid + lost
    if total == 0:
        return NOTHING
    return Interval((only_1 - only_2 - lost) / total, (only_1 - only_2 + lost) / total)
