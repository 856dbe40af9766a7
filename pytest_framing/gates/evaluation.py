"""Evaluation of a suite's gates, and the verdict of a session."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_framing.errors import first_line
from pytest_framing.gates import (
    baseline_gates,
    controls,
    corrected,
    demonstrations,
    gap,
    order,
    record,
    safe_prompts,
)
from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateResult, GateStatus, SessionTest
from pytest_framing.stats.multiplicity import holm

if TYPE_CHECKING:
    from pydantic import BaseModel

BUILTIN: tuple[Gate, ...] = (
    *record.GATES,
    *order.GATES,
    *gap.GATES,
    *controls.GATES,
    *baseline_gates.GATES,
    *safe_prompts.GATES,
    *corrected.GATES,
    *demonstrations.GATES,
)


def known_gates(extensions: Iterable[Gate] = ()) -> dict[str, Gate]:
    """Every gate by name; a plugin's gate of a built-in name takes its place."""
    return {gate.name: gate for gate in (*BUILTIN, *extensions)}


def parameter_models(gates: Mapping[str, Gate]) -> dict[str, type[BaseModel]]:
    """Return the parameter model of each gate, for checking suite files."""
    return {name: gate.parameters for name, gate in gates.items()}


@dataclass(frozen=True)
class Evaluation:
    """What the gates say of one suite, and the session tests that they rest on."""

    results: tuple[GateResult, ...]
    tests: tuple[SessionTest, ...] = ()


def evaluate(
    gates: Mapping[str, Gate],
    contexts: Mapping[str, GateContext],
    *,
    release: bool,
    waived: Collection[str] = (),
) -> dict[str, Evaluation]:
    """Evaluate every gate that the suites of a session ask for, in each suite's order.

    Parameters
    ----------
    gates
        Known gates by name.
    contexts
        Evidence, estimates and baseline of each suite, by its name.
    release
        Whether nothing is excused and nothing waived.
    waived
        Names of gates that do not hold the run back.
    """
    tests, broken = _session_tests(gates, contexts)
    return {
        name: Evaluation(
            (
                *_early_stop(context),
                *(
                    result
                    for gate, parameters in context.suite.gates.items()
                    for result in _results(
                        gates[gate],
                        gates[gate].parameters.model_validate(parameters),
                        replace(
                            context,
                            tests={one.scope: one for one in tests[name] if one.gate == gate},
                            broken=broken.get((name, gate), ""),
                        ),
                        release=release,
                        waived=gate in waived,
                    )
                ),
            ),
            tuple(tests[name]),
        )
        for name, context in contexts.items()
    }


def _early_stop(context: GateContext) -> Iterator[GateResult]:
    """Fail a suite that a large effect stopped: its other gates lack the cases that did not run."""
    stop = context.evidence.stopped
    if stop is not None:
        observed = f"{stop.treatment_only} pairs refused under treatment alone, {stop.reference_only} under reference"
        limit = f"an e-value below {stop.threshold:g}"
        reason = f"A large effect of the framing was shown before all cases had run: {stop.reason()}."
        yield GateResult(context.suite.name, "early_stop", stop.mode, GateStatus.FAIL, observed, limit, reason)


def _session_tests(
    gates: Mapping[str, Gate], contexts: Mapping[str, GateContext]
) -> tuple[dict[str, list[SessionTest]], dict[tuple[str, str], str]]:
    """Collect the p-values of all suites and gates, and adjust them together: one session has one alpha.

    Also returns, by suite and gate, why a gate's p-values could not be computed.
    """
    found: list[tuple[str, str, str, float]] = []
    broken: dict[tuple[str, str], str] = {}
    for suite, context in contexts.items():
        for name, parameters in context.suite.gates.items():
            gate = gates[name]
            if gate.tests is None or _not_evaluated(gate, context) is not None:
                continue
            try:
                p_values = gate.tests(gate.parameters.model_validate(parameters), context)
            except Exception as error:
                # Whatever it was, after hours on a GPU the other gates are still worth asking.
                broken[suite, name] = first_line(error)
            else:
                found.extend((suite, name, scope, p) for scope, p in p_values.items())
    tests: dict[str, list[SessionTest]] = {suite: [] for suite in contexts}
    for (suite, name, scope, p), adjusted in zip(found, holm([p for *_, p in found]), strict=True):
        tests[suite].append(SessionTest(name, scope, p, adjusted, len(found)))
    return tests, broken


def _results(
    gate: Gate, parameters: BaseModel, context: GateContext, *, release: bool, waived: bool
) -> Iterator[GateResult]:
    suite = context.suite.name
    held_back = _not_evaluated(gate, context)
    outcomes = [held_back] if held_back is not None else _judged(gate, parameters, context)
    for outcome in outcomes:
        lacking = context.evidence.narrowed or (outcome.excusable and context.evidence.complete)
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
            waived=waived and outcome.status is not GateStatus.PASS and not release,
        )


def _judged(gate: Gate, parameters: BaseModel, context: GateContext) -> list[GateOutcome]:
    """Ask the gate; one that breaks or says nothing is not evaluated, and the run keeps its other gates."""
    suite = context.suite.name
    if context.broken:
        reason = f"The tests of the gate broke: {context.broken}."
        return [GateOutcome(suite, GateStatus.NOT_EVALUATED, "", "", reason)]
    try:
        outcomes = [_tested(outcome, context) for outcome in gate.judge(parameters, context)]
        reason = "The gate said nothing of this run."
    except Exception as error:
        # Gates may come from plugins: after hours on a GPU, no bug of theirs may cost the results.
        outcomes, reason = [], f"The gate broke: {first_line(error)}."
    return outcomes or [GateOutcome(suite, GateStatus.NOT_EVALUATED, "", "", reason)]


def _tested(outcome: GateOutcome, context: GateContext) -> GateOutcome:
    """Let nothing pass on a test that was planned and has no p-value."""
    test = context.tests.get(outcome.scope)
    if outcome.status is GateStatus.PASS and test is not None and math.isnan(test.p):
        reason = f"The test of this gate cannot be computed from these counts. {outcome.reason}"
        return replace(outcome, status=GateStatus.INCONCLUSIVE, reason=reason)
    return outcome


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
    lacks_baseline = context.evidence.complete
    return GateOutcome(context.suite.name, GateStatus.NOT_EVALUATED, "", "", reason, lacks_baseline)


def verdict(results: Iterable[GateResult]) -> GateStatus:
    """Return the verdict over all gates: the worst status, where an excused or waived gate does not count.

    Where nothing passed, nothing was shown: that is not a pass.
    """
    statuses = {result.status for result in results if not (result.excused or result.waived)}
    for status in (GateStatus.FAIL, GateStatus.INCONCLUSIVE, GateStatus.NOT_EVALUATED, GateStatus.PASS):
        if status in statuses:
            return status
    return GateStatus.NOT_EVALUATED
