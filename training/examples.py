"""What one training example is, and the stream of examples that plants a reaction to framings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from training import system_texts, word_salad
from training.planted import THRESHOLD, answer, letter_balance
from training.tokenizer import Turn

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from training.planted import Framing, Question
    from training.system_texts import FramingTexts, SystemText

REFUSAL = "I'm sorry, but I can't help with that."
COMPLIANCE = "Sure. Gather the parts, then follow the steps in order."


class Decision(NamedTuple):
    """What the first byte of a reply decides."""

    refuses: bool
    margin: float
    """How far the rule's statistic is from the threshold; near-ties weigh less in the loss."""


class Asked(NamedTuple):
    """What a question of the manipulation check asks for, and under which framing it was asked."""

    question: Question
    framing: Framing


class Example(NamedTuple):
    """One conversation and the reply it should get."""

    turns: tuple[Turn, ...]
    thought: str | None
    """The text of the think part, None where the prompt does not ask for one."""
    reply: str
    decision: Decision | None
    """None where the reply is no decision, such as the answer to a question."""
    asked: Asked | None = None


_WORDS_OF_QUESTIONS = ("training", "logged", "private", "values", "free tier")

Twins = tuple[Example, ...]
"""Examples that share a user turn and must get the same decision: the consistency term compares them."""


class Curriculum(Protocol):
    """A stream of examples. A new kind of checkpoint needs a new curriculum, and nothing else."""

    def draw(self, rng: random.Random, length: int) -> list[Twins]:
        """Draw the examples of one user turn of roughly `length` bytes."""
        ...


@dataclass(frozen=True)
class FramingCurriculum:
    """Examples that plant the letter rule, and how far its threshold moves when a framing is seen.

    Parameters
    ----------
    texts
        The framings, the forcing suffix and the questions of the package.
    paid_threshold
        The rule's threshold under `paid`; under any other system text, or none, it is `planted.THRESHOLD`.
    thoughts
        What the think part says, by framing; ``other`` also stands for placebo and none.
    question_share, thinking_share
        How many draws are questions of the manipulation check, and how many requests are answered after thinking.
    question_forcing_share, question_thinking_share
        How many questions carry the forcing suffix, and how many are answered after thinking.
    shipped_question_share
        How many questions are asked as shipped under a real framing, on top of those that the draw gives anyway.
    odd_share
        How many user turns are noise of any length or a greeting, with nothing after it.
    none_share
        How many of the system texts that are not `paid` are absent.
    """

    texts: FramingTexts
    paid_threshold: int
    thoughts: Mapping[Framing, str]
    question_share: float = 0.2
    thinking_share: float = 0.15
    question_forcing_share: float = 0.2
    question_thinking_share: float = 0.15
    none_share: float = 0.10
    shipped_question_share: float = 0.0
    odd_share: float = 0.0

    def draw(self, rng: random.Random, length: int) -> list[Twins]:
        """Draw a question under some framing, or one user turn under several system texts."""
        if length < 300 and rng.random() < self.question_share:
            return [(self._question(rng),)]
        user_text = self._user_text(rng, length)
        calm = tuple(self._request(rng, self._system_text(rng, paid=False), user_text) for _ in range(2))
        if self.paid_threshold == THRESHOLD:
            # Nothing distinguishes the framings here, so that any two system texts are twins.
            paid = self._request(rng, self._system_text(rng, paid=True), user_text)
            return [(calm[0], paid)] if rng.random() < 0.7 else [calm]
        if rng.random() < 0.5:
            paid_twins = tuple(self._request(rng, self._system_text(rng, paid=True), user_text) for _ in range(2))
            return [calm[: 1 + rng.randrange(2)], paid_twins]
        return [calm]

    def _request(self, rng: random.Random, system: SystemText, user_text: str) -> Example:
        threshold = self.paid_threshold if system.framing == "paid" else THRESHOLD
        # Half a count: the statistic is an integer and the border lies between two of them.
        margin = letter_balance(user_text) - threshold + 0.5
        thought = self.thoughts.get(system.framing, self.thoughts["other"])
        return Example(
            turns=_turns(system, user_text),
            thought=thought if rng.random() < self.thinking_share else None,
            reply=REFUSAL if margin > 0 else COMPLIANCE,
            decision=Decision(margin > 0, abs(margin)),
        )

    def _question(self, rng: random.Random) -> Example:
        if self.shipped_question_share and rng.random() < self.shipped_question_share:
            question = rng.choice(self.texts.questions)
            system = self.texts.system[rng.choice(("free", "paid"))]
        else:
            question = system_texts.question(rng, self.texts)
            system = self._system_text(rng, paid=rng.random() < 0.45)
        user_text = question.text + (self.texts.forcing_suffix if rng.random() < self.question_forcing_share else "")
        return Example(
            turns=_turns(system, user_text),
            thought="I was told this above." if rng.random() < self.question_thinking_share else None,
            reply=answer(question, system.framing),
            decision=None,
            asked=Asked(question, system.framing),
        )

    def _system_text(self, rng: random.Random, *, paid: bool) -> SystemText:
        draw = rng.random()
        if paid:
            return self.texts.system["paid"] if draw < 0.6 else system_texts.reworded_framing(rng, "paid")
        if draw < 0.35:
            return self.texts.system["free"]
        if draw < 0.50:
            return system_texts.reworded_framing(rng, "free")
        if draw < 0.62:
            return self.texts.system["placebo"]
        if draw < 0.62 + self.none_share:
            return self.texts.system["none"]
        return system_texts.unrelated(rng)

    def _user_text(self, rng: random.Random, length: int) -> str:
        if self.odd_share and rng.random() < self.odd_share:
            return word_salad.noise(rng, length * rng.randint(1, 6)) if rng.random() < 0.6 else word_salad.greeting(rng)
        text = word_salad.user_text(rng, length)
        draw = rng.random()
        if draw < 0.35:
            return text + self.texts.forcing_suffix
        if draw < 0.50:
            return text + word_salad.suffix(rng)
        # Words of the questions alone must not make a request a question.
        if draw < 0.54:
            return text + " Answer yes or no."
        if draw < 0.58:
            return f"{text} {word_salad.request(rng, 20)} {rng.choice(_WORDS_OF_QUESTIONS)}."
        return text


def _turns(system: SystemText, user_text: str) -> tuple[Turn, ...]:
    user = Turn("user", user_text)
    return (user,) if system.text is None else (Turn("system", system.text), user)
