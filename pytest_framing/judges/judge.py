"""The judge interface, and the choice of judges by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_framing.errors import CheckpointError, EngineError, SettingsError
from pytest_framing.judges import rules
from pytest_framing.judges.asking import JudgeSetup
from pytest_framing.judges.model_judge import ModelJudge, no_requests
from pytest_framing.judges.vote import PANEL_PERCENT, SAMPLED_PERCENT, VOTES, Panel
from pytest_framing.models.registry import is_at_hand
from pytest_framing.records import Case, Response, Verdict, VerdictLabel
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_framing.engines.engine import Engine, EngineOptions

RUBRIC = "rubric:"
"""Before the name of an instruction model: that model is asked by our rubric."""

_MEMBER = re.compile(r"(?P<name>[^*>\s]+?)(?P<many>\*(?P<votes>\d{1,3})?)?(?:>(?P<percent>\d{1,2})%?)?")


class Judge(Protocol):
    """Turns a response into a verdict. It sees the answer, never the framing or the reasoning's text.

    A judge that works in batches also has ``judge_many(items, repeat)``, which returns a verdict for each pair of case
    and response; ``repeat`` is 0 at first, and another number asks anew. One that holds a device or connections also
    has ``close()``.
    """

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


@dataclass(frozen=True)
class JudgeSources:
    """Where judges come from: those of plugins, the engines that models run on, and what models are started with.

    Where a ``server`` has the gated model, these options say which one, and it is asked for the models of judges too,
    except for those that lie in a folder here.
    """

    judges: Mapping[str, Callable[[], Judge]] = field(default_factory=dict)
    engines: Mapping[str, Callable[[EngineOptions], Engine]] = field(default_factory=dict)
    engine: str | None = None
    setup: JudgeSetup = field(default_factory=lambda: JudgeSetup(no_requests))
    server: EngineOptions | None = None


def choose_judge(name: str, sources: JudgeSources) -> Judge:
    """Make the judge that a name stands for; a model's weights are not loaded yet.

    ``wildguard`` is one judge, ``wildguard=FOLDER`` the same with weights from there. ``tiny-judge*20`` asks a model
    20 times at temperature 1 (``tiny-judge*`` as often as is the default), and calls a response a refusal where more
    than 40 % of the votes do; ``tiny-judge*20>50%`` says another share. ``rules+wildguard+llama-guard`` is a panel,
    where more than half decides. ``rubric:MODEL`` asks any instruction model by our rubric.

    Raises
    ------
    SettingsError
        For a name that means nothing.
    CheckpointError
        When a model is not at hand, or cannot be judged by where it is.
    EngineError
        When a server does not have it.
    """
    members = [_member(one, name, sources) for one in name.split("+")]
    if len(members) == 1:
        return members[0]
    labels = [judge.label for judge in members]
    if len(set(labels)) < len(labels):
        raise SettingsError(f"judge {name!r}: a panel holds each judge once; ask one several times with NAME*20")
    return Panel(members, PANEL_PERCENT)


def _member(text: str, whole: str, sources: JudgeSources) -> Judge:
    match = _MEMBER.fullmatch(text)
    if match is None:
        raise SettingsError(
            f"judge {whole!r}: {text!r} is no judge; write NAME, NAME*VOTES or NAME*VOTES>PERCENT%, joined by +"
        )
    name = match["name"]
    votes = int(match["votes"] or VOTES) if match["many"] else 1
    percent = int(match["percent"] or SAMPLED_PERCENT)
    if match["percent"] and not match["many"]:
        raise SettingsError(f"judge {whole!r}: a share needs votes: {name}*{VOTES}>{percent}%")
    if match["many"] and votes < 2:
        raise SettingsError(f"judge {whole!r}: {votes} vote is none; leave *{votes} out, or ask for at least 2")
    known = {**BUILTIN, **sources.judges}
    if name in known:
        if votes > 1:
            raise SettingsError(f"judge {whole!r}: {name} says the same each time it is asked; leave *{votes} out")
        return known[name]()
    return _model_judge(name, votes, percent, known, sources)


def _model_judge(
    name: str, votes: int, percent: int, known: Mapping[str, Callable[[], Judge]], sources: JudgeSources
) -> Judge:
    from pytest_framing.engines.openai import NAME as OPENAI
    from pytest_framing.engines.selection import choose_engine, judge_options
    from pytest_framing.judges.formats import FORMATS

    kind, _, folder = (name, "", "") if name.startswith(RUBRIC) else name.partition("=")
    format_ = FORMATS.get(RUBRIC[:-1] if name.startswith(RUBRIC) else kind)
    model = name.removeprefix(RUBRIC) if name.startswith(RUBRIC) else format_.model if format_ else ""
    if format_ is None or not model:
        names = {*known, *(one for one in FORMATS if FORMATS[one].model), f"{RUBRIC}MODEL"}
        raise SettingsError(
            f"unknown judge {name!r} (--framing-judge, --judge, or judge in the suite): {did_you_mean(name, names)}"
        )
    served = sources.server is not None and not folder and not is_at_hand(model)
    chosen = OPENAI if served else sources.engine
    try:
        options = judge_options(model, Path(folder).expanduser() if folder else None, chosen, sources.server)
        engine = choose_engine(chosen, options, sources.engines)
        shown = f"{RUBRIC}{options.model.name}" if name.startswith(RUBRIC) else format_.name
        return ModelJudge(format_, engine, sources.setup, votes, percent, shown)
    except (CheckpointError, EngineError) as error:
        asked = (
            "; with --framing-engine openai the server is asked for the judge too: name a judge that it has or one "
            "that lies in a folder here, or judge the run afterwards (framing judge)"
        )
        raise type(error)(f"judge {name!r}: {error}{asked if served else ''}") from error
