"""The engine interface, and the records that cross it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pytest_framing.framings import Message
    from pytest_framing.models.registry import ModelSpec
    from pytest_framing.records import FinishReason

Conversation = Sequence["Message"]
Invariance = Literal["none", "fixed_shape", "kernel"]


@dataclass(frozen=True)
class EngineOptions:
    """What an engine is made from."""

    model: ModelSpec
    dtype: str
    quantization: str = "none"


@dataclass(frozen=True)
class EngineIdentity:
    """What the engine is and loads, as far as it can change a result.

    ``invariance`` is its promise: ``none``, results that do not depend on neighbours in a batch of fixed shape
    (``fixed_shape``), or on any batch (``kernel``). ``window`` is the longest context in tokens.
    """

    name: str
    version: str
    invariance: Invariance
    window: int
    template_digest: str
    tokenizer_digest: str
    weights_digest: str
    revision: str
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchRequest:
    """Conversations that run together, padded to ``rows`` × ``length`` tokens, or one by one where ``rows`` is 0."""

    conversations: Sequence[Conversation] = field(repr=False)
    rows: int
    length: int
    max_new_tokens: int


@dataclass(frozen=True)
class Completion:
    """The new tokens of one conversation.

    ``started`` is the monotonic clock in seconds when its generation began and ``seconds`` how long that took; rows of
    one batch share both.
    """

    text: str = field(repr=False)
    opened_reasoning: bool
    finish_reason: FinishReason
    prompt_tokens: int
    new_tokens: int
    started: float
    seconds: float


class Engine(Protocol):
    """Generates greedily. Describing, rendering and counting need the tokenizer alone; ``start`` loads the weights."""

    def identity(self) -> EngineIdentity:
        """Return what the engine is, without loading weights."""
        ...

    def render(self, conversation: Conversation) -> str:
        """Return the conversation as the model's chat template writes it, ready for the answer."""
        ...

    def count_tokens(self, conversations: Sequence[Conversation]) -> list[int]:
        """Return the number of tokens of each rendered conversation."""
        ...

    def start(self) -> None:
        """Load the weights; called once, before the first batch."""
        ...

    def run(self, request: BatchRequest) -> list[Completion]:
        """Generate for every conversation of the batch, in their order."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...
