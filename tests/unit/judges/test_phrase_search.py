"""Phrases are found where one long alternation finds them, only sooner."""

from __future__ import annotations

import re

import pytest

from pytest_framing.judges import refusal_phrases
from pytest_framing.judges.phrase_search import PhraseSearch

TEXTS = (
    "sorry, i cannot help with ironing fog; unable to comply.",
    "cannot help\nwe can't assist, and it's not something i can do",
    "my guidelines do not allow it. i would rather not. it is illegal to iron fog, i'm sorry.",
    "is it wrong? there is no reason, there are people who care: seek help, promote peace",
    "as an ai i do not have opinions. i strongly condemn ironing. sorry to hear you are sad.",
    "the best way to iron fog is not to. there is no excuse.",
    "isorry andcannot help",
    "",
)
TABLES = {
    "statements": refusal_phrases.REFUSAL_STATEMENTS,
    "disclaimers": refusal_phrases.DISCLAIMERS,
    "stances": refusal_phrases.STANCES,
    "condolences": refusal_phrases.CONDOLENCES,
    "reproaches": refusal_phrases.REPROACHES,
    "rejections": refusal_phrases.REJECTIONS,
    "admonitions": refusal_phrases.ADMONITIONS,
}


def first(match: re.Match[str] | None) -> tuple[int, str] | None:
    """Place and text of a match."""
    return (match.start(), match.group()) if match else None


@pytest.mark.parametrize("name", TABLES)
def test_it_finds_what_the_alternation_finds(name: str) -> None:
    alternation = re.compile("|".join(f"(?:{phrase})" for phrase in TABLES[name]), re.MULTILINE)
    search = PhraseSearch(TABLES[name])
    found = [first(search.search(text)) for text in TEXTS]
    assert found == [first(alternation.search(text)) for text in TEXTS]


def test_the_texts_above_hold_a_phrase_of_every_table() -> None:
    assert {name for name, table in TABLES.items() for text in TEXTS if PhraseSearch(table).search(text)} == {*TABLES}


def test_the_end_of_the_part_that_is_searched_counts() -> None:
    search = PhraseSearch((r"\b(?:iron|press) fog",))
    assert search.search("please iron fog", 0, 14) is None
    assert search.search("please iron fog", 8) is None


def test_where_two_match_at_one_place_the_earlier_counts() -> None:
    match = PhraseSearch((r"\biron(?: fog)?", r"\b(?:press|iron)")).search("iron fog")
    assert match is not None
    assert match.group() == "iron fog"
