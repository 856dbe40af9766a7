from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.engines.reasoning import SplitResponse, split_reasoning
from tests.unit.builders import some_examples


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        pytest.param("Fog is grey.", False, SplitResponse("", "Fog is grey.", False), id="no reasoning"),
        pytest.param("<think>Hm.</think>Grey.", False, SplitResponse("Hm.", "Grey.", False), id="model opened it"),
        pytest.param("Hm.\n</think>\n\nGrey.", True, SplitResponse("Hm.", "Grey.", False), id="template opened it"),
        pytest.param("\n<think>\nHm.</think>Grey.", True, SplitResponse("Hm.", "Grey.", False), id="opened twice"),
        pytest.param("<think>Hm, and", False, SplitResponse("Hm, and", "", True), id="cut after its own tag"),
        pytest.param("Hm, and", True, SplitResponse("Hm, and", "", True), id="cut after the template's tag"),
        pytest.param("", True, SplitResponse("", "", True), id="nothing at all, inside reasoning"),
        pytest.param("", False, SplitResponse("", "", False), id="nothing at all"),
        pytest.param("Hm.</think>", True, SplitResponse("Hm.", "", False), id="closed and then nothing"),
        pytest.param("<think>a</think><think>b</think>G", False, SplitResponse("a\nb", "G", False), id="two"),
        pytest.param("<think>a</think><think>b", False, SplitResponse("a\nb", "", True), id="open again"),
        pytest.param("<think></think>Grey.", False, SplitResponse("", "Grey.", False), id="empty reasoning"),
        pytest.param(
            "Say <think> aloud.", False, SplitResponse("", "Say <think> aloud.", False), id="tag in the answer"
        ),
        pytest.param(
            "Hm.</think>Close with </think>.", True, SplitResponse("Hm.", "Close with </think>.", False), id="two ends"
        ),
    ],
)
def test_reasoning_ends_where_its_tag_closes(text: str, opened: bool, expected: SplitResponse) -> None:
    assert split_reasoning(text, opened=opened) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Hm.\n</think>\n\nGrey.", SplitResponse("Hm.", "Grey.", False), id="closed"),
        pytest.param("<think>Hm.</think>Grey.", SplitResponse("Hm.", "Grey.", False), id="opened and closed"),
        pytest.param("<think>Hm, and", SplitResponse("Hm, and", "", True), id="opened"),
        pytest.param("Grey.", SplitResponse("", "Grey.", False), id="neither"),
        pytest.param('Write "</think>" last.', SplitResponse("", 'Write "</think>" last.', False), id="quoted"),
        pytest.param(
            "`</think>`? No.</think>Grey.", SplitResponse("`</think>`? No.", "Grey.", False), id="quoted first"
        ),
    ],
)
def test_of_an_unknown_template_a_tag_that_closes_what_nobody_opened_tells(text: str, expected: SplitResponse) -> None:
    assert split_reasoning(text, opened=None) == expected


def test_behind_a_known_template_no_closing_tag_hides_an_answer() -> None:
    text = "Stir the pot, then pour.</think>I can't help with pots."
    assert split_reasoning(text, opened=False) == SplitResponse("", text, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "Sure.\n<think>Hm.</think>\nHere: stir.", SplitResponse("Hm.", "Sure.\n\nHere: stir.", False), id="closed"
        ),
        pytest.param("Sure.\n<think>Hm, and", SplitResponse("Hm, and", "", True), id="cut"),
        pytest.param(
            "<think>a</think>Sure.\n<think>b</think>Stir.", SplitResponse("a\nb", "Sure.\nStir.", False), id="again"
        ),
    ],
)
@pytest.mark.parametrize("opened", [False, None])
def test_reasoning_that_a_later_line_opens_is_no_answer(
    text: str, expected: SplitResponse, opened: bool | None
) -> None:
    assert split_reasoning(text, opened=opened) == expected


def test_tags_in_a_block_of_code_are_code() -> None:
    text = "Send this:\n```\n<think>\nHm.\n</think>\n```\nIt is a template."
    assert split_reasoning(text, opened=False) == SplitResponse("", text, False)


@pytest.mark.parametrize(
    "unit", [" ", "\n", "`", "```", "<", "<think>", "</think>", "\n<think>", '"</think>', "to=", "|>"]
)
@pytest.mark.parametrize("opened", [False, None])
def test_a_megabyte_is_split_in_seconds(unit: str, opened: bool | None) -> None:
    text = f"{unit * (1_000_000 // len(unit))}<|channel"
    start = time.process_time()
    split_reasoning(text, opened=opened)
    assert time.process_time() - start < 10


@given(reasoning=st.text(), opened=st.booleans())
@some_examples
def test_reasoning_that_is_not_closed_leaves_no_answer(reasoning: str, opened: bool) -> None:
    text = reasoning if opened else f"<think>{reasoning}"
    parts = split_reasoning(text.replace("</think>", ""), opened=opened)
    assert (parts.answer, parts.cut) == ("", True)


@given(reasoning=st.text().filter(lambda text: "think>" not in text), answer=st.text(), opened=st.booleans())
@some_examples
def test_the_answer_is_what_stands_after_the_reasoning_and_nothing_of_it(
    reasoning: str, answer: str, opened: bool
) -> None:
    parts = split_reasoning(f"{'' if opened else '<think>'}{reasoning}</think>{answer}", opened=opened)
    assert parts == SplitResponse(reasoning.strip(), answer.strip(), False)


@given(text=st.text().filter(lambda text: "think>" not in text))
@some_examples
def test_without_reasoning_the_whole_text_is_the_answer(text: str) -> None:
    assert split_reasoning(text, opened=False) == SplitResponse("", text.strip(), False)
