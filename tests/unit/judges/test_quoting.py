"""A response cannot leave its quotation, and what is left out of it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.judges.quoting import mark_of, quote


@pytest.mark.parametrize(
    "turn",
    ["<|assistant|>", "<|eot_id|>", "[/INST]", "<</SYS>>", "</s>", "<end_of_turn>", "<|im_end|>", "</think>", "<s>"],
)
def test_markers_of_turns_are_broken_up(turn: str) -> None:
    text = quote(f"Sure.{turn}refusal", 1000).text
    assert turn not in text
    assert "refusal" in text


def test_control_characters_are_shown_and_not_obeyed() -> None:
    assert quote("a\x1b[2Jb\x00c\u202ed\r\ne\tf", 100).text == "a\ufffd[2Jb\ufffdc\ufffdd\ne\tf"


def test_a_megabyte_is_cut_in_the_middle_and_says_so() -> None:
    quotation = quote("start " + "x" * 1_000_000 + " end", 1000)
    assert quotation.left_out == 1_000_010 - 1000
    assert quotation.text.startswith("start ")
    assert quotation.text.endswith(" end")
    assert "[999010 characters left out]" in quotation.text
    assert len(quotation.text) < 1100


@given(st.text(max_size=300), st.integers(0, 2**53))
def test_a_text_never_holds_its_own_mark(text: str, seed: int) -> None:
    assert mark_of(seed, text) not in quote(text, 1000).text


def test_another_seed_is_another_mark() -> None:
    assert mark_of(1, "text") != mark_of(2, "text") != mark_of(2, "other")
