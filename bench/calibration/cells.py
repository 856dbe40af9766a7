"""What is simulated: one cell for each truth about a model, its engine and its protocol."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

SIZES = (50, 200, 400, 1000)
FLIP_RATES = (0.0, 0.02, 0.05, 0.15)
GAPS = (0.0, 0.02, -0.02, 0.065, -0.065)
DRIFT = 0.065
PLACEBO_FLIPS = 0.01
NOISE = 0.01


@dataclass(frozen=True)
class Cell:
    """The truth behind one set of sessions.

    ``psi`` and ``gap`` are the flip rate and the compliance gap that the framing makes, ``drift`` what the second
    period of a pair adds to the refusal rate, ``placebo`` the flip rate of the placebo, ``noise`` that of replicates.
    """

    n: int
    psi: float
    gap: float = 0.0
    drift: float = 0.0
    conditions: Literal["bernoulli", "fixed"] = "bernoulli"
    placebo: float | None = None
    noise: float = 0.0

    @property
    def placebo_flips(self) -> float:
        """Flip rate of the placebo: words explain all flips where nothing else is said."""
        return self.psi if self.placebo is None else self.placebo

    @property
    def flip_rate(self) -> float:
        """Share of pairs that flip, for whatever reason."""
        return self.psi + self.drift

    @property
    def harmless(self) -> bool:
        """Whether every failure is a false alarm: no effect of the framing beyond the placebo's, no drift, no noise."""
        return not (self.gap or self.drift or self.noise) and self.psi == self.placebo_flips

    def consequences(self, largest_flip_rate: float) -> frozenset[str]:
        """Gates that fail because of what is simulated, and not by chance."""
        gates = {"order_randomized"} if self.conditions == "fixed" else set()
        return frozenset(gates | ({"flip_rate"} if self.flip_rate > largest_flip_rate else set()))

    def seed(self, seed: int) -> list[int]:
        """Entropy of the cell's own, so that no cell depends on which others are simulated."""
        return [seed, zlib.crc32(repr(self).encode())]

    def __str__(self) -> str:
        extras = "".join(
            f", {name} {value:g}" for name, value in (("drift", self.drift), ("noise", self.noise)) if value
        )
        return f"n {self.n}, psi {self.psi:g}, gap {self.gap:+g}, {self.conditions}{extras}"


def main_grid() -> list[Cell]:
    """Every size, flip rate and gap, with and without drift, in drawn and in fixed order."""
    return [
        Cell(n, psi, gap, drift, conditions)
        for conditions in ("bernoulli", "fixed")
        for drift in (0.0, DRIFT)
        for psi in FLIP_RATES
        for gap in GAPS
        if abs(gap) <= psi
        for n in SIZES
    ]


def flips_grid() -> list[Cell]:
    """Flips in both directions that cancel in the gap, and that words do not explain."""
    return [Cell(n, psi, placebo=PLACEBO_FLIPS) for psi in (0.05, 0.15) for n in SIZES]


def noise_grid() -> list[Cell]:
    """An engine that claims invariance and does not repeat itself: its noise flips pairs and replicates alike."""
    return [Cell(n, NOISE, noise=NOISE) for n in SIZES]
