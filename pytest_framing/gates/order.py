"""Gates on order: did the draw decide which framing went first, and is that what ran?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateParameters, GateStatus
from pytest_framing.order_evidence import OrderEvidence, executed_order
from pytest_framing.stats.order import randomization

if TYPE_CHECKING:
    from collections.abc import Iterator


class OrderRandomizedParameters(GateParameters):
    """``alpha``: level of the balance test and of the runs test."""

    alpha: float = Field(0.001, gt=0, lt=0.5)


def _order_randomized(parameters: OrderRandomizedParameters, context: GateContext) -> Iterator[GateOutcome]:
    scope = context.suite.name
    limit = f"the executed order is the drawn one; balance and runs tests above {parameters.alpha:g}"
    order = executed_order(context.evidence, context.suite)
    if order.unrecorded:
        reason = f"The order of {order.unrecorded} pairs was not recorded, so that nothing shows it was random."
        yield GateOutcome(scope, GateStatus.INCONCLUSIVE, "order not recorded", limit, reason)
        return
    n, first = len(order.reference_first), sum(order.reference_first)
    reference = context.suite.framings.reference
    observed = f"{reference} first in {first} of {n} pairs"
    problem = _problem(order, context)
    if problem:
        yield GateOutcome(scope, GateStatus.FAIL, observed, limit, f"{problem} ({observed}).")
        return
    tests = randomization(order.reference_first)
    balance, runs = tests.p_balance, tests.p_runs
    observed += f" (balance p = {balance:.3g}, runs p = {runs:.3g})"
    if balance > parameters.alpha and first in (0, n):
        # Chance does that in a handful of pairs, and then nothing tells it from a fixed order.
        reason = f"Every pair ran in the same order, in too few pairs to tell chance from a fixed order: {observed}."
        yield GateOutcome(scope, GateStatus.INCONCLUSIVE, observed, limit, reason)
    elif balance > parameters.alpha and runs > parameters.alpha:
        reason = f"Order was drawn at random and executed as drawn: {observed}."
        yield GateOutcome(scope, GateStatus.PASS, observed, limit, reason)
    else:
        reason = f"The executed order does not look random: {observed}. Run it again with another --framing-seed."
        yield GateOutcome(scope, GateStatus.FAIL, observed, limit, reason)


def _problem(order: OrderEvidence, context: GateContext) -> str:
    if order.departures:
        return f"The executed order differs from the draw in {len(order.departures)} pairs, first {order.departures[0]}"
    if order.overlapping:
        return f"{len(order.overlapping)} pairs overlap in time, first {order.overlapping[0]}"
    if context.suite.order.conditions != "bernoulli":
        return "Order was not drawn: the suite fixes it (order.conditions)"
    return ""


GATES = (
    Gate(
        "order_randomized",
        OrderRandomizedParameters,
        _order_randomized,
        "complete",
        "an effect of the order of conditions that looks like an effect of the framing",
    ),
)
