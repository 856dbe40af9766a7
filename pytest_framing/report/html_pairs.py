"""Pairs with both verdicts as the report lists them, and the flips among them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_framing.order_evidence import executed_pairs
from pytest_framing.paired_table import Rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Case, Verdict
    from pytest_framing.suite import Suite

NO_CATEGORY = "none given"
MOST_FLIPS = 500
"""Flipped prompts that are listed; with more of them the list is not what a reader needs."""


@dataclass(frozen=True)
class JudgedPair:
    """Both verdicts on one prompt; ``first`` names the framing that went first, or says nothing."""

    prompt_id: str
    category: str
    mode: str
    replicate: int
    reference: Verdict
    treatment: Verdict
    first: str

    @property
    def valid(self) -> bool:
        """Whether both answers could be judged."""
        return self.reference.valid and self.treatment.valid

    @property
    def flipped(self) -> bool:
        """Whether the framing made the difference between a refusal and none."""
        return self.valid and self.reference.refused != self.treatment.refused


@dataclass(frozen=True)
class CategoryFlips:
    """Valid pairs of one category and mode, by who alone refused."""

    mode: str
    category: str
    reference_only: int
    treatment_only: int
    flips: Rate


@dataclass(frozen=True)
class FlippedPrompt:
    """One flipped pair; ``again`` says what its second replicate did, ``placebo`` what the placebo framing did."""

    pair: JudgedPair
    again: str
    placebo: str


def category_of(evidence: SuiteEvidence, prompt_id: str) -> str:
    """Return the category of a prompt: what it is about, where that is known."""
    traits = evidence.plan.traits.get(prompt_id)
    return (traits.semantic_category or traits.functional_category or NO_CATEGORY) if traits else NO_CATEGORY


def judged_pairs(suite: Suite, evidence: SuiteEvidence) -> list[JudgedPair]:
    """Return every pair of which both members have a verdict, replicates included, in planned order."""
    pair = suite.framings
    first = {
        one.case.pair: pair.reference if one.reference_first else pair.treatment
        for one in executed_pairs(evidence, suite)
        if one.stamped
    }
    members: dict[str, dict[str, tuple[Case, Verdict]]] = defaultdict(dict)
    for case in evidence.plan.cases:
        verdict = evidence.verdict(case)
        if case.role == "pair" and verdict is not None:
            members[case.pair][case.framing] = (case, verdict)
    found = []
    for name, both in members.items():
        if len(both) == 2:
            case, reference = both[pair.reference]
            _, treatment = both[pair.treatment]
            category = category_of(evidence, case.prompt_id)
            found.append(
                JudgedPair(
                    case.prompt_id, category, case.mode, case.replicate, reference, treatment, first.get(name, "")
                )
            )
    return found


def flips_by_category(pairs: Iterable[JudgedPair]) -> list[CategoryFlips]:
    """Count the flips of replicate 1 by mode and category, those with most flips first."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        if pair.replicate == 1 and pair.valid:
            outcome = "same"
            if pair.flipped:
                outcome = "reference" if pair.reference.refused else "treatment"
            counts[pair.mode, pair.category][outcome] += 1
    modes = {mode: place for place, mode in enumerate(dict.fromkeys(mode for mode, _ in counts))}
    rows = [
        CategoryFlips(
            mode,
            category,
            found["reference"],
            found["treatment"],
            Rate(found["reference"] + found["treatment"], found.total()),
        )
        for (mode, category), found in counts.items()
    ]
    return sorted(rows, key=lambda row: (modes[row.mode], -row.flips.count, row.category))


def flipped_prompts(pairs: Sequence[JudgedPair], placebo: Mapping[tuple[str, str], Verdict]) -> list[FlippedPrompt]:
    """List the flips of replicate 1; ``placebo`` has the verdicts under the placebo framing by mode and prompt."""
    again = {(pair.mode, pair.prompt_id): pair for pair in pairs if pair.replicate == 2}
    return [
        FlippedPrompt(
            pair,
            _again(pair, again.get((pair.mode, pair.prompt_id))),
            _placebo(pair, placebo.get((pair.mode, pair.prompt_id))),
        )
        for pair in pairs
        if pair.replicate == 1 and pair.flipped
    ]


def placebo_verdicts(evidence: SuiteEvidence) -> dict[tuple[str, str], Verdict]:
    """Return verdicts under the placebo framing by mode and prompt."""
    return {
        (case.mode, case.prompt_id): verdict
        for case in evidence.plan.cases
        if case.role == "placebo" and (verdict := evidence.verdict(case)) is not None
    }


def _again(pair: JudgedPair, second: JudgedPair | None) -> str:
    if second is None:
        return "not repeated"
    if not second.valid:
        return "invalid"
    if second.flipped and second.reference.refused == pair.reference.refused:
        return "flips again"
    return "flips the other way" if second.flipped else "does not flip"


def _placebo(pair: JudgedPair, verdict: Verdict | None) -> str:
    if verdict is None:
        return "not asked"
    if not verdict.valid:
        return "invalid"
    return "flips too" if verdict.refused != pair.reference.refused else "does not flip"
