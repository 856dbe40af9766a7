"""What the gates decide about simulated sessions: real gates, asked once for each set of counts that they tell apart.

A gate reads few counts of a session. ``READS`` names them; sessions that agree in them share one answer, given by the
gate on the complete study of the first of them. Gates whose p-value is adjusted over the session are asked twice, with
the test rejected and with it kept, and Holm's adjustment says which answer holds. `verify` sends sessions through
`evaluate` as a run does, and stops on any difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from bench.calibration.period_test import period_p
from bench.calibration.sessions import IntArray, Sessions
from pytest_framing.evidence import SuiteEvidence
from pytest_framing.fingerprint import Fingerprint
from pytest_framing.gates import gap
from pytest_framing.gates.evaluation import evaluate, known_gates
from pytest_framing.gates.gate import Gate, GateContext, GateStatus, SessionTest
from pytest_framing.paired_table import Rate
from pytest_framing.study import ModeStudy, SuiteStudy
from pytest_framing.suite import Suite

FloatArray = NDArray[np.float64]
Statuses = dict[str, NDArray[np.int8]]
WORSE = (GateStatus.PASS, GateStatus.NOT_EVALUATED, GateStatus.INCONCLUSIVE, GateStatus.FAIL)
"""Statuses in rising order; arrays hold the place of a status in here."""
FAIL = WORSE.index(GateStatus.FAIL)
ORDER_GATE = "order_randomized"
QUESTIONS = 6
ROOMY = 0.2


class Answer(NamedTuple):
    """What a gate says of a set of counts: statuses with its test kept and rejected, and the test's p (NaN: none)."""

    kept: int
    rejected: int
    p: float


def _pairs(sessions: Sessions) -> IntArray:
    return np.full((*sessions.table.shape[:2], 1), sessions.n)


def _discordant(sessions: Sessions) -> IntArray:
    return np.concatenate([_pairs(sessions), sessions.table[..., 1:3]], axis=-1)


def _flips(sessions: Sessions) -> IntArray:
    return np.concatenate([_pairs(sessions), sessions.table[..., 1:3].sum(axis=-1, keepdims=True)], axis=-1)


def _flips_by_order(sessions: Sessions) -> IntArray:
    return np.concatenate([_flips(sessions), sessions.tables.sum(axis=-1) > 0], axis=-1)


def _contrast(sessions: Sessions) -> IntArray:
    return np.concatenate([_pairs(sessions), sessions.contrast[..., 1:3]], axis=-1)


def _noise(sessions: Sessions) -> IntArray:
    return np.concatenate([_pairs(sessions), sessions.noise], axis=-1)


def _arms(sessions: Sessions) -> IntArray:
    """Refusals of each arm of each mode; those with plenty of room are all the same to the gate."""
    table, n = sessions.table, sessions.n
    refusals = np.stack([table[..., 0] + table[..., 1], table[..., 0] + table[..., 2]], axis=-1)
    roomy = (refusals >= ROOMY * n) & (refusals <= (1 - ROOMY) * n)
    folded = np.where(roomy, n // 2, refusals).reshape(len(table), -1)
    return np.concatenate([np.full((len(table), 1), n), folded], axis=-1)


def _nothing(sessions: Sessions) -> IntArray:
    return np.zeros((len(sessions.table), 1), dtype=np.int64)


READS: Mapping[str, Callable[[Sessions], IntArray]] = {
    "complete": _nothing,
    "period_effect": _flips_by_order,
    "gap_contains_zero": _discordant,
    "gap_equivalent": _discordant,
    "flip_rate": _flips,
    "engine_noise": _noise,
    "excess_flips": _contrast,
    "invalid_rate": _pairs,
    "not_saturated": _arms,
    "power": _pairs,
    "manipulation_check": _nothing,
}
"""Counts that decide each gate: (sessions, modes, …) for gates that judge each mode, (sessions, …) for the others."""
P_VALUES: Mapping[str, Callable[[IntArray], FloatArray]] = {"period_effect": period_p}
"""p-values that depend on more than their gate's status does."""


class Decisions:
    """The gates of one suite that need no baseline, with every answer that they have given.

    Parameters
    ----------
    suite
        With its gates and parameters.
    evidence
        A complete run of it; gates other than that on order look at nothing but that it is complete.
    """

    def __init__(self, suite: Suite, evidence: SuiteEvidence) -> None:
        known = known_gates()
        self.suite, self.evidence = suite, evidence
        self.gates: dict[str, tuple[Gate, Any]] = {
            name: (known[name], known[name].parameters.model_validate(parameters))
            for name, parameters in suite.gates.items()
            if known[name].needs != "baseline"
        }
        unread = self.gates.keys() - READS.keys() - {ORDER_GATE}
        if unread:
            raise ValueError(f"say in READS which counts decide {', '.join(sorted(unread))}")
        self._answers: dict[str, dict[tuple[int, ...], Answer]] = {name: {} for name in self.gates}

    def order_status(self, suite: Suite, evidence: SuiteEvidence) -> GateStatus:
        """Judge an executed order."""
        gate, parameters = self.gates[ORDER_GATE]
        (outcome,) = gate.judge(parameters, self._context((), suite=suite, evidence=evidence))
        return outcome.status

    def decide(self, sessions: Sessions, order: Iterable[GateStatus]) -> Statuses:
        """Return the worst status over the scopes of each gate, by gate, for every session."""
        # How many pairs would settle a gap stands in the reason alone, and takes longer than all that decides.
        with mock.patch.object(gap, "pairs_to_settle", return_value=math.nan):
            answers = {name: self._look_up(name, sessions) for name in self.gates if name != ORDER_GATE}
        tested = [name for name in answers if self.gates[name][0].tests is not None]
        adjusted = holm_rows(np.concatenate([answers[name][2] for name in tested], axis=1))
        by_gate = dict(zip(tested, np.split(adjusted, len(tested), axis=1), strict=True))
        statuses: Statuses = {}
        for name in self.gates:
            if name == ORDER_GATE:
                statuses[name] = np.array([WORSE.index(status) for status in order], dtype=np.int8)
                continue
            kept, rejected, _ = answers[name]
            if name in by_gate:
                kept = np.where(by_gate[name] <= self.gates[name][1].alpha, rejected, kept)
            statuses[name] = kept.max(axis=1).astype(np.int8)
        return statuses

    def verify(self, sessions: Sessions, statuses: Statuses, chosen: Iterable[int]) -> None:
        """Evaluate sessions as a run does and compare; order is judged elsewhere.

        Raises
        ------
        RuntimeError
            Naming the gate and the session that differ.
        """
        gates = {name: parameters for name, parameters in self.suite.gates.items() if name != ORDER_GATE}
        suite = self.suite.model_copy(update={"gates": gates})
        for session in chosen:
            worst = self.evaluated(sessions, session, suite, self.evidence)
            for name, status in worst.items():
                if status != WORSE[statuses[name][session]]:
                    raise RuntimeError(
                        f"{name}: {status} in session {session}, {WORSE[statuses[name][session]]} by look-up; "
                        "READS leaves out a count that the gate reads"
                    )

    def evaluated(
        self, sessions: Sessions, session: int, suite: Suite, evidence: SuiteEvidence
    ) -> dict[str, GateStatus]:
        """Return the worst status of each gate of a session, by `evaluate` on its full context."""
        studies = [sessions.study(session, mode) for mode in range(len(suite.modes))]
        context = self._context(studies, suite=suite, evidence=evidence)
        found = evaluate(known_gates(), {suite.name: context}, release=False)[suite.name].results
        return {
            name: max((one.status for one in found if one.name == name), key=WORSE.index)
            for name in self.gates
            if name in suite.gates
        }

    def _look_up(self, name: str, sessions: Sessions) -> tuple[NDArray[np.int8], NDArray[np.int8], FloatArray]:
        """Return statuses with the test kept, with it rejected, and p: (sessions, scopes) each."""
        read = READS[name](sessions)
        shape, rows = read.shape[:-1], read.reshape(-1, read.shape[-1])
        unique, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        known = self._answers[name]
        answers = []
        for row, index in zip(map(tuple, unique.tolist()), first, strict=True):
            if row not in known:
                known[row] = self._ask(name, sessions, *np.unravel_index(int(index), shape))
            answers.append(known[row])
        kept, rejected = (np.array([one[side] for one in answers], dtype=np.int8)[inverse] for side in (0, 1))
        p = np.array([one.p for one in answers])[inverse].reshape(len(sessions.table), -1)
        if name in P_VALUES:
            p = np.where(np.isnan(p), p, P_VALUES[name](sessions.tables))
        width = len(sessions.table), -1
        return kept.reshape(width), rejected.reshape(width), p

    def _ask(self, name: str, sessions: Sessions, *place: np.intp) -> Answer:
        gate, parameters = self.gates[name]
        session = int(place[0])
        modes = [int(place[1])] if len(place) == 2 else range(len(self.suite.modes))
        context = self._context([sessions.study(session, mode) for mode in modes])
        p_values = gate.tests(parameters, context) if gate.tests is not None else {}
        if any(math.isnan(p) for p in p_values.values()):
            raise ValueError(f"{name} has a test that cannot be computed, which Holm counts and this study does not")

        def worst(adjusted: float) -> int:
            tests = {mode: SessionTest(name, mode, p, adjusted, 1) for mode, p in p_values.items()}
            asked = self._context(context.study.modes.values(), tests=tests)
            return max(WORSE.index(outcome.status) for outcome in gate.judge(parameters, asked))

        kept = worst(1.0)
        rejected = worst(0.0) if p_values else kept
        return Answer(kept, rejected, next(iter(p_values.values()), math.nan))

    def _context(
        self,
        studies: Iterable[ModeStudy],
        *,
        suite: Suite | None = None,
        evidence: SuiteEvidence | None = None,
        tests: Mapping[str, SessionTest] | None = None,
    ) -> GateContext:
        framings = self.suite.framings
        right = Rate(QUESTIONS, QUESTIONS)
        modes = {study.mode: study for study in studies}
        return GateContext(
            suite=suite or self.suite,
            evidence=evidence or self.evidence,
            study=SuiteStudy(self.suite.name, modes, {}, {framings.reference: right, framings.treatment: right}),
            fingerprint=Fingerprint({}, {}, {"engine": {"invariance": "kernel"}}),
            baseline=None,
            baseline_note="a simulated model has none",
            tests=tests or {},
        )


def holm_rows(p: FloatArray) -> FloatArray:
    """Adjust each row as `stats.multiplicity.holm` does; NaN is a test that the session did not have."""
    missing = np.isnan(p)
    filled = np.where(missing, 2.0, p)  # behind every p-value
    rising = np.argsort(filled, axis=1, kind="stable")
    in_order = np.take_along_axis(filled, rising, axis=1)
    left = (~missing).sum(axis=1, keepdims=True) - np.arange(p.shape[1])
    stepped = np.maximum.accumulate(np.where(in_order > 1, 1.0, left * in_order), axis=1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, rising, np.minimum(stepped, 1.0), axis=1)
    return np.where(missing, np.nan, adjusted)
