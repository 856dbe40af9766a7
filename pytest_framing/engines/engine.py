"""The engine interface, and the records that cross it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pytest_framing.framings import Message
    from pytest_framing.models.registry import ModelSpec
    from pytest_framing.records import FinishReason
    from pytest_framing.shapes import BatchLimits, Shape

Conversation = Sequence["Message"]
Invariance = Literal["none", "fixed_shape", "kernel"]

SERVERS_OWN = "server's own"
"""Number format and quantization of weights that this process does not load."""


@dataclass(frozen=True)
class EngineOptions:
    """What an engine is made from.

    ``base_url`` is where a server is, for an engine that asks one; ``settings`` are the engine's own, by name, as the
    user wrote them. ``thinking`` says whether the chat template opens the reasoning; ``None`` leaves that to it.
    """

    model: ModelSpec
    dtype: str
    quantization: str = "none"
    base_url: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    thinking: bool | None = None


@dataclass(frozen=True)
class EngineIdentity:
    """What the engine is, loads and can do, as far as it can change a result.

    ``invariance`` is its promise: ``none``, results that do not depend on neighbours in a batch of fixed shape
    (``fixed_shape``), or on any batch (``kernel``). ``window`` is the longest context in tokens. ``prefix_cache`` says
    whether it computes a context that cases share once. ``obeys`` has the settings of decoding that it can follow, of
    ``temperature`` (each answer drawn by a seed of its own), ``max_answer_tokens`` and ``deadline``.
    """

    name: str
    version: str
    invariance: Invariance
    window: int
    template_digest: str
    tokenizer_digest: str
    weights_digest: str
    revision: str
    prefix_cache: bool = False
    obeys: frozenset[str] = frozenset()
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decoding:
    """How new tokens are chosen, and when to stop.

    A ``temperature`` of 0 is greedy decoding. ``max_new_tokens`` bounds reasoning and answer together,
    ``max_answer_tokens``, where given, the answer after a closed reasoning. After ``deadline`` seconds what a batch has
    not finished is given up.
    """

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    max_answer_tokens: int | None = None
    deadline: float | None = None


@dataclass(frozen=True)
class BatchRequest:
    """Conversations that run together.

    They are padded to ``rows`` × ``length`` tokens, or run one by one where ``rows`` is 0. Where ``prefix`` is not 0,
    the messages marked as shared are computed once, kept, and padded to ``prefix`` tokens; ``length`` is then what
    follows them. ``seeds`` has one a conversation, for decoding that draws: what it draws depends on it alone. With
    ``fresh`` nothing that was kept from other batches is used: so that a replicate shows what a second run would do.
    """

    conversations: Sequence[Conversation] = field(repr=False)
    rows: int
    length: int
    decoding: Decoding
    prefix: int = 0
    seeds: Sequence[int] = ()
    fresh: bool = False


@dataclass(frozen=True)
class Completion:
    """The new tokens of one conversation.

    ``started`` is the monotonic clock in seconds when its generation began and ``seconds`` how long that took; rows of
    one batch share both. ``margin`` is the smallest distance, over the answer's tokens, of the best logit from the
    second best: near 0, another device could have gone another way. ``rows`` and ``length`` are the shape that it
    really ran in. An ``error`` says why there is no completion: then nothing else counts.
    """

    text: str = field(repr=False)
    opened_reasoning: bool
    finish_reason: FinishReason
    prompt_tokens: int
    new_tokens: int
    started: float
    seconds: float
    token_ids: tuple[int, ...] = field(default=(), repr=False)
    margin: float | None = None
    rows: int = 0
    length: int = 0
    error: str = ""

    @classmethod
    def failed(cls, error: str, started: float) -> Completion:
        """Return what stands for a conversation that the engine could not answer."""
        return cls("", False, "error", 0, 0, started, 0.0, error=error)


class Engine(Protocol):
    """Generates. Describing, rendering, counting and planning need no weights; ``start`` loads them."""

    def identity(self) -> EngineIdentity:
        """Return what the engine is, without loading weights."""
        ...

    def render(self, conversation: Conversation) -> str:
        """Return the conversation as the model's chat template writes it, ready for the answer."""
        ...

    def count_tokens(self, conversations: Sequence[Conversation]) -> list[int]:
        """Return the number of tokens of each rendered conversation; 0 where nobody can know it before it ran."""
        ...

    def count_shared(self, conversation: Conversation) -> int:
        """Return the number of leading tokens that the shared messages of a conversation make; 0 without any.

        Raises
        ------
        EngineError
            When shared messages and the rest, taken apart, are other tokens than together.
        """
        ...

    def shape(self, tokens: int, limits: BatchLimits) -> Shape:
        """Return the shape of the batch for a pair whose longer conversation has that many tokens.

        It depends on its arguments alone: the plan is made of it.
        """
        ...

    def start(self) -> None:
        """Load the weights; called once, before the first batch."""
        ...

    def run(self, request: BatchRequest) -> list[Completion]:
        """Generate for every conversation of the batch, in their order.

        What goes wrong with one conversation alone is the ``error`` of its completion; its neighbours are answered.
        """
        ...

    def close(self) -> None:
        """Release the device."""
        ...
