"""Gates on order: did the draw decide which framing went first, is that what ran, and did going first matter?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pydantic import Field

from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateParameters, GateStatus, percent
from pytest_framing.order_evidence import OrderEvidence, executed_order
from pytest_framing.stats.order import mainland_gart, order_covariates, randomization

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_framing.study import ModeStudy

FEWEST_DISCORDANT = 6
"""Below, no split of the discordant pairs by period is improbable enough to show anything."""
RAREST_ORDER = 0.1
"""Share of the pairs that have to have run in the rarer order; a fair coin never comes near it."""


class OrderRandomizedParameters(GateParameters):
    """``alpha``: level of each of the tests of balance, runs, and independence of category and length."""

    alpha: float = Field(0.001, gt=0, lt=0.5)


class PeriodEffectParameters(GateParameters):
    """``alpha``: level of the test of period, after adjustment for the session's tests."""

    alpha: float = Field(0.01, gt=0, lt=0.5)


def _order_randomized(parameters: OrderRandomizedParameters, context: GateContext) -> Iterator[GateOutcome]:
    scope, alpha = context.suite.name, parameters.alpha
    limit = f"the executed order is the drawn one; tests of balance, runs and covariates above {alpha:g}"
    if context.imported:
        reason = "The run was imported: no plan shows how its order was drawn."
        yield GateOutcome(scope, GateStatus.NOT_EVALUATED, "no draw on record", limit, reason)
        return
    order = executed_order(context.evidence, context.suite)
    if order.unrecorded:
        reason = f"The order of {order.unrecorded} pairs was not recorded, so that nothing shows it was random."
        yield GateOutcome(scope, GateStatus.INCONCLUSIVE, "order not recorded", limit, reason)
        return
    n, first = len(order.pairs), sum(order.reference_first)
    reference = context.suite.framings.reference
    observed = f"{reference} first in {first} of {n} pairs"
    problem = _problem(order, context)
    if problem:
        yield GateOutcome(scope, GateStatus.FAIL, observed, limit, f"{problem} ({observed}).")
        return
    tests = randomization(order.reference_first)
    p_values = {"balance": tests.p_balance, "runs": tests.p_runs, "category and length": _covariates(order, context)}
    observed += f" ({', '.join(f'{name} {_p(p)}' for name, p in p_values.items())})"
    if tests.p_balance > alpha and first in (0, n):
        # Chance does that in a handful of pairs, and then nothing tells it from a fixed order.
        enough = math.ceil(1 - math.log2(alpha))
        reason = (
            f"Every pair ran in the same order, in too few pairs to tell chance from a fixed order: {observed}. "
            f"{enough} pairs would settle it."
        )
        yield GateOutcome(scope, GateStatus.INCONCLUSIVE, observed, limit, reason)
    elif any(p <= alpha for p in p_values.values()):
        reason = f"The executed order does not look random: {observed}. Run it again with another --framing-seed."
        yield GateOutcome(scope, GateStatus.FAIL, observed, limit, reason)
    else:
        reason = f"Order was drawn at random and executed as drawn: {observed}."
        yield GateOutcome(scope, GateStatus.PASS, observed, limit, reason)


def _problem(order: OrderEvidence, context: GateContext) -> str:
    if order.departures:
        return f"The executed order differs from the draw in {len(order.departures)} pairs, first {order.departures[0]}"
    if order.overlapping:
        return f"{len(order.overlapping)} pairs overlap in time, first {order.overlapping[0]}"
    if context.suite.order.conditions != "bernoulli":
        return "Order was not drawn: the suite fixes it (order.conditions)"
    return ""


def _covariates(order: OrderEvidence, context: GateContext) -> float:
    """p-value of order against the prompts' category and length; NaN where neither varies."""
    traits = [context.evidence.plan.traits[pair.case.prompt_id] for pair in order.pairs]
    return order_covariates(
        order.reference_first, [one.semantic_category for one in traits], [one.tokens for one in traits]
    ).p


def _p(p: float) -> str:
    return "not testable" if math.isnan(p) else f"p = {p:.3g}"


def _period_tests(_: PeriodEffectParameters, context: GateContext) -> dict[str, float]:
    return {
        study.mode: mainland_gart(*study.flips_by_period).period.p_exact
        for study in context.study.modes.values()
        if _testable(study)
    }


def _testable(study: ModeStudy) -> bool:
    """Whether enough pairs flip, and both orders occur often: else framing and period cannot be told apart."""
    first, second = study.reference_first, study.treatment_first
    lopsided = min(first.n, second.n) < RAREST_ORDER * (first.n + second.n)
    return first.flips.count + second.flips.count >= FEWEST_DISCORDANT and not lopsided


def _period_effect(parameters: PeriodEffectParameters, context: GateContext) -> Iterator[GateOutcome]:
    sequential = context.suite.execution.mode == "sequential"
    what = "whatever went first" if sequential else "whatever had the earlier slot of a batch"
    limit = f"no effect of going first on refusal (p > {parameters.alpha:g})"
    for study in context.study.modes.values():
        first, second = study.reference_first, study.treatment_first
        flips = first.flips.count + second.flips.count
        if context.imported and not first.n + second.n:
            reason = "The run was imported without the order in which its cases ran."
            yield GateOutcome(study.mode, GateStatus.NOT_EVALUATED, "order not recorded", limit, reason)
        elif first.n + second.n < study.table.n:
            reason = f"The order of {study.table.n - first.n - second.n} pairs was not recorded."
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, "order not recorded", limit, reason)
        elif not study.table.n:
            reason = "There is no pair with two valid answers."
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, "", limit, reason)
        elif flips < FEWEST_DISCORDANT:
            observed = f"{flips} of {study.table.n} pairs flip"
            reason = f"Too few verdicts flip for order to have moved anything: {observed}."
            yield GateOutcome(study.mode, GateStatus.PASS, observed, limit, reason)
        elif not _testable(study):
            observed = f"{first.n} pairs ran one way, {second.n} the other"
            reason = (
                f"Nearly every pair ran in the same order, so that period and framing cannot be told apart: {observed}."
            )
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, observed, limit, reason)
        else:
            test = context.tests[study.mode]
            observed = f"refused {_rates_by_period(study)} ({test.text()})"
            if test.adjusted <= parameters.alpha:
                reason = f"Verdicts depend on {what}: {observed}. The engine drifts, or cases are not independent."
                yield GateOutcome(study.mode, GateStatus.FAIL, observed, limit, reason)
            else:
                reason = f"Going first made no difference that shows: {observed}."
                yield GateOutcome(study.mode, GateStatus.PASS, observed, limit, reason)


def _rates_by_period(study: ModeStudy) -> str:
    first, second = study.reference_first, study.treatment_first
    both, n = first.both_refuse + second.both_refuse, first.n + second.n
    early = both + first.reference_only + second.treatment_only
    late = both + first.treatment_only + second.reference_only
    return f"{percent(early / n)} in the first period, {percent(late / n)} in the second"


GATES = (
    Gate(
        "order_randomized",
        OrderRandomizedParameters,
        _order_randomized,
        "complete",
        "an effect of the order of conditions that looks like an effect of the framing",
    ),
    Gate(
        "period_effect",
        PeriodEffectParameters,
        _period_effect,
        "complete",
        "an engine that drifts, or lets one case touch the next",
        _period_tests,
    ),
)
