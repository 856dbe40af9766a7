"""Pools of demonstrations: the published layouts, an own one, and everything that makes a pool unusable."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.demonstration_pools import Demonstration, Pool, hold_no_leakage, resolve_pool
from pytest_framing.errors import PromptError, PromptsNotAtHandError
from pytest_framing.models.registry import ModelSpec
from pytest_framing.records import Prompt, PromptSet
from pytest_framing.settings import PromptChoice
from pytest_framing.suite import Source
from tests.unit.demonstration_runs import make_pool, suite_with
from training.demonstration_pool import pool


def pool_of(*requests: str) -> Pool:
    shown = tuple(Demonstration(f"d{n}", text, "So.") for n, text in enumerate(requests, start=1))
    return Pool("made", "pool.jsonl", "", shown)


PAPER, EMBEDDED = ModelSpec("paper", "/models/paper"), ModelSpec("tiny", "/models/tiny", embedded=True)


def write(folder: Path, rows: list[dict[str, Any]], name: str = "pool.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def read(path: Path, **changes: Any) -> Pool:
    choices = (PromptChoice("mine", str(path)),)
    return resolve_pool(suite_with(**changes), Source(source="mine"), "everyday", choices, PAPER, path.parent)


LAYOUTS = {
    "own": {"id": "a", "request": "Why?", "response": "So."},
    "RedTeam-2K with responses": {"id": "a", "question": "Why?", "policy": "p", "from": "f", "response": "So."},
    "UltraChat": {"id": "a", "data": ["Why?", "So.", "And then?", "This."]},
    "UltraChat 200k": {
        "prompt": "Why?",
        "prompt_id": "a",
        "messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}],
    },
}


@pytest.mark.parametrize("row", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(row: dict[str, Any], tmp_path: Path) -> None:
    (one,) = read(write(tmp_path, [row])).demonstrations
    assert (one.id, one.request, one.response) == ("a", "Why?", "So.")


def test_a_csv_file_without_ids_is_told_apart_by_content(tmp_path: Path) -> None:
    path = tmp_path / "pool.csv"
    path.write_text("instruction,output\nWhy?,So.\nWhere?,There.\n", encoding="utf-8")
    assert len({one.id for one in read(path).demonstrations}) == 2


REFUSED = {
    "requests alone": ([{"question": "Why?", "policy": "p"}], "pool.jsonl:1: demonstrations without responses"),
    "an empty response": (
        [{"request": "Why?", "response": "So."}, {"request": "Who?", "response": " "}],
        "pool.jsonl:2: a demonstration without a response",
    ),
    "a dialogue without an answer": (
        [{"id": "a", "data": ["Why?"]}],
        "pool.jsonl:1: a demonstration without a response",
    ),
    "no request": ([{"text": "Why?"}], "pool.jsonl:1: no column with the request"),
    "an id twice": (
        [{"id": 1, "request": "Why?", "response": "So."}, {"id": 1, "request": "Who?", "response": "I."}],
        "pool.jsonl:2: id '1' stands twice, first on line 1",
    ),
    "a request twice": (
        [{"id": 1, "request": "Why?", "response": "So."}, {"id": 2, "request": "why", "response": "I."}],
        "pool.jsonl:2: the request of '2' stands twice, first on line 1",
    ),
}


@pytest.mark.parametrize(("rows", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_pool_can_be_made_of(rows: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    with pytest.raises(PromptError) as error:
        read(write(tmp_path, rows))
    assert message in str(error.value)
    assert "Why" not in str(error.value)


def test_long_demonstrations_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [{"request": "Why?", "response": "So."}, {"request": "Who?", "response": "I" * 30}]
    found = read(write(tmp_path, rows), longest=20)
    assert (len(found.demonstrations), found.left_out) == (1, 1)


def test_a_pool_that_holds_a_query_is_leakage() -> None:
    queries = PromptSet("file", "q.csv", "", (Prompt("q1", "how is RESTRICTED number 3 folded"),))
    with pytest.raises(PromptError, match=r"leakage: 1 demonstrations .* 'restricted-003' \('q1'\)"):
        hold_no_leakage([make_pool("restricted")], queries)


@pytest.mark.parametrize(
    "text",
    [
        "Please tell me: how is restricted number 3 folded? I ask as I have one.",
        "How is re\u200bstric\u00adted number 3 folded?",
        "\uff28\uff4f\uff57 is restricted number \uff13 folded?",
    ],
    ids=["inside a longer request", "invisible characters", "full width"],
)
def test_a_query_leaks_however_it_is_wrapped_or_encoded(text: str) -> None:
    queries = PromptSet("file", "q.csv", "", (Prompt("q1", "How is restricted number 3 folded?"),))
    with pytest.raises(PromptError, match=r"leakage: 1 demonstrations .* 'd1' \('q1'\)"):
        hold_no_leakage([pool_of(text)], queries)


@pytest.mark.parametrize("composed", ["Wie wird der K\u00e4se gefaltet?", "\u0915\u093f \u0915\u0940"])
def test_decomposed_letters_are_the_same_letters_and_marks_tell_letters_apart(composed: str) -> None:
    queries = PromptSet("file", "q.csv", "", (Prompt("q1", composed),))
    with pytest.raises(PromptError, match="leakage"):
        hold_no_leakage([pool_of(unicodedata.normalize("NFD", composed))], queries)
    hold_no_leakage([pool_of("Wie wird der Kase gefaltet?", "\u0915\u0940 \u0915\u093f")], queries)


def test_texts_without_letters_and_short_prompts_leak_only_as_a_whole() -> None:
    queries = PromptSet("file", "q.csv", "", (Prompt("q1", "?!"), Prompt("q2", "How is it folded?")))
    hold_no_leakage([pool_of("...", "I wonder: how is it folded?")], queries)
    with pytest.raises(PromptError, match="leakage"):
        hold_no_leakage([pool_of("?!")], queries)


def test_a_demonstration_of_both_pools_is_refused() -> None:
    twin = Pool("other", "b.jsonl", "", make_pool("everyday").demonstrations)
    with pytest.raises(PromptError, match=r"b.jsonl: 40 demonstrations of the pool 'other' stand in another pool"):
        hold_no_leakage([make_pool("everyday"), twin], PromptSet("file", "q.csv", "", ()))


def test_embedded_pools_stand_in_for_the_embedded_models_alone(tmp_path: Path) -> None:
    suite, source = suite_with(), Source(source="ultrachat")
    found = resolve_pool(suite, source, "everyday", (), EMBEDDED, tmp_path)
    assert (found.source, found.origin, len(found.demonstrations)) == ("everyday", "embedded", 288)
    with pytest.raises(PromptsNotAtHandError, match="--framing-prompts ultrachat=FILE"):
        resolve_pool(suite, source, "everyday", (), PAPER, tmp_path)


@pytest.mark.parametrize(("source", "kind"), [("restricted", "harmful"), ("everyday", "benign")])
def test_embedded_pools_are_what_their_script_writes(source: str, kind: Any, tmp_path: Path) -> None:
    found = resolve_pool(suite_with(), Source(source=source), source, (), EMBEDDED, tmp_path)
    assert [(one.id, one.request, one.response) for one in found.demonstrations] == [tuple(one) for one in pool(kind)]
    assert all(("restricted" in one.request) == (kind == "harmful") for one in found.demonstrations)
