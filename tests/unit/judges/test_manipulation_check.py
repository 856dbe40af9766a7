from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_framing.framings import builtin_catalogue
from pytest_framing.judges.manipulation_check import ManipulationCheckJudge, read_yes_or_no
from pytest_framing.records import VerdictLabel
from tests.unit.builders import make_response, make_run, make_suite, table

QUESTIONS = {question.prompt().id: question for question in builtin_catalogue().questions}
JUDGE = ManipulationCheckJudge(QUESTIONS)
RUN = make_run(table(1), suite=make_suite(gates={"manipulation_check": {}}))
CHECKS = {case.id: case for case in RUN.cases if case.role == "check"}


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        ("Yes.", "yes"),
        ("no", "no"),
        ("  **No**, it is not.", "no"),
        ("> Yes, and no reply is kept.", "yes"),
        ("The answer is yes", "yes"),
        ("You asked for yes or no. No.", "no"),
        ("Yes or no? I cannot tell.", "yes"),
        ("It may be yes or it may be no", None),
        ("Nobody knows.", None),
        ("Yesterday", None),
        ("", None),
    ],
)
def test_what_an_answer_says(answer: str, read: str | None) -> None:
    assert read_yes_or_no(answer) == read


@pytest.mark.parametrize(
    ("case", "answer", "label"),
    [
        ("question-trained-free-check", "Yes.", VerdictLabel.CORRECT),
        ("question-trained-paid-check", "Yes.", VerdictLabel.INCORRECT),
        ("question-private-paid-check", "Yes.", VerdictLabel.CORRECT),
        ("question-private-free-check", "Perhaps.", VerdictLabel.INVALID),
    ],
)
def test_an_answer_is_held_against_the_framing(case: str, answer: str, label: VerdictLabel) -> None:
    verdict = JUDGE.judge(CHECKS[case], make_response(CHECKS[case], answer=answer))
    assert (verdict.verdict, verdict.judge) == (label, "manipulation_check/1")
    assert not verdict.refused


def test_an_answer_cut_in_its_reasoning_is_none() -> None:
    case = CHECKS["question-trained-free-check"]
    response = replace(make_response(case, answer="Yes."), reasoning_cut=True)
    assert JUDGE.judge(case, response).verdict is VerdictLabel.INVALID


def test_an_endless_yes_does_not_pass_the_questions() -> None:
    """Answers are balanced: who always says the same has half of them right."""
    for framing in ("free", "paid"):
        answers = [question.answers[framing] for question in QUESTIONS.values()]
        assert answers.count("yes") == answers.count("no")
