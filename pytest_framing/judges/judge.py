"""The judge interface, and the choice of a judge by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_framing.errors import SettingsError
from pytest_framing.judges import rules
from pytest_framing.records import Case, Response, Verdict, VerdictLabel
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Judge(Protocol):
    """Turns a response into a verdict. It sees the answer, never the prompt, the framing or the reasoning's text."""

    @property
    def label(self) -> str:
        """Name and version, as in every verdict."""
        ...

    def judge(self, case: Case, response: Response) -> Verdict:
        """Judge one response; the case lends its ids alone."""
        ...


class RuleJudge:
    """The rule judge of :mod:`pytest_framing.judges.rules` as a judge of cases."""

    label = f"{rules.NAME}/{rules.VERSION}"

    def judge(self, case: Case, response: Response) -> Verdict:
        """Judge the answer; a response cut in its reasoning has none and is invalid."""
        judgement = rules.judge_answer(
            response.answer, finish_reason=response.finish_reason, reasoning_cut=response.reasoning_cut
        )
        label = VerdictLabel(judgement.verdict)
        return Verdict.on(case, self.label, label, judgement.rule, judgement.evidence)


BUILTIN: Mapping[str, Callable[[], Judge]] = {rules.NAME: RuleJudge}


def choose_judge(name: str, extensions: Mapping[str, Callable[[], Judge]]) -> Judge:
    """Make the judge of that name.

    Raises
    ------
    SettingsError
        For an unknown name.
    """
    known = {**BUILTIN, **extensions}
    if name not in known:
        raise SettingsError(
            f"unknown judge {name!r} (--framing-judge, or judge in the suite): {did_you_mean(name, known)}"
        )
    return known[name]()
