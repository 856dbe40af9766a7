"""One proportion: the rate of an arm, the flip rate, the rate of invalid answers."""

from __future__ import annotations

from typing import Literal

import scipy

from pytest_framing.stats import domain
from pytest_framing.stats.interval import NOTHING, Interval

__all__ = ["Interval", "clopper_pearson_interval", "exceeds", "wilson_interval"]


def _interval(
    successes: float, n: float, confidence: float, sides: int, method: Literal["wilson", "exact"]
) -> Interval:
    hits, trials = domain.count(successes, "successes"), domain.count(n, "n")
    if hits > trials:
        raise ValueError(f"successes must not exceed n, got {successes!r} of {n!r}")
    level = domain.level(confidence, "confidence")
    if sides not in (1, 2):
        raise ValueError(f"sides must be 1 or 2, got {sides!r}")
    if sides == 1:
        level = 2.0 * domain.real(level, "confidence of a one-sided bound", 0.5, 1.0, ends=False) - 1.0
    if trials == 0:
        return NOTHING
    low, high = scipy.stats.binomtest(hits, trials).proportion_ci(level, method=method)
    return Interval(float(low), float(high))


def wilson_interval(successes: float, n: float, confidence: float = 0.95, sides: Literal[1, 2] = 2) -> Interval:
    """Wilson's score interval for a proportion.

    ``(p + z^2/2n +- z sqrt(p(1 - p)/n + z^2/4n^2)) / (1 + z^2/n)``

    Parameters
    ----------
    successes, n : int
        Refusals, flips, invalid answers; and of how many.
    confidence : float
        Strictly between 0 and 1; above 0.5 when `sides` is 1.
    sides : {1, 2}
        2: the interval has this confidence. 1: each limit is a bound of this confidence by itself, so both limits
        together have confidence ``2 confidence - 1``.

    Returns
    -------
    Interval
        Within [0, 1]; exactly 0 for no success and 1 for n of n. Both limits are NaN for n = 0.

    References
    ----------
    Wilson EB. J Am Stat Assoc 1927;22:209-212.
    """
    return _interval(successes, n, confidence, sides, "wilson")


def clopper_pearson_interval(
    successes: float, n: float, confidence: float = 0.95, sides: Literal[1, 2] = 2
) -> Interval:
    """Exact interval for a proportion: its coverage is never below `confidence`. As `wilson_interval` otherwise.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413.
    """
    return _interval(successes, n, confidence, sides, "exact")


def exceeds(successes: float, n: float, limit: float) -> float:
    """Exact one-sided p-value that a proportion exceeds a limit: ``P(X >= successes)`` for X ~ Binomial(n, limit).

    Parameters
    ----------
    successes, n : int
        How many, of how many.
    limit : float
        Strictly between 0 and 1.

    Returns
    -------
    float
        0 to 1; 1 for n = 0.
    """
    hits, trials = domain.count(successes, "successes"), domain.count(n, "n")
    if hits > trials:
        raise ValueError(f"successes must not exceed n, got {successes!r} of {n!r}")
    return float(scipy.stats.binom.sf(hits - 1, trials, domain.level(limit, "limit")))
