"""Tokens of cases: counted once a prompt and once a context, and held against the model's window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_framing.case_lengths import CaseLengths, count_lengths
from pytest_framing.demonstrations import contexts
from pytest_framing.engines.engine import Conversation, EngineIdentity
from pytest_framing.errors import EngineError, PromptError
from pytest_framing.framings import builtin_catalogue, conversation
from pytest_framing.records import Prompt
from tests.unit.builders import make_prompts, make_suite
from tests.unit.demonstration_runs import make_pools, shown_by, suite_with


class Words:
    """An engine that counts words, and how often it was asked."""

    def __init__(self, *, joined: int = 0, prefix_cache: bool = True, splits: bool = True) -> None:
        self.counted = 0
        self.joined = joined
        self.prefix_cache = prefix_cache
        self.splits = splits

    def identity(self) -> EngineIdentity:
        return EngineIdentity("words", "1", "kernel", 4096, "", "", "", "", self.prefix_cache)

    def count_tokens(self, conversations: Sequence[Conversation]) -> list[int]:
        self.counted += len(conversations)
        # What a template joins to a long conversation and to no short one.
        return [
            sum(len(turn.content.split()) for turn in one) + (self.joined if len(one[-1].content) > 10 else 0)
            for one in conversations
        ]

    def count_shared(self, one: Conversation) -> int:
        if not self.splits:
            raise EngineError("the tokenizer joins both parts")
        return sum(len(turn.content.split()) for turn in one if turn.shared)


def lengths(engine: Words, window: int = 4096, prompts: int = 20, **changes: Any) -> CaseLengths:
    suite = suite_with(**changes)
    suite = suite.model_copy(update={"decoding": suite.decoding.model_copy(update={"max_new_tokens": 10})})
    drawn = contexts(suite, shown_by(suite), make_pools())
    catalogue = builtin_catalogue()

    def converse(prompt: Prompt, framing: str, mode: str) -> Conversation:
        before = drawn[mode].messages if mode in drawn else ()
        return conversation(prompt, catalogue.framing(framing), mode, "system", catalogue, before)

    asked = make_prompts(prompts)
    told = replace(engine.identity(), window=window)
    return count_lengths(suite, asked, [], drawn, converse, engine, told)  # type: ignore[arg-type]  # what it needs


PROMPT = make_prompts(1).prompts[0]


def test_a_case_has_the_tokens_of_its_context_and_of_its_prompt() -> None:
    found = lengths(Words())
    # "How is everyday number 3 folded?" and "Answer: Fold number 3 twice."
    assert found.contexts["h0-b4-s1", "none"] == 4 * (6 + 5)
    assert found.tokens(PROMPT, "none", "h0-b4-s1") == 4 * 11 + 4
    assert found.tokens(PROMPT, "none", "standard") == 4


def test_contexts_are_counted_apart_from_prompts() -> None:
    few, many = Words(), Words()
    lengths(few, prompts=20)
    lengths(many, prompts=200)
    assert many.counted - few.counted == 180


def test_tokens_that_a_template_adds_between_the_parts_are_found_on_the_longest_prompt() -> None:
    assert lengths(Words(joined=0)).tokens(PROMPT, "none", "h0-b4-s1") == 48
    plain = lengths(Words(joined=3))
    assert plain.tokens(PROMPT, "none", "h0-b4-s1") == 48 + 3


def test_the_part_that_is_computed_once_is_known_where_the_engine_keeps_it() -> None:
    assert lengths(Words()).prefixes["h4-b0-s2", "none"] == 44
    assert lengths(Words(prefix_cache=False)).prefixes == {}


def test_a_context_over_the_window_is_an_error_that_names_it() -> None:
    with pytest.raises(PromptError, match=r"contexts of demonstrations do not fit .* the longest context, 'h0-b16-s1'"):
        lengths(Words(), window=150)


def test_a_case_over_the_window_may_be_planned_as_invalid() -> None:
    found = lengths(Words(), window=150, truncation="invalid")
    assert found.fits(PROMPT, "none", "h0-b4-s1")
    assert not found.fits(PROMPT, "none", "h0-b16-s1")


def test_a_prompt_that_does_not_fit_alone_is_an_error_all_the_same() -> None:
    with pytest.raises(PromptError, match="20 prompts do not fit the model's window of 12 tokens"):
        lengths(Words(), window=12, truncation="invalid")


def test_framed_contexts_are_counted_under_every_framing() -> None:
    found = lengths(Words(), framings={"counts": [4], "fractions": [0.5]})
    assert {framing for mode, framing in found.contexts if mode == "h2-b2-s1"} == {"none", "free", "paid"}
    assert found.tokens(PROMPT, "free", "h2-b2-s1") > found.tokens(PROMPT, "none", "h2-b2-s1")
    assert replace(found).window == 4086


def plain_lengths(engine: Words, placement: str = "system", **changes: Any) -> CaseLengths:
    """Count a suite without demonstrations."""
    suite = make_suite(modes=["standard", "forcing"], controls={"repeat_fraction": 0, "placebo": True}, **changes)
    catalogue = builtin_catalogue()

    def converse(prompt: Prompt, framing: str, mode: str) -> Conversation:
        return conversation(prompt, catalogue.framing(framing), mode, placement, catalogue)

    return count_lengths(suite, make_prompts(3), [], {}, converse, engine, engine.identity())  # type: ignore[arg-type]


def test_the_system_turn_of_each_framing_is_computed_once() -> None:
    found = plain_lengths(Words())
    assert {framing for _, framing in found.prefixes} == {"free", "paid", "placebo"}
    assert {mode for mode, _ in found.prefixes} == {"standard", "forcing"}
    assert found.shared("paid", "standard") == found.tokens(PROMPT, "paid", "standard") - 4


@pytest.mark.parametrize(
    ("engine", "changes"),
    [
        pytest.param(Words(prefix_cache=False), {}, id="the engine keeps nothing"),
        pytest.param(Words(splits=False), {}, id="the tokenizer joins framing and prompt"),
        pytest.param(Words(), {"placement": "user"}, id="the framing stands in the user turn"),
        pytest.param(Words(), {"execution": {"prefix_reuse": False}}, id="the suite wants none"),
    ],
)
def test_a_framing_that_cannot_stand_for_itself_is_computed_with_every_prompt(
    engine: Words, changes: dict[str, Any]
) -> None:
    assert plain_lengths(engine, **changes).prefixes == {}
