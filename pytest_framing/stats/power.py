"""What a number of pairs can show: exact power, summed over the tables that could have come out.

`psi` is the flip rate (b + c) / n and `delta` the difference (b - c) / n in the population. The closed forms for
planning live in `planning` and are offered here as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import scipy

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray, IntArray
from pytest_framing.stats.planning import (
    connor_power,
    equivalence_sample_size,
    minimum_detectable_effect,
    noninferiority_sample_size,
    pairs_without_flips,
    sample_size,
)
from pytest_framing.stats.score import tango_scores

__all__ = [
    "connor_power",
    "equivalence_power",
    "equivalence_sample_size",
    "mcnemar_power",
    "minimum_detectable_effect",
    "noninferiority_sample_size",
    "pairs_to_settle",
    "pairs_without_flips",
    "sample_size",
]

McNemarTest = Literal["exact", "mid_p", "uncorrected", "corrected"]

SETTLE_AT_MOST = 10**7
"""Nobody runs more pairs than this, and the search has to end."""


def _flip_counts(n: int, psi: float) -> tuple[IntArray, FloatArray]:
    """Return the numbers of flips that can occur in `n` pairs, less tails of 1e-16, and their probabilities."""
    low, high = (int(scipy.stats.binom.ppf(tail, n, psi)) for tail in (1e-16, 1 - 1e-16))
    flips = np.arange(max(low - 1, 0), min(high + 1, n) + 1, dtype=np.int64)
    return flips, np.asarray(scipy.stats.binom.pmf(flips, n, psi), dtype=np.float64)


def _last_true(holds: Callable[[IntArray], np.ndarray], low: IntArray, high: IntArray) -> IntArray:
    """Return, for each element, the largest k in [low, high] for which `holds`; it holds at low and then until it not.

    Each table of a given number of flips is decided by one count, and the decision changes once along it: so n
    bisections side by side decide n^2 / 2 tables.
    """
    low, high = low.copy(), high.copy()
    while (low < high).any():
        middle = (low + high + 1) // 2
        good = holds(middle) | (middle <= low)
        low, high = np.where(good, middle, low), np.where(good, high, middle - 1)
    return low


def _mcnemar_p(fewer: IntArray, flips: IntArray, test: McNemarTest) -> FloatArray:
    """Return the p-values of tables with `flips` flips, of which `fewer` go the rarer way (below half)."""
    if test in ("exact", "mid_p"):
        p = 2.0 * scipy.stats.binom.cdf(fewer, flips, 0.5)
        return np.asarray(p if test == "exact" else p - scipy.stats.binom.pmf(fewer, flips, 0.5), dtype=np.float64)
    distance = (flips - 2 * fewer - (1 if test == "corrected" else 0)).astype(np.float64)
    return np.asarray(scipy.special.chdtrc(1, np.maximum(distance, 0.0) ** 2 / flips), dtype=np.float64)


def mcnemar_power(n: float, psi: float, delta: float, alpha: float = 0.05, test: McNemarTest = "mid_p") -> float:
    """Exact unconditional power of McNemar's two-sided test; its type-I error for delta = 0.

    The sum, over the trinomial tables (b, c, n - b - c), of the probability of those with p <= alpha. The tests are
    those of `paired.mcnemar`; a table without flips is never rejected.

    Parameters
    ----------
    n : int
        Pairs.
    psi, delta : float
        Flip rate, 0 to 1, and difference, at most `psi` in size.
    alpha : float
        Strictly between 0 and 1.
    test : {"exact", "mid_p", "uncorrected", "corrected"}
        Which p-value decides.

    Returns
    -------
    float
        0 to 1. It is 0 for psi = 0 (never a flip) and NaN for n = 0.

    References
    ----------
    Suissa S, Shuster JJ. Biometrics 1991;47:361-372.
    """
    pairs = domain.count(n, "n")
    rate, difference = domain.split(psi, delta)
    limit = domain.level(alpha, "alpha") * (1 + 1e-12)  # p = alpha rejects, whatever the last bit of p
    if test not in ("exact", "mid_p", "uncorrected", "corrected"):
        raise ValueError(f"test must be exact, mid_p, uncorrected or corrected, got {test!r}")
    if pairs == 0:
        return math.nan
    if rate == 0:
        return 0.0
    flips, weight = _flip_counts(pairs, rate)
    flips, weight = flips[flips > 0], weight[flips > 0]
    most = (flips - 1) // 2
    none = np.full_like(flips, -1)
    critical = _last_true(lambda k: _mcnemar_p(k, flips, test) <= limit, none, most)
    one_way = (rate + difference) / (2 * rate)
    rejected = scipy.stats.binom.cdf(critical, flips, one_way) + scipy.stats.binom.cdf(critical, flips, 1 - one_way)
    return float(weight @ rejected)


def equivalence_power(n: float, psi: float, delta: float, margin: float, alpha: float = 0.05) -> float:
    """Exact unconditional power of `paired.equivalence`: how often it would show that the difference is small.

    The sum of the probability of the trinomial tables with T(margin) <= -z and T(-margin) >= z, z the normal quantile
    of 1 - alpha. For |delta| = margin it is a type-I error.

    Parameters
    ----------
    n : int
        Pairs.
    psi, delta : float
        Flip rate, 0 to 1, and difference, at most `psi` in size.
    margin : float
        Strictly between 0 and 1.
    alpha : float
        Level of each one-sided test, strictly between 0 and 0.5.

    Returns
    -------
    float
        0 to 1. NaN for n = 0.

    References
    ----------
    Liu et al., Stat Med 2002;21:231-245.
    """
    pairs = domain.count(n, "n")
    rate, difference = domain.split(psi, delta)
    limit = domain.level(margin, "margin")
    z = float(scipy.stats.norm.isf(domain.real(alpha, "alpha", 0.0, 0.5, ends=False)))
    if pairs == 0:
        return math.nan
    flips, weight = _flip_counts(pairs, rate)
    # T(margin) rises with b for a given number of flips; -1 stands for "no b is low enough"
    most = _last_true(lambda b: tango_scores(b, flips - b, pairs, limit) <= -z, np.full_like(flips, -1), flips)
    one_way = (rate + difference) / (2 * rate) if rate else 0.5
    # by symmetry T(-margin) >= z says that c is at most the same number, so b is at least flips minus it
    shown = scipy.stats.binom.cdf(most, flips, one_way) - scipy.stats.binom.cdf(flips - most - 1, flips, one_way)
    return float(weight @ np.maximum(shown, 0.0))


def pairs_to_settle(psi: float, margin: float, delta: float = 0.0, power: float = 0.8, alpha: float = 0.05) -> float:
    """Smallest number of pairs with which `equivalence_power` reaches `power`: what an inconclusive run still needs.

    Parameters
    ----------
    psi, delta : float
        Flip rate, 0 to 1, and difference, at most `psi` in size.
    margin : float
        Strictly between 0 and 1.
    power, alpha : float
        Power strictly between 0 and 1; alpha, of each one-sided test, strictly between 0 and 0.5.

    Returns
    -------
    float
        A whole number. NaN where |delta| >= margin (no number of pairs shows what is not so) and beyond 1e7 pairs.

    Notes
    -----
    Power is a saw in n, as counts are whole. The search bisects, then steps back while one of the eight numbers below
    does as well; an isolated smaller number that the power falls below again would be of no use to a planner.
    """
    rate, difference = domain.split(psi, delta)
    limit, target = domain.level(margin, "margin"), domain.level(power, "power")
    fewest = int(pairs_without_flips(limit, alpha))
    if abs(difference) >= limit:
        return math.nan

    def enough(n: int) -> bool:
        return equivalence_power(n, rate, difference, limit, alpha) >= target

    low, high = fewest - 1, fewest
    while not enough(high):
        low, high = high, 2 * high
        if low > SETTLE_AT_MOST:
            return math.nan
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    smaller = [n for n in range(max(fewest, high - 8), high) if enough(n)]
    while smaller:
        high = smaller[0]
        smaller = [n for n in range(max(fewest, high - 8), high) if enough(n)]
    return float(high)
