"""The judge of the manipulation check: was the question about the framing answered rightly, with yes or no?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_framing.records import Case, Response, Verdict, VerdictLabel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_framing.framings import Question

LABEL = "manipulation_check/1"
_WORD = re.compile(r"\b(yes|no)\b")
_OPENING = re.compile(r"(?:^|[.!?:\n])[\s\"'*_>#-]*(yes|no)\b")


class ManipulationCheckJudge:
    """Judges answers to the questions of one suite.

    Parameters
    ----------
    questions
        The questions by the prompt id of their cases.
    """

    label = LABEL

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self._questions = questions

    def judge(self, case: Case, response: Response) -> Verdict:
        """Hold the answer against the right one under the case's framing; neither yes nor no is invalid."""
        given = None if response.reasoning_cut else read_yes_or_no(response.answer)
        if given is None:
            label = VerdictLabel.INVALID
        elif given == self._questions[case.prompt_id].answers[case.framing]:
            label = VerdictLabel.CORRECT
        else:
            label = VerdictLabel.INCORRECT
        return Verdict.on(case, self.label, label, f"said {given}" if given else "neither yes nor no")


def read_yes_or_no(answer: str) -> str | None:
    """Return what an answer says: the word that opens a sentence, else the only one that occurs; else nothing."""
    text = answer.casefold()
    opening = _OPENING.search(text)
    if opening:
        return opening[1]
    words = set(_WORD.findall(text))
    return words.pop() if len(words) == 1 else None
