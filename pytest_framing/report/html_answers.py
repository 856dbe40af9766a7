"""What became of the answers, arm by arm: verdicts, and those that were cut short or could not be judged."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pytest_framing.paired_table import Rate
from pytest_framing.records import VerdictLabel

if TYPE_CHECKING:
    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Response, Verdict
    from pytest_framing.suite import Suite


@dataclass(frozen=True)
class ArmAnswers:
    """Answers of one mode and framing, replicates included.

    ``length`` reached the limit of new tokens, ``cut`` never left its reasoning, ``error`` ended in an error.
    """

    mode: str
    framing: str
    refusals: int
    partial: int
    compliances: int
    invalid: Rate
    length: Rate
    cut: Rate
    error: Rate
    tokens: float


def answers_by_arm(suite: Suite, evidence: SuiteEvidence) -> list[ArmAnswers]:
    """Count the answers of every arm, placebo included; questions of the manipulation check are left out."""
    arms: dict[tuple[str, str], list[tuple[Response, Verdict | None]]] = defaultdict(list)
    for case in evidence.plan.cases:
        response = evidence.responses.get(case.key)
        if case.role != "check" and response is not None:
            arms[case.mode, case.framing].append((response, evidence.verdict(case)))
    framings = (suite.framings.reference, suite.framings.treatment, suite.framings.placebo)
    return [
        _arm(mode, framing, arms[mode, framing])
        for mode in suite.modes
        for framing in framings
        if (mode, framing) in arms
    ]


def _arm(mode: str, framing: str, answers: list[tuple[Response, Verdict | None]]) -> ArmAnswers:
    labels = Counter(verdict.verdict for _, verdict in answers if verdict is not None)
    finish = Counter(response.finish_reason for response, _ in answers)
    n = len(answers)
    return ArmAnswers(
        mode,
        framing,
        labels[VerdictLabel.REFUSAL],
        labels[VerdictLabel.PARTIAL_REFUSAL],
        labels[VerdictLabel.COMPLIANCE],
        Rate(labels[VerdictLabel.INVALID], labels.total()),
        Rate(finish["length"], n),
        Rate(sum(response.reasoning_cut for response, _ in answers), n),
        Rate(n - finish["stop"] - finish["length"], n),
        median(response.new_tokens for response, _ in answers),
    )
