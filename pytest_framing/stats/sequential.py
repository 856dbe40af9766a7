"""Looking at the data while they come in, without paying for it: e-values and betting intervals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy
from numpy.typing import ArrayLike

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray
from pytest_framing.stats.interval import NOTHING, Interval

__all__ = ["anytime_p", "betting_interval", "betting_martingale", "e_value", "log_e_value"]

TRUNCATION = 0.5
"""Largest part of the capital that one bet may lose."""


def log_e_value(b: float, c: float, alpha: float = 1.0, beta: float = 1.0) -> float:
    """Natural logarithm of `e_value`, which does not overflow. Parameters as there."""
    only_1, only_2 = domain.count(b, "b"), domain.count(c, "c")
    if not (0 < alpha < math.inf and 0 < beta < math.inf):
        raise ValueError(f"alpha and beta must be above 0, got {alpha!r}, {beta!r}")
    mixture = scipy.special.betaln(only_1 + alpha, only_2 + beta) - scipy.special.betaln(alpha, beta)
    return float((only_1 + only_2) * math.log(2) + mixture)


def e_value(b: float, c: float, alpha: float = 1.0, beta: float = 1.0) -> float:
    """Evidence against "no framing effect" in the discordant pairs, valid at any time of looking.

    ``E = 2^(b + c) B(b + alpha, c + beta) / B(alpha, beta)``: the likelihood of the flips' directions averaged over a
    Beta(alpha, beta) prior, over that of a fair coin. With the uniform prior it is ``2^(b + c) B(b + 1, c + 1)``. Under
    the hypothesis its expectation is 1 at any stopping time, so stopping at E >= 1/level errs with at most that level.

    Parameters
    ----------
    b, c : int
        Flips so far in either direction.
    alpha, beta : float
        Shapes of the prior, above 0; fixed before the first pair.

    Returns
    -------
    float
        At least 0; 1 without a flip; inf where it exceeds the floating-point range (see `log_e_value`).

    References
    ----------
    Robbins H. Ann Math Stat 1970;41:1397-1409. Ramdas A et al. Stat Sci 2023;38:576-601.
    """
    log = log_e_value(b, c, alpha, beta)
    return math.exp(log) if log < math.log(np.finfo(np.float64).max) else math.inf


def anytime_p(path: ArrayLike) -> float:
    """P-value that stays valid however often one looked: ``min(1, 1 / max(path))`` (Ville's inequality).

    Parameters
    ----------
    path : array_like of float, shape (t,)
        The e-value at each look, in order, the present one last; at least 0.

    Returns
    -------
    float
        0 to 1; 1 for an empty path. It never rises as the path grows.

    References
    ----------
    Ville J. Etude critique de la notion de collectif, 1939.
    """
    values = np.atleast_1d(np.asarray(path, dtype=np.float64))
    if not (values >= 0).all():  # so NaN is refused, too
        raise ValueError("path must hold e-values of at least 0")
    largest = float(values.max(initial=0.0))
    return min(1.0, 1.0 / largest) if largest > 0 else 1.0


def _bets(x: FloatArray, alpha: float) -> FloatArray:
    """Return the predictable plug-in bets: each depends on earlier observations alone.

    ``sqrt(2 log(2 / alpha) / (t log(1 + t) s^2))``, s^2 the running variance, begun with one observation of 1/2 and
    variance 1/4.
    """
    t = np.arange(1, x.size + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    before = np.concatenate(([0.25], variance[:-1]))
    return np.asarray(np.sqrt(2 * math.log(2 / alpha) / (t * np.log(1 + t) * before)), dtype=np.float64)


def _log_capital(x: FloatArray, bets: FloatArray, m: float) -> FloatArray:
    """Return the log capital of bets that the mean is above `m`, after each observation."""
    stakes = np.minimum(bets, TRUNCATION / m) if m > 0 else bets
    return np.asarray(np.cumsum(np.log1p(stakes * (x - m))), dtype=np.float64)


def betting_martingale(x: ArrayLike, m: float, confidence: float = 0.95) -> tuple[float, ...]:
    """Capital after each observation of a gambler who bets that the mean is not `m`; hedged both ways.

    ``max(prod(1 + l (x - m)), prod(1 - l (x - m))) / 2`` with predictable plug-in bets l, cut to half of what could be
    lost at most. Its expectation is at most 1 if the mean is `m`.

    Parameters
    ----------
    x : array_like of float, shape (t,)
        Observations in order, each 0 to 1; the direction D of a pair (-1, 0, 1) enters as (D + 1) / 2.
    m : float
        Hypothesised mean, strictly between 0 and 1.
    confidence : float
        Tunes the bets, strictly between 0 and 1.

    Returns
    -------
    tuple of float
        One value an observation.

    References
    ----------
    Waudby-Smith I, Ramdas A. Estimating means of bounded random variables by betting. J R Stat Soc B 2024;86:1-27.
    """
    data = _observations(x)
    mean, alpha = domain.level(m, "m"), 1 - domain.level(confidence, "confidence")
    bets = _bets(data, alpha)
    above, below = _log_capital(data, bets, mean), _log_capital(1 - data, bets, 1 - mean)
    return tuple(float(value) for value in np.exp(np.maximum(above, below) + math.log(0.5)))


def betting_interval(x: ArrayLike, confidence: float = 0.95) -> Interval:
    """Confidence interval for a mean of bounded observations that holds at all times at once.

    The means against which `betting_martingale` never reached ``1 / (1 - confidence)``. It may be looked at after
    every observation; it shrinks as they come.

    Parameters
    ----------
    x : array_like of float, shape (t,)
        Observations in order, each 0 to 1; the direction D of a pair (-1, 0, 1) enters as (D + 1) / 2, and a limit L
        is then a difference of 2 L - 1.
    confidence : float
        Strictly between 0 and 1.

    Returns
    -------
    Interval
        Within [0, 1]; [0, 1] without an observation: nothing is excluded. Should no mean remain, which happens with
        probability 1 - confidence at most, `low` and `high` are NaN.

    References
    ----------
    Waudby-Smith, Ramdas, J R Stat Soc B 2024;86:1-27.
    """
    data = _observations(x)
    alpha = 1 - domain.level(confidence, "confidence")
    if data.size == 0:
        return Interval(0.0, 1.0)
    bets, goal = _bets(data, alpha), math.log(2 / alpha)
    # Each half is monotone in the mean, so what it excludes is everything beyond one point.
    low = _crossing(lambda m: float(_log_capital(data, bets, m).max()) - goal)
    high = 1 - _crossing(lambda m: float(_log_capital(1 - data, bets, m).max()) - goal)
    return Interval(low, high) if low <= high else NOTHING


def _crossing(excess: Callable[[float], float]) -> float:
    """Return the mean at which a falling function passes 0, or 0 if it is below everywhere."""
    ends = 1e-12, 1.0
    if excess(ends[0]) <= 0:
        return 0.0
    return float(scipy.optimize.brentq(excess, *ends, xtol=1e-13))


def _observations(x: ArrayLike) -> FloatArray:
    data = np.asarray(x, dtype=np.float64)
    if data.ndim != 1 or not ((data >= 0) & (data <= 1)).all():
        raise ValueError("x must be a sequence of numbers in [0, 1]")
    return data
