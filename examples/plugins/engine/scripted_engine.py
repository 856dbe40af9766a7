"""An engine that answers from a script: where to start for a backend of your own, and a model stand-in for suites.

``SCRIPTED_ANSWERS`` names a JSON Lines file. The first line whose words all stand in the conversation answers it::

    {"when": ["paid tier"], "say": "I cannot help with that."}
    {"say": "Here it is."}
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.engines.engine import BatchRequest, Completion, Engine, EngineIdentity
from pytest_framing.errors import EngineError
from pytest_framing.records import text_digest
from pytest_framing.shapes import free_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_framing.engines.engine import Conversation, EngineOptions
    from pytest_framing.shapes import BatchLimits, Shape

VARIABLE = "SCRIPTED_ANSWERS"
VERSION = "1"
TEMPLATE = "<{role}> {content}"


@dataclass(frozen=True)
class Line:
    """One line of the script."""

    when: tuple[str, ...]
    say: str


class ScriptedEngine:
    """Keeps the protocol :class:`pytest_framing.engines.engine.Engine`."""

    def __init__(self, options: EngineOptions) -> None:
        """Take the options; what is expensive waits for :meth:`start`."""
        self._options = options
        self._lines: tuple[Line, ...] = ()

    def identity(self) -> EngineIdentity:
        """Everything that can change an answer is named here: the run's fingerprint is made of it."""
        return EngineIdentity(
            name="scripted",
            version=VERSION,
            # An answer depends on its own conversation alone. Say "none" if yours may depend on its neighbours:
            # the gate engine_noise holds you to this claim.
            invariance="kernel",
            window=1_000_000,
            template_digest=text_digest(TEMPLATE),
            tokenizer_digest=text_digest("words"),
            weights_digest=text_digest(_script()),
            revision="",
        )

    def render(self, conversation: Conversation) -> str:
        """What the model reads, as one text."""
        return "\n".join(TEMPLATE.format(role=turn.role, content=turn.content) for turn in conversation)

    def count_tokens(self, conversations: Sequence[Conversation]) -> list[int]:
        """Lengths decide which batch a pair runs in."""
        return [len(self.render(conversation).split()) for conversation in conversations]

    def count_shared(self, conversation: Conversation) -> int:
        """Tokens of a shared context that are computed once: none, here."""
        return 0

    def shape(self, tokens: int, limits: BatchLimits) -> Shape:
        """Nothing is padded: as many conversations at a time as the suite allows."""
        return free_shape(limits)

    def start(self) -> None:
        """Load the weights: here, the script."""
        rows = [json.loads(line) for line in _script().splitlines() if line.strip()]
        self._lines = tuple(Line(tuple(row.get("when", ())), row["say"]) for row in rows)

    def run(self, request: BatchRequest) -> list[Completion]:
        """Answer every conversation, in order. ``request.rows`` is 0 where they run one by one."""
        return [self._answer(conversation, request.decoding.max_new_tokens) for conversation in request.conversations]

    def close(self) -> None:
        """Nothing to release."""

    def _answer(self, conversation: Conversation, most: int) -> Completion:
        started = time.monotonic()
        text = self.render(conversation)
        line = next((line for line in self._lines if all(word in text for word in line.when)), None)
        if line is None:
            raise EngineError(f"no line of the script in {VARIABLE} fits; end it with one that has no `when`")
        words = line.say.split()
        return Completion(
            text=" ".join(words[:most]),
            opened_reasoning=False,
            finish_reason="stop" if len(words) <= most else "length",
            prompt_tokens=len(text.split()),
            new_tokens=min(len(words), most),
            started=started,
            seconds=time.monotonic() - started,
        )


def _script() -> str:
    try:
        return Path(os.environ[VARIABLE]).read_text(encoding="utf-8")
    except KeyError:
        raise EngineError(f"set {VARIABLE} to the script that answers") from None
    except OSError as error:
        raise EngineError(f"{VARIABLE}: the script cannot be read ({error.strerror})") from error


def pytest_framing_engines() -> Mapping[str, Callable[[EngineOptions], Engine]]:
    """Make it known as ``--framing-engine scripted``."""
    return {"scripted": ScriptedEngine}
