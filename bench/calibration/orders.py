"""Orders drawn by the real plan and judged by the real gate: what a session has of ``order_randomized``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pytest_framing.evidence import SuiteEvidence
from pytest_framing.gates.evaluation import known_gates, parameter_models
from pytest_framing.plan import plan_suite
from pytest_framing.records import Prompt, PromptSet, Response
from pytest_framing.suite import Controls, Order, load_suite

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from pytest_framing.gates.gate import GateStatus
    from pytest_framing.suite import Suite

SUITE = Path(__file__).parents[2] / "suites" / "deployment_framing" / "suite.yaml"
MOST = 2000
"""Orders for each size; judging one of 1,000 prompts takes as long as deciding thousands of sessions."""
CATEGORIES = 7


@dataclass(frozen=True)
class Orders:
    """Draws of one size: the seed of each, its pairs that began with the reference (by mode), and the gate's status."""

    seeds: NDArray[np.int64]
    reference_first: NDArray[np.int64]
    statuses: tuple[GateStatus, ...]


def shipped_suite(conditions: Literal["bernoulli", "fixed"]) -> Suite:
    """Return the suite with gates and parameters as shipped."""
    suite = load_suite(SUITE, parameter_models(known_gates()))
    return suite.model_copy(update={"order": Order(conditions=conditions, seed=suite.order.seed)})


def draw_orders(
    suite: Suite, n: int, count: int, seed: int, judge: Callable[[Suite, SuiteEvidence], GateStatus]
) -> Orders:
    """Draw and judge orders of `n` prompts; a fixed order needs no second."""
    fixed = suite.order.conditions == "fixed"
    seeds = np.random.default_rng([seed, n]).integers(10**18, size=1 if fixed else min(count, MOST))
    statuses, first = [], []
    for one in seeds:
        drawn, evidence = execute(suite, n, int(one))
        statuses.append(judge(drawn, evidence))
        first.append([_reference_first(drawn, evidence, mode) for mode in suite.modes])
    return Orders(seeds, np.array(first), tuple(statuses))


def execute(suite: Suite, n: int, seed: int) -> tuple[Suite, SuiteEvidence]:
    """Draw the order of a suite from a seed and run its pairs as drawn; placebo cases have none and are left out."""
    order = Order(conditions=suite.order.conditions, prompts=suite.order.prompts, seed=seed)
    controls = Controls(repeat_fraction=suite.controls.repeat_fraction, placebo=False)
    drawn = suite.model_copy(update={"order": order, "controls": controls})
    lengths = np.random.default_rng(n).integers(60, 200, n)
    prompts = PromptSet(
        "simulated",
        "nowhere",
        "made for the calibration",
        tuple(
            Prompt(f"prompt_{index:04d}", f"Prompt {index}.", semantic_category=f"category_{index % CATEGORIES}")
            for index in range(n)
        ),
    )
    plan = plan_suite(drawn, prompts, lambda prompt, *_: int(lengths[int(prompt.id.removeprefix("prompt_"))]))
    responses = {
        case.key: Response(
            suite=case.suite,
            case_id=case.id,
            answer="",
            reasoning="",
            reasoning_cut=False,
            finish_reason="stop",
            prompt_tokens=60,
            new_tokens=1,
            worker="main",
            sequence=turn,
            batch=case.batch,
            slot=case.slot,
            started=float(turn),
            seconds=1.0,
        )
        for turn, case in enumerate(plan.cases, start=1)
    }
    return drawn, SuiteEvidence(plan, responses, {}, (), (), (), (), ())


def _reference_first(suite: Suite, evidence: SuiteEvidence, mode: str) -> int:
    return sum(
        case.period == 1 and case.framing == suite.framings.reference
        for case in evidence.plan.cases
        if case.mode == mode and case.replicate == 1
    )
