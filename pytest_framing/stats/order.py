"""Was the order of the conditions random, judged from what ran; and what the order did to the results.

The tests of treatment, period and carry-over live in `crossover` and are offered here as well.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from pytest_framing.stats import domain
from pytest_framing.stats.crossover import (
    CrossoverTest,
    MainlandGart,
    PeriodAdjusted,
    Prescott,
    carry_over,
    mainland_gart,
    period_adjusted_difference,
    prescott,
)
from pytest_framing.stats.domain import FloatArray, IntArray
from pytest_framing.stats.significance import UNTESTED, Significance, chi_squared_test

__all__ = [
    "BalanceLimits",
    "CrossoverTest",
    "MainlandGart",
    "PeriodAdjusted",
    "Prescott",
    "Randomization",
    "Significance",
    "balance_limits",
    "carry_over",
    "mainland_gart",
    "order_covariates",
    "period_adjusted_difference",
    "prescott",
    "randomization",
]

RARE = 10
"""Categories of fewer prompts are taken together: below, the likelihood ratio is larger than chi-squared says."""


class Randomization(NamedTuple):
    """Counts, the exact balance test, and the Wald-Wolfowitz runs test, exact and normal (uncorrected)."""

    n: int
    reference_first: int
    treatment_first: int
    runs: int
    p_balance: float
    p_runs: float
    p_runs_low: float
    p_runs_high: float
    expected_runs: float
    runs_variance: float
    z_runs: float
    p_runs_normal: float


class BalanceLimits(NamedTuple):
    """The balance test fails where one condition went first at most `low` times or at least `high` times."""

    low: float
    high: float


def randomization(first_is_reference: ArrayLike) -> Randomization:
    """Judge the order that ran: how often each condition went first, and in how many runs.

    The balance is an exact two-sided binomial test at 1/2. The number of runs R, given the counts n1 and n0, has
    ``P(R = 2k) = 2 C(n1-1, k-1) C(n0-1, k-1) / C(n, n1)`` and ``P(R = 2k+1) = (C(n1-1, k) C(n0-1, k-1) +
    C(n1-1, k-1) C(n0-1, k)) / C(n, n1)``; the two-sided p is twice the smaller tail, at most 1.

    Parameters
    ----------
    first_is_reference : array_like of bool or {0, 1}, shape (n,)
        In the order of execution: did the reference condition go first in this pair?

    Returns
    -------
    Randomization
        `p_runs_low` is P(R <= runs) (too few runs: blocks), `p_runs_high` P(R >= runs) (too many: alternation). With
        one condition always first the runs are NaN: their number was never free, and the balance decides. Without a
        pair everything but the counts is NaN. The normal figures carry no continuity correction, whatever n.

    References
    ----------
    Wald A, Wolfowitz J. Ann Math Stat 1940;11:147-162.
    """
    first = domain.binary(first_is_reference, "first_is_reference")
    n = int(first.size)
    ones = int(first.sum())
    zeros = n - ones
    runs = int(np.count_nonzero(np.diff(first))) + 1 if n else 0
    balance = float(scipy.stats.binomtest(ones, n).pvalue) if n else math.nan
    if ones == 0 or zeros == 0:
        return Randomization(n, ones, zeros, runs, balance, *(math.nan,) * 7)
    pmf = _runs_pmf(ones, zeros)
    low, high = (min(1.0, float(tail)) for tail in (pmf[: runs + 1].sum(), pmf[runs:].sum()))
    mean = 2 * ones * zeros / n + 1
    variance = (mean - 1) * (mean - 2) / (n - 1)
    z = (runs - mean) / math.sqrt(variance) if variance > 0 else math.nan  # n = 2 has two runs, always
    return Randomization(
        n=n,
        reference_first=ones,
        treatment_first=zeros,
        runs=runs,
        p_balance=balance,
        p_runs=min(1.0, 2 * min(low, high)),
        p_runs_low=low,
        p_runs_high=high,
        expected_runs=mean,
        runs_variance=variance,
        z_runs=z,
        p_runs_normal=float(2 * scipy.stats.norm.sf(abs(z))),
    )


def _runs_pmf(ones: int, zeros: int) -> FloatArray:
    """Return P(R = r) for r = 0 ... ones + zeros."""

    def log_choose(n: int, k: IntArray) -> FloatArray:
        inside = (k >= 0) & (k <= n)
        safe = np.where(inside, k, 0)
        value = scipy.special.gammaln(n + 1) - scipy.special.gammaln(safe + 1) - scipy.special.gammaln(n - safe + 1)
        return np.asarray(np.where(inside, value, -np.inf), dtype=np.float64)

    def ways(parts_of_ones: IntArray, parts_of_zeros: IntArray) -> FloatArray:
        total = log_choose(ones - 1, parts_of_ones - 1) + log_choose(zeros - 1, parts_of_zeros - 1)
        return np.asarray(total, dtype=np.float64)

    runs = np.arange(ones + zeros + 1)
    half, odd = runs // 2, runs % 2
    log = np.logaddexp(ways(half + odd, half), ways(half, half + odd))  # the sequence starts with a one, with a zero
    log -= scipy.special.gammaln(ones + zeros + 1) - scipy.special.gammaln(ones + 1) - scipy.special.gammaln(zeros + 1)
    return np.asarray(np.exp(log), dtype=np.float64)


def balance_limits(n: float, alpha: float = 0.001) -> BalanceLimits:
    """Return the counts at which the balance test of `randomization` fails, p <= alpha, among `n` pairs.

    Returns
    -------
    BalanceLimits
        ``low + high = n``; n = 200 at alpha 0.001 gives 76 and 124. Both NaN where no count fails: too few pairs.
    """
    pairs = domain.count(n, "n")
    limit = domain.level(alpha, "alpha")
    # at the null 1/2 the two-sided p is twice the lower tail, for every count below half
    low = int(scipy.stats.binom.ppf(limit / 2, pairs, 0.5)) if pairs else 0
    while low >= 0 and (2 * low >= pairs or 2 * scipy.stats.binom.cdf(low, pairs, 0.5) > limit * (1 + 1e-12)):
        low -= 1
    return BalanceLimits(float(low), float(pairs - low)) if low >= 0 else BalanceLimits(math.nan, math.nan)


def order_covariates(first_is_reference: ArrayLike, category: Sequence[Hashable], length: ArrayLike) -> Significance:
    """Test in one go that order depends neither on a prompt's category nor on its length.

    Twice the difference of the log likelihoods of a logistic regression of order on category and length, and of one
    with a constant.

    Parameters
    ----------
    first_is_reference : array_like of bool or {0, 1}, shape (n,)
        Did the reference condition go first?
    category : sequence of hashable, shape (n,)
        Category of each prompt; categories of fewer than 10 prompts are taken together.
    length : array_like of float, shape (n,)
        Length of each prompt, in any unit; finite.

    Returns
    -------
    Significance
        df is the rank of what varies. NaN where nothing can be compared: order, or both covariates, do not vary, or
        there are not more pairs than coefficients.

    References
    ----------
    Wilks SS. Ann Math Stat 1938;9:60-62.
    """
    first = domain.binary(first_is_reference, "first_is_reference")
    lengths = np.asarray(length, dtype=np.float64)
    n = first.size
    if lengths.shape != (n,) or len(category) != n:
        raise ValueError(f"category and length must have one value a pair, got {len(category)}, {lengths.shape}, {n}")
    if not np.isfinite(lengths).all():
        raise ValueError("length must be finite")
    design = _covariates(category, lengths)
    df = design.shape[1] - 1
    if df < 1 or n <= df + 1 or first.min() == first.max():
        return UNTESTED
    return chi_squared_test(2 * _gain(first, design), df)


def _covariates(category: Sequence[Hashable], lengths: FloatArray) -> FloatArray:
    """Return an orthonormal basis of a constant, an indicator of each common category, and length; constant first."""
    sizes = Counter(category)
    common = [name for name, size in sizes.items() if size >= RARE]
    columns = [np.ones(len(category))]
    columns += [np.array([value == name for value in category], dtype=np.float64) for name in common]
    spread = float(lengths.std()) if lengths.size else 0.0
    if spread > 0:
        columns.append((lengths - lengths.mean()) / spread)
    rest = np.column_stack(columns)[:, 1:]
    if rest.size == 0:
        return np.column_stack(columns[:1])
    left, scale, _ = np.linalg.svd(rest - rest.mean(axis=0), full_matrices=False)
    independent = left[:, scale > scale[0] * 1e-9] if scale[0] > 0 else left[:, :0]
    # of length sqrt(n) each, so that a coefficient is on the scale of one standard deviation
    return np.column_stack([columns[0], independent * math.sqrt(len(category))])


def _gain(outcome: IntArray, design: FloatArray) -> float:
    """Return how far the log likelihood rises above that of a constant; under separation, the limit of this.

    The likelihood is concave and bounded, so climbing it finds its limit where no coefficients attain it. Iteratively
    reweighted least squares (statsmodels' GLM) can end far below its start there.
    """
    share = float(outcome.mean())
    start = np.zeros(design.shape[1])
    start[0] = math.log(share / (1 - share))

    def loss(beta: FloatArray) -> tuple[float, FloatArray]:
        linear = design @ beta
        value = np.logaddexp(0.0, linear).sum() - outcome @ linear
        return float(value), np.asarray(design.T @ (scipy.special.expit(linear) - outcome), dtype=np.float64)

    found = scipy.optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    return loss(start)[0] - float(found.fun)
