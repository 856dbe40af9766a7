"""Other intervals for the difference of two paired proportions, to set beside Tango's; `paired` explains the cells."""

from __future__ import annotations

import math

from pytest_framing.stats import domain
from pytest_framing.stats.interval import NOTHING, Interval

__all__ = ["agresti_min_interval", "bonett_price_interval", "newcombe_interval", "wald_interval"]


def _wilson(successes: int, n: int, z: float) -> tuple[float, float, float]:
    """Return a proportion and its Wilson limits."""
    p = successes / n
    centre = p + z * z / (2 * n)
    reach = z * math.sqrt(p * (1 - p) / n + z * z / (4.0 * n * n))
    scale = 1 + z * z / n
    return p, (centre - reach) / scale, (centre + reach) / scale


def newcombe_interval(a: float, b: float, c: float, d: float, confidence: float = 0.95) -> Interval:
    """Newcombe's method 10: two Wilson intervals squared and added, with a corrected phi. The second opinion.

    Parameters
    ----------
    a, b, c, d : int
        Pairs that refuse under both, only under condition 1, only under condition 2, under neither.
    confidence : float
        Two-sided confidence, strictly between 0 and 1.

    Returns
    -------
    Interval
        Within [-1, 1]. Both limits are NaN without a pair. phi is 0 where a margin is empty.

    Notes
    -----
    The product of the four margins overflows fixed-width integers: 32 bits near n = 1300 with rare refusals, 64 bits
    near n = 110,000 with balanced ones. Here the counts are Python ints.

    References
    ----------
    Newcombe RG. Improved confidence intervals for the difference between binomial proportions based on paired data.
    Stat Med 1998;17:2635-2650.
    """
    both, only_1, only_2, neither = domain.counts((a, b, c, d), "a, b, c, d", 4)
    z = domain.normal_quantile(confidence)
    n = both + only_1 + only_2 + neither
    if n == 0:
        return NOTHING
    margins = (both + only_1) * (only_2 + neither) * (both + only_2) * (only_1 + neither)
    product = both * neither - only_1 * only_2
    phi = 0.0
    if margins:
        phi = (max(product - n / 2, 0.0) if product > 0 else product) / math.sqrt(margins)
    p1, low1, high1 = _wilson(both + only_1, n, z)
    p2, low2, high2 = _wilson(both + only_2, n, z)
    below1, above1, below2, above2 = p1 - low1, high1 - p1, p2 - low2, high2 - p2
    difference = (only_1 - only_2) / n
    # the forms are positive semi-definite; max() only absorbs the last bit at phi = 1 or -1
    reach_low = math.sqrt(max(below1**2 - 2 * phi * below1 * above2 + above2**2, 0.0))
    reach_high = math.sqrt(max(above1**2 - 2 * phi * above1 * below2 + below2**2, 0.0))
    return Interval(max(difference - reach_low, -1.0), min(difference + reach_high, 1.0))


def _wald(b: float, c: float, n: float, z: float) -> Interval:
    difference = (b - c) / n
    reach = z * math.sqrt(max((b + c) / n - difference**2, 0.0) / n)
    return Interval(max(difference - reach, -1.0), min(difference + reach, 1.0))


def wald_interval(b: float, c: float, n: float, confidence: float = 0.95) -> Interval:
    """Wald interval, ``delta +- z sqrt((psi - delta^2) / n)``: shown beside others' figures, never decided upon.

    At nominal 5 % (n = 200, psi = 0.06, margin 0.05) its true error is 9.2 %. It has zero width without discordant
    pairs. Cut to [-1, 1]; NaN for n = 0. Parameters as in `paired.tango_interval`.
    """
    only_1, only_2, pairs = domain.discordant(b, c, n)
    z = domain.normal_quantile(confidence)
    return _wald(only_1, only_2, pairs, z) if pairs else NOTHING


def agresti_min_interval(b: float, c: float, n: float, confidence: float = 0.95) -> Interval:
    """Wald interval after adding 1/2 to each of the four cells; cut to [-1, 1], NaN for n = 0.

    Parameters as in `paired.tango_interval`.

    References
    ----------
    Agresti A, Min Y. Simple improved confidence intervals for comparing matched proportions. Stat Med 2005;24:729-740.
    """
    only_1, only_2, pairs = domain.discordant(b, c, n)
    z = domain.normal_quantile(confidence)
    return _wald(only_1 + 0.5, only_2 + 0.5, pairs + 2, z) if pairs else NOTHING


def bonett_price_interval(b: float, c: float, n: float, confidence: float = 0.95) -> Interval:
    """Wald interval after adding 1 to both discordant cells; cut to [-1, 1], NaN for n = 0.

    Parameters as in `paired.tango_interval`.

    References
    ----------
    Bonett DG, Price RM. Adjusted Wald confidence interval for a difference of binomial proportions based on paired
    data. J Educ Behav Stat 2012;37:479-488.
    """
    only_1, only_2, pairs = domain.discordant(b, c, n)
    z = domain.normal_quantile(confidence)
    return _wald(only_1 + 1, only_2 + 1, pairs + 2, z) if pairs else NOTHING
