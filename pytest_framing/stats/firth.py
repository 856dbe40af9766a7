"""Logistic regression where maximum likelihood has no answer: Firth's penalised fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

from pytest_framing.stats import domain
from pytest_framing.stats.domain import FloatArray

__all__ = ["Firth", "firth_logit"]

SIDE = 3.0
"""Log odds from the middle at which the climb begins once more."""

SMALLEST_SLOPE = 1e-6
"""Of the penalised log likelihood at its top, per standard deviation of a column; more is no top."""


class Firth(NamedTuple):
    """Coefficients, their model-based standard errors, the penalised log likelihood; whether the fit settled."""

    coefficients: tuple[float, ...]
    se: tuple[float, ...]
    penalised_loglik: float
    converged: bool


def firth_logit(design: ArrayLike, outcome: ArrayLike, fixed_at_zero: Sequence[int] = ()) -> Firth:
    r"""Logistic regression with Jeffreys' prior as penalty: finite under separation, less biased without.

    Maximises :math:`\ell(\beta) + \frac12 \log |X^T W X|` along its slope
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
    # Orthogonal columns make the climb easy; the penalty changes with the basis by a constant alone.
    unit = math.sqrt(len(x))
    basis = np.linalg.qr(x)[0] * unit
    columns, scale = np.linalg.qr(x[:, free])
    columns, scale = columns * unit, scale / unit

    def loss(gamma: FloatArray) -> tuple[float, FloatArray]:
        value, slope = _climb(basis, columns @ gamma, y)
        return -value, np.asarray(-columns.T @ slope, dtype=np.float64)

    def slope_at(gamma: FloatArray) -> FloatArray:
        return loss(gamma)[1]

    # with few distinct rows there can be more than one top: begin in the middle and to each side of it
    beta, starts = np.zeros(k), [np.zeros(free.size), *(SIDE * np.eye(free.size)), *(-SIDE * np.eye(free.size))]
    if free.size:
        tops = [
            scipy.optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9}) for start in starts
        ]
        highest = min(tops, key=lambda top: float(top.fun))
        # near the top the height changes less than its last bits; the slope still tells where it is
        level = scipy.optimize.root(slope_at, highest.x, tol=1e-12)
        gamma = level.x if loss(level.x)[0] <= float(highest.fun) + 1e-9 else highest.x
        beta[free] = np.linalg.solve(scale, gamma)
    top, slope = _climb(x, x @ beta, y)
    se = np.zeros(k)
    p = scipy.special.expit(x @ beta)
    information = (x.T * (p * (1 - p))) @ x
    se[free] = np.sqrt(np.diag(np.linalg.inv(information[np.ix_(free, free)])))
    return Firth(
        coefficients=tuple(float(value) for value in beta),
        se=tuple(float(value) for value in se),
        penalised_loglik=top,
        # the optimiser's own verdict fails where nothing but the last bits are left to gain
        converged=bool(np.abs(columns.T @ slope).max(initial=0.0) < SMALLEST_SLOPE),
    )


def _climb(design: FloatArray, linear: FloatArray, y: domain.IntArray) -> tuple[float, FloatArray]:
    """Return the penalised log likelihood and its slope along each linear predictor."""
    p = scipy.special.expit(linear)
    weights = p * (1 - p)
    information = (design.T * weights) @ design
    sign, logdet = np.linalg.slogdet(information)
    if sign <= 0 or not math.isfinite(logdet):  # so far out that the information vanishes in floating point
        return -math.inf, np.zeros(len(linear))
    leverages = weights * np.einsum("ij,ij->i", design @ np.linalg.inv(information), design)
    value = float(y @ linear - np.logaddexp(0.0, linear).sum() + logdet / 2)
    return value, np.asarray(y - p + leverages * (0.5 - p), dtype=np.float64)
