"""What demonstrations do in several models or training stages, set beside each other with one family of tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.json_documents import finite
from pytest_framing.stats.composition import RESTRICTIONS, classify
from pytest_framing.stats.multiplicity import holm

if TYPE_CHECKING:
    from pytest_framing.comparison.comparand import Comparand

HYPOTHESES = tuple(RESTRICTIONS)


@dataclass(frozen=True)
class Stage:
    """One model: its coefficients with their intervals, and p-values adjusted over all models and hypotheses.

    ``compliance`` has the rate of each condition as ``(harmful, benign, rate, low, high)``; the first entry is the arm
    without demonstrations.
    """

    name: str
    origin: str
    effect: str
    benign: tuple[float, float, float]
    harmful: tuple[float, float, float]
    p: Mapping[str, float]
    compliance: tuple[tuple[int, int, float, float, float], ...] = field(default=(), repr=False)

    @property
    def alone(self) -> float:
        """Compliance without demonstrations; NaN where unknown."""
        return self.compliance[0][2] if self.compliance else math.nan

    def document(self) -> dict[str, Any]:
        """Entry of JSON output."""
        return {
            "name": self.name,
            "origin": self.origin,
            "class": self.effect,
            **{
                name: dict(zip(("estimate", "low", "high"), map(finite, values), strict=True))
                for name, values in (("harmful", self.harmful), ("benign", self.benign))
            },
            "p_holm": {name: finite(p) for name, p in self.p.items()},
            "zero_demonstrations": finite(self.alone),
        }


def compare_stages(sides: Sequence[Comparand], alpha: float = 0.05) -> dict[str, tuple[Stage, ...]]:
    """Set the sides that know what demonstrations did beside each other, by suite.

    Holm's adjustment goes over models × hypotheses: each further model makes the claims of all of them harder.

    Parameters
    ----------
    sides
        Runs and baselines, in the order of the training.
    alpha
        Level of a class.

    Returns
    -------
    dict
        Suites that at least two sides have a composition of.
    """
    found: dict[str, tuple[Stage, ...]] = {}
    for suite in dict.fromkeys(name for side in sides for name in side.suites):
        known = [
            (side, composition)
            for side in sides
            if suite in side.suites and (composition := side.suites[suite].composition)
        ]
        if len(known) < 2:
            continue
        raw = [_p(composition["hypotheses"][name]["p"]) for _, composition in known for name in HYPOTHESES]
        adjusted = iter(holm(raw))
        found[suite] = tuple(
            _stage(side, composition, {name: next(adjusted) for name in HYPOTHESES}, alpha)
            for side, composition in known
        )
    return found


def _stage(side: Comparand, composition: Mapping[str, Any], p: Mapping[str, float], alpha: float) -> Stage:
    coefficients = composition["coefficients"]
    benign, harmful = (
        (_p(entry["estimate"]), _p(entry["low"]), _p(entry["high"]))
        for entry in (coefficients["benign"], coefficients["harmful"])
    )
    alone = composition["zero_demonstrations"]["compliance"]
    shown = [(0, 0, alone)]
    shown += [
        (one["harmful"], one["benign"], one["compliance"])
        for name, one in composition["conditions"].items()
        if name == f"h{one['harmful']}-b{one['benign']}"
    ]
    return Stage(
        side.name,
        side.origin,
        classify(benign[0], p["harmful"], alpha),
        benign,
        harmful,
        p,
        tuple((h, b, _p(rate["rate"]), _p(rate["low"]), _p(rate["high"])) for h, b, rate in shown),
    )


def _p(value: float | None) -> float:
    return math.nan if value is None else float(value)
