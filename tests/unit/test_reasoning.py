from __future__ import annotations

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
