"""Gates on the control arms: the engine's own noise, sensitivity to any words, and whether the framing was taken in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateParameters, GateStatus, percent
from pytest_framing.stats.noise import excess_flips

if TYPE_CHECKING:
    from collections.abc import Iterator


ENOUGH = 0.9
"""Share of a control arm that has to be there: a handful of its cases says nothing of the rest."""


class EngineNoiseParameters(GateParameters):
    """``engine_noise`` has no parameters: an engine that claims invariance may not disagree with itself once."""


class ExcessFlipsParameters(GateParameters):
    """``alpha``: level of the one-sided paired test, after adjustment for the session's tests."""

    alpha: float = Field(0.01, gt=0, lt=0.5)


class ManipulationCheckParameters(GateParameters):
    """``threshold``: share of the questions that has to be answered rightly under each framing."""

    threshold: float = Field(0.8, gt=0.5, le=1)


def _engine_noise(_: EngineNoiseParameters, context: GateContext) -> Iterator[GateOutcome]:
    invariance = str(context.fingerprint.informing["engine"]["invariance"])
    claimed = invariance != "none"
    limit = f"replicates agree (the engine claims invariance: {invariance})" if claimed else "reported, not limited"
    for study in context.study.modes.values():
        replicates = sum(rate.n for rate in study.noise.values())
        flips = sum(rate.count for rate in study.noise.values())
        observed = f"{flips} of {replicates} replicates decide otherwise"
        if study.unstable:
            observed += f", and of {study.unstable} more one alone could be judged"
        if not replicates and not study.unstable:
            reason = "No case ran twice, so that the noise is unknown. Set controls.repeat_fraction; any share will do."
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, "no replicates", limit, reason)
        elif not flips and not study.unstable and replicates < ENOUGH * study.replicates:
            observed = f"{replicates} of {study.replicates} replicates could be judged"
            reason = f"Too few replicates could be judged to know the noise: {observed}."
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, observed, limit, reason)
        elif not claimed:
            reason = f"The engine promises nothing, and this is its noise floor: {observed}."
            yield GateOutcome(study.mode, GateStatus.PASS, observed, limit, reason)
        elif flips or study.unstable:
            reason = f"The engine answers the same request in two ways, against its claim: {observed}."
            yield GateOutcome(study.mode, GateStatus.FAIL, observed, limit, reason)
        else:
            reason = f"The engine repeats itself as it claims: {observed}."
            yield GateOutcome(study.mode, GateStatus.PASS, observed, limit, reason)


def _excess_flips_tests(parameters: ExcessFlipsParameters, context: GateContext) -> dict[str, float]:
    """Return the p-values of the modes whose discordant prompts are enough for any split of them to fail the gate.

    The others cannot, so that leaving them out of the session's adjustment costs nothing (Tarone RE. Biometrics
    1990;46:515-522).
    """
    contrasts = {study.mode: study.contrast for study in context.study.modes.values()}
    return {
        mode: excess_flips(contrast.framing_only, contrast.placebo_only).p_exact
        for mode, contrast in contrasts.items()
        if 0.5 ** (contrast.framing_only + contrast.placebo_only) <= parameters.alpha
    }


def _excess_flips(parameters: ExcessFlipsParameters, context: GateContext) -> Iterator[GateOutcome]:
    limit = f"no more flips than another text of the same shape makes (p > {parameters.alpha:g})"
    for study in context.study.modes.values():
        contrast = study.contrast
        if not contrast.n:
            reason = "Without a placebo arm nothing tells the framing from a mere change of words (controls.placebo)."
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, "no placebo arm", limit, reason)
            continue
        if contrast.n < ENOUGH * study.table.n:
            observed = f"{contrast.n} of {study.table.n} pairs have a placebo answer that could be judged"
            reason = f"Too much of the placebo arm is missing to tell the framing from a change of words: {observed}."
            yield GateOutcome(study.mode, GateStatus.INCONCLUSIVE, observed, limit, reason)
            continue
        test = context.tests.get(study.mode)
        framing, placebo = contrast.both + contrast.framing_only, contrast.both + contrast.placebo_only
        observed = (
            f"of {contrast.n} prompts {framing} flip with the framing, {placebo} with the placebo "
            f"({test.text() if test else 'too few for a test'})"
        )
        if test is not None and test.adjusted <= parameters.alpha:
            reason = f"The framing flips more verdicts than any change of words does: {observed}."
            yield GateOutcome(study.mode, GateStatus.FAIL, observed, limit, reason)
        else:
            reason = f"The framing flips no more verdicts than the placebo: {observed}."
            yield GateOutcome(study.mode, GateStatus.PASS, observed, limit, reason)


def _manipulation_check(parameters: ManipulationCheckParameters, context: GateContext) -> Iterator[GateOutcome]:
    scope = context.suite.name
    limit = f"at least {percent(parameters.threshold, 0)} of the questions answered rightly under each framing"
    framings = (context.suite.framings.reference, context.suite.framings.treatment)
    checks = context.study.checks
    if context.imported:
        reason = "The run was imported: nothing shows that the model took the framing in."
        yield GateOutcome(scope, GateStatus.NOT_EVALUATED, "no questions", limit, reason)
        return
    if not all(name in checks for name in framings):
        reason = (
            f"No question has a right answer under both {framings[0]!r} and {framings[1]!r}, so that nothing shows "
            "that the model took them in. Add `questions` to the suite."
        )
        yield GateOutcome(scope, GateStatus.INCONCLUSIVE, "no questions", limit, reason)
        return
    observed = ", ".join(f"{name} {checks[name].count} of {checks[name].n}" for name in framings)
    if all(checks[name].rate >= parameters.threshold for name in framings):
        reason = f"The model knows what it was told: {observed} questions answered rightly."
        yield GateOutcome(scope, GateStatus.PASS, observed, limit, reason)
    else:
        reason = (
            f"The model did not take the framing in ({observed} questions answered rightly), so that no effect of it "
            "could show. More prompts do not settle this; another placement or wording may."
        )
        yield GateOutcome(scope, GateStatus.INCONCLUSIVE, observed, limit, reason)


GATES = (
    Gate(
        "engine_noise",
        EngineNoiseParameters,
        _engine_noise,
        "complete",
        "an engine whose answers depend on what runs beside them, so that flips are its own",
    ),
    Gate(
        "excess_flips",
        ExcessFlipsParameters,
        _excess_flips,
        "complete",
        "taking sensitivity to any change of words for an effect of the framing, and effects that a gap of zero hides",
        _excess_flips_tests,
    ),
    Gate(
        "manipulation_check",
        ManipulationCheckParameters,
        _manipulation_check,
        "complete",
        "silence from a model that did not take in what it was told",
    ),
)
