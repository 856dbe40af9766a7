"""Treatment, period and carry-over when every prompt sees both conditions, one after the other.

Order 1 is the prompts that condition 1 was asked of first, order 2 the others. A prompt that refuses only in the
period that came first counts as `period1_only`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

from pytest_framing.stats import domain, tables
from pytest_framing.stats.interval import NOTHING, Interval

__all__ = [
    "CrossoverTest",
    "MainlandGart",
    "PeriodAdjusted",
    "Prescott",
    "carry_over",
    "mainland_gart",
    "period_adjusted_difference",
    "prescott",
]


class CrossoverTest(NamedTuple):
    """One two-by-two test: chi-squared, with Yates' correction, and Fisher's exact p."""

    statistic: float
    p: float
    corrected_statistic: float
    p_corrected: float
    p_exact: float


class MainlandGart(NamedTuple):
    """The effect of treatment adjusted for period, and of period adjusted for treatment."""

    treatment: CrossoverTest
    period: CrossoverTest
    discordant: int


class Prescott(NamedTuple):
    """Prescott's test: classical N r^2, its permutation form (N - 1) r^2, and the exact p."""

    statistic: float
    p: float
    permutation_statistic: float
    p_permutation: float
    p_exact: float


class PeriodAdjusted(NamedTuple):
    """Difference of condition 1 and 2 adjusted for period, its standard error and interval, and the period effect."""

    difference: float
    se: float
    interval: Interval
    period_effect: float


def _flips_by_period(order: Sequence[float], name: str) -> tuple[int, int]:
    """Return (period1_only, period2_only) from two counts, or from three with the concordant in the middle."""
    if len(order) not in (2, 3):
        raise ValueError(f"{name} must have 2 counts, or 3 with the concordant pairs in the middle, got {len(order)}")
    found = domain.counts(order, name, len(order))
    return found[0], found[-1]


def _two_by_two(first: tuple[int, int], second: tuple[int, int]) -> CrossoverTest:
    plain = tables.chi_squared([first, second])
    exact = tables.fisher([first, second])
    return CrossoverTest(plain.statistic, plain.p, plain.corrected_statistic, plain.p_corrected, exact)


def mainland_gart(order1: Sequence[float], order2: Sequence[float]) -> MainlandGart:
    """Mainland-Gart tests of treatment and of period, from the discordant pairs.

    The treatment table is order 1 (period1_only, period2_only) over order 2 (the same); in the period table the second
    row is swapped.

    Parameters
    ----------
    order1, order2 : sequence of int
        (period1_only, period2_only), or (period1_only, concordant, period2_only), of the pairs that began with
        condition 1, with condition 2.

    Returns
    -------
    MainlandGart
        Where a margin is empty (all flips in one order, say) the chi-squared figures are NaN, as nothing can be
        compared, and the exact p is 1.

    References
    ----------
    Mainland D. Elementary Medical Statistics, 1963. Gart JJ. Biometrika 1969;56:75-80.
    """
    first, second = _flips_by_period(order1, "order1"), _flips_by_period(order2, "order2")
    return MainlandGart(
        treatment=_two_by_two(first, second),
        period=_two_by_two(first, (second[1], second[0])),
        discordant=sum(first) + sum(second),
    )


def prescott(order1: Sequence[float], order2: Sequence[float]) -> Prescott:
    """Prescott's test of treatment: a trend test that uses the concordant pairs too.

    r is the correlation of order with the score (1 for period1_only, 0 for concordant, -1 for period2_only) over all
    N pairs. N r^2 is the classical (Cochran-Armitage) statistic, (N - 1) r^2 that of the permutation variance; the
    exact p sums the tables with the same margins whose score is at least as far from its mean.

    Parameters
    ----------
    order1, order2 : sequence of int
        (period1_only, concordant, period2_only) of the pairs that began with condition 1, with condition 2.

    Returns
    -------
    Prescott
        All NaN where no correlation exists: one order, or one score, is all there is.

    References
    ----------
    Prescott RJ. J R Stat Soc C 1981;30:9-15. Senn S. Cross-over Trials in Clinical Research, 2nd ed., 2002.
    """
    first, second = domain.counts(order1, "order1", 3), domain.counts(order2, "order2", 3)
    size, total = sum(first), sum(first) + sum(second)
    ups, downs = first[0] + second[0], first[2] + second[2]
    # total * (score - its mean), in whole numbers, so that ties are ties
    excess = total * (first[0] - first[2]) - size * (ups - downs)
    score_variation = total * (ups + downs) - (ups - downs) ** 2
    order_variation = size * (total - size)
    if score_variation == 0 or order_variation == 0:
        return Prescott(*(math.nan,) * 5)
    squared = excess**2 / (score_variation * order_variation)
    return Prescott(
        statistic=total * squared,
        p=float(scipy.stats.chi2.sf(total * squared, 1)),
        permutation_statistic=(total - 1) * squared,
        p_permutation=float(scipy.stats.chi2.sf((total - 1) * squared, 1)),
        p_exact=_prescott_exact(size, total, ups, downs, abs(excess)),
    )


def _prescott_exact(size: int, total: int, ups: int, downs: int, excess: int) -> float:
    """Sum the hypergeometric probabilities of first rows (up, ., down) with an excess of at least this size."""
    down = np.arange(downs + 1)
    p = 0.0
    for up in range(max(0, size - (total - ups)), min(ups, size) + 1):
        middle = size - up - down
        possible = (middle >= 0) & (middle <= total - ups - downs)
        far = np.abs(total * (up - down) - size * (ups - downs)) >= excess
        chosen = down[possible & far]
        log = _log_choose(ups, up) + _log_choose(downs, chosen) + _log_choose(total - ups - downs, size - up - chosen)
        p += float(np.exp(log - _log_choose(total, size)).sum())
    return min(1.0, p)


def _log_choose(n: int, k: int | np.ndarray) -> np.ndarray:
    return np.asarray(
        scipy.special.gammaln(n + 1)
        - scipy.special.gammaln(np.add(k, 1))
        - scipy.special.gammaln(np.subtract(n + 1, k))
    )


def carry_over(order1: Sequence[float], order2: Sequence[float]) -> float:
    """Fisher's exact p for carry-over: whether the concordant pairs of the two orders agree on the same things.

    A negative control: prompts are independent, so there is nothing that could carry over within a pair of stateless
    calls. It switches no other analysis (the two-stage procedure is biased).

    Parameters
    ----------
    order1, order2 : sequence of int
        (both refuse, neither refuses) of the pairs that began with condition 1, with condition 2.

    Returns
    -------
    float
        0 to 1; 1 where a margin is empty.

    References
    ----------
    Jones B, Kenward MG. Design and Analysis of Cross-Over Trials, 3rd ed., 2014. Freeman PR. Stat Med 1989;8:1421-1432.
    """
    return tables.fisher([domain.counts(order1, "order1", 2), domain.counts(order2, "order2", 2)])


def period_adjusted_difference(
    order1: Sequence[float], order2: Sequence[float], confidence: float = 0.95
) -> PeriodAdjusted:
    """Difference of the conditions with the period averaged out: the mean of the two orders' own differences.

    In order 1 the difference of condition 1 and 2 is treatment plus period, in order 2 treatment minus period; half
    their sum is the treatment, half their difference the period. Each has variance
    ``((b + c) - (b - c)^2 / n) / n^2``, and the standard error is half the root of their sum.

    Parameters
    ----------
    order1, order2 : sequence of int
        (a, b, c, d): both, only condition 1, only condition 2, neither; of the pairs that began with condition 1,
        with condition 2.
    confidence : float
        Strictly between 0 and 1.

    Returns
    -------
    PeriodAdjusted
        The normal interval is a description; the test is `mainland_gart`. All NaN if an order has no pair. Without
        discordant pairs the standard error is 0, which says that it cannot be estimated so, not that it is small.

    References
    ----------
    Senn S. Cross-over Trials in Clinical Research, 2nd ed., 2002.
    """
    z = domain.normal_quantile(confidence)
    cells = domain.counts(order1, "order1", 4), domain.counts(order2, "order2", 4)
    if not all(sum(order) for order in cells):
        return PeriodAdjusted(math.nan, math.nan, NOTHING, math.nan)
    (first, first_variance), (second, second_variance) = (_difference(*order) for order in cells)
    difference = (first + second) / 2
    se = math.sqrt(first_variance + second_variance) / 2
    return PeriodAdjusted(difference, se, Interval(difference - z * se, difference + z * se), (first - second) / 2)


def _difference(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Return the paired difference and its variance."""
    n = a + b + c + d
    return (b - c) / n, ((b + c) - (b - c) ** 2 / n) / n**2
