"""Sessions as arrays of counts, and the study of any one of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pytest_framing.paired_table import PairedTable, Rate
from pytest_framing.study import FlipContrast, ModeStudy, Validity

if TYPE_CHECKING:
    from bench.calibration.cells import Cell
    from bench.calibration.orders import Orders
    from pytest_framing.suite import Suite

IntArray = NDArray[np.int64]
BASE_REFUSAL = 0.5


@dataclass(frozen=True)
class Sessions:
    """Counts of many sessions of one cell.

    Shapes: ``tables`` (sessions, modes, 2, 4), by what ran first (reference, treatment) and then as in `PairedTable`;
    ``contrast`` (sessions, modes, 4) as in `FlipContrast`; ``noise`` (sessions, modes, 2), flips between replicates
    under reference and treatment, of ``replicates`` each.
    """

    suite: Suite
    n: int
    replicates: int
    tables: IntArray
    contrast: IntArray
    noise: IntArray

    @cached_property
    def table(self) -> IntArray:
        """Counts of the paired table whatever ran first, (sessions, modes, 4)."""
        return np.asarray(self.tables.sum(axis=2))

    def study(self, session: int, mode: int) -> ModeStudy:
        """Return what gates see of one mode of one session."""
        framings = self.suite.framings
        name = self.suite.modes[mode]
        first, second = (PairedTable(*map(int, cells)) for cells in self.tables[session, mode])
        reference, treatment = (Rate(int(flips), self.replicates) for flips in self.noise[session, mode])
        return ModeStudy(
            mode=name,
            framings=framings,
            table=PairedTable(*map(int, self.table[session, mode])),
            validity=Validity(self.n, 0, 0, 0),
            reference_first=first,
            treatment_first=second,
            noise={framings.reference: reference, framings.treatment: treatment},
            contrast=FlipContrast(*map(int, self.contrast[session, mode])),
            comparisons=len(self.suite.modes),
        )


def simulate(cell: Cell, suite: Suite, orders: Orders, sessions: int, rng: np.random.Generator) -> Sessions:
    """Draw the counts of sessions; their orders are taken in turn from `orders`."""
    first = orders.reference_first[np.arange(sessions) % len(orders.reference_first)]
    pairs = np.stack([first, cell.n - first], axis=-1)
    concordant = 1 - cell.psi
    # The last category refuses nothing by itself and refuses in the second period: drift.
    chances = [
        concordant * BASE_REFUSAL,
        (cell.psi - cell.gap) / 2,
        (cell.psi + cell.gap) / 2,
        concordant * (1 - BASE_REFUSAL) - cell.drift,
        cell.drift,
    ]
    drawn = rng.multinomial(pairs, chances)
    tables, drifted = drawn[..., :4].copy(), drawn[..., 4]
    tables[..., 0, 2] += drifted[..., 0]
    tables[..., 1, 1] += drifted[..., 1]
    replicates = round(suite.controls.repeat_fraction * cell.n)
    return Sessions(
        suite,
        cell.n,
        replicates,
        tables,
        _contrast(cell, drawn, rng),
        _noise(cell, replicates, drifted.shape[:2], rng),
    )


def _contrast(cell: Cell, drawn: IntArray, rng: np.random.Generator) -> IntArray:
    flipping, drifted = drawn[..., 1:3].sum(axis=(-2, -1)), drawn[..., 4]
    agreeing = drawn[..., [0, 3]].sum(axis=(-2, -1))
    both = rng.binomial(flipping, cell.placebo_flips) + rng.binomial(drifted[..., 0], cell.placebo_flips)
    # Where the reference itself ran second and drifted, the placebo differs from it unless it flips as well.
    both += rng.binomial(drifted[..., 1], 1 - cell.placebo_flips)
    placebo_only = rng.binomial(agreeing, cell.placebo_flips)
    return np.stack(
        [both, flipping + drifted.sum(axis=-1) - both, placebo_only, agreeing - placebo_only], axis=-1
    ).astype(np.int64)


def _noise(cell: Cell, replicates: int, shape: tuple[int, ...], rng: np.random.Generator) -> IntArray:
    """Count flips between replicates: noise of the engine, and drift where the second run took the other order."""
    swapped = rng.binomial(replicates, 0.5 if cell.conditions == "bernoulli" else 0.0, shape)[..., None]
    both_framings = (*shape, 2)
    flips = rng.binomial(swapped, cell.drift, both_framings)
    return np.asarray(flips + rng.binomial(replicates - flips, cell.noise, both_framings), dtype=np.int64)
