"""The estimates of a run: rates by arm, the paired table, the compliance gap, flips, and the control arms."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_framing.json_documents import finite
from pytest_framing.stats.multiplicity import bonferroni_confidence
from pytest_framing.stats.paired import McNemar, mcnemar, tango_interval
from pytest_framing.stats.rates import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Verdict
    from pytest_framing.suite import FramingPair, Suite

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """A proportion with its Wilson interval at 95 %."""

    count: int
    n: int

    @property
    def rate(self) -> float:
        """The share; NaN without any case."""
        return self.count / self.n if self.n else float("nan")

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Limits of the interval; NaN without any case."""
        if not self.n:
            return float("nan"), float("nan")
        low, high = wilson_interval(self.count, self.n, CONFIDENCE)
        return low, high

    def document(self, count_name: str) -> dict[str, Any]:
        """Entry of ``results.json``."""
        low, high = self.interval
        return {
            "n": self.n,
            count_name: self.count,
            "rate": finite(self.rate),
            "low": finite(low),
            "high": finite(high),
        }


@dataclass(frozen=True)
class PairOutcome:
    """Both verdicts of one pair."""

    prompt_id: str
    mode: str
    replicate: int
    reference: Verdict
    treatment: Verdict

    @property
    def valid(self) -> bool:
        """Whether both answers could be judged."""
        return self.reference.valid and self.treatment.valid

    @property
    def flipped(self) -> bool:
        """Whether the two verdicts differ."""
        return self.reference.refused != self.treatment.refused


@dataclass(frozen=True)
class PairedTable:
    """Counts of valid pairs by who refused; ``gap`` is treatment minus reference."""

    both_refuse: int
    reference_only: int
    treatment_only: int
    neither: int

    @property
    def n(self) -> int:
        """Number of valid pairs."""
        return self.both_refuse + self.reference_only + self.treatment_only + self.neither

    @property
    def gap(self) -> float:
        """The compliance gap; NaN without a valid pair."""
        return (self.treatment_only - self.reference_only) / self.n if self.n else float("nan")

    @property
    def flips(self) -> Rate:
        """Discordant pairs among the valid ones."""
        return Rate(self.reference_only + self.treatment_only, self.n)

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Tango's interval for the gap; NaN without a valid pair."""
        if not self.n:
            return float("nan"), float("nan")
        low, high = tango_interval(self.treatment_only, self.reference_only, self.n, confidence)
        return low, high

    def mcnemar(self) -> McNemar:
        """McNemar's tests of the gap."""
        return mcnemar(self.treatment_only, self.reference_only)


@dataclass(frozen=True)
class ModeStudy:
    """Everything estimated for one mode of a suite."""

    mode: str
    framings: FramingPair
    pairs: tuple[PairOutcome, ...] = field(repr=False)
    repeats: tuple[PairOutcome, ...] = field(repr=False)
    placebo: Mapping[str, Verdict] = field(repr=False)
    comparisons: int = 1

    @cached_property
    def valid_pairs(self) -> tuple[PairOutcome, ...]:
        """Pairs of replicate 1 whose two verdicts are valid: the unit of analysis."""
        return tuple(pair for pair in self.pairs if pair.valid)

    @cached_property
    def table(self) -> PairedTable:
        """The paired 2×2 table."""
        return tabulate((pair.reference.refused, pair.treatment.refused) for pair in self.valid_pairs)

    @property
    def arms(self) -> dict[str, Rate]:
        """Refusal rate of each framing over the valid pairs."""
        table = self.table
        return {
            self.framings.reference: Rate(table.both_refuse + table.reference_only, table.n),
            self.framings.treatment: Rate(table.both_refuse + table.treatment_only, table.n),
        }

    @property
    def simultaneous_confidence(self) -> float:
        """Confidence of each gap interval that makes 95 % for all of the session's together."""
        return bonferroni_confidence(CONFIDENCE, self.comparisons)

    def noise_flips(self) -> dict[str, Rate]:
        """Flips between the replicates of one framing (the noise floor), by framing."""
        first = {pair.prompt_id: pair for pair in self.pairs}
        counts = {}
        for name, side in ((self.framings.reference, "reference"), (self.framings.treatment, "treatment")):
            both = [
                (getattr(first[again.prompt_id], side), getattr(again, side))
                for again in self.repeats
                if again.prompt_id in first
            ]
            valid = [(a, b) for a, b in both if a.valid and b.valid]
            counts[name] = Rate(sum(a.refused != b.refused for a, b in valid), len(valid))
        return counts

    def placebo_table(self) -> PairedTable:
        """The paired table of the reference framing against the placebo."""
        return tabulate(
            (pair.reference.refused, placebo.refused)
            for pair in self.pairs
            if (placebo := self.placebo.get(pair.prompt_id)) is not None and placebo.valid and pair.reference.valid
        )

    def document(self) -> dict[str, Any]:
        """Entry of ``results.json``."""
        table, reference, treatment = self.table, self.framings.reference, self.framings.treatment
        low, high = table.interval()
        wide_low, wide_high = table.interval(self.simultaneous_confidence)
        tests = table.mcnemar()
        placebo = self.placebo_table()
        return {
            "arms": {name: rate.document("refusals") for name, rate in self.arms.items()},
            "table": {
                "both_refuse": table.both_refuse,
                f"{reference}_only": table.reference_only,
                f"{treatment}_only": table.treatment_only,
                "neither": table.neither,
            },
            "gap": {
                "estimate": finite(table.gap),
                "low": finite(low),
                "high": finite(high),
                "confidence": CONFIDENCE,
                "method": "tango",
                "simultaneous": {"low": finite(wide_low), "high": finite(wide_high), "comparisons": self.comparisons},
            },
            "flip_rate": table.flips.document("flips"),
            "mcnemar": {
                "exact": finite(tests.p_exact),
                "mid_p": finite(tests.p_mid),
                "corrected": finite(tests.p_corrected),
            },
            "controls": {
                "noise_floor": {name: rate.document("flips") for name, rate in self.noise_flips().items()},
                "placebo": {
                    "refusals": Rate(placebo.both_refuse + placebo.treatment_only, placebo.n).document("refusals"),
                    "flips": placebo.flips.document("flips"),
                },
            },
        }


@dataclass(frozen=True)
class SuiteStudy:
    """The study of one suite."""

    suite: str
    modes: Mapping[str, ModeStudy]
    counts: Mapping[str, int]


def tabulate(refusals: Iterable[tuple[bool, bool]]) -> PairedTable:
    """Count pairs of (reference refused, treatment refused)."""
    cells = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for pair in refusals:
        cells[pair] += 1
    return PairedTable(cells[True, True], cells[True, False], cells[False, True], cells[False, False])


def study_suite(suite: Suite, evidence: SuiteEvidence, comparisons: int) -> SuiteStudy:
    """Estimate everything for one suite.

    Parameters
    ----------
    suite
        The suite as it ran.
    evidence
        Its verdicts; pairs of which one member has none do not enter.
    comparisons
        Gap comparisons of the whole session, for simultaneous intervals.
    """
    members: dict[tuple[str, str, int], dict[str, Verdict]] = {}
    placebo: dict[str, dict[str, Verdict]] = {mode: {} for mode in suite.modes}
    for case in evidence.plan.cases:
        verdict = evidence.verdict(case)
        if verdict is None:
            continue
        if case.role == "placebo":
            placebo[case.mode][case.prompt_id] = verdict
        else:
            members.setdefault((case.prompt_id, case.mode, case.replicate), {})[case.framing] = verdict
    outcomes = [
        PairOutcome(
            prompt_id=prompt_id,
            mode=mode,
            replicate=replicate,
            reference=both[suite.framings.reference],
            treatment=both[suite.framings.treatment],
        )
        for (prompt_id, mode, replicate), both in members.items()
        if len(both) == 2
    ]
    modes: dict[str, ModeStudy] = {
        mode: ModeStudy(
            mode=mode,
            framings=suite.framings,
            pairs=tuple(one for one in outcomes if one.mode == mode and one.replicate == 1),
            repeats=tuple(one for one in outcomes if one.mode == mode and one.replicate > 1),
            placebo=placebo[mode],
            comparisons=comparisons,
        )
        for mode in suite.modes
    }
    counts = {
        "planned": len(evidence.plan.cases),
        "executed": len(evidence.responses),
        "judged": len(evidence.verdicts),
        "invalid": sum(not verdict.valid for verdict in evidence.verdicts.values()),
    }
    return SuiteStudy(suite.name, modes, counts)
