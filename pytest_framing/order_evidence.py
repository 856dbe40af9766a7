"""The order in which pairs really ran, read from the stamps on their responses and set against the draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_framing.plan import treatment_first

if TYPE_CHECKING:
    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Case, Response
    from pytest_framing.suite import Suite


@dataclass(frozen=True)
class OrderEvidence:
    """What the stamps say.

    ``reference_first`` has one entry a pair, in the order in which the pairs ran. ``departures`` name pairs that did
    not
    run as the seed draws them, ``overlapping`` pairs whose members ran at the same time although they should run one
    after the other. ``unrecorded`` counts pairs without stamps.
    """

    reference_first: tuple[bool, ...]
    departures: tuple[str, ...]
    overlapping: tuple[str, ...]
    unrecorded: int


def executed_order(evidence: SuiteEvidence, suite: Suite) -> OrderEvidence:
    """Read the executed order of every pair of a suite, replicates included.

    The draw is computed again from the seed here: a plan that was written with another order is a departure.
    """
    pairs: dict[str, dict[str, tuple[Case, Response]]] = {}
    for case in evidence.plan.cases:
        response = evidence.responses.get(case.key)
        if case.role == "pair" and response is not None:
            pairs.setdefault(case.pair, {})[case.framing] = (case, response)
    both = {name: members for name, members in pairs.items() if len(members) == 2}
    stamped = {
        name: members
        for name, members in both.items()
        if all(response.worker and response.batch for _, response in members.values())
    }
    ran: list[tuple[float, int, bool]] = []
    departures: list[str] = []
    overlapping: list[str] = []
    for name, members in stamped.items():
        case, reference = members[suite.framings.reference]
        _, treatment = members[suite.framings.treatment]
        earlier, later = sorted((reference, treatment), key=lambda response: response.slot)
        reference_first = earlier is reference
        ran.append((earlier.started, earlier.slot, reference_first))
        drawn = suite.order.conditions == "bernoulli" and treatment_first(
            suite.order.seed, suite.name, case.prompt_id, case.mode, case.replicate
        )
        if reference_first == drawn or earlier.batch != later.batch:
            departures.append(name)
        if suite.execution.mode == "sequential" and _overlap(earlier, later):
            overlapping.append(name)
    ran.sort(key=lambda row: row[:2])
    return OrderEvidence(
        tuple(first for *_, first in ran), tuple(departures), tuple(overlapping), len(both) - len(stamped)
    )


def _overlap(earlier: Response, later: Response) -> bool:
    """Tell whether two turns of one worker were not one after the other.

    A pair whose members were logged by two workers ran twice, each time in order; clocks of two processes say nothing.
    """
    if earlier.worker != later.worker:
        return False
    return later.sequence <= earlier.sequence or later.started < earlier.started + earlier.seconds
