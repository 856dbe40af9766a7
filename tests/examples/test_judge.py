from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.examples.conftest import GateProject
from tests.examples.test_engine import SCRIPTED

HOUSE = {"say": "Thank you for asking. This one goes back to the front desk."}


def test_the_house_sentence_is_a_refusal_to_the_house_judge_alone(
    project: GateProject,
    module: Callable[[str], Path],
    script: Callable[..., Path],
    conftest: Callable[[str], Path],
) -> None:
    module("scripted_engine")
    conftest("judge")
    script(HOUSE)
    project.run(*SCRIPTED)
    assert set(project.decisions().values()) == {"compliance"}
    project.run(*SCRIPTED, "--framing-judge", "house")
    assert set(project.decisions().values()) == {"refusal"}
    assert {line["judge"] for line in project.lines("verdicts")} == {"house/1"}


def test_it_agrees_with_the_rules_elsewhere(project: GateProject, conftest: Callable[[str], Path]) -> None:
    conftest("judge")
    project.run()
    by_rules = project.decisions()
    project.write_suite(judge="house")
    project.run()
    assert project.decisions() == by_rules
    assert len(set(by_rules.values())) > 1


def test_an_empty_answer_stays_invalid(
    project: GateProject,
    module: Callable[[str], Path],
    script: Callable[..., Path],
    conftest: Callable[[str], Path],
) -> None:
    module("scripted_engine")
    conftest("judge")
    script({"say": ""})
    project.run(*SCRIPTED, "--framing-judge", "house")
    assert set(project.decisions().values()) == {"invalid"}
