"""Two refusal rates on different prompts: the difference of two independent proportions.

Where a study gives totals alone, the pairs are lost, and this is what is left to compare with. Two runs on the same
prompts belong in `paired`, which is sharper: here, what the prompts have in common counts as noise.
"""

from __future__ import annotations

import math

from pytest_framing.stats import domain
from pytest_framing.stats.interval import NOTHING, Interval

__all__ = ["Interval", "difference_interval", "independent_difference"]


def difference_interval(x1: float, n1: float, x2: float, n2: float, confidence: float = 0.95) -> Interval:
    """Newcombe's hybrid score interval for the difference of two independent proportions (his method 10).

    With ``p_i = x_i / n_i``, its Wilson limits ``l_i`` and ``u_i``, and ``d = p_1 - p_2``, the limits are
    ``d - sqrt((p_1 - l_1)^2 + (u_2 - p_2)^2)`` and ``d + sqrt((u_1 - p_1)^2 + (p_2 - l_2)^2)``.

    Parameters
    ----------
    x1, n1 : int
        Refusals in the first arm, and of how many.
    x2, n2 : int
        Refusals in the second arm, and of how many.
    confidence : float
        Two-sided confidence, strictly between 0 and 1.

    Returns
    -------
    Interval
        Of ``x1 / n1 - x2 / n2``, within [-1, 1] and never of zero width. Both limits are NaN when an arm is empty.

    References
    ----------
    Newcombe RG. Stat Med 1998;17:873-890.
    """
    first, of_first = _arm(x1, n1, "1")
    second, of_second = _arm(x2, n2, "2")
    alpha = 1.0 - domain.level(confidence, "confidence")
    if of_first == 0 or of_second == 0:
        return NOTHING
    from statsmodels.stats.proportion import confint_proportions_2indep  # takes longer to import than all else here

    low, high = confint_proportions_2indep(
        first, of_first, second, of_second, method="newcomb", compare="diff", alpha=alpha
    )
    return Interval(max(-1.0, float(low)), min(1.0, float(high)))  # rounding may step over the ends


def _arm(refusals: float, prompts: float, which: str) -> tuple[int, int]:
    x, n = domain.count(refusals, f"x{which}"), domain.count(prompts, f"n{which}")
    if x > n:
        raise ValueError(f"x{which} must not exceed n{which}, got {refusals!r} of {prompts!r}")
    return x, n


def independent_difference(estimate1: float, limits1: Interval, estimate2: float, limits2: Interval) -> Interval:
    """Interval for the difference of two independent estimates, from the interval of each (MOVER).

    ``d - sqrt((e_1 - l_1)^2 + (u_2 - e_2)^2)`` to ``d + sqrt((u_1 - e_1)^2 + (e_2 - l_2)^2)`` with ``d = e_1 - e_2``;
    with Wilson limits of two rates it is `difference_interval`.

    Parameters
    ----------
    estimate1, estimate2 : float
        The two estimates.
    limits1, limits2 : Interval
        Their intervals, of one confidence, which is that of the result.

    Returns
    -------
    Interval
        Of ``estimate1 - estimate2``. Both limits are NaN when anything given is.

    References
    ----------
    Zou GY, Donner A. Stat Med 2008;27:1693-1702.
    """
    if any(math.isnan(value) for value in (estimate1, estimate2, *limits1, *limits2)):
        return NOTHING
    difference = estimate1 - estimate2
    below = math.hypot(estimate1 - limits1.low, limits2.high - estimate2)
    above = math.hypot(limits1.high - estimate1, estimate2 - limits2.low)
    return Interval(difference - below, difference + above)
