"""Early stopping: how often a suite ends without an effect, and how many prompts an effect saves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.calibration.cells import SIZES
from pytest_framing.stats.sequential import log_e_value

IntArray = NDArray[np.int64]
CHUNK = 1000


@dataclass(frozen=True)
class StoppingCell:
    """Modes of `n` prompts each that run side by side, with the flip rate and the gap of each."""

    n: int
    psi: float
    gap: float


def stopping_grid() -> list[StoppingCell]:
    """No effect at two flip rates, and effects of 6.5, 10 and 15 points in either direction or one."""
    truths = ((0.05, 0.0), (0.15, 0.0), (0.15, 0.065), (0.15, -0.065), (0.15, 0.10), (0.15, 0.15))
    return [StoppingCell(n, psi, gap) for psi, gap in truths for n in SIZES]


def boundary(n: int, threshold: float) -> IntArray:
    """Return the lead of one direction over the other that stops after 0 … n flips; n + 1 where none does."""
    leads = np.full(n + 1, n + 1, dtype=np.int64)
    for flips in range(1, n + 1):
        for lead in range(flips % 2, flips + 1, 2):
            # As the monitor does: an e-value of exactly the threshold suffices.
            if log_e_value((flips + lead) // 2, (flips - lead) // 2) >= math.log(threshold):
                leads[flips] = lead
                break
    return leads


def stopping_times(directions: NDArray[np.int8], leads: IntArray) -> IntArray:
    """Return after how many prompts each suite stops, n + 1 where it does not.

    Parameters
    ----------
    directions
        1 where a pair refuses under the treatment alone, -1 under the reference alone, 0 else; (suites, n, modes).
    leads
        From `boundary`.
    """
    n = directions.shape[1]
    lead = np.abs(np.cumsum(directions, axis=1, dtype=np.int16))
    flips = np.cumsum(directions != 0, axis=1, dtype=np.int16)
    over = np.any(lead >= leads[flips], axis=2)
    return np.asarray(np.where(np.any(over, axis=1), np.argmax(over, axis=1) + 1, n + 1))


def stop_suites(
    cell: StoppingCell, modes: int, alpha: float, suites: int, rng: np.random.Generator
) -> tuple[IntArray, int]:
    """Simulate suites that look after every pair; return their stopping times, and n + 1 for those that went on."""
    leads = boundary(cell.n, modes / alpha)
    chances = np.cumsum([(cell.psi - cell.gap) / 2, (cell.psi + cell.gap) / 2])
    times = []
    for start in range(0, suites, CHUNK):
        draws = rng.random((min(CHUNK, suites - start), cell.n, modes), dtype=np.float32)
        directions = np.where(draws < chances[0], -1, np.where(draws < chances[1], 1, 0)).astype(np.int8)
        times.append(stopping_times(directions, leads))
    return np.concatenate(times), cell.n + 1
