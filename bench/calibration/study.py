"""The study as a document: every cell simulated, decided and counted."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy

import pytest_framing
from bench.calibration.cells import Cell, flips_grid, main_grid, noise_grid
from bench.calibration.decisions import FAIL, ORDER_GATE, WORSE, Decisions, Statuses
from bench.calibration.orders import Orders, draw_orders, execute, shipped_suite
from bench.calibration.sessions import BASE_REFUSAL, simulate
from bench.calibration.stopping import StoppingCell, stop_suites, stopping_grid
from pytest_framing.gates.gap import FlipRateParameters
from pytest_framing.stats.rates import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_framing.suite import Suite

VERIFIED = 3
"""Sessions of each cell that go through `evaluate` as well."""
STOP_ALPHA = 0.01
Document = dict[str, Any]


class Grids(NamedTuple):
    """The cells of a study by purpose."""

    main: Sequence[Cell]
    flips: Sequence[Cell]
    noise: Sequence[Cell]
    stopping: Sequence[StoppingCell]


def full_grids() -> Grids:
    """Return the cells of the published study."""
    return Grids(main_grid(), flips_grid(), noise_grid(), stopping_grid())


class Calibration:
    """Simulates cells; what gates have answered once, and orders once drawn, serve all of them."""

    def __init__(self, sessions: int, seed: int) -> None:
        self.sessions, self.seed = sessions, seed
        self._decisions: dict[str, Decisions] = {}
        self._orders: dict[tuple[str, int], Orders] = {}

    @property
    def suite(self) -> Suite:
        """The suite as shipped."""
        return self.decisions("bernoulli").suite

    def decisions(self, conditions: Any) -> Decisions:
        """Return the gates of the suite with drawn or with fixed order."""
        if conditions not in self._decisions:
            suite = shipped_suite(conditions)
            self._decisions[conditions] = Decisions(suite, execute(suite, 2, suite.order.seed)[1])
        return self._decisions[conditions]

    def orders(self, conditions: str, n: int) -> Orders:
        """Return the executed orders of one size."""
        if (conditions, n) not in self._orders:
            decisions = self.decisions(conditions)
            drawn = draw_orders(decisions.suite, n, self.sessions, self.seed, decisions.order_status)
            self._orders[conditions, n] = drawn
        return self._orders[conditions, n]

    def cell(self, cell: Cell) -> Document:
        """Simulate and decide one cell."""
        decisions, orders = self.decisions(cell.conditions), self.orders(cell.conditions, cell.n)
        rng = np.random.default_rng(cell.seed(self.seed))
        sessions = simulate(cell, decisions.suite, orders, self.sessions, rng)
        order = [orders.statuses[index % len(orders.statuses)] for index in range(self.sessions)]
        statuses = decisions.decide(sessions, order)
        decisions.verify(sessions, statuses, range(min(VERIFIED, self.sessions)))
        consequences = cell.consequences(largest_flip_rate(decisions.suite))
        chance = [name for name in statuses if name not in consequences]
        return {
            "n": cell.n,
            "psi": cell.psi,
            "gap": cell.gap,
            "drift": cell.drift,
            "order": cell.conditions,
            "placebo_flips": cell.placebo_flips,
            "noise": cell.noise,
            "harmless": cell.harmless,
            "consequences": sorted(consequences),
            "session": {
                "verdict": _shares(np.max(list(statuses.values()), axis=0)),
                "any_fail": _estimate(_any_fail(statuses, statuses)),
                "any_fail_by_chance": _estimate(_any_fail(statuses, chance)),
            },
            "gates": {name: _shares(codes) for name, codes in statuses.items()},
        }

    def early_stops(self, cell: StoppingCell) -> Document:
        """Simulate suites that stop early in one cell."""
        rng = np.random.default_rng([self.seed, cell.n, round(1000 * cell.psi), round(1000 * (1 + cell.gap))])
        times, never = stop_suites(cell, len(self.suite.modes), STOP_ALPHA, self.sessions, rng)
        stopped = times < never
        return {
            "n": cell.n,
            "psi": cell.psi,
            "gap": cell.gap,
            "stopped": _estimate(stopped),
            "prompts_saved": round(float(np.mean(np.where(stopped, 1 - times / cell.n, 0.0))), 4),
        }


def run(grids: Grids, sessions: int, seed: int) -> Document:
    """Simulate all cells; progress goes to stderr."""
    calibration = Calibration(sessions, seed)
    total = sum(map(len, grids))
    begun = time.monotonic()
    done = 0

    def report(cell: Cell | StoppingCell) -> None:
        nonlocal done
        done += 1
        print(f"{time.monotonic() - begun:6.1f} s  {done:3} of {total}  {cell}", file=sys.stderr)

    def simulated(cells: Sequence[Cell]) -> list[Document]:
        documents = []
        for cell in cells:
            documents.append(calibration.cell(cell))
            report(cell)
        return documents

    def stopped(cells: Sequence[StoppingCell]) -> list[Document]:
        documents = []
        for cell in cells:
            documents.append(calibration.early_stops(cell))
            report(cell)
        return documents

    cells = {"cells": simulated(grids.main), "flips_without_gap": simulated(grids.flips)}
    cells |= {"engine_noise": simulated(grids.noise), "early_stopping": stopped(grids.stopping)}
    return {"schema_version": 1} | _settings(calibration, grids) | cells


def _settings(calibration: Calibration, grids: Grids) -> Document:
    suite = calibration.suite
    sizes = sorted({cell.n for cell in (*grids.main, *grids.flips, *grids.noise)})
    drawn = {n: [WORSE.index(status) for status in calibration.orders("bernoulli", n).statuses] for n in sizes}
    return {
        "seed": calibration.seed,
        "sessions_per_cell": calibration.sessions,
        "versions": {
            "pytest_framing": pytest_framing.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "suite": {
            "name": suite.name,
            "modes": list(suite.modes),
            "repeat_fraction": suite.controls.repeat_fraction,
            "gates": {name: suite.gates[name] for name in calibration.decisions("bernoulli").gates},
        },
        "base_refusal_rate": BASE_REFUSAL,
        "early_stopping_alpha": STOP_ALPHA,
        "order_draws": [
            {"n": n, "draws": len(codes), ORDER_GATE: _estimate(np.array(codes) == FAIL)} for n, codes in drawn.items()
        ],
    }


def largest_flip_rate(suite: Suite) -> float:
    """Limit of the gate on flips."""
    return FlipRateParameters.model_validate(suite.gates["flip_rate"]).max


def _any_fail(statuses: Statuses, names: Sequence[str] | Mapping[str, Any]) -> NDArray[np.bool_]:
    return np.asarray(np.any([statuses[name] == FAIL for name in names], axis=0))


def _shares(codes: NDArray[Any]) -> dict[str, float]:
    """Return the share of each status that occurs."""
    return {
        status.value: round(float(np.mean(codes == code)), 4)
        for code, status in enumerate(WORSE)
        if (codes == code).any()
    }


def _estimate(hits: NDArray[np.bool_]) -> dict[str, float]:
    """Return a share with its 95 % interval (Wilson): the error of the simulation."""
    low, high = wilson_interval(int(hits.sum()), hits.size, 0.95)
    return {"share": round(float(hits.mean()), 4), "low": round(low, 4), "high": round(high, 4)}
