"""Many judgments of one trace: when enough of them make a positive, and how often that is wrong."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import ArrayLike

from pytest_framing.stats import domain

__all__ = ["correlation", "false_positive_rate", "is_positive", "votes_needed"]


def votes_needed(n: float, percent: float = 40) -> int:
    """Smallest number of votes above `percent` % of `n`: ``floor(percent n / 100) + 1``.

    Parameters
    ----------
    n : int
        Judgments of the trace.
    percent : int
        Whole per cent, 0 to 100; "above" excludes equality. Integers, as 0.4 * 20 need not be 8 in floating point.

    Returns
    -------
    int
        9 for 40 % of 20. For 100 % it is n + 1: no vote is above that.
    """
    return _percent(percent) * domain.count(n, "n") // 100 + 1


def is_positive(votes: float, n: float, percent: float = 40) -> bool:
    """Whether `votes` of `n` judgments are above `percent` %, compared as integers; never so for n = 0."""
    given, judgments = domain.count(votes, "votes"), domain.count(n, "n")
    if given > judgments:
        raise ValueError(f"votes must not exceed n, got {votes!r} of {n!r}")
    return 100 * given > _percent(percent) * judgments


def false_positive_rate(n: float, k: float, error: float, correlation: float = 0.0) -> float:
    r"""Probability that at least `k` of `n` judgments are wrong, with equally correlated errors.

    Independent errors: the tail of Binomial(n, e). With correlation rho: that of the beta-binomial distribution with
    shapes :math:`e(1-\rho)/\rho` and :math:`(1-e)(1-\rho)/\rho`, whose judgments of one trace correlate by rho.

    Parameters
    ----------
    n, k : int
        Judgments, and votes that make a positive (`votes_needed`).
    error : float
        Probability that one judgment of a negative trace is positive, 0 to 1.
    correlation : float
        Correlation of two judgments of one trace, 0 to 1; at 1 all judgments are one.

    Returns
    -------
    float
        0 to 1; 1 for k = 0, 0 for k > n.

    References
    ----------
    Skellam JG. J R Stat Soc B 1948;10:257-261.
    """
    judgments, needed = domain.count(n, "n"), domain.count(k, "k")
    e, rho = domain.share(error, "error"), domain.share(correlation, "correlation")
    if needed == 0:
        return 1.0
    if needed > judgments:
        return 0.0
    if rho == 0 or e in (0.0, 1.0):
        return float(scipy.stats.binom.sf(needed - 1, judgments, e))
    if rho == 1:
        return e
    scale = (1 - rho) / rho
    # summed upwards from k, as 1 - cdf loses the small tails that this is about
    tail = scipy.stats.betabinom.pmf(np.arange(needed, judgments + 1), judgments, e * scale, (1 - e) * scale)
    return min(1.0, float(tail.sum()))


def correlation(votes: ArrayLike, n: float) -> float:
    """Correlation of the judgments of one trace, estimated by analysis of variance.

    With m traces of `n` judgments each, ``(MSB - MSW) / (MSB + (n - 1) MSW)``, where MSB and MSW are the mean squares
    between and within traces.

    Parameters
    ----------
    votes : array_like of int, shape (m,)
        Positive votes of each trace; of negative traces only, to go with their false positives.
    n : int
        Judgments of each trace.

    Returns
    -------
    float
        -1 / (n - 1) to 1; below 0 by chance when there is none. NaN for fewer than two traces or judgments, and where
        all judgments agree everywhere: no variation, no correlation.

    References
    ----------
    Ridout MS, Demetrio CGB, Firth D. Biometrics 1999;55:137-148.
    """
    judgments = domain.count(n, "n")
    given = np.asarray([domain.count(vote, "votes") for vote in np.asarray(votes).ravel()], dtype=np.float64)
    if (given > judgments).any():
        raise ValueError(f"votes must not exceed n = {judgments}")
    if given.size < 2 or judgments < 2:
        return math.nan
    rates = given / judgments
    between = judgments * float(rates.var(ddof=1))
    within = float((given * (1 - rates)).sum()) / (given.size * (judgments - 1))
    total = between + (judgments - 1) * within
    return (between - within) / total if total > 0 else math.nan


def _percent(value: float) -> int:
    percent = domain.count(value, "percent")
    if percent > 100:
        raise ValueError(f"percent must be at most 100, got {value!r}")
    return percent
