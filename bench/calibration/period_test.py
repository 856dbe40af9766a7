"""Fisher's exact test on many tables at once: the p-value of ``period_effect`` for a whole cell of sessions.

The gate's own takes milliseconds a table, and the tables of 10,000 sessions are all different. Every cell sets some
of its sessions beside the gate, and the tests do so at length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ROWS = 4000
SAME = 1e-9
"""Relative difference below which two probabilities are the same but for rounding."""


def period_p(tables: IntArray) -> FloatArray:
    """Return the exact p of period for pairs counted by what ran first, shape (..., 2, 4); as `mainland_gart` does."""
    rows = tables[..., 1:3].reshape(-1, 4)
    unique, inverse = np.unique(rows, axis=0, return_inverse=True)
    p = np.concatenate([_fisher(unique[start : start + ROWS]) for start in range(0, len(unique), ROWS)])
    return np.asarray(p[inverse].reshape(tables.shape[:-2]))


def _fisher(rows: IntArray) -> FloatArray:
    a, b, c, d = rows.T
    row, column, total = a + b, a + c, a + b + c + d
    low, high = np.maximum(0, column - (c + d)), np.minimum(row, column)
    x = low[:, None] + np.arange((high - low).max() + 1)
    inside = x <= high[:, None]
    x = np.where(inside, x, high[:, None])
    log = _log_choose(row[:, None], x) + _log_choose((total - row)[:, None], column[:, None] - x)
    log -= _log_choose(total, column)[:, None]
    observed = np.take_along_axis(log, (a - low)[:, None], axis=1)
    counted = inside & (log <= observed + SAME)
    return np.asarray(np.minimum(1.0, np.where(counted, np.exp(log), 0.0).sum(axis=1)))


def _log_choose(n: IntArray, k: IntArray) -> FloatArray:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))
