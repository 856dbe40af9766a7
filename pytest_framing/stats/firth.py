"""Logistic regression where maximum likelihood has no answer: Firth's penalised fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray

__all__ = ["Firth", "firth_logit"]

ITERATIONS = 200
LARGEST_STEP = 5.0
TOLERANCE = 1e-10


class Firth(NamedTuple):
    """Coefficients, their model-based standard errors, the penalised log likelihood; whether the fit settled."""

    coefficients: tuple[float, ...]
    se: tuple[float, ...]
    penalised_loglik: float
    converged: bool


def firth_logit(design: ArrayLike, outcome: ArrayLike, fixed_at_zero: Sequence[int] = ()) -> Firth:
    r"""Logistic regression with Jeffreys' prior as penalty: finite under separation, less biased without.

    Maximises :math:`\ell(\beta) + \frac12 \log |X^T W X|` by Newton steps on the score
    :math:`X^T (y - p + h (1/2 - p))`, h the leverages.

    Parameters
    ----------
    design : array_like of float, shape (n, k)
        With its column of ones, if there is to be a constant.
    outcome : array_like of {0, 1}, shape (n,)
        What is to be explained.
    fixed_at_zero : sequence of int
        Columns whose coefficients are held at 0. They stay in the penalty, so that twice the difference of two
        penalised log likelihoods is a likelihood ratio.

    Returns
    -------
    Firth
        All NaN and not converged where the design has not full rank; standard errors of fixed coefficients are 0.

    References
    ----------
    Firth D. Biometrika 1993;80:27-38. Heinze G, Schemper M. Stat Med 2002;21:2409-2419.
    """
    x, y = np.asarray(design, dtype=np.float64), domain.binary(outcome, "outcome")
    if x.ndim != 2 or len(x) != len(y):
        raise ValueError(f"design must have one row an outcome, got shapes {x.shape} and {y.shape}")
    k = x.shape[1]
    if x.size == 0 or np.linalg.matrix_rank(x) < k:
        return Firth((math.nan,) * k, (math.nan,) * k, math.nan, converged=False)
    free = np.setdiff1d(np.arange(k), np.asarray(fixed_at_zero, dtype=np.int64))
    beta, converged = np.zeros(k), free.size == 0
    value = _penalised_loglik(x, y, beta)
    for _ in range(ITERATIONS):
        if converged:
            break
        step = _step(x, y, beta, free)
        # a full step may overshoot where the likelihood is flat; half of it, and half again, cannot
        for _ in range(40):
            candidate = _penalised_loglik(x, y, beta + step)
            if candidate >= value - 1e-12 * (1 + abs(value)):
                break
            step = step / 2
        beta, value = beta + step, candidate
        converged = bool(np.abs(step).max() < TOLERANCE)
    se = np.zeros(k)
    se[free] = np.sqrt(np.diag(np.linalg.inv(_information(x, beta)[np.ix_(free, free)])))
    return Firth(tuple(float(b) for b in beta), tuple(float(s) for s in se), value, converged)


def _probabilities(x: FloatArray, beta: FloatArray) -> FloatArray:
    return np.asarray(special.expit(x @ beta), dtype=np.float64)


def _information(x: FloatArray, beta: FloatArray) -> FloatArray:
    p = _probabilities(x, beta)
    return np.asarray((x.T * (p * (1 - p))) @ x, dtype=np.float64)


def _penalised_loglik(x: FloatArray, y: domain.IntArray, beta: FloatArray) -> float:
    linear = x @ beta
    sign, logdet = np.linalg.slogdet(_information(x, beta))
    if sign <= 0:  # so far out that the information vanishes in floating point
        return -math.inf
    return float(y @ linear - np.logaddexp(0.0, linear).sum() + logdet / 2)


def _step(x: FloatArray, y: domain.IntArray, beta: FloatArray, free: domain.IntArray) -> FloatArray:
    """Return a Newton step of the free coefficients, cut so that none moves too far."""
    p = _probabilities(x, beta)
    information = _information(x, beta)
    leverages = p * (1 - p) * np.einsum("ij,ij->i", x @ np.linalg.inv(information), x)
    score = x.T @ (y - p + leverages * (0.5 - p))
    step = np.zeros(len(beta))
    step[free] = np.linalg.solve(information[np.ix_(free, free)], score[free])
    return step * min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), 1e-300))
