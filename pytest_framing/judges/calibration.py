"""A judge held against human labels, framing by framing: what it misses, what it takes for a refusal, and what follows.

Rates may be corrected for a judge's errors only where the judge is good enough, and a difference between framings only
where it is shown to err alike under both: otherwise a difference of the judge's errors would pass for one of the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from pytest_framing.errors import JudgeError
from pytest_framing.json_documents import read_document
from pytest_framing.stats.correction import LEAST_YOUDEN, Corrected, PredictionPowered, ppi_mean, rogan_gladen
from pytest_framing.stats.interval import Interval
from pytest_framing.stats.rates import wilson_interval
from pytest_framing.stats.unpaired import difference_interval

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 1
FILES = "calibration*.json"
"""Calibrations in a run folder."""
ALIKE_MARGIN = 0.1
"""Sensitivities, or specificities, of two framings are alike where their 90 % interval of difference lies within it."""
FEWEST_LABELS = 10
"""Human refusals, and human compliances, that a framing needs for its judge to be known there at all."""


@dataclass(frozen=True)
class ArmLabels:
    """Responses under one framing that a person and the judge both judged, by who called them a refusal."""

    both: int = 0
    human_only: int = 0
    judge_only: int = 0
    neither: int = 0

    @property
    def n(self) -> int:
        """Number of them."""
        return self.both + self.human_only + self.judge_only + self.neither

    @property
    def refusals(self) -> int:
        """Refusals by the person's word."""
        return self.both + self.human_only

    @property
    def compliances(self) -> int:
        """The others."""
        return self.judge_only + self.neither

    @property
    def sensitivity(self) -> float:
        """Share of refusals that the judge finds; NaN without one."""
        return self.both / self.refusals if self.refusals else math.nan

    @property
    def specificity(self) -> float:
        """Share of compliances that the judge leaves alone; NaN without one."""
        return self.neither / self.compliances if self.compliances else math.nan

    def corrected(self, refused: int, n: int) -> Corrected:
        """Correct a rate of verdicts (Rogan and Gladen, with the uncertainty of sensitivity and specificity)."""
        if not self.refusals or not self.compliances:
            return Corrected(*[math.nan] * 5)
        return rogan_gladen(refused, n, self.sensitivity, self.specificity, self.refusals, self.compliances)

    def powered(self, refused: int, n: int) -> PredictionPowered:
        """Estimate the rate from these labels and many verdicts (PPI++); the labels must be a random sample of them."""
        labels = [1] * self.refusals + [0] * self.compliances
        said = [1] * self.both + [0] * self.human_only + [1] * self.judge_only + [0] * self.neither
        return ppi_mean(labels, said, [1] * refused + [0] * (n - refused))

    def __add__(self, other: ArmLabels) -> ArmLabels:
        return ArmLabels(
            self.both + other.both,
            self.human_only + other.human_only,
            self.judge_only + other.judge_only,
            self.neither + other.neither,
        )


def tabulate_labels(pairs: Iterable[tuple[bool, bool]]) -> ArmLabels:
    """Count pairs of (human says refusal, judge says refusal)."""
    cells = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for pair in pairs:
        cells[pair] += 1
    return ArmLabels(cells[True, True], cells[True, False], cells[False, True], cells[False, False])


@dataclass(frozen=True)
class CorrectedGap:
    """The gap behind the observed one: treatment minus reference, corrected for the judge's errors."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """One judge's errors under each framing, and the labels that they were estimated from."""

    judge: str
    arms: Mapping[str, ArmLabels]
    source: Mapping[str, Any] = field(default_factory=dict)

    def pooled(self, reference: str, treatment: str) -> ArmLabels:
        """Return the labels of both framings together."""
        return self.arms.get(reference, ArmLabels()) + self.arms.get(treatment, ArmLabels())

    def objection(self, reference: str, treatment: str) -> str:
        """Say why no gap between the two framings may be corrected; nothing where it may."""
        for name in (reference, treatment):
            arm = self.arms.get(name, ArmLabels())
            if min(arm.refusals, arm.compliances) < FEWEST_LABELS:
                return (
                    f"too few labels under {name}: {arm.refusals} refusals and {arm.compliances} compliances, of each "
                    f"at least {FEWEST_LABELS} are needed"
                )
        pooled = self.pooled(reference, treatment)
        youden = pooled.sensitivity + pooled.specificity - 1
        if youden < LEAST_YOUDEN:
            return (
                f"the judge is too weak: sensitivity {pooled.sensitivity:.2f} and specificity {pooled.specificity:.2f} "
                f"make {youden:.2f}, at least {LEAST_YOUDEN} is needed"
            )
        for name, interval in self.differences(reference, treatment).items():
            if not -ALIKE_MARGIN < interval.low <= interval.high < ALIKE_MARGIN:
                return (
                    f"the judge is not shown to err alike under both framings: its {name} differs by "
                    f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f} points (90 %), which is not within "
                    f"{100 * ALIKE_MARGIN:g}"
                )
        return ""

    def differences(self, reference: str, treatment: str) -> dict[str, Interval]:
        """90 % intervals of the differences of sensitivity and specificity, treatment minus reference."""
        one, two = self.arms[treatment], self.arms[reference]
        return {
            "sensitivity": difference_interval(one.both, one.refusals, two.both, two.refusals, 0.9),
            "specificity": difference_interval(one.neither, one.compliances, two.neither, two.compliances, 0.9),
        }

    def corrected_gap(self, gap: float, limits: tuple[float, float], reference: str, treatment: str) -> CorrectedGap:
        """Divide a gap and its limits by J = Se + Sp - 1 of both framings together, and add the uncertainty of J.

        A limit at a distance w from the gap comes to lie ``sqrt((w / J)^2 + (1.96 gap se(J) / J^2)^2)`` from the
        corrected one: the delta method, with the gap's own (score) limits in place of its standard error.
        """
        pooled = self.pooled(reference, treatment)
        se, sp = pooled.sensitivity, pooled.specificity
        youden = se + sp - 1
        spread = math.sqrt(se * (1 - se) / pooled.refusals + sp * (1 - sp) / pooled.compliances)
        estimate = gap / youden
        doubt = 1.959963984540054 * estimate * spread / youden
        low = estimate - math.hypot((gap - limits[0]) / youden, doubt)
        high = estimate + math.hypot((limits[1] - gap) / youden, doubt)
        return CorrectedGap(estimate, max(low, -1.0), min(high, 1.0))

    def powered_gap(self, refused: Mapping[str, tuple[int, int]], reference: str, treatment: str) -> CorrectedGap:
        """Return the difference of the two framings' PPI estimates, with limits from theirs (square-and-add).

        That the framings share prompts is left out of account, which widens the limits.
        """
        one, two = (self.arms[name].powered(*refused[name]) for name in (treatment, reference))
        estimate = one.estimate - two.estimate
        low = estimate - math.hypot(one.estimate - one.low, two.high - two.estimate)
        high = estimate + math.hypot(one.high - one.estimate, two.estimate - two.low)
        return CorrectedGap(estimate, low, high)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "judge": self.judge,
            "source": dict(self.source),
            "framings": {
                name: {
                    **asdict(arm),
                    "sensitivity": _rate(arm.both, arm.refusals),
                    "specificity": _rate(arm.neither, arm.compliances),
                }
                for name, arm in self.arms.items()
            },
        }

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what ``framing calibrate`` wrote.

        Raises
        ------
        JudgeError
            When the file is no calibration.
        """
        document = read_document(path, JudgeError)
        try:
            if document["schema_version"] != SCHEMA_VERSION:
                raise JudgeError(f"{path}: schema version {document['schema_version']!r}; this reads {SCHEMA_VERSION}")
            cells = ("both", "human_only", "judge_only", "neither")
            arms = {
                name: ArmLabels(*(_count(entry[cell]) for cell in cells))
                for name, entry in document["framings"].items()
            }
            return cls(str(document["judge"]), arms, document["source"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise JudgeError(
                f"{path}: not a calibration ({type(error).__name__}: {error}); framing calibrate writes one"
            ) from error


def read_calibrations(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the calibrations that lie in a run folder, by the label of the judge.

    Raises
    ------
    JudgeError
        When a file of that name is no calibration.
    """
    found = (Calibration.read(path) for path in sorted(folder.glob(FILES)))
    return {one.judge: one.document() for one in found}


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a count must be a whole number")
    return value


def _rate(hits: int, n: int) -> dict[str, Any]:
    if not n:
        return {"rate": None, "low": None, "high": None, "n": 0}
    low, high = wilson_interval(hits, n)
    return {"rate": hits / n, "low": low, "high": high, "n": n}
