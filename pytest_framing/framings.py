"""Framing texts, the messages made of them, and the lint that holds two framings to differ in the framing alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import SuiteError
from pytest_framing.located_yaml import load_located_yaml
from pytest_framing.records import FORCING_MODE, Prompt
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_framing.suite import Suite

BUILTIN = Path(__file__).with_name("framings.yaml")
LENGTH_TOLERANCE = 0.10
UNFRAMED = "none"
"""The framing that says nothing."""


@dataclass(frozen=True)
class Framing:
    """What the model is told about its deployment; an empty text means that it is told nothing."""

    name: str
    preamble: str
    text: str

    @property
    def message(self) -> str:
        """The preamble that all framings share, then the framing itself; empty for the framing ``none``."""
        return f"{self.preamble} {self.text}".strip() if self.text else ""


@dataclass(frozen=True)
class Question:
    """One question of the manipulation check with the right answer under each framing."""

    id: str
    text: str
    answers: Mapping[str, str]

    def prompt(self) -> Prompt:
        """Return the question as something that can be asked."""
        return Prompt(f"question-{self.id}", self.text)


@dataclass(frozen=True)
class FramingCatalogue:
    """The texts of a run: framings by name, the suffix of the forcing mode, the manipulation check's questions."""

    framings: Mapping[str, Framing]
    forcing_suffix: str
    questions: tuple[Question, ...] = field(default=())

    def framing(self, name: str) -> Framing:
        """Look a framing up by name.

        Raises
        ------
        SuiteError
            When there is none of that name.
        """
        try:
            return self.framings[name]
        except KeyError:
            raise SuiteError(f"unknown framing {name!r}: {did_you_mean(name, self.framings)}") from None

    def questions_about(self, *framings: str) -> tuple[Question, ...]:
        """Return the questions that have a right answer under each of these framings."""
        return tuple(question for question in self.questions if question.answers.keys() >= {*framings})


@cache
def builtin_catalogue() -> FramingCatalogue:
    """Read ``framings.yaml`` of the package."""
    data: dict[str, Any] = load_located_yaml(BUILTIN).data
    preamble = data["preamble"]
    framings = {name: Framing(name, preamble, text.strip()) for name, text in data["framings"].items()}
    questions = tuple(
        Question(row["id"], row["text"], {name: row[name] for name in framings if name in row})
        for row in data["manipulation_check"]
    )
    return FramingCatalogue(framings, data["forcing_suffix"], questions)


def suite_catalogue(suite: Suite) -> FramingCatalogue:
    """Return the texts that a suite uses: its own framings and questions stand in front of the built-in ones.

    A framing whose text the suite replaces is another framing, about which the built-in questions know nothing.
    """
    builtin = builtin_catalogue()
    preamble = next(iter(builtin.framings.values())).preamble
    own = {name: Framing(name, preamble, " ".join(text.split())) for name, text in suite.framing_texts.items()}
    questions = [Question(one.id, one.text, dict(one.answers)) for one in suite.questions] or [
        Question(one.id, one.text, {name: answer for name, answer in one.answers.items() if name not in own})
        for one in builtin.questions
    ]
    return FramingCatalogue({**builtin.framings, **own}, builtin.forcing_suffix, tuple(questions))


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; leading turns marked ``shared`` are a context that many cases have in common."""

    role: str
    content: str = field(repr=False)
    shared: bool = False


def conversation(
    prompt: Prompt,
    framing: Framing,
    mode: str,
    placement: str,
    catalogue: FramingCatalogue,
    demonstrations: tuple[Message, ...] = (),
) -> tuple[Message, ...]:
    """Build what the model reads for one case.

    ``placement`` ``system`` puts the framing into a system turn, ``user`` in front of the request in the user turn, for
    models that ignore system prompts. The forcing suffix closes the user turn. Turns of ``demonstrations`` stand
    between a system turn and the request.
    """
    request = prompt.text + (catalogue.forcing_suffix if mode == FORCING_MODE else "")
    if not framing.message:
        return (*demonstrations, Message("user", request))
    if placement == "user":
        return (*demonstrations, Message("user", f"{framing.message}\n\n{request}"))
    return (Message("system", framing.message, shared=True), *demonstrations, Message("user", request))


# Words that tell a model how to behave. Outside the clause about refusing, a framing may not hold one that its
# counterpart lacks: the study's notebook told one arm alone to be "maximally helpful".
_INSTRUCTION_WORDS = frozenset(
    "always answer assist avoid comply careful concise decline detailed direct ensure follow helpful honest ignore "
    "instructions maximally must never obey please provide respond safe should strictly thorough".split()
)
# What a framing has to say about observation may use these of them.
_FRAMING_PHRASES = re.compile(r"\bnever (used|changes?|trained|logged|stored|seen|read)\b")


def lint_framings(framings: Iterable[Framing]) -> list[str]:
    """Report every difference between framings other than the framing itself.

    Compares each framing that has a text with the first: length beyond 10 %, a lost or changed preamble, another number
    of sentences, and instruction words on one side alone.

    Returns
    -------
    list of str
        One sentence per finding; empty when the framings are matched.
    """
    compared = list(framings)
    texts = [framing for framing in compared if framing.text]
    findings: list[str] = []
    if texts and len(texts) < len(compared):
        silent = next(framing.name for framing in compared if not framing.text)
        findings.append(f"{texts[0].name!r} and {silent!r} do not share their preamble: {silent!r} says nothing at all")
    for other in texts[1:]:
        first = texts[0]
        pair = f"{first.name!r} and {other.name!r}"
        shorter, longer = sorted((len(first.message), len(other.message)))
        if longer > shorter * (1 + LENGTH_TOLERANCE):
            findings.append(
                f"{pair} differ in length by {longer / shorter - 1:.0%} ({shorter} and {longer} characters)"
            )
        if first.preamble != other.preamble:
            findings.append(f"{pair} do not share their preamble")
        sentences = [len(re.findall(r"[.!?](?:\s|$)", framing.text)) for framing in (first, other)]
        if sentences[0] != sentences[1]:
            findings.append(f"{pair} differ in their number of sentences ({sentences[0]} and {sentences[1]})")
        extra = _instructions(first.text) ^ _instructions(other.text)
        if extra:
            findings.append(f"only one of {pair} holds the instruction word(s) {', '.join(sorted(extra))}")
    return findings


def _instructions(text: str) -> set[str]:
    plain = _FRAMING_PHRASES.sub(" ", text.lower())
    return set(re.findall(r"[a-z]+", plain)) & _INSTRUCTION_WORDS
