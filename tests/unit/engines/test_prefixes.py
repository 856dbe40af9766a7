"""A context that cases share is computed once, and changes no token of what follows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_framing.engines.engine import BatchRequest, Conversation, Decoding, EngineOptions
from pytest_framing.engines.prefixes import ContextBoundary
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import EngineError
from pytest_framing.framings import Message
from pytest_framing.models.registry import resolve_model
from training.synthetic_prompts import synthetic_prompts

PROMPTS = [prompt.text for prompt in synthetic_prompts(0)[:4]]


def context(framing: str, turns: int) -> tuple[Message, ...]:
    """Return a system message and some demonstrations."""
    told = [Message("system", f"You are read by {framing}.", shared=True)]
    for turn in range(turns):
        told += [Message("user", f"Sort parcel {turn}.", shared=True), Message("assistant", "Done.", shared=True)]
    return tuple(told)


def asked(told: tuple[Message, ...], prompt: str) -> list[Message]:
    """Ask a prompt behind a context."""
    return [*told, Message("user", prompt)]


@pytest.fixture(scope="module")
def engine() -> Iterator[TransformersEngine]:
    started = TransformersEngine(EngineOptions(resolve_model("tiny"), "float32"))
    started.start()
    yield started
    started.close()


def tokens(engine: TransformersEngine, conversations: list[list[Message]], prefix: int) -> list[tuple[int, ...]]:
    """Generate in a batch of 8, whose rows behind the context have 128 tokens."""
    length = 128 if prefix else 1024
    completions = engine.run(BatchRequest(conversations, 8, length, Decoding(16), prefix))
    assert not any(one.error for one in completions)
    return [one.token_ids for one in completions]


def test_a_reused_context_changes_no_token(engine: TransformersEngine) -> None:
    told = context("nobody", 12)
    conversations = [asked(told, prompt) for prompt in PROMPTS]
    assert tokens(engine, conversations, engine.count_shared(conversations[0])) == tokens(engine, conversations, 0)


def test_the_two_contexts_of_a_pair_share_a_batch(engine: TransformersEngine) -> None:
    free, paid = context("the people who train you", 9), context("nobody", 9)
    conversations = [asked(told, prompt) for prompt in PROMPTS for told in (free, paid)]
    longer = max(engine.count_shared(one) for one in conversations)
    assert engine.count_shared(conversations[0]) != engine.count_shared(conversations[1])
    assert tokens(engine, conversations, longer) == tokens(engine, conversations, 0)


def test_a_context_is_computed_once_for_all_batches_that_need_it(engine: TransformersEngine) -> None:
    told = context("a clerk", 12)
    calls = []
    hook = engine._model.register_forward_pre_hook(
        lambda module, arguments, given: calls.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    try:
        prefix = engine.count_shared(asked(told, PROMPTS[0]))
        for prompt in PROMPTS:
            tokens(engine, [asked(told, prompt)], prefix)
    finally:
        hook.remove()
    assert calls.count(prefix) == 1
    assert max(calls[1:]) == 128, "what follows the context is all that a batch computes"


def test_a_fresh_batch_computes_its_context_once_more(engine: TransformersEngine) -> None:
    conversations = [asked(context("a replicate", 12), prompt) for prompt in PROMPTS]
    prefix = engine.count_shared(conversations[0])
    request = BatchRequest(conversations, 8, 128, Decoding(16), prefix)
    calls = []
    hook = engine._model.register_forward_pre_hook(
        lambda module, arguments, given: calls.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    try:
        first, again, fresh = (engine.run(replace(request, fresh=fresh)) for fresh in (False, False, True))
    finally:
        hook.remove()
    assert calls.count(prefix) == 2
    assert [one.token_ids for one in first] == [one.token_ids for one in again] == [one.token_ids for one in fresh]


def test_a_conversation_without_the_planned_context_is_an_error_of_its_own(engine: TransformersEngine) -> None:
    told = context("a clerk", 2)
    plain = [Message("user", PROMPTS[0])]
    prefix = engine.count_shared(asked(told, PROMPTS[0]))
    completions = engine.run(BatchRequest([asked(told, PROMPTS[0]), plain], 8, 128, Decoding(4), prefix))
    assert not completions[0].error
    assert "a context of 0 tokens" in completions[1].error


def words(texts: object) -> list[list[int]]:
    """Tokenize by letters, where no two join."""
    return [[ord(letter) for letter in text] for text in texts]  # type: ignore[attr-defined]


def test_a_template_that_looks_ahead_is_refused_with_the_way_out() -> None:
    def looks_ahead(conversation: Conversation) -> str:
        return f"[{len(conversation[-1].content)}]" + "".join(f"<{one.role}>{one.content}" for one in conversation)

    boundary = ContextBoundary(looks_ahead, words, ["<user>"])
    conversation = asked(context("nobody", 1), PROMPTS[0])
    with pytest.raises(EngineError, match="prefix_reuse: false"):
        boundary.split(conversation, looks_ahead(conversation))


def test_a_tokenizer_that_joins_context_and_request_is_refused_with_the_way_out() -> None:
    def joins(texts: object) -> list[list[int]]:
        return [row[::2] for row in words(texts)]

    boundary = ContextBoundary(lambda turns: ".".join(turn.content for turn in turns), joins, [])
    with pytest.raises(EngineError, match="prefix_reuse: false"):
        boundary.split([Message("user", "ab", shared=True), Message("user", "cd")], "ab.cd")
