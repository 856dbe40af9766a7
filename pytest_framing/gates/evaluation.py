"""Evaluation of a suite's gates, and the verdict of a session."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_framing.baseline import Baseline
from pytest_framing.errors import first_line
from pytest_framing.gates import baseline_gates, controls, gap, order, record, safe_prompts
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
    tests = _session_tests(gates, contexts)
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
                        replace(context, tests={one.scope: one for one in tests[name] if one.gate == gate}),
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


def _session_tests(gates: Mapping[str, Gate], contexts: Mapping[str, GateContext]) -> dict[str, list[SessionTest]]:
    """Collect the p-values of all suites and gates, and adjust them together: one session has one alpha."""
    found = [
        (suite, name, scope, p)
        for suite, context in contexts.items()
        for name, parameters in context.suite.gates.items()
        for scope, p in _p_values(gates[name], parameters, context).items()
    ]
    tests: dict[str, list[SessionTest]] = {suite: [] for suite in contexts}
    for (suite, name, scope, p), adjusted in zip(found, holm([p for *_, p in found]), strict=True):
        tests[suite].append(SessionTest(name, scope, p, adjusted, len(found)))
    return tests


def _p_values(gate: Gate, parameters: Mapping[str, Any], context: GateContext) -> Mapping[str, float]:
    if gate.tests is None or _not_evaluated(gate, context) is not None:
        return {}
    try:
        return gate.tests(gate.parameters.model_validate(parameters), context)
    except Exception:
        # A gate of a plugin that breaks here has no test to look at, and says so when it is asked for its outcome.
        return {}


def _results(
    gate: Gate, parameters: BaseModel, context: GateContext, *, release: bool, waived: bool
) -> Iterator[GateResult]:
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
            waived=waived and outcome.status is not GateStatus.PASS and not release,
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
    """Whether all that is missing is an earlier run to compare with; published totals are none."""
    lacks = not isinstance(context.baseline, Baseline)
    return gate.needs == "baseline" and lacks and context.evidence.complete


def verdict(results: Iterable[GateResult]) -> GateStatus:
    """Return the verdict over all gates: the worst status, where an excused or waived gate does not count.

    Where nothing passed, nothing was shown: that is not a pass.
    """
    statuses = {result.status for result in results if not (result.excused or result.waived)}
    for status in (GateStatus.FAIL, GateStatus.INCONCLUSIVE, GateStatus.NOT_EVALUATED, GateStatus.PASS):
        if status in statuses:
            return status
    return GateStatus.NOT_EVALUATED
