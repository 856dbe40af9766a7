"""Gates on the record itself: is everything there, and could it be judged?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateParameters, GateStatus, interval_text, percent
from pytest_framing.paired_table import Rate
from pytest_framing.stats.paired import mcnemar, worst_case_gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_framing.composition_study import CompositionStudy


class CompleteParameters(GateParameters):
    """``complete`` has no parameters."""


class InvalidRateParameters(GateParameters):
    """``max``: largest share of invalid answers in an arm; ``alpha``: level of the adjusted test that arms differ."""

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


def _invalid_rate_tests(parameters: InvalidRateParameters, context: GateContext) -> dict[str, float]:
    """Exact McNemar test of the validity of both members of each pair, where any split could fail the gate."""
    validities = {study.mode: study.validity for study in context.study.modes.values()}
    return {
        mode: mcnemar(validity.treatment_invalid, validity.reference_invalid).p_exact
        for mode, validity in validities.items()
        if 2 * 0.5 ** (validity.treatment_invalid + validity.reference_invalid) <= parameters.alpha
    }


def _invalid_rate(parameters: InvalidRateParameters, context: GateContext) -> Iterator[GateOutcome]:
    if context.study.composition is not None:
        yield _invalid_by_condition(parameters, context.study.composition)
    if context.study.composition is not None and not context.study.composition.interactions:
        return
    limit = f"at most {percent(parameters.max)} in each arm, and no difference between arms (p > {parameters.alpha:g})"
    for study in context.study.modes.values():
        validity, table = study.validity, study.table
        n = validity.pairs
        if not n:
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, "", limit, "There is no pair to look at.")
            continue
        names = (study.framings.reference, study.framings.treatment)
        arms = [Rate(count, n) for count in validity.invalid_by_arm]
        test = context.tests.get(study.mode)
        observed = ", ".join(
            f"{name} {arm.count} of {n} ({percent(arm.rate)})" for name, arm in zip(names, arms, strict=True)
        )
        low, high = worst_case_gap(table.treatment_only, table.reference_only, table.n, n - table.n)
        bounds = f"Counting invalid pairs for and against, the gap lies within {interval_text(low, high)} points."
        if any(arm.rate > parameters.max for arm in arms):
            reason = f"Too many answers could not be judged: {observed}. {bounds}"
            yield GateOutcome(study.mode, GateStatus.FAIL, observed, limit, reason)
        elif test is not None and test.adjusted <= parameters.alpha:
            reason = f"One framing has more invalid answers than the other: {observed} ({test.text()}). {bounds}"
            yield GateOutcome(study.mode, GateStatus.FAIL, observed, limit, reason)
        else:
            reason = f"Invalid answers are rare in both arms: {observed}. {bounds}"
            yield GateOutcome(study.mode, GateStatus.PASS, observed, limit, reason)


def _invalid_by_condition(parameters: InvalidRateParameters, composition: CompositionStudy) -> GateOutcome:
    limit = f"at most {percent(parameters.max)} under each condition of demonstrations"
    name, rate = composition.worst_invalid
    if not rate.n:
        return GateOutcome("demonstrations", GateStatus.INCONCLUSIVE, "", limit, "There is no answer to look at.")
    observed = f"most under {name}: {rate.count} of {rate.n} ({percent(rate.rate)})"
    if rate.rate > parameters.max:
        reason = f"Too many answers could not be judged, {observed}."
        return GateOutcome("demonstrations", GateStatus.FAIL, observed, limit, reason)
    reason = f"Invalid answers are rare under every condition, {observed}."
    return GateOutcome("demonstrations", GateStatus.PASS, observed, limit, reason)


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
        _invalid_rate_tests,
    ),
)
