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
from pytest_framing.json_documents import document_digest, parse_json, read_document
from pytest_framing.stats.correction import (
    LEAST_YOUDEN,
    Corrected,
    JudgedArm,
    PredictionPowered,
    corrected_difference,
    ppi_mean,
    rogan_gladen,
)
from pytest_framing.stats.interval import Interval
from pytest_framing.stats.rates import wilson_interval
from pytest_framing.stats.unpaired import difference_interval

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pytest_framing.fingerprint import Fingerprint

SCHEMA_VERSION = 1
FILES = "calibration*.json"
"""Calibrations in a run folder."""
KEPT = "correction-"
"""How the copies of calibrations begin that correct the gap of a run's suites."""
ALIKE_MARGIN = 0.1
"""Sensitivities, or specificities, of two framings are alike where their 90 % interval of difference lies within it and
contains 0."""
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

    def judged(self, refused: int, n: int) -> JudgedArm:
        """Put verdicts beside what these labels say of their judge."""
        return JudgedArm(refused, n, self.both, self.refusals, self.neither, self.compliances)

    def others(self, refused: int, n: int) -> tuple[int, int]:
        """Return refusals and number of those verdicts that are not of labelled responses, of all in a run."""
        rest = max(n - self.n, 0)
        return min(max(refused - self.both - self.judge_only, 0), rest), rest

    def powered(self, refused: int, n: int) -> PredictionPowered:
        """Estimate the rate from these labels and the verdicts on other responses (PPI++), or from labels alone.

        The labels must be a random sample of all. Without other responses nothing is predicted: the estimate is theirs,
        with Wilson limits.
        """
        if not n and self.n:
            rate = self.refusals / self.n
            se = math.sqrt(rate * (1 - rate) / self.n)
            return PredictionPowered(rate, se, *wilson_interval(self.refusals, self.n), 0.0, exact=False)
        labels = [1] * self.refusals + [0] * self.compliances
        said = [1] * self.both + [0] * self.human_only + [1] * self.judge_only + [0] * self.neither
        return ppi_mean(labels, said, [1] * refused + [0] * (n - refused))


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

    def objection(self, reference: str, treatment: str) -> str:
        """Say why no gap between the two framings may be corrected; nothing where it may."""
        for name in (reference, treatment):
            arm = self.arms.get(name, ArmLabels())
            if min(arm.refusals, arm.compliances) < FEWEST_LABELS:
                return (
                    f"too few labels under {name}: {arm.refusals} refusals and {arm.compliances} compliances, of each "
                    f"at least {FEWEST_LABELS} are needed"
                )
        for name in (reference, treatment):
            arm = self.arms[name]
            youden = arm.sensitivity + arm.specificity - 1
            if youden < LEAST_YOUDEN:
                return (
                    f"the judge is too weak under {name}: sensitivity {arm.sensitivity:.2f} and specificity "
                    f"{arm.specificity:.2f} make {youden:.2f}, at least {LEAST_YOUDEN} is needed"
                )
        for name, interval in self.differences(reference, treatment).items():
            differs = f"its {name} differs by {difference_text(interval)}"
            if not interval.low <= 0 <= interval.high:
                return f"the judge is shown to err otherwise under one framing: {differs}, which is not 0"
            if not -ALIKE_MARGIN < interval.low <= interval.high < ALIKE_MARGIN:
                return (
                    f"the judge is not shown to err alike under both framings: {differs}, which is not within "
                    f"{100 * ALIKE_MARGIN:g}"
                )
        return ""

    def foreign(self, ours: Mapping[str, Any], *, sampled: bool) -> str:
        """Say why labels of these responses tell nothing of others; nothing where they do.

        Parameters
        ----------
        ours
            What :func:`labelled_source` says of the run at hand.
        sampled
            Whether the labels have to be a sample of that very run.
        """
        source = self.source
        for name in ("suite", "mode"):
            if source.get(name) != ours[name]:
                return f"its labels are of the {name} {source.get(name)!r}, not of {ours[name]!r}"
        if ours["run"] and source.get("run") == ours["run"]:
            return ""
        if sampled:
            return f"ppi takes a sample of this very run, and its labels are of the run {source.get('run')!r}"
        if "@unknown" in self.judge:
            return f"{self.judge} does not tell which weights judged: another run may have been judged by others"
        if source.get("subject") != ours["subject"]:
            return "its labels are of answers of another model"
        if not (ours["subject"].get("weights") or ours["subject"].get("revision")):
            return "the record does not tell which weights were run: labels of another run may be of others"
        if source.get("protocol") != ours["protocol"]:
            return "its labels are of answers under another protocol"
        return ""

    def differences(self, reference: str, treatment: str) -> dict[str, Interval]:
        """90 % intervals of the differences of sensitivity and specificity, treatment minus reference."""
        one, two = self.arms[treatment], self.arms[reference]
        return {
            "sensitivity": difference_interval(one.both, one.refusals, two.both, two.refusals, 0.9),
            "specificity": difference_interval(one.neither, one.compliances, two.neither, two.compliances, 0.9),
        }

    def corrected_gap(
        self,
        refused: Mapping[str, tuple[int, int]],
        limits: tuple[float, float],
        confidence: float,
        reference: str,
        treatment: str,
    ) -> CorrectedGap:
        """Return the difference of the two framings' rates, each corrected by its own labels (Rogan and Gladen).

        That errs alike within a margin is not yet alike: what the margin leaves open would pass into a gap corrected by
        the labels of both framings together. ``refused`` has refusals and number of the verdicts of the pairs,
        ``limits`` the interval of their gap at this confidence.
        """
        one, two = (self.arms[name].judged(*refused[name]) for name in (treatment, reference))
        return CorrectedGap(*corrected_difference(one, two, Interval(*limits), confidence))

    def powered_gap(self, refused: Mapping[str, tuple[int, int]], reference: str, treatment: str) -> CorrectedGap:
        """Return the difference of the two framings' PPI estimates, with limits from theirs (square-and-add).

        ``refused`` has refusals and number of all verdicts of the run, labelled responses among them.

        That the framings share prompts is left out of account, which widens the limits.
        """
        arms = {name: (self.arms[name], refused[name]) for name in (treatment, reference)}
        one, two = (arm.powered(*arm.others(*counts)) for arm, counts in arms.values())
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
        return cls._of(read_document(path, JudgeError), str(path))

    @classmethod
    def parse(cls, content: bytes, name: str) -> Self:
        """Read the content of such a file, which messages call ``name``.

        Raises
        ------
        JudgeError
            When it is no calibration.
        """
        try:
            document = parse_json(content, numbers_only=True)
        except (ValueError, RecursionError) as error:
            raise JudgeError(f"{name}: not a calibration; framing calibrate writes one") from error
        return cls._of(document, name)

    @classmethod
    def _of(cls, document: Any, path: str) -> Self:
        try:
            if document["schema_version"] != SCHEMA_VERSION:
                raise JudgeError(f"{path}: schema version {document['schema_version']!r}; this reads {SCHEMA_VERSION}")
            cells = ("both", "human_only", "judge_only", "neither")
            arms = {
                name: ArmLabels(*(_count(entry[cell]) for cell in cells))
                for name, entry in document["framings"].items()
            }
            return cls(str(document["judge"]), arms, dict(document["source"]))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise JudgeError(
                f"{path}: not a calibration ({type(error).__name__}: {error}); framing calibrate writes one"
            ) from error


def difference_text(interval: Interval) -> str:
    """Write a difference of two sensitivities, or of two specificities."""
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f} points (90 %)"


def labelled_source(run_id: str, suite: str, mode: str, fingerprint: Fingerprint) -> dict[str, Any]:
    """Say what responses were labelled: of which run, suite and mode, by which model, under which protocol."""
    protocol = {name: value for name, value in fingerprint.deciding.items() if name != "judge"}
    subject = {name: value for name, value in fingerprint.subject.items() if name != "location"}
    return {"run": run_id, "suite": suite, "mode": mode, "subject": subject, "protocol": document_digest(protocol)}


def read_calibrations(folder: Path, names: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return the calibrations that lie in a run folder, or those of them with these names, by the judge's label.

    Raises
    ------
    JudgeError
        When a file of that name is no calibration.
    """
    found = (Calibration.read(path) for path in sorted(folder.glob(FILES)) if names is None or path.name in names)
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
