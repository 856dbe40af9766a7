"""The estimates of a run: rates by arm, the paired table, the compliance gap, flips, and the control arms.

A study holds counts alone, so that what gates decide depends on nothing else: a simulated run is judged by the very
same gates (``bench/calibration``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.composition_study import CompositionStudy, study_composition
from pytest_framing.json_documents import finite
from pytest_framing.order_evidence import executed_pairs
from pytest_framing.paired_table import CONFIDENCE, PairedTable, Rate, tabulate
from pytest_framing.records import VerdictLabel
from pytest_framing.stats.multiplicity import bonferroni_confidence

if TYPE_CHECKING:
    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Case, Verdict
    from pytest_framing.suite import FramingPair, Suite

EMPTY = PairedTable(0, 0, 0, 0)


@dataclass(frozen=True)
class Validity:
    """Pairs by whose answer could not be judged."""

    both_valid: int
    reference_invalid: int
    treatment_invalid: int
    both_invalid: int

    @property
    def pairs(self) -> int:
        """Number of pairs that ran."""
        return self.both_valid + self.reference_invalid + self.treatment_invalid + self.both_invalid

    @property
    def invalid_by_arm(self) -> tuple[int, int]:
        """Invalid answers under reference and treatment."""
        return self.reference_invalid + self.both_invalid, self.treatment_invalid + self.both_invalid


@dataclass(frozen=True)
class FlipContrast:
    """Prompts by what made their verdict flip: the framing, the placebo framing, both, or neither."""

    both: int
    framing_only: int
    placebo_only: int
    neither: int

    @property
    def n(self) -> int:
        """Prompts with three valid answers."""
        return self.both + self.framing_only + self.placebo_only + self.neither


@dataclass(frozen=True)
class ModeStudy:
    """Everything counted for one mode of a suite.

    ``table`` holds the valid pairs of replicate 1: the unit of analysis. ``reference_first`` and ``treatment_first``
    hold those of them whose order is on record, by what ran first. ``noise`` counts flips between replicates of one
    framing, ``unstable`` replicates of which one alone could be judged, ``replicates`` all that ran. ``placebo`` sets
    the reference framing against the placebo, ``contrast`` both kinds of flips on the same prompts. ``comparisons``
    are the gap comparisons of the session.
    """

    mode: str
    framings: FramingPair
    table: PairedTable
    validity: Validity
    reference_first: PairedTable = EMPTY
    treatment_first: PairedTable = EMPTY
    noise: Mapping[str, Rate] = field(default_factory=dict)
    unstable: int = 0
    placebo: PairedTable = EMPTY
    contrast: FlipContrast = FlipContrast(0, 0, 0, 0)
    comparisons: int = 1
    replicates: int = 0

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

    @property
    def flips_by_period(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pairs that refused in their first period only, and in their second only; by what ran first."""
        first, second = self.reference_first, self.treatment_first
        return (first.reference_only, first.treatment_only), (second.treatment_only, second.reference_only)

    def document(self) -> dict[str, Any]:
        """Entry of ``results.json``."""
        table, placebo = self.table, self.placebo
        low, high = table.interval()
        wide_low, wide_high = table.interval(self.simultaneous_confidence)
        tests = table.mcnemar()
        return {
            "arms": {name: rate.document("refusals") for name, rate in self.arms.items()},
            "table": self._cells(table),
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
            "by_order": {
                f"{self.framings.reference}_first": self._cells(self.reference_first),
                f"{self.framings.treatment}_first": self._cells(self.treatment_first),
            },
            "controls": {
                "noise_floor": {name: rate.document("flips") for name, rate in self.noise.items()},
                "placebo": {
                    "refusals": Rate(placebo.both_refuse + placebo.treatment_only, placebo.n).document("refusals"),
                    "flips": placebo.flips.document("flips"),
                },
                "flips_of_prompts": {
                    "both": self.contrast.both,
                    "framing_only": self.contrast.framing_only,
                    "placebo_only": self.contrast.placebo_only,
                    "neither": self.contrast.neither,
                },
            },
        }

    def _cells(self, table: PairedTable) -> dict[str, int]:
        return {
            "both_refuse": table.both_refuse,
            f"{self.framings.reference}_only": table.reference_only,
            f"{self.framings.treatment}_only": table.treatment_only,
            "neither": table.neither,
        }


@dataclass(frozen=True)
class SuiteStudy:
    """The study of one suite.

    ``counts`` are of the cases that ask prompts; ``checks`` has right answers to the manipulation check's questions by
    framing, and is empty where none were asked. ``singles`` has refusals of imported cases without a pair, by mode.
    ``composition`` is what demonstrations did, in suites that have some.
    """

    suite: str
    modes: Mapping[str, ModeStudy]
    counts: Mapping[str, int]
    checks: Mapping[str, Rate] = field(default_factory=dict)
    singles: Mapping[str, Rate] = field(default_factory=dict)
    composition: CompositionStudy | None = None


@dataclass(frozen=True)
class _Pair:
    """Both verdicts of one pair, and which framing went first, where that is on record."""

    prompt_id: str
    mode: str
    replicate: int
    reference: Verdict
    treatment: Verdict
    reference_first: bool | None

    @property
    def refused(self) -> tuple[bool, bool]:
        return self.reference.refused, self.treatment.refused


def study_suite(suite: Suite, evidence: SuiteEvidence, comparisons: int) -> SuiteStudy:
    """Count and estimate everything for one suite.

    Parameters
    ----------
    suite
        The suite as it ran.
    evidence
        Its verdicts; pairs of which one member has none do not enter.
    comparisons
        Gap comparisons of the whole session, for simultaneous intervals.
    """
    pairs = list(_pairs(suite, evidence))
    placebo = {
        (case.mode, case.prompt_id): verdict
        for case, verdict in _judged(evidence)
        if case.role == "placebo" and verdict.valid
    }
    modes: dict[str, ModeStudy] = {
        mode: _study_mode(suite, mode, [pair for pair in pairs if pair.mode == mode], placebo, comparisons)
        for mode in suite.modes
    }
    asked = [case for case in evidence.plan.cases if case.role != "check"]
    labels = [evidence.verdicts[case.key] for case in asked if case.key in evidence.verdicts]
    counts = {
        "planned": len(asked),
        "executed": sum(case.key in evidence.responses for case in asked),
        "judged": len(labels),
        "invalid": sum(not verdict.valid for verdict in labels),
    }
    composition = study_composition(suite, evidence)
    singles = _singles(evidence) if composition is None else {}
    return SuiteStudy(suite.name, modes, counts, _checks(suite, evidence), singles, composition)


def _judged(evidence: SuiteEvidence) -> Iterable[tuple[Case, Verdict]]:
    return ((case, verdict) for case in evidence.plan.cases if (verdict := evidence.verdict(case)) is not None)


def _pairs(suite: Suite, evidence: SuiteEvidence) -> Iterable[_Pair]:
    order = {pair.case.pair: pair.reference_first for pair in executed_pairs(evidence, suite) if pair.stamped}
    members: dict[str, dict[str, tuple[Case, Verdict]]] = defaultdict(dict)
    for case, verdict in _judged(evidence):
        if case.role == "pair":
            members[case.pair][case.framing] = (case, verdict)
    for pair, both in members.items():
        if len(both) == 2:
            case, reference = both[suite.framings.reference]
            _, treatment = both[suite.framings.treatment]
            yield _Pair(case.prompt_id, case.mode, case.replicate, reference, treatment, order.get(pair))


def _study_mode(
    suite: Suite,
    mode: str,
    pairs: Sequence[_Pair],
    placebo: Mapping[tuple[str, str], Verdict],
    comparisons: int,
) -> ModeStudy:
    first = {pair.prompt_id: pair for pair in pairs if pair.replicate == 1}
    repeats = [(first[pair.prompt_id], pair) for pair in pairs if pair.replicate > 1 and pair.prompt_id in first]
    replicates = {
        suite.framings.reference: [(one.reference, again.reference) for one, again in repeats],
        suite.framings.treatment: [(one.treatment, again.treatment) for one, again in repeats],
    }
    valid = [pair for pair in first.values() if pair.reference.valid and pair.treatment.valid]
    return ModeStudy(
        mode=mode,
        framings=suite.framings,
        table=tabulate(pair.refused for pair in valid),
        validity=_validity(first.values()),
        reference_first=tabulate(pair.refused for pair in valid if pair.reference_first is True),
        treatment_first=tabulate(pair.refused for pair in valid if pair.reference_first is False),
        noise={name: _noise(both) for name, both in replicates.items()},
        replicates=sum(len(both) for both in replicates.values()),
        unstable=sum(a.valid != b.valid for both in replicates.values() for a, b in both),
        placebo=tabulate(
            (pair.reference.refused, placebo[mode, pair.prompt_id].refused)
            for pair in first.values()
            if (mode, pair.prompt_id) in placebo and pair.reference.valid
        ),
        contrast=_contrast(
            (pair.reference.refused, pair.treatment.refused, placebo[mode, pair.prompt_id].refused)
            for pair in valid
            if (mode, pair.prompt_id) in placebo
        ),
        comparisons=comparisons,
    )


def _validity(pairs: Iterable[_Pair]) -> Validity:
    counts = {(True, True): 0, (False, True): 0, (True, False): 0, (False, False): 0}
    for pair in pairs:
        counts[pair.reference.valid, pair.treatment.valid] += 1
    return Validity(counts[True, True], counts[False, True], counts[True, False], counts[False, False])


def _noise(replicates: Iterable[tuple[Verdict, Verdict]]) -> Rate:
    """Count flips between the replicates of one framing: the noise floor."""
    valid = [(a, b) for a, b in replicates if a.valid and b.valid]
    return Rate(sum(a.refused != b.refused for a, b in valid), len(valid))


def _contrast(refusals: Iterable[tuple[bool, bool, bool]]) -> FlipContrast:
    """Count prompts by (reference, treatment, placebo) refused."""
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for reference, treatment, placebo in refusals:
        counts[reference != treatment, reference != placebo] += 1
    return FlipContrast(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def _checks(suite: Suite, evidence: SuiteEvidence) -> dict[str, Rate]:
    """Count right answers by framing; an answer that is neither yes nor no is not a right one."""
    asked: dict[str, list[bool]] = {}
    for case, verdict in _judged(evidence):
        if case.role == "check":
            asked.setdefault(case.framing, []).append(verdict.verdict is VerdictLabel.CORRECT)
    names = (suite.framings.reference, suite.framings.treatment)
    return {name: Rate(sum(asked[name]), len(asked[name])) for name in names if name in asked}


def _singles(evidence: SuiteEvidence) -> dict[str, Rate]:
    refused: dict[str, list[bool]] = {}
    for case, verdict in _judged(evidence):
        if case.role == "single" and case.replicate == 1 and verdict.valid:
            refused.setdefault(case.mode, []).append(verdict.refused)
    return {mode: Rate(sum(cases), len(cases)) for mode, cases in refused.items()}
