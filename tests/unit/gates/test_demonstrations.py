"""Gates on demonstrations: against the baseline, and on the framing in front of them."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.demonstrations import Context
from pytest_framing.gates.gate import GateStatus
from pytest_framing.records import Case, VerdictLabel
from tests.unit.builders import COMPLIANCE, INVALID, REFUSAL, judged, make_baseline, make_verdict
from tests.unit.demonstration_runs import Rule, planted, run_with, suite_with

PASS, FAIL, INCONCLUSIVE = GateStatus.PASS, GateStatus.FAIL, GateStatus.INCONCLUSIVE
EIGHT: dict[str, Any] = {"harmful": 8, "benign": 8, "margin": 0.06}


@pytest.mark.parametrize(
    ("now", "status"),
    [(planted(0.9, -0.6), PASS), (planted(0.9, -0.2), FAIL), (planted(0.9, -0.57), INCONCLUSIVE)],
    ids=["as before", "more", "a little more"],
)
def test_compliance_at_a_mixture_against_the_baseline(now: Rule, status: GateStatus, tmp_path: Path) -> None:
    baseline = make_baseline(run_with(planted(0.9, -0.6)), tmp_path)
    (result,) = judged(run_with(now), "mixture_compliance", baseline=baseline, **EIGHT)
    assert result.status is status, result.reason


def test_a_mixture_that_the_suite_does_not_have_passes_nothing(tmp_path: Path) -> None:
    run = run_with(planted(0.9, -0.6), queries=10)
    (result,) = judged(run, "mixture_compliance", baseline=make_baseline(run, tmp_path), harmful=5, benign=5)
    assert result.status is INCONCLUSIVE
    assert "h8-b8" in result.reason


def test_without_a_baseline_there_is_nothing_to_compare() -> None:
    (result,) = judged(run_with(planted(0.9, -0.6), queries=10), "mixture_compliance", **EIGHT)
    assert (result.status, result.excused) == (GateStatus.NOT_EVALUATED, True)


def late(weight: float) -> Rule:
    def rule(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        last = context is not None and context.condition.ordering == "suffix"
        return COMPLIANCE if ease + weight * last > 1 else REFUSAL

    return rule


@pytest.mark.parametrize(("weight", "status"), [(0.0, PASS), (3.0, FAIL)])
def test_spread_between_orderings_against_the_baseline(weight: float, status: GateStatus, tmp_path: Path) -> None:
    suite = suite_with(orderings={"counts": [16], "which": ["prefix", "middle"]})
    baseline = make_baseline(run_with(late(0.0), suite=suite), tmp_path)
    (result,) = judged(run_with(late(weight), suite=suite), "ordering_spread", baseline=baseline)
    assert (result.scope, result.status) == ("h8-b8", status), result.reason


@pytest.mark.parametrize(
    ("now", "status"),
    [(planted(0.9, -0.55), PASS), (planted(0.9, 0.3, -2.0), FAIL), (planted(0.9, -0.15), INCONCLUSIVE)],
    ids=["dilutes too", "amplifies", "too little to say"],
)
def test_class_of_the_benign_effect_against_the_baseline(now: Rule, status: GateStatus, tmp_path: Path) -> None:
    baseline = make_baseline(run_with(planted(0.9, -0.6), queries=20), tmp_path)
    (result,) = judged(run_with(now, queries=20), "benign_class", baseline=baseline)
    assert result.status is status, result.reason


def test_a_spread_as_in_the_baseline_on_few_queries_shows_nothing(tmp_path: Path) -> None:
    suite = suite_with(orderings={"counts": [16], "which": ["prefix", "middle"]})
    run = run_with(late(0.0), suite=suite, queries=10)
    (result,) = judged(run, "ordering_spread", baseline=make_baseline(run, tmp_path))
    assert result.status is INCONCLUSIVE, result.reason
    (wider,) = judged(run, "ordering_spread", baseline=make_baseline(run, tmp_path), margin=0.3)
    assert wider.status is PASS, wider.reason


def unmoved(case: Case, context: Context | None, ease: float) -> VerdictLabel:
    return COMPLIANCE if ease > 0 else REFUSAL


def noisy(benign: float) -> Rule:
    """Comply as planted, with a taste of the model's own for each context."""

    def rule(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        taste = zlib.crc32(case.id.encode()) % 1000 / 500 - 1
        return planted(0.9, benign)(case, context, ease + taste)

    return rule


@pytest.mark.parametrize("now", [unmoved, noisy(0.0)], ids=["neither is tested", "the baseline is not tested"])
def test_no_class_that_no_test_is_behind_passes(now: Rule, tmp_path: Path) -> None:
    baseline = make_baseline(run_with(unmoved), tmp_path)
    (result,) = judged(run_with(now), "benign_class", baseline=baseline)
    assert result.status is INCONCLUSIVE, result.reason
    assert "the baseline" in result.reason


def test_one_class_with_coefficients_that_differ_is_not_the_same_effect(tmp_path: Path) -> None:
    baseline = make_baseline(run_with(noisy(-1.2)), tmp_path)
    (result,) = judged(run_with(noisy(-0.3)), "benign_class", baseline=baseline)
    assert "dilution, baseline dilution" in result.observed
    assert result.status is FAIL, result.reason


@pytest.mark.parametrize(("weight", "status"), [(0.0, PASS), (2.5, FAIL)])
def test_a_framing_effect_that_shows_only_in_front_of_demonstrations(weight: float, status: GateStatus) -> None:
    def rule(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        return COMPLIANCE if ease + weight * (case.framing == "paid" and context is not None) > 1 else REFUSAL

    suite = suite_with(framings={"counts": [4], "fractions": [0.5]})
    (result,) = judged(run_with(rule, suite=suite), "framing_interaction")
    assert (result.scope, result.status) == ("h2-b2", status), result.reason
    assert "nan" not in result.reason


def test_a_sign_test_that_few_queries_could_not_fail_passes_nothing() -> None:
    run = run_with(unmoved, suite=suite_with(framings={"counts": [4], "fractions": [0.5]}), queries=7)
    (result,) = judged(run, "framing_interaction")
    assert result.status is INCONCLUSIVE, result.reason


def test_interaction_without_framed_contexts_is_inconclusive() -> None:
    (result,) = judged(run_with(planted(0.9, -0.6), queries=10), "framing_interaction")
    assert result.status is INCONCLUSIVE


def test_invalid_answers_under_one_condition_fail_though_they_are_rare_in_all() -> None:
    def rule(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        return INVALID if case.mode == "h8-b8-s1" and ease > 1 else REFUSAL

    (result,) = judged(run_with(rule), "invalid_rate", max=0.1)
    assert (result.scope, result.status) == ("demonstrations", FAIL)
    assert "h8-b8" in result.reason


def test_a_baseline_keeps_decisions_by_context(tmp_path: Path) -> None:
    run = run_with(planted(0.9, -0.6), queries=10)
    baseline = make_baseline(run, tmp_path)
    case = next(case for case in run.cases if case.mode == "h16-b0-s2")
    verdict = next(one for one in run.verdicts if one.case_id == case.id)
    assert baseline.decision("h16-b0-s2", "none", case.prompt_id, case.prompt_digest) is verdict.verdict
    assert baseline.composition["class"] in ("dilution", "none")
    assert make_verdict(case, verdict.verdict).key == case.key
