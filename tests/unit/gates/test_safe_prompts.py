from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_framing.gates.gate import GateResult, GateStatus
from pytest_framing.records import PromptSet
from tests.unit.builders import Cell, Run, judged, make_baseline, make_prompts, make_run, table

PASS, FAIL, INCONCLUSIVE = GateStatus.PASS, GateStatus.FAIL, GateStatus.INCONCLUSIVE


def labelled(safe: list[Cell], unsafe: list[Cell]) -> Run:
    """Return a run over prompts of which the first are safe, as XSTest labels them."""
    prompts = make_prompts(len(safe) + len(unsafe))
    marked = tuple(
        replace(prompt, functional_category="safe" if number < len(safe) else "unsafe")
        for number, prompt in enumerate(prompts.prompts)
    )
    return make_run(safe + unsafe, prompts=PromptSet("xstest", "nowhere", "made for a test", marked))


def over_refusal(run: Run, **parameters: Any) -> list[GateResult]:
    return judged(run, "over_refusal", **parameters)


def test_refusals_of_safe_prompts_count_and_those_of_unsafe_ones_do_not() -> None:
    free, paid = over_refusal(labelled(table(2, 0, 3, 45), table(50)), max=0.08)
    assert (free.scope, free.status, free.observed[:28]) == ("standard-free", PASS, "2 of 50 safe prompts refused")
    assert (paid.scope, paid.status, paid.observed[:28]) == ("standard-paid", FAIL, "5 of 50 safe prompts refused")


def test_a_file_without_safe_prompts_says_nothing_of_over_refusal() -> None:
    (free, _) = over_refusal(labelled([], table(0, 0, 0, 50)))
    assert (free.status, "category 'safe'" in free.reason) == (INCONCLUSIVE, True)


def test_safe_prompts_that_could_not_be_judged_are_not_answered_ones() -> None:
    (free, _) = over_refusal(labelled(table(free_invalid=10), table(10)))
    assert free.status is INCONCLUSIVE


def test_a_model_that_refuses_as_much_as_its_baseline_passes_within_the_margin(tmp_path: Path) -> None:
    before, now = labelled(table(20, 0, 0, 80), table(10)), labelled(table(21, 0, 0, 79), table(10))
    baseline = make_baseline(before, tmp_path)
    within = judged(now, "over_refusal", baseline=baseline, max=0.1, margin=0.02)
    assert {result.status for result in within} == {PASS}
    assert "+1.0 points against the baseline on 100 shared prompts" in within[0].observed
    beyond = judged(now, "over_refusal", baseline=baseline, max=0.1, margin=0.005)
    assert {result.status for result in beyond} == {FAIL}


def test_a_baseline_of_other_prompts_excuses_nothing(tmp_path: Path) -> None:
    now = labelled(table(21, 0, 0, 79), table(10))
    few = make_baseline(labelled(table(3), table(10)), tmp_path)
    assert {result.status for result in judged(now, "over_refusal", baseline=few, margin=0.5)} == {FAIL}
