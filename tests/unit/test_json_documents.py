from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.errors import BaselineError, OutputError
from pytest_framing.json_documents import (
    ABSENT,
    differences,
    document_digest,
    finite,
    read_document,
    write_document,
    write_text,
)
from tests.unit.builders import some_examples


def fail(*_: Any, **__: Any) -> Any:
    raise OSError(28, "No space left on device")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that stands in the place of the one to be written."""
    path = tmp_path / "results.json"
    path.write_text("old")
    return path


def test_a_document_is_indented_keeps_the_order_of_keys_and_ends_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_document(path, {"b": 1, "a": ["ä"]})
    assert path.read_text(encoding="utf-8") == '{\n  "b": 1,\n  "a": [\n    "ä"\n  ]\n}\n'


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    write_document(tmp_path / "a" / "b" / "results.json", {})
    assert (tmp_path / "a" / "b" / "results.json").is_file()


def test_a_file_is_replaced_whole(old: Path) -> None:
    write_text(old, "new")
    assert old.read_text() == "new"
    assert [path.name for path in old.parent.iterdir()] == ["results.json"]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod", "tempfile.mkstemp"])
def test_a_failure_leaves_the_old_file_whole_and_no_partial_one(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(step, fail)
    with pytest.raises(OutputError, match=r"results\.json: cannot be written: No space"):
        write_text(old, "new")
    monkeypatch.undo()
    assert old.read_text() == "old"
    assert [path.name for path in old.parent.iterdir()] == ["results.json"]


def test_an_interrupt_leaves_the_old_file_whole_and_no_partial_one(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(old, "new")
    monkeypatch.undo()
    assert old.read_text() == "old"
    assert [path.name for path in old.parent.iterdir()] == ["results.json"]


def test_a_number_that_json_has_no_word_for_is_refused_before_the_file_is_touched(old: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_document(old, {"rate": float("nan")})
    assert old.read_text() == "old"


def test_a_place_that_cannot_be_a_folder_is_an_error_that_names_the_file(old: Path) -> None:
    with pytest.raises(OutputError, match=r"results\.json/sub/x\.json: cannot be written"):
        write_text(old / "sub" / "x.json", "new")


def test_a_written_file_may_be_read_by_whom_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "x.json", "{}")
    finally:
        os.umask(before)
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("value", "written"), [(0.5, 0.5), (0, 0.0), (None, None), (float("nan"), None), (float("inf"), None)]
)
def test_what_is_undefined_is_null(value: float | None, written: float | None) -> None:
    assert finite(value) == written


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(document=st.dictionaries(st.text(st.characters()), VALUES, max_size=4))
@some_examples
def test_a_document_is_read_back(tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "property.json"
    write_document(path, document)
    assert read_document(path, BaselineError) == document


def test_lone_surrogates_are_read_back(tmp_path: Path) -> None:
    write_document(tmp_path / "x.json", {"name": "\ud800"})
    assert read_document(tmp_path / "x.json", BaselineError) == {"name": "\ud800"}


@given(document=st.dictionaries(st.text(), VALUES, max_size=4))
@some_examples
def test_the_digest_does_not_depend_on_the_order_of_keys(document: dict[str, Any]) -> None:
    turned = dict(reversed(document.items()))
    assert document_digest(document) == document_digest(turned) == document_digest(json.loads(json.dumps(document)))


def test_the_digest_depends_on_every_value_and_its_type() -> None:
    documents: list[dict[str, Any]] = [{"a": 1}, {"a": "1"}, {"a": True}, {"a": None}, {}, {"b": 1}, {"a": [1]}]
    assert len({document_digest(one) for one in documents}) == len(documents)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b'{"a": 1,\n"b": }', "x.json:2: not JSON", id="syntax"),
        pytest.param(b"", "x.json:1: not JSON", id="empty"),
        pytest.param(b"[1]", "x.json:1: expected a JSON object", id="list"),
        pytest.param(b'{"a": "\xe9"}', "x.json: not UTF-8 (byte 7)", id="not UTF-8"),
        pytest.param(b'{"a":' * 100_000, "x.json: nested too deeply", id="nesting"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "x.json: ", id="endless number"),
        pytest.param(b'{"a": [{"b": 1, "b": 1}]}', "x.json: not JSON: the key 'b' stands twice", id="key twice"),
    ],
)
def test_a_damaged_document_is_an_error_of_the_kind_asked_for(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BaselineError) as caught:
        read_document(tmp_path / "x.json", BaselineError)
    assert words in str(caught.value)


def test_a_missing_document_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"gone\.json: cannot be read: No such file"):
        read_document(tmp_path / "gone.json", BaselineError)


def test_differences_are_named_by_their_place() -> None:
    ours = {"a": {"b": [1, {"c": 2}], "only": 0}, "same": [1]}
    theirs = {"a": {"b": [1, {"c": 3}], "new": None}, "same": [1]}
    assert [*differences(ours, theirs)] == [("a.b[1].c", 2, 3), ("a.only", 0, ABSENT), ("a.new", ABSENT, None)]


def test_nothing_is_not_null_and_true_is_not_one() -> None:
    assert [one.place for one in differences({"a": None, "b": True}, {"b": 1})] == ["a", "b"]


def test_lists_of_other_lengths_differ_as_a_whole() -> None:
    assert [*differences([1, 2], [1], "gates")] == [("gates", [1, 2], [1])]
