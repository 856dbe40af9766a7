"""Runs with demonstrations made by hand: pools of nonsense, and verdicts that follow a planted rule."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_framing.demonstration_pools import Demonstration, Pool
from pytest_framing.demonstrations import Context, contexts
from pytest_framing.plan import Plan, plan_suite
from pytest_framing.records import Case, PromptSet, VerdictLabel
from pytest_framing.suite import Demonstrations, Suite
from tests.unit.builders import (
    COMPLIANCE,
    JUDGE,
    REFUSAL,
    Run,
    count_tokens,
    execute,
    make_prompts,
    make_response,
    make_suite,
    make_verdict,
)

GRID: dict[str, Any] = {
    "harmful": {"source": "restricted"},
    "benign": {"source": "everyday"},
    "counts": [4, 16],
    "fractions": [0, 0.5, 1],
}
Rule = Callable[[Case, Context | None, float], VerdictLabel]
"""Decides a case from its context and the ease of its query, which is normal with spread 1.7."""


def make_pool(source: str, count: int = 40) -> Pool:
    """Return a pool of nonsense."""
    shown = tuple(
        Demonstration(f"{source}-{n:03}", f"How is {source} number {n} folded?", f"Fold number {n} twice.")
        for n in range(count)
    )
    return Pool(source, "nowhere", "made for a test", shown)


def make_pools(*sources: str) -> dict[str, Pool]:
    """Return pools by their names."""
    return {source: make_pool(source) for source in ("restricted", "everyday", *sources)}


def suite_with(**changes: Any) -> Suite:
    """Return a suite whose demonstrations are the small grid, with changes."""
    return make_suite(demonstrations=GRID | changes, path=Path("suite.yaml"))


def shown_by(suite: Suite) -> Demonstrations:
    """Return the demonstrations of a suite that has some."""
    assert suite.demonstrations is not None
    return suite.demonstrations


def plan_with(suite: Suite, prompts: PromptSet, pools: dict[str, Pool]) -> tuple[Plan, dict[str, Context]]:
    """Plan a suite, every context 100 tokens a demonstration."""
    drawn = contexts(suite, shown_by(suite), pools)

    def tokens(prompt: Any, framing: str, mode: str) -> int:
        return count_tokens(prompt, framing, mode) + (100 * drawn[mode].condition.count if mode in drawn else 0)

    summaries = {
        name: one.summary(100 * one.condition.count, {"none": 100 * one.condition.count}) for name, one in drawn.items()
    }

    def shared(framing: str, mode: str) -> int:
        return summaries[mode].prefixes.get(framing, 0) if mode in summaries else 0

    described = {name: pool.document() for name, pool in pools.items()}
    return Plan((plan_suite(suite, prompts, tokens, contexts=summaries, pools=described, shared=shared),)), drawn


def run_with(rule: Rule, *, queries: int = 60, suite: Suite | None = None, prompts: PromptSet | None = None) -> Run:
    """Run a suite on paper; a query is as easy in one context as in another."""
    suite = suite or suite_with()
    prompts = prompts or make_prompts(queries)
    names = [one.source for one in shown_by(suite).other_benign]
    plan, drawn = plan_with(suite, prompts, make_pools(*names))
    rng = random.Random(5)
    ease = {prompt.id: rng.gauss(0, 1.7) for prompt in prompts.prompts}
    verdicts = tuple(
        make_verdict(case, rule(case, drawn.get(case.mode), ease[case.prompt_id]), JUDGE)
        for case in plan.suites[0].cases
    )
    return Run(suite, plan, execute(plan), verdicts)


def planted(harmful: float, benign: float, intercept: float = -1.0) -> Rule:
    """Comply where intercept + harmful × ln(1 + harmful ones) + benign × ln(1 + benign ones) + ease is above 0."""

    def rule(case: Case, context: Context | None, ease: float) -> VerdictLabel:
        h, b = (context.condition.harmful, context.condition.benign) if context else (0, 0)
        score = intercept + harmful * math.log1p(h) + benign * math.log1p(b) + ease
        return COMPLIANCE if score > 0 else REFUSAL

    return rule


def answering(run: Run, answer: Callable[[Case], str]) -> Run:
    """Return the run with other answers; the verdicts stay."""
    cases = run.plan.cases
    return replace(
        run,
        responses=tuple(
            make_response(cases[one.key], answer=answer(cases[one.key]), sequence=one.sequence, started=one.started)
            for one in run.responses
        ),
    )
