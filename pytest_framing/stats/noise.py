"""What flips without framing: the noise of an engine, of other words, of a judge."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from pytest_framing.stats import domain

__all__ = [
    "ExcessFlips",
    "ExpectedFlips",
    "churn",
    "excess_flips",
    "expected_flips",
    "judge_error",
    "judge_flip_rate",
]


class ExcessFlips(NamedTuple):
    """One-sided paired tests that framing flips more prompts than the control does."""

    p_exact: float
    p_mid: float


class ExpectedFlips(NamedTuple):
    """Mean flip rates between framings and within each, and what framing adds."""

    between: float
    within_a: float
    within_b: float
    excess: float


def excess_flips(ab_only: float, aa_only: float) -> ExcessFlips:
    """Test whether framing flips exceed placebo (or replicate) flips on the same prompts.

    Of the prompts on which exactly one of the two comparisons flipped, `ab_only` flipped between the framings. Were
    framing no more than the control, this is at most Binomial(ab_only + aa_only, 1/2);
    ``p_exact = P(X >= ab_only)``, and mid-p counts half of ``P(X = ab_only)``.

    Parameters
    ----------
    ab_only : int
        Prompts that flip between the framings and not between reference and control.
    aa_only : int
        Prompts that flip between reference and control (placebo, or a replicate) and not between the framings.

    Returns
    -------
    ExcessFlips
        Small p-values: framing flips more. Both are 1 when no prompt is in either count: nothing contradicts.

    References
    ----------
    McNemar Q. Psychometrika 1947;12:153-157, one-sided.
    """
    framing, control = domain.count(ab_only, "ab_only"), domain.count(aa_only, "aa_only")
    total = framing + control
    if total == 0:
        return ExcessFlips(1.0, 1.0)
    tied = float(scipy.stats.binom.pmf(framing, total, 0.5))
    above = float(scipy.stats.binom.sf(framing, total, 0.5))
    return ExcessFlips(min(1.0, above + tied), above + tied / 2)


def expected_flips(p_a: ArrayLike, p_b: ArrayLike) -> ExpectedFlips:
    """Flip rates that prompts with these refusal probabilities have, within and between two framings.

    ``E[AB] - (E[AA] + E[BB]) / 2 = mean (p_a - p_b)^2``: an excess sees effects in both directions, which a gap of
    zero hides.

    Parameters
    ----------
    p_a, p_b : array_like of float, same shape
        Refusal probability of each prompt under framing A and B, 0 to 1.

    Returns
    -------
    ExpectedFlips
        All NaN without a prompt.
    """
    a, b = np.asarray(p_a, dtype=np.float64), np.asarray(p_b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"p_a and p_b must have one shape, got {a.shape} and {b.shape}")
    if not (((a >= 0) & (a <= 1)).all() and ((b >= 0) & (b <= 1)).all()):
        raise ValueError("p_a and p_b must lie in [0, 1]")
    if a.size == 0:
        return ExpectedFlips(*(math.nan,) * 4)
    return ExpectedFlips(
        between=float(np.mean(a * (1 - b) + b * (1 - a))),
        within_a=float(np.mean(2 * a * (1 - a))),
        within_b=float(np.mean(2 * b * (1 - b))),
        excess=float(np.mean((a - b) ** 2)),
    )


def churn(m: float, k: float) -> float:
    """Exact one-sided p of the churn test, that refusals split by framing more often than by chance.

    With two answers under each framing, take the `m` prompts with two refusals among the four answers. Of the six ways
    to place them two go by framing, so `k`, the prompts whose refusals both fall to one framing, is
    Binomial(m, 1/3) when framing does nothing, whatever the prompts' own probabilities. p = P(X >= k).

    Parameters
    ----------
    m : int
        Prompts with exactly two refusals in four answers.
    k : int
        Those split by framing, at most `m`.

    Returns
    -------
    float
        0 to 1; 1 for m = 0.
    """
    prompts, split = domain.count(m, "m"), domain.count(k, "k")
    if split > prompts:
        raise ValueError(f"k must not exceed m, got k={k!r}, m={m!r}")
    return float(scipy.stats.binom.sf(split - 1, prompts, 1 / 3))


def judge_flip_rate(e: float) -> float:
    """Flip rate that a judge with error rate `e` makes of pairs that are the same: ``2 e (1 - e)``.

    Parameters
    ----------
    e : float
        Probability of a wrong verdict, 0 to 1; errors are independent.
    """
    error = domain.share(e, "e")
    return 2 * error * (1 - error)


def judge_error(flip_rate: float) -> float:
    """Judge error at which verdicts flip this often by themselves: ``(1 - sqrt(1 - 2 f)) / 2``.

    Parameters
    ----------
    flip_rate : float
        0 to 1.

    Returns
    -------
    float
        At most 0.5. NaN for a flip rate above 0.5, which independent errors cannot make.
    """
    flips = domain.share(flip_rate, "flip_rate")
    if flips > 0.5:
        return math.nan
    return flips / (1 + math.sqrt(1 - 2 * flips))  # the same number without the cancellation at small rates
