"""Every way in which evidence can be missing or wrong: none of them lets a run pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.baseline import Baseline, save_baseline
from pytest_framing.early_stopping import EarlyStop
from pytest_framing.gates.evaluation import evaluate, known_gates, parameter_models, verdict
from pytest_framing.gates.gate import Gate, GateContext, GateOutcome, GateParameters, GateResult, GateStatus
from pytest_framing.plan import Plan
from pytest_framing.published import load_published
from pytest_framing.records import Case, Response, Verdict, VerdictLabel
from pytest_framing.suite import Suite, load_suite
from tests.unit.builders import (
    COMPLIANCE,
    INVALID,
    Cell,
    Run,
    make_baseline,
    make_fingerprint,
    make_prompts,
    make_response,
    make_run,
    make_verdict,
    table,
)

ROOT = Path(__file__).parents[3]
SHIPPED = load_suite(ROOT / "suites" / "deployment_framing" / "suite.yaml", parameter_models(known_gates()))
PROMPTS = 200
TABLE = table(90, 2, 2, 106)
PASS, FAIL = GateStatus.PASS, GateStatus.FAIL
INCONCLUSIVE, NOT_EVALUATED = GateStatus.INCONCLUSIVE, GateStatus.NOT_EVALUATED


def shipped(**changes: Any) -> Suite:
    """Return the shipped suite, with every gate of it."""
    return SHIPPED.model_copy(update=changes)


def shipped_run(cells: list[Cell] | None = None, suite: Suite | None = None, **arms: Any) -> Run:
    """Return a run of both modes that passes every gate, unless it is told otherwise."""
    cells = TABLE if cells is None else cells
    return make_run(cells, cells, suite=suite or shipped(), prompts=make_prompts(len(cells)), **arms)


GOOD = shipped_run()
PAIRS = [case for case in GOOD.cases if case.role == "pair"]


@dataclass(frozen=True)
class Session:
    """A run as it came to be gated; ``baseline`` ``None`` stands for one that does not exist."""

    run: Run = GOOD
    baseline: Any = GOOD
    release: bool = False
    gates: dict[str, Gate] = field(default_factory=known_gates)
    stop: EarlyStop | None = None
    weights: str = "sha256:aa"

    def results(self, folder: Path) -> list[GateResult]:
        baseline = make_baseline(self.baseline, folder) if isinstance(self.baseline, Run) else self.baseline
        evidence = replace(self.run.evidence, stopped=self.stop)
        context = replace(self.run.context(weights=self.weights), evidence=evidence, baseline=baseline)
        return list(
            evaluate(self.gates, {context.suite.name: context}, release=self.release)[self.run.suite.name].results
        )


def with_responses(change: Callable[[Case, Response], Response], run: Run = GOOD) -> Run:
    """Return the run with other stamps on its responses."""
    cases = {case.key: case for case in run.cases}
    return replace(run, responses=tuple(change(cases[one.key], one) for one in run.responses))


def with_verdicts(change: Callable[[Case, Verdict], Verdict | None], run: Run = GOOD) -> Run:
    """Return the run with other verdicts, or without those that come out as ``None``."""
    cases = {case.key: case for case in run.cases}
    changed = (change(cases[one.key], one) for one in run.verdicts)
    return replace(run, verdicts=tuple(one for one in changed if one is not None))


def invalid_where(chosen: Callable[[Case], bool]) -> Run:
    return with_verdicts(lambda case, one: replace(one, verdict=INVALID) if chosen(case) else one)


def labelled(label: VerdictLabel, chosen: Callable[[Case], bool]) -> Run:
    return with_verdicts(lambda case, one: replace(one, verdict=label) if chosen(case) else one)


def without(chosen: Callable[[Case], bool], *, deselected: bool = False) -> Run:
    return GOOD.without(*(case for case in GOOD.cases if chosen(case)), deselected=deselected)


def sequential(change: Callable[[Case, Response], Response]) -> Run:
    suite = shipped(execution=SHIPPED.execution.model_copy(update={"mode": "sequential"}))
    return with_responses(change, shipped_run(suite=suite))


def drawn_from_another_seed() -> Run:
    """A plan that was drawn from seed 1 and claims the suite's."""
    run = shipped_run(suite=shipped(order=SHIPPED.order.model_copy(update={"seed": 1})))
    return replace(run, suite=shipped())


def swapped(case: Case, one: Response) -> Response:
    """The response with the slot of its partner: as if one pair had run the other way round."""
    pair = [other for other in GOOD.cases if other.pair == PAIRS[0].pair]
    slots = {pair[0].key: pair[1].slot, pair[1].key: pair[0].slot}
    return replace(one, slot=slots.get(case.key, one.slot))


def empty() -> Run:
    plan = Plan((replace(GOOD.plan.suites[0], cases=(), batches=()),))
    return replace(GOOD, plan=plan, responses=(), verdicts=())


def own_framings() -> Run:
    """A suite whose own framing texts the built-in questions know nothing about."""
    return shipped_run(suite=shipped(framing_texts={"free": "One text.", "paid": "Another text."}))


class NoParameters(GateParameters):
    """None."""


def breaks(_: NoParameters, context: GateContext) -> Iterator[GateOutcome]:
    raise ZeroDivisionError(context.suite.name)


def says_nothing(_: NoParameters, context: GateContext) -> Iterator[GateOutcome]:
    return iter(())


def with_gate(judge: Any) -> dict[str, Gate]:
    return known_gates([Gate("flip_rate", NoParameters, judge, "complete", "nothing")])


def with_parameterless(run: Run = GOOD) -> Run:
    return replace(run, suite=shipped(gates={**SHIPPED.gates, "flip_rate": {}}))


FIRST = PAIRS[0]
STOP = EarlyStop("deployment_framing", "standard", FIRST.id, 40, PROMPTS, 14, 0, 7.0, 200.0)
FEW = shipped_run(table(2, 0, 0, 1))
PUBLISHED = load_published(ROOT / "baselines" / "published" / "babu2026-qwen-replication.json")

SITUATIONS: dict[str, tuple[Session, dict[str, GateStatus]]] = {
    "a case did not run": (Session(GOOD.without(FIRST)), {"complete": FAIL, "power": NOT_EVALUATED}),
    "an arm did not run": (Session(without(lambda c: c.framing == "paid")), {"complete": FAIL}),
    "a mode did not run": (Session(without(lambda c: c.mode == "forcing")), {"complete": FAIL}),
    "the placebo arm did not run": (Session(without(lambda c: c.role == "placebo")), {"excess_flips": NOT_EVALUATED}),
    "the replicates did not run": (Session(without(lambda c: c.replicate == 2)), {"engine_noise": NOT_EVALUATED}),
    "the questions did not run": (Session(without(lambda c: c.role == "check")), {"manipulation_check": NOT_EVALUATED}),
    "nothing ran": (Session(without(lambda c: True)), {"complete": FAIL}),
    "a verdict is missing": (Session(replace(GOOD, verdicts=GOOD.verdicts[1:])), {"complete": FAIL}),
    "no verdict at all": (Session(replace(GOOD, verdicts=())), {"complete": FAIL}),
    "another judge's verdicts": (
        Session(with_verdicts(lambda _, one: replace(one, judge="someone/2"))),
        {"complete": FAIL},
    ),
    "a prompt judged as a question": (
        Session(with_verdicts(lambda c, one: make_verdict(c, one.verdict, "manipulation_check/1"))),
        {"complete": FAIL},
    ),
    "a response twice": (Session(replace(GOOD, responses=GOOD.responses + GOOD.responses[:1])), {"complete": FAIL}),
    "a verdict twice": (Session(replace(GOOD, verdicts=GOOD.verdicts + GOOD.verdicts[:1])), {"complete": FAIL}),
    "two verdicts that contradict each other": (
        Session(replace(GOOD, verdicts=(*GOOD.verdicts, make_verdict(FIRST, INVALID)))),
        {"complete": FAIL},
    ),
    "a case that nobody planned": (
        Session(replace(GOOD, responses=(*GOOD.responses, replace(GOOD.responses[0], case_id="stray")))),
        {"complete": FAIL},
    ),
    "a record of another suite": (
        Session(replace(GOOD, responses=(*GOOD.responses, replace(make_response(FIRST), suite="kettles")))),
        {"complete": FAIL},
    ),
    "the run was cut short": (Session(replace(GOOD, interrupted=True)), {"complete": FAIL}),
    "cut short after a selection": (
        Session(replace(without(lambda c: c.mode == "forcing", deselected=True), interrupted=True)),
        {"complete": FAIL},
    ),
    "every case deselected": (Session(without(lambda c: True, deselected=True)), {"complete": NOT_EVALUATED}),
    "a case deselected in a release": (
        Session(GOOD.without(FIRST, deselected=True), release=True),
        {"complete": NOT_EVALUATED},
    ),
    "the suite stopped early": (Session(stop=STOP), {"early_stop": FAIL, "gap_contains_zero": NOT_EVALUATED}),
    "no answer could be judged": (
        Session(invalid_where(lambda c: c.role == "pair")),
        {
            "invalid_rate": FAIL,
            "gap_contains_zero": INCONCLUSIVE,
            "gap_equivalent": INCONCLUSIVE,
            "power": INCONCLUSIVE,
        },
    ),
    "one arm could not be judged": (
        Session(invalid_where(lambda c: c.role == "pair" and c.framing == "paid")),
        {"invalid_rate": FAIL, "flip_rate": INCONCLUSIVE, "period_effect": INCONCLUSIVE},
    ),
    "too many answers could not be judged": (
        Session(invalid_where(lambda c: c.role == "pair" and c.prompt_id.endswith("7"))),
        {"invalid_rate": FAIL},
    ),
    "one arm is cut off more often": (
        Session(invalid_where(lambda c: c.framing == "paid" and c.prompt_id < "teapot_0012")),
        {"invalid_rate": FAIL},
    ),
    "the placebo arm could not be judged": (
        Session(invalid_where(lambda c: c.role == "placebo")),
        {"excess_flips": INCONCLUSIVE},
    ),
    "no placebo arm was planned": (
        Session(shipped_run(suite=shipped(controls=SHIPPED.controls.model_copy(update={"placebo": False})))),
        {"excess_flips": INCONCLUSIVE},
    ),
    "no replicate was planned": (
        Session(shipped_run(suite=shipped(controls=SHIPPED.controls.model_copy(update={"repeat_fraction": 0})))),
        {"engine_noise": INCONCLUSIVE},
    ),
    "no replicate could be judged": (
        Session(invalid_where(lambda c: c.replicate == 2)),
        {"engine_noise": FAIL},
    ),
    "replicates disagree against the engine's claim": (
        Session(labelled(COMPLIANCE, lambda c: c.replicate == 2)),
        {"engine_noise": FAIL},
    ),
    "the questions were not answered": (
        Session(invalid_where(lambda c: c.role == "check")),
        {"manipulation_check": INCONCLUSIVE},
    ),
    "one framing was not taken in": (
        Session(labelled(VerdictLabel.INCORRECT, lambda c: c.role == "check" and c.framing == "paid")),
        {"manipulation_check": INCONCLUSIVE},
    ),
    "no question fits the framings": (Session(own_framings()), {"manipulation_check": INCONCLUSIVE}),
    "order was not recorded": (
        Session(with_responses(lambda _, one: replace(one, worker=""))),
        {"order_randomized": INCONCLUSIVE, "period_effect": INCONCLUSIVE},
    ),
    "order of one pair was not recorded": (
        Session(with_responses(lambda c, one: replace(one, batch="") if c == FIRST else one)),
        {"order_randomized": INCONCLUSIVE},
    ),
    "a pair ran the other way round": (Session(with_responses(swapped)), {"order_randomized": FAIL}),
    "a pair ran in two batches": (
        Session(with_responses(lambda c, one: replace(one, batch="elsewhere") if c == FIRST else one)),
        {"order_randomized": FAIL},
    ),
    "the suite fixes the order": (
        Session(shipped_run(suite=shipped(order=SHIPPED.order.model_copy(update={"conditions": "fixed"})))),
        {"order_randomized": FAIL},
    ),
    "the plan is of another seed": (Session(drawn_from_another_seed()), {"order_randomized": FAIL}),
    "turns overlap": (
        Session(sequential(lambda _, one: replace(one, seconds=1000.0))),
        {"order_randomized": FAIL},
    ),
    "the clock goes backwards": (
        Session(sequential(lambda _, one: replace(one, started=-one.started))),
        {"order_randomized": FAIL},
    ),
    "no prompts": (Session(empty(), baseline=None), {"gap_contains_zero": INCONCLUSIVE, "invalid_rate": INCONCLUSIVE}),
    "one prompt": (
        Session(shipped_run(table(1)), baseline=shipped_run(table(1))),
        {"gap_equivalent": INCONCLUSIVE, "power": INCONCLUSIVE},
    ),
    "twenty prompts": (Session(shipped_run(table(10, 0, 0, 10)), baseline=None), {"power": INCONCLUSIVE}),
    "nothing is refused": (
        Session(shipped_run(table(0, 0, 0, PROMPTS)), baseline=None),
        {"not_saturated": INCONCLUSIVE},
    ),
    "one arm alone refuses": (Session(shipped_run(table(0, 0, 100, 100)), baseline=None), {"gap_contains_zero": FAIL}),
    "the baseline has three of the prompts": (
        Session(baseline=FEW),
        {"refusal_regression": INCONCLUSIVE},
    ),
    "the baseline has none of the prompts": (
        Session(baseline=make_run(TABLE, TABLE, suite=shipped(), prompts=make_prompts(PROMPTS, "kettle"))),
        {"refusal_regression": INCONCLUSIVE, "comparable": FAIL},
    ),
    "the same weights decided otherwise": (
        Session(baseline=labelled(COMPLIANCE, lambda c: c.prompt_id == "teapot_0000")),
        {"comparable": FAIL},
    ),
    "no baseline in a release": (
        Session(baseline=None, release=True),
        {"refusal_regression": NOT_EVALUATED, "comparable": NOT_EVALUATED},
    ),
    "published totals for a baseline in a release": (
        Session(baseline=PUBLISHED, release=True),
        {"comparable": NOT_EVALUATED},
    ),
    "a gate breaks": (Session(with_parameterless(), gates=with_gate(breaks)), {"flip_rate": NOT_EVALUATED}),
    "a gate says nothing": (Session(with_parameterless(), gates=with_gate(says_nothing)), {"flip_rate": NOT_EVALUATED}),
}


def test_the_run_that_all_situations_start_from_passes_every_gate(tmp_path: Path) -> None:
    results = Session().results(tmp_path)
    assert {result.status for result in results} == {PASS}, [one.reason for one in results if one.status is not PASS]
    assert {result.name for result in results} == {*SHIPPED.gates}
    assert {result.status for result in Session(release=True).results(tmp_path)} == {PASS}


@pytest.mark.parametrize("name", SITUATIONS)
def test_it_does_not_pass(name: str, tmp_path: Path) -> None:
    session, expected = SITUATIONS[name]
    results = session.results(tmp_path)
    assert verdict(results) is not PASS
    for gate, status in expected.items():
        found = [result for result in results if result.name == gate]
        assert status in {result.status for result in found}
        assert all(result.reason.endswith(".") for result in found)


@pytest.mark.parametrize("name", SITUATIONS)
def test_no_pass_rests_on_an_undefined_number(name: str, tmp_path: Path) -> None:
    session, _ = SITUATIONS[name]
    for result in session.results(tmp_path):
        assert "nan" not in re.findall(r"\w+", f"{result.observed} {result.reason}")


def test_a_baseline_is_never_made_of_incomplete_evidence(tmp_path: Path) -> None:
    run = GOOD.without(FIRST)
    with pytest.raises(Exception, match="no baseline can rest on it"):
        save_baseline(
            tmp_path / "baseline.json",
            model="paper",
            run_id="run-1",
            verdict="pass",
            fingerprint=make_fingerprint(run),
            study=run.study,
            evidence=run.evidence,
        )


def test_a_baseline_holds_no_answer_to_a_question(tmp_path: Path) -> None:
    baseline: Baseline = make_baseline(GOOD, tmp_path)
    assert not [key for key in baseline.decisions if key[0] == "check"]
