"""How many pairs to plan for: closed forms, approximate and quick; `power` has the exact figures.

`psi` is the flip rate (b + c) / n and `delta` the difference (b - c) / n in the population.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import scipy

from pytest_framing.stats import domain

__all__ = [
    "connor_power",
    "equivalence_sample_size",
    "minimum_detectable_effect",
    "noninferiority_sample_size",
    "pairs_without_flips",
    "sample_size",
    "trials_to_bound",
    "trials_to_exceed",
]


def _quantiles(alpha: float, power: float, sides: int) -> tuple[float, float]:
    """Return the normal quantiles of a level and of a power."""
    if sides not in (1, 2):
        raise ValueError(f"sides must be 1 or 2, got {sides!r}")
    z_alpha = scipy.stats.norm.isf(domain.level(alpha, "alpha") / sides)
    return float(z_alpha), float(scipy.stats.norm.ppf(domain.level(power, "power")))


def sample_size(
    psi: float,
    delta: float,
    alpha: float = 0.05,
    power: float = 0.8,
    method: Literal["connor", "miettinen"] = "connor",
    sides: Literal[1, 2] = 2,
) -> float:
    """Pairs that McNemar's test needs to detect a difference; unrounded, round up to plan.

    Connor: ``n = (z_a sqrt(psi) + z_b sqrt(psi - delta^2))^2 / delta^2``. Miettinen:
    ``n = (z_a psi + z_b sqrt(psi^2 - delta^2 (3 + psi) / 4))^2 / (psi delta^2)``.

    Parameters
    ----------
    psi, delta : float
        Flip rate, 0 to 1, and difference, at most `psi` in size.
    alpha, power : float
        Strictly between 0 and 1.
    method : {"connor", "miettinen"}
        Which formula.
    sides : {1, 2}
        Of the test.

    Returns
    -------
    float
        NaN for delta = 0: no number of pairs detects that.

    References
    ----------
    Connor RJ. Biometrics 1987;43:207-211. Miettinen OS. Biometrics 1968;24:339-352.
    """
    rate, difference = domain.split(psi, delta)
    z_alpha, z_power = _quantiles(alpha, power, sides)
    if method not in ("connor", "miettinen"):
        raise ValueError(f"method must be 'connor' or 'miettinen', got {method!r}")
    if difference == 0:
        return math.nan
    if method == "connor":
        return (z_alpha * math.sqrt(rate) + z_power * math.sqrt(rate - difference**2)) ** 2 / difference**2
    # with delta = psi = 1 the difference below is 0 but for rounding
    spread = math.sqrt(max(rate**2 - difference**2 * (3 + rate) / 4, 0.0))
    return (z_alpha * rate + z_power * spread) ** 2 / (rate * difference**2)


def connor_power(n: float, psi: float, delta: float, alpha: float = 0.05, sides: Literal[1, 2] = 2) -> float:
    """Power that Connor's formula gives `n` pairs: ``Phi((|delta| sqrt(n) - z_a sqrt(psi)) / sqrt(psi - delta^2))``.

    Parameters as in `sample_size`. The other tail is left out, as in the formula. NaN for psi = 0 or |delta| = 1,
    where there is nothing random, and for n = 0.
    """
    pairs = domain.count(n, "n")
    rate, difference = domain.split(psi, delta)
    z_alpha, _ = _quantiles(alpha, 0.5, sides)
    spread = rate - difference**2
    if spread == 0 or pairs == 0:
        return math.nan
    return float(
        scipy.stats.norm.cdf((abs(difference) * math.sqrt(pairs) - z_alpha * math.sqrt(rate)) / math.sqrt(spread))
    )


def minimum_detectable_effect(
    n: float, psi: float, alpha: float = 0.05, power: float = 0.8, sides: Literal[1, 2] = 2
) -> float:
    """Smallest difference that `n` pairs detect at this flip rate: Connor's formula solved for delta.

    ``delta = (z_a sqrt(n psi) + z_b sqrt(psi (n - z_a^2 + z_b^2))) / (n + z_b^2)``

    Parameters
    ----------
    n : int
        Pairs.
    psi : float
        Flip rate, 0 to 1.
    alpha, power : float
        Strictly between 0 and 1.
    sides : {1, 2}
        Of the test.

    Returns
    -------
    float
        Above 0, at most `psi`. NaN where no difference reaches the power: even if every flip went the same way,
        delta = psi, there would be too few of them.

    References
    ----------
    Connor, Biometrics 1987;43:207-211.
    """
    pairs, rate = domain.count(n, "n"), domain.share(psi, "psi")
    z_alpha, z_power = _quantiles(alpha, power, sides)
    room = pairs - z_alpha**2 + z_power**2
    if pairs == 0 or room < 0:
        return math.nan
    delta = (z_alpha * math.sqrt(pairs * rate) + z_power * math.sqrt(rate * room)) / (pairs + z_power**2)
    return delta if 0 < delta <= rate else math.nan


def equivalence_sample_size(psi: float, delta: float, margin: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """Pairs that show equivalence, by the normal approximation; unrounded.

    ``n = (psi - delta^2) ((z(1 - alpha) + z((1 + power) / 2)) / (margin - |delta|))^2``

    Parameters as in `power.equivalence_power`. NaN where |delta| >= margin: nothing to show there. The exact
    counterpart is `power.pairs_to_settle`. The formula is meant for delta = 0 and cautious elsewhere.

    References
    ----------
    Bonett DG. Statistical Methods for Psychologists, 2021; function size.equiv.prop.ps of the R package statpsych.
    """
    rate, difference = domain.split(psi, delta)
    room = domain.level(margin, "margin") - abs(difference)
    z_alpha, z_power = _quantiles(alpha, (1 + domain.level(power, "power")) / 2, 1)
    return (rate - difference**2) * ((z_alpha + z_power) / room) ** 2 if room > 0 else math.nan


def noninferiority_sample_size(
    psi: float, delta: float, margin: float, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Pairs that show delta < margin, by the normal approximation; unrounded.

    ``n = (psi - delta^2) ((z(1 - alpha) + z(power)) / (margin - delta))^2``, with a one-sided alpha.

    Parameters as in `power.equivalence_power`; the margin may be negative or 0 here (superiority). NaN where
    delta >= margin: nothing to show there.

    References
    ----------
    As `equivalence_sample_size`; function size.supinf.prop.ps, which halves its alpha first.
    """
    rate, difference = domain.split(psi, delta)
    room = domain.real(margin, "margin", -1.0, 1.0, ends=True) - difference
    z_alpha, z_power = _quantiles(alpha, power, 1)
    return (rate - difference**2) * ((z_alpha + z_power) / room) ** 2 if room > 0 else math.nan


def pairs_without_flips(margin: float, alpha: float = 0.05) -> float:
    """Smallest number of pairs that shows equivalence if not one of them flips: ``z^2 / (n + z^2) < margin``.

    Parameters
    ----------
    margin : float
        Strictly between 0 and 1.
    alpha : float
        Level of each one-sided test, strictly between 0 and 0.5.

    Returns
    -------
    float
        A whole number: 52 for a margin of 0.05, 268 for 0.01.

    References
    ----------
    Tango's interval without discordant pairs, see `paired.tango_interval`.
    """
    limit = domain.level(margin, "margin")
    z = float(scipy.stats.norm.isf(domain.real(alpha, "alpha", 0.0, 0.5, ends=False)))
    return float(math.floor(z * z * (1 - limit) / limit) + 1)


def trials_to_bound(rate: float, limit: float, confidence: float = 0.95) -> float:
    """Trials after which the one-sided Wilson bound of a proportion no longer reaches beyond a limit; unrounded.

    ``n = z^2 limit (1 - limit) / (limit - rate)^2``: the bound is where the score test of the limit has exactly this
    level. It is the upper bound of a rate below the limit, and the lower bound of one above.

    Parameters
    ----------
    rate : float
        Observed proportion, 0 to 1.
    limit : float
        Strictly between 0 and 1.
    confidence : float
        Of the one-sided bound, strictly between 0.5 and 1.

    Returns
    -------
    float
        NaN where the rate is the limit: no number of trials tells them apart.

    References
    ----------
    Wilson EB. J Am Stat Assoc 1927;22:209-212.
    """
    observed, bound = domain.share(rate, "rate"), domain.level(limit, "limit")
    z = float(scipy.stats.norm.ppf(domain.real(confidence, "confidence", 0.5, 1.0, ends=False)))
    return z * z * bound * (1 - bound) / (bound - observed) ** 2 if observed != bound else math.nan


def trials_to_exceed(rate: float, limit: float, alpha: float, more_than: int) -> float:
    """Trials after which a proportion, if it stays as it is, is shown to exceed a limit by the exact binomial test.

    Parameters
    ----------
    rate : float
        Observed proportion, 0 to 1.
    limit : float
        Strictly between 0 and 1.
    alpha : float
        Level of the test, strictly between 0 and 1.
    more_than : int
        Trials that there are; the search starts behind them and ends at a thousand times as many.

    Returns
    -------
    float
        NaN where so many do not show it. The exact level jumps with the count: a few trials more can miss it again.
    """
    observed, bound = domain.share(rate, "rate"), domain.level(limit, "limit")
    start = domain.count(more_than, "more_than")
    trials = np.unique(np.geomspace(start + 1, 1000 * (start + 1), 20_000).astype(np.int64))
    p = scipy.stats.binom.sf(np.floor(observed * trials) - 1, trials, bound)
    enough = np.flatnonzero(p <= domain.level(alpha, "alpha"))
    return float(trials[enough[0]]) if enough.size else math.nan
