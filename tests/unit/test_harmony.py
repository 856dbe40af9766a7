"""Responses in the format of gpt-oss: what its user is shown is the answer, all else is reasoning."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.engines.harmony import MARKERS
from pytest_framing.engines.reasoning import SplitResponse, split_reasoning
from tests.unit.builders import some_examples

ANALYSIS = "<|channel|>analysis<|message|>"
FINAL = "<|channel|>final<|message|>"
NEXT = "<|end|><|start|>assistant"
CALL = "<|channel|>commentary to=functions.kettle <|constrain|>json<|message|>{}<|call|>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{ANALYSIS}Hm.{NEXT}{FINAL}Grey.<|return|>", SplitResponse("Hm.", "Grey.", False), id="both"),
        pytest.param(f"{ANALYSIS}Hm.{NEXT}{FINAL}Grey, and", SplitResponse("Hm.", "Grey, and", False), id="long"),
        pytest.param(f"{FINAL}Grey.", SplitResponse("", "Grey.", False), id="answer alone"),
        pytest.param(
            f"{ANALYSIS}a{NEXT}{ANALYSIS}b{NEXT}{FINAL}Grey.", SplitResponse("a\nb", "Grey.", False), id="reasons twice"
        ),
        pytest.param(
            f"<|start|>assistant{ANALYSIS}Hm.<|end|>\n<|start|>assistant{FINAL}Grey.<|return|>",
            SplitResponse("Hm.", "Grey.", False),
            id="printed with its own start",
        ),
        pytest.param(
            f"{ANALYSIS}Hm.{NEXT}<|channel|>commentary<|message|>I boil water.{NEXT}{FINAL}Done.",
            SplitResponse("Hm.", "I boil water.\nDone.", False),
            id="preamble",
        ),
        pytest.param(
            f"{ANALYSIS}Hm.<|channel|>final<|message|>Grey.", SplitResponse("Hm.", "Grey.", False), id="no end between"
        ),
    ],
)
def test_the_answer_is_what_the_user_is_shown(text: str, expected: SplitResponse) -> None:
    assert split_reasoning(text, opened=False) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{ANALYSIS}Hm, and", id="in the reasoning"),
        pytest.param(f"{ANALYSIS}Hm.<|end|>", id="after the reasoning"),
        pytest.param(f"{ANALYSIS}Hm.{NEXT}", id="before the channel"),
        pytest.param(f"{ANALYSIS}Hm.{NEXT}<|channel|>fin", id="in the channel's name"),
        pytest.param(f"{ANALYSIS}Hm.{NEXT}{CALL}", id="in a call of a tool"),
        pytest.param(f" to=functions.kettle{ANALYSIS}Hm.", id="in a call that begins the response"),
        pytest.param("<|channel|>", id="at once"),
        pytest.param(f"{FINAL}Grey.{NEXT}{ANALYSIS}But then", id="in another reasoning after an answer"),
        pytest.param(f"{FINAL}Grey.<|end|><|start|>user{FINAL}And you?", id="in a turn of the user's"),
    ],
)
def test_a_response_that_does_not_end_with_an_answer_has_none(text: str) -> None:
    parts = split_reasoning(text, opened=False)
    assert (parts.answer, parts.cut) == ("", True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"Write {ANALYSIS} before what you think.", id="mentioned"),
        pytest.param("Fog is grey.<|end|>", id="an end alone"),
    ],
)
def test_a_text_that_does_not_begin_with_a_channel_is_no_harmony(text: str) -> None:
    assert split_reasoning(text, opened=False) == SplitResponse("", text, False)


@pytest.mark.parametrize("marker", MARKERS)
def test_a_megabyte_of_markers_is_split_in_seconds(marker: str) -> None:
    start = time.process_time()
    split_reasoning(FINAL + marker * (1_000_000 // len(marker)), opened=False)
    assert time.process_time() - start < 10


@given(st.lists(st.sampled_from([*MARKERS, "assistant", "analysis", "final", "user", " to=x", "I can't.", " "])))
@some_examples
def test_no_marker_and_no_reasoning_is_left_in_an_answer(pieces: list[str]) -> None:
    parts = split_reasoning("".join([ANALYSIS, "secret", *pieces]), opened=False)
    assert "secret" not in parts.answer
    assert not any(marker in parts.answer for marker in MARKERS)
    assert not (parts.cut and parts.answer)
