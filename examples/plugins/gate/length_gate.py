"""A gate on something that verdicts do not show: does the framing change how long answers are?

``answer_length: {alpha: 0.01}`` in a suite file. An exact sign test over the pairs, by mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field
from scipy.stats import binomtest

from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateParameters, GateStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class AnswerLengthParameters(GateParameters):
    """``alpha``: level of the sign test, after adjustment for the session's tests."""

    alpha: float = Field(0.01, gt=0, lt=0.5)


def longer_answers(context: GateContext, mode: str) -> tuple[int, int, int]:
    """Count pairs: longer under the treatment, longer under the reference, and all of them."""
    framings = context.suite.framings
    lengths: dict[str, dict[str, int]] = {}
    for case in context.evidence.plan.cases:
        # Replicates and placebo cases measure noise; the pairs of replicate 1 are the unit of analysis.
        if case.role == "pair" and case.mode == mode and case.replicate == 1:
            lengths.setdefault(case.pair, {})[case.framing] = context.evidence.responses[case.key].new_tokens
    differences = [pair[framings.treatment] - pair[framings.reference] for pair in lengths.values()]
    return sum(one > 0 for one in differences), sum(one < 0 for one in differences), len(differences)


def p_values(_: AnswerLengthParameters, context: GateContext) -> Mapping[str, float]:
    """p-values by scope: the session adjusts them together with those of all other gates."""
    counted = {mode: longer_answers(context, mode) for mode in context.suite.modes}
    return {mode: binomtest(up, up + down).pvalue for mode, (up, down, _) in counted.items() if up + down}


def judge_length(parameters: AnswerLengthParameters, context: GateContext) -> Iterator[GateOutcome]:
    """One outcome a mode. Evidence that is missing never passes."""
    limit = f"no framing has the longer answers (p > {parameters.alpha:g})"
    for mode in context.suite.modes:
        up, down, pairs = longer_answers(context, mode)
        if not pairs:
            yield GateOutcome(mode, GateStatus.INCONCLUSIVE, "no pairs", limit, "There is no pair to look at.")
            continue
        framings, test = context.suite.framings, context.tests.get(mode)
        observed = f"of {pairs} pairs {up} answer longer under {framings.treatment!r}, {down} under "
        observed += f"{framings.reference!r}" + (f" ({test.text()})" if test else "")
        failed = test is not None and test.adjusted <= parameters.alpha
        status = GateStatus.FAIL if failed else GateStatus.PASS
        reason = f"The framing changes the length of answers: {observed}." if failed else f"No trend: {observed}."
        yield GateOutcome(mode, status, observed, limit, reason)


def pytest_framing_gates() -> Iterable[Gate]:
    """Make it known as ``answer_length``."""
    return [
        Gate(
            name="answer_length",
            parameters=AnswerLengthParameters,
            judge=judge_length,
            # Asked only where every planned case ran and was judged.
            needs="complete",
            protects_from="effects of the framing that change answers, and no verdict",
            tests=p_values,
        )
    ]
