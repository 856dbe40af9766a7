"""The order in which pairs really ran, read from the stamps on their responses and set against the draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_framing.plan import treatment_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Case, Response
    from pytest_framing.suite import Suite


@dataclass(frozen=True)
class ExecutedPair:
    """Both members of one pair as they ran; ``stamped`` says whether worker and batch of both were recorded."""

    case: Case
    reference: Response
    treatment: Response

    @property
    def stamped(self) -> bool:
        """Whether both responses say where they ran."""
        return all(response.worker and response.batch for response in (self.reference, self.treatment))

    @property
    def reference_first(self) -> bool:
        """Whether the reference framing had the earlier slot."""
        return self.reference.slot < self.treatment.slot


@dataclass(frozen=True)
class OrderEvidence:
    """What the stamps say.

    ``pairs`` are the stamped ones in the order in which they ran. ``departures`` name pairs that did not run as the
    seed draws them, ``overlapping`` pairs whose members ran at the same time although they should run one after the
    other. ``unrecorded`` counts pairs without stamps.
    """

    pairs: tuple[ExecutedPair, ...]
    departures: tuple[str, ...]
    overlapping: tuple[str, ...]
    unrecorded: int

    @property
    def reference_first(self) -> tuple[bool, ...]:
        """One entry a pair: did the reference framing go first?"""
        return tuple(pair.reference_first for pair in self.pairs)


def executed_pairs(evidence: SuiteEvidence, suite: Suite) -> Iterator[ExecutedPair]:
    """Yield every pair that has both responses, replicates included, in planned order."""
    pairs: dict[str, dict[str, tuple[Case, Response]]] = {}
    for case in evidence.plan.cases:
        response = evidence.responses.get(case.key)
        if case.role == "pair" and response is not None:
            pairs.setdefault(case.pair, {})[case.framing] = (case, response)
    for members in pairs.values():
        if len(members) == 2:
            case, reference = members[suite.framings.reference]
            _, treatment = members[suite.framings.treatment]
            yield ExecutedPair(case, reference, treatment)


def executed_order(evidence: SuiteEvidence, suite: Suite) -> OrderEvidence:
    """Read the executed order of every pair of a suite, replicates included.

    The draw is computed again from the seed here: a plan that was written with another order is a departure.
    """
    both = list(executed_pairs(evidence, suite))
    stamped = [pair for pair in both if pair.stamped]
    departures: list[str] = []
    overlapping: list[str] = []
    for pair in stamped:
        case = pair.case
        drawn = suite.order.conditions == "bernoulli" and treatment_first(
            suite.order.seed, suite.name, case.prompt_id, case.mode, case.replicate
        )
        if pair.reference_first == drawn or pair.reference.batch != pair.treatment.batch:
            departures.append(case.pair)
        if suite.execution.mode == "sequential" and _overlap(*_in_turn(pair)):
            overlapping.append(case.pair)
    ran = sorted(stamped, key=lambda pair: (_in_turn(pair)[0].started, _in_turn(pair)[0].slot))
    return OrderEvidence(tuple(ran), tuple(departures), tuple(overlapping), len(both) - len(stamped))


def _in_turn(pair: ExecutedPair) -> tuple[Response, Response]:
    return (pair.reference, pair.treatment) if pair.reference_first else (pair.treatment, pair.reference)


def _overlap(earlier: Response, later: Response) -> bool:
    """Tell whether two turns of one worker were not one after the other.

    A pair whose members were logged by two workers ran twice, each time in order; clocks of two processes say nothing.
    """
    if earlier.worker != later.worker:
        return False
    return later.sequence <= earlier.sequence or later.started < earlier.started + earlier.seconds
