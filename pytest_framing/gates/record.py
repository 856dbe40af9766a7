"""Gates on the record itself: is everything there, could it be judged, and did randomized order take place?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateParameters, GateStatus, interval_text, percent
from pytest_framing.stats.multiplicity import holm
from pytest_framing.stats.paired import worst_case_gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_framing.study import ModeStudy


class CompleteParameters(GateParameters):
    """``complete`` has no parameters."""


class InvalidRateParameters(GateParameters):
    """``max``: largest share of invalid answers in an arm; ``alpha``: level of the test that arms differ."""

    max: float = Field(0.02, ge=0, le=1)
    alpha: float = Field(0.01, gt=0, lt=1)


def _complete(_: CompleteParameters, context: GateContext) -> Iterator[GateOutcome]:
    evidence, scope = context.evidence, context.suite.name
    planned = len(evidence.plan.cases)
    observed = f"{len(evidence.verdicts)} of {planned} cases judged"
    limit = "every planned case once, with one verdict"
    if evidence.complete:
        yield GateOutcome(
            scope, GateStatus.PASS, observed, limit, f"All {planned} planned cases ran once and were judged."
        )
    elif evidence.narrowed:
        yield GateOutcome(scope, GateStatus.NOT_EVALUATED, observed, limit, f"{evidence.shortfall()}.")
    else:
        yield GateOutcome(
            scope, GateStatus.FAIL, observed, limit, f"The evidence is not complete. {evidence.shortfall()}."
        )


def _invalid_rate(parameters: InvalidRateParameters, context: GateContext) -> Iterator[GateOutcome]:
    studies = list(context.study.modes.values())
    tests = [_arms_differ(study) for study in studies]
    adjusted = holm(tests)
    for study, p in zip(studies, adjusted, strict=True):
        counts = _invalid(study)
        n = len(study.pairs)
        shares = {name: count / n if n else math.nan for name, count in counts.items()}
        observed = ", ".join(f"{name} {counts[name]} of {n} ({percent(shares[name])})" for name in counts)
        limit = (
            f"at most {percent(parameters.max)} in each arm, and no difference between arms (p > {parameters.alpha:g})"
        )
        table = study.table
        low, high = worst_case_gap(table.treatment_only, table.reference_only, table.n, n - table.n)
        bounds = f"Counting invalid pairs for and against, the gap lies within {interval_text(low, high)} points."
        if not n:
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, observed, limit, "There is no pair to look at.")
        elif any(share > parameters.max for share in shares.values()):
            reason = f"Too many answers could not be judged: {observed}. {bounds}"
            yield GateOutcome(study.mode, GateStatus.FAIL, observed, limit, reason)
        elif p <= parameters.alpha:
            reason = f"One framing has more invalid answers than the other (p = {p:.2g}). {bounds}"
            yield GateOutcome(study.mode, GateStatus.FAIL, observed, limit, reason)
        else:
            reason = f"Invalid answers are rare in both arms: {observed}. {bounds}"
            yield GateOutcome(study.mode, GateStatus.PASS, observed, limit, reason)


def _invalid(study: ModeStudy) -> dict[str, int]:
    return {
        study.framings.reference: sum(not pair.reference.valid for pair in study.pairs),
        study.framings.treatment: sum(not pair.treatment.valid for pair in study.pairs),
    }


def _arms_differ(study: ModeStudy) -> float:
    """Exact McNemar p-value of the validity of both members of each pair."""
    from pytest_framing.stats.paired import mcnemar

    reference_only = sum(not pair.reference.valid and pair.treatment.valid for pair in study.pairs)
    treatment_only = sum(pair.reference.valid and not pair.treatment.valid for pair in study.pairs)
    return float(mcnemar(treatment_only, reference_only).p_exact)


GATES = (
    Gate(
        "complete",
        CompleteParameters,
        _complete,
        "nothing",
        "a result that rests on a part of the cases: crashed workers, duplicates, unjudged answers",
    ),
    Gate(
        "invalid_rate",
        InvalidRateParameters,
        _invalid_rate,
        "complete",
        "answers cut in their reasoning, empty or degenerate, and a framing that has more of them",
    ),
)
