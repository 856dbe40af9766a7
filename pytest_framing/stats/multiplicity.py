"""Many tests, one alpha."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pytest_framing.stats import domain

__all__ = ["bonferroni_confidence", "holm"]


def holm(p_values: ArrayLike) -> tuple[float, ...]:
    """Holm's step-down adjustment: reject where the adjusted p-value is at most alpha.

    With the p-values in rising order, ``p_adj(i) = max over j <= i of min(1, (m - j + 1) p(j))``.

    Parameters
    ----------
    p_values : array_like of float, shape (m,)
        The p-values of one family, each 0 to 1 or NaN.

    Returns
    -------
    tuple of float
        The adjusted p-values in the order given; empty for an empty family. A NaN stays NaN and still counts among
        the m: a test that was planned and could not be computed does not make the others easier to pass.

    References
    ----------
    Holm S. Scand J Stat 1979;6:65-70.
    """
    given = np.atleast_1d(np.asarray(p_values, dtype=np.float64))
    missing = np.isnan(given)
    if given.ndim != 1 or ((given < 0) | (given > 1)).any():
        raise ValueError("p_values must be a sequence of numbers in [0, 1]")
    # By hand: statsmodels' multipletests collects the garbage of the whole process on every call.
    rising = np.argsort(np.where(missing, 1.0, given), kind="stable")
    stepped = np.maximum.accumulate(np.arange(given.size, 0, -1) * np.where(missing, 1.0, given)[rising])
    adjusted = np.empty_like(given)
    adjusted[rising] = np.minimum(stepped, 1.0)
    return tuple(float(p) for p in np.where(missing, np.nan, adjusted))


def bonferroni_confidence(confidence: float, m: float) -> float:
    """Confidence that each of `m` intervals needs so that all of them hold together: ``1 - (1 - confidence) / m``.

    Parameters
    ----------
    confidence : float
        Of all together, strictly between 0 and 1.
    m : int
        Intervals, at least 1.
    """
    comparisons = domain.count(m, "m")
    if comparisons == 0:
        raise ValueError("m must be at least 1")
    return 1.0 - (1.0 - domain.level(confidence, "confidence")) / comparisons
