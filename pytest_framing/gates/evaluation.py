"""Evaluation of a suite's gates, and the verdict of a session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_framing.errors import first_line
from pytest_framing.gates import baseline_gates, gap, order, record
from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateResult, GateStatus

if TYPE_CHECKING:
    from pydantic import BaseModel

BUILTIN: tuple[Gate, ...] = (*record.GATES, *order.GATES, *gap.GATES, *baseline_gates.GATES)


def known_gates(extensions: Iterable[Gate] = ()) -> dict[str, Gate]:
    """Every gate by name; a plugin's gate of a built-in name takes its place."""
    return {gate.name: gate for gate in (*BUILTIN, *extensions)}


def parameter_models(gates: Mapping[str, Gate]) -> dict[str, type[BaseModel]]:
    """Return the parameter model of each gate, for checking suite files."""
    return {name: gate.parameters for name, gate in gates.items()}


def evaluate(gates: Mapping[str, Gate], context: GateContext, *, release: bool) -> list[GateResult]:
    """Evaluate every gate that the suite asks for, in the suite's order.

    Parameters
    ----------
    gates
        Known gates by name.
    context
        Evidence, estimates and baseline of the suite.
    release
        Whether nothing is excused.
    """
    return [
        result
        for name, parameters in context.suite.gates.items()
        for result in _results(gates[name], gates[name].parameters.model_validate(parameters), context, release)
    ]


def _results(gate: Gate, parameters: BaseModel, context: GateContext, release: bool) -> Iterator[GateResult]:
    suite = context.suite.name
    held_back = _not_evaluated(gate, context)
    outcomes = [held_back] if held_back is not None else _judged(gate, parameters, context)
    for outcome in outcomes:
        lacking = context.evidence.narrowed or _only_lacks_baseline(gate, context)
        excused = outcome.status is GateStatus.NOT_EVALUATED and lacking and not release
        yield GateResult(
            suite=suite,
            name=gate.name,
            scope=outcome.scope,
            status=outcome.status,
            observed=outcome.observed,
            limit=outcome.limit,
            reason=outcome.reason,
            excused=excused,
        )


def _judged(gate: Gate, parameters: BaseModel, context: GateContext) -> list[GateOutcome]:
    """Ask the gate; one that breaks or says nothing is not evaluated, and the run keeps its other gates."""
    try:
        outcomes = list(gate.judge(parameters, context))
        reason = "The gate said nothing of this run."
    except Exception as error:
        # Gates may come from plugins: after hours on a GPU, no bug of theirs may cost the results.
        outcomes, reason = [], f"The gate broke: {first_line(error)}."
    return outcomes or [GateOutcome(context.suite.name, GateStatus.NOT_EVALUATED, "", "", reason)]


def _not_evaluated(gate: Gate, context: GateContext) -> GateOutcome | None:
    """Hold a gate back whose evidence is not there."""
    if gate.needs == "nothing":
        return None
    if not context.evidence.complete:
        reason = f"{context.evidence.shortfall()}."
    elif gate.needs == "baseline" and context.baseline is None:
        reason = f"{context.baseline_note}."
    else:
        return None
    return GateOutcome(context.suite.name, GateStatus.NOT_EVALUATED, "", "", reason)


def _only_lacks_baseline(gate: Gate, context: GateContext) -> bool:
    return gate.needs == "baseline" and context.baseline is None and context.evidence.complete


def verdict(results: Iterable[GateResult]) -> GateStatus:
    """Return the verdict over all gates: the worst status, where an excused gate does not count.

    Where nothing passed, nothing was shown: that is not a pass.
    """
    statuses = {result.status for result in results if not result.excused}
    for status in (GateStatus.FAIL, GateStatus.INCONCLUSIVE, GateStatus.NOT_EVALUATED, GateStatus.PASS):
        if status in statuses:
            return status
    return GateStatus.NOT_EVALUATED
