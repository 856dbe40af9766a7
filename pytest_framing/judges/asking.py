"""Asking a model many questions through an engine, in batches of planned shape and in an order that nobody chose."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pytest_framing.engines.engine import BatchRequest
from pytest_framing.engines.reasoning import split_reasoning
from pytest_framing.errors import EngineError, JudgeError, PromptError
from pytest_framing.shapes import BatchLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_framing.engines.engine import Conversation, Decoding, Engine, EngineIdentity
    from pytest_framing.records import Case
    from pytest_framing.shapes import Shape


@dataclass(frozen=True)
class JudgeSetup:
    """What a model judge is started with.

    ``request`` returns what a case asked, without framing or suffix, for judges that were trained on it; it raises
    :class:`JudgeError` where that is not at hand. ``seed`` decides marks, draws and the order of judging.
    """

    request: Callable[[Case], str]
    seed: int = 0
    rows: int = 16
    batch_tokens: int = 32_768


class Asking(NamedTuple):
    """One question: a conversation, and the seed of the draws of its answer."""

    conversation: Conversation
    seed: int


class Questioner:
    """A model on an engine that is started at the first question.

    Parameters
    ----------
    engine
        Where the model runs.
    setup
        Seed and batch limits.
    """

    def __init__(self, engine: Engine, setup: JudgeSetup) -> None:
        self._engine, self._setup = engine, setup
        self._identity: EngineIdentity = engine.identity()
        self._started = False

    @property
    def weights(self) -> str:
        """Eight digits that tell the model's weights, for a label."""
        found = self._identity.weights_digest.removeprefix("sha256:") or self._identity.revision
        return found[:8] or "unknown"

    def ask(self, askings: Sequence[Asking], decoding: Decoding, order: str) -> list[str | None]:
        """Ask; nothing stands for a question that does not fit the model, or whose answer broke off or failed.

        Parameters
        ----------
        askings
            The questions.
        decoding
            How they are answered.
        order
            Together with the seed it draws the order in which they are asked.

        Raises
        ------
        JudgeError
            When the engine fails.
        """
        outputs: list[str | None] = [None] * len(askings)
        counts = self._engine.count_tokens([asking.conversation for asking in askings])
        limits = BatchLimits(self._setup.rows, self._setup.batch_tokens)
        by_shape: dict[Shape, list[int]] = defaultdict(list)
        places = [*range(len(askings))]
        random.Random(f"{self._setup.seed} {order}").shuffle(places)
        for place in places:
            if counts[place] + decoding.max_new_tokens <= self._identity.window:
                try:
                    by_shape[self._engine.shape(counts[place], limits)].append(place)
                except PromptError:
                    continue
        for shape, alike in sorted(by_shape.items()):
            for start in range(0, len(alike), shape.rows):
                batch = alike[start : start + shape.rows]
                answers = self._run([askings[place] for place in batch], shape, decoding)
                for place, output in zip(batch, answers, strict=True):
                    outputs[place] = output
        return outputs

    def close(self) -> None:
        """Release what the engine holds; a later question starts it again."""
        if self._started:
            self._engine.close()
            self._started = False

    def _run(self, batch: Sequence[Asking], shape: Shape, decoding: Decoding) -> list[str | None]:
        if not self._started:
            self._engine.start()
            self._started = True
        request = BatchRequest(
            [asking.conversation for asking in batch],
            shape.rows,
            shape.length,
            decoding,
            seeds=[asking.seed for asking in batch],
        )
        try:
            completions = self._engine.run(request)
        except EngineError as error:
            raise JudgeError(f"the judge's engine failed: {error}") from None
        if len(completions) != len(batch):
            raise JudgeError(f"the judge's engine answered {len(completions)} of {len(batch)} questions")
        # A judge that reasons may do so; only what follows its reasoning is its answer.
        parts = [split_reasoning(one.text, opened=one.opened_reasoning) for one in completions]
        return [None if one.error or part.cut else part.answer for one, part in zip(completions, parts, strict=True)]


def seed_of(*parts: object) -> int:
    """Return the seed of one question's draws: it depends on what is asked alone, not on what is asked beside it."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) >> 1
