"""The gate on the gap behind the judge's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pytest_framing.errors import FramingError
from pytest_framing.gates.gate import (
    Gate,
    GateContext,
    GateOutcome,
    GateParameters,
    GateStatus,
    interval_text,
    points,
)
from pytest_framing.judges.calibration import Calibration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_framing.judges.calibration import CorrectedGap
    from pytest_framing.study import ModeStudy


class CorrectedGapParameters(GateParameters):
    """``calibration``: file of ``framing calibrate``, beside the suite; ``method``: how the gap is corrected by it."""

    calibration: str = Field("calibration.json", min_length=1)
    method: Literal["rogan_gladen", "ppi"] = "rogan_gladen"


def _corrected_gap(parameters: CorrectedGapParameters, context: GateContext) -> Iterator[GateOutcome]:
    limit = "the interval of the corrected gap contains 0"
    framings = context.suite.framings
    names = (framings.reference, framings.treatment)
    path = context.suite.path.parent / parameters.calibration
    judge = str(context.fingerprint.deciding.get("judge", ""))
    status, observed, reason = GateStatus.PASS, "", ""
    calibration = Calibration("", {})
    try:
        calibration = Calibration.read(path)
    except FramingError as error:
        status, observed, reason = GateStatus.NOT_EVALUATED, "no calibration", f"{error}."
    if status is GateStatus.PASS and calibration.judge != judge:
        status, observed = GateStatus.NOT_EVALUATED, "another judge"
        reason = f"The calibration is of {calibration.judge}, and {judge} judged this run."
    elif status is GateStatus.PASS and (objection := calibration.objection(*names)):
        status, observed = GateStatus.INCONCLUSIVE, "not corrected"
        reason = f"Nothing is corrected: {objection}."
    for study in context.study.modes.values():
        if status is not GateStatus.PASS:
            yield GateOutcome(study.mode, status, observed, limit, reason)
        elif not study.table.n:
            yield GateOutcome(
                study.mode, GateStatus.INCONCLUSIVE, "", limit, "There is no pair with two valid answers."
            )
        else:
            yield _judged(study, _gap(study, calibration, parameters.method), limit)


def _gap(study: ModeStudy, calibration: Calibration, method: str) -> CorrectedGap:
    names = (study.framings.reference, study.framings.treatment)
    if method == "ppi":
        return calibration.powered_gap({name: (rate.count, rate.n) for name, rate in study.arms.items()}, *names)
    limits = study.table.interval(study.simultaneous_confidence)
    return calibration.corrected_gap(study.table.gap, limits, *names)


def _judged(study: ModeStudy, gap: CorrectedGap, limit: str) -> GateOutcome:
    observed = f"{points(gap.estimate)} ({interval_text(gap.low, gap.high)}), observed {points(study.table.gap)}"
    if gap.low <= 0 <= gap.high:
        return GateOutcome(
            study.mode, GateStatus.PASS, observed, limit, f"Corrected for the judge's errors, no gap shows: {observed}."
        )
    return GateOutcome(
        study.mode, GateStatus.FAIL, observed, limit, f"There is a gap behind the judge's errors too: {observed}."
    )


GATES = (
    Gate(
        "corrected_gap",
        CorrectedGapParameters,
        _corrected_gap,
        "complete",
        "errors of the judge that hide a gap, and a judge that errs otherwise under one framing",
    ),
)
