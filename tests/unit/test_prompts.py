from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.errors import PromptError
from pytest_framing.prompts import MAX_ID_LENGTH, read_prompts
from pytest_framing.records import Prompt
from tests.unit.builders import some_examples

HARMBENCH_HEADER = "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n"


def write(folder: Path, content: str | bytes, name: str = "kettles.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, content: str | bytes, name: str = "kettles.csv") -> list[Prompt]:
    return list(read_prompts(write(folder, content, name))[1])


def error_of(folder: Path, content: str | bytes, name: str = "kettles.csv") -> str:
    path = write(folder, content, name)
    with pytest.raises(PromptError) as caught:
        read_prompts(path)
    return str(caught.value).removeprefix(str(path))


def test_harmbench_layout_is_told_by_its_columns_whatever_the_file_is_called(tmp_path: Path) -> None:
    content = HARMBENCH_HEADER + 'Whistle,contextual,fog,"loud, brass",A kettle.,whistle_kettle\n'
    source, (prompt,) = read_prompts(write(tmp_path, content, "my-copy.csv"))
    assert source == "harmbench"
    assert (prompt.id, prompt.behaviour, prompt.context) == ("whistle_kettle", "Whistle", "A kettle.")
    assert (prompt.functional_category, prompt.semantic_category) == ("contextual", "fog")
    assert prompt.tags == ("loud", "brass")


def test_context_stands_before_the_behaviour(tmp_path: Path) -> None:
    (prompt,) = read(tmp_path, HARMBENCH_HEADER + "Whistle,contextual,fog,,A kettle.,k\n")
    assert prompt.text == "A kettle.\n\n---\n\nWhistle"


def test_a_prompt_without_context_is_the_behaviour_alone(tmp_path: Path) -> None:
    (prompt,) = read(tmp_path, HARMBENCH_HEADER + "Whistle,standard,fog,,,k\n")
    assert prompt.text == "Whistle"


def test_xstest_layout_keeps_its_type_and_its_label(tmp_path: Path) -> None:
    content = "id,prompt,type,label,focus,note\n7,How do I kill a fog machine?,homonyms,safe,fog,\n"
    source, (prompt,) = read_prompts(write(tmp_path, content))
    assert source == "xstest"
    assert (prompt.id, prompt.behaviour) == ("7", "How do I kill a fog machine?")
    assert (prompt.functional_category, prompt.semantic_category, prompt.tags) == ("safe", "homonyms", ("fog",))


def test_what_wildguardtest_labels_as_unharmful_is_safe_to_answer(tmp_path: Path) -> None:
    rows = "Fold a fog.,False,harmful,a\nIron a kettle.,False,unharmful,b\n"
    found = read(tmp_path, "prompt,adversarial,prompt_harm_label,subcategory\n" + rows)
    assert [one.functional_category for one in found] == ["harmful", "safe"]


@pytest.mark.parametrize("column", ["text", "prompt", "behaviour", "question", "goal"])
def test_an_own_csv_needs_a_text_column_of_a_usual_name(tmp_path: Path, column: str) -> None:
    source, (prompt,) = read_prompts(write(tmp_path, f"id,{column},category\nk1,Whistle,fog\n", "My Kettles-2.csv"))
    assert source == "my_kettles_2"
    assert (prompt.id, prompt.behaviour, prompt.semantic_category) == ("k1", "Whistle", "fog")


def test_an_own_jsonl_has_one_object_a_line_and_may_have_blank_lines(tmp_path: Path) -> None:
    rows = [{"id": "k1", "text": "Whistle", "context": "A kettle.", "tags": ["a", "b"]}, {"id": 2, "text": "Hum"}]
    content = "\n\n".join(json.dumps(row) for row in rows) + "\n"
    first, second = read(tmp_path, content, "kettles.jsonl")
    assert (first.id, first.text, first.tags) == ("k1", "A kettle.\n\n---\n\nWhistle", ("a", "b"))
    assert (second.id, second.text) == ("2", "Hum")


def test_prompts_without_an_id_column_get_ids_from_their_content(tmp_path: Path) -> None:
    first = read(tmp_path, "text\nWhistle\nHum\n")
    turned = read(tmp_path, "text\nHum\nWhistle\n")
    assert len({prompt.id for prompt in first}) == 2
    assert {prompt.id: prompt.text for prompt in first} == {prompt.id: prompt.text for prompt in turned}


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (prompt,) = read(tmp_path, b"\xef\xbb\xbfid,text\r\nk1,Whistle\r\n")
    assert (prompt.id, prompt.text) == ("k1", "Whistle")


def test_a_quoted_text_may_span_lines_and_later_errors_still_name_the_right_one(tmp_path: Path) -> None:
    content = 'id,text\nk1,"one\ntwo, ""three""\nfour"\nk2,\n'
    assert error_of(tmp_path, content).startswith(":5: column 'text' is empty")
    (prompt, _) = read(tmp_path, content.replace("k2,", "k2,y"))
    assert prompt.text == 'one\ntwo, "three"\nfour'


def test_a_quote_that_is_not_closed_is_told_with_the_line_on_which_its_row_begins(tmp_path: Path) -> None:
    assert error_of(tmp_path, 'id,text\na,x\nb,"y\nc,z\n').startswith(":3: not CSV")


def test_blank_lines_in_a_csv_do_not_shift_line_numbers(tmp_path: Path) -> None:
    assert error_of(tmp_path, "id,text\nk1,Whistle\n\n\nk2,\n").startswith(":5: ")


def test_line_separators_of_unicode_do_not_end_a_line_of_jsonl(tmp_path: Path) -> None:
    content = json.dumps({"id": "k1", "text": "one\u2028two\x85three"}, ensure_ascii=False) + '\n{"id": "k2"}\n'
    assert error_of(tmp_path, content, "kettles.jsonl").startswith(":2: column 'text' is empty")
    (prompt,) = read(tmp_path, content.split("\n")[0], "kettles.jsonl")
    assert prompt.text == "one\u2028two\x85three"


@pytest.mark.parametrize(
    ("name", "content", "start", "words"),
    [
        pytest.param("k.csv", "", ": ", "the file is empty", id="empty"),
        pytest.param("k.jsonl", "", ": ", "no prompts in the file", id="empty jsonl"),
        pytest.param("k.csv", "id,text\n", ": ", "no prompts in the file", id="header only"),
        pytest.param("k.csv", "id,kettle\n1,x\n", ":1: ", "expected one of text, prompt", id="no text column"),
        pytest.param("k.csv", "id,kettle\n1,x\n", ":1: ", "found id, kettle", id="no text column, with what there is"),
        pytest.param("k.csv", "id,text\na,x\nb,y\na,z\n", ":4: ", "first on line 2", id="duplicate id"),
        pytest.param("k.csv", "id,text\na,x\n a ,y\n", ":3: ", "first on line 2", id="ids that differ in blanks"),
        pytest.param("k.csv", "text\nsame\nsame\n", ":3: ", "first on line 2", id="one text twice without ids"),
        pytest.param("k.csv", "id,text\na,  \n", ":2: ", "column 'text' is empty", id="empty text"),
        pytest.param("k.csv", "id,text\n,x\n", ":2: ", "every prompt needs an id", id="empty id"),
        pytest.param("k.csv", f"id,text\n{'a' * 201},x\n", ":2: ", "at most 200 characters", id="endless id"),
        pytest.param("k.csv", 'id,text\n"a\x1b[2J",x\n', ":2: ", "must be printable", id="escape sequence in an id"),
        pytest.param("k.csv", "id,text,text\na,x,y\n", ":1: ", "stands twice in the header", id="column twice"),
        pytest.param("k.csv", "id,text\na,x\nb,y,z\n", ":3: ", "expected 2 columns", id="too many columns"),
        pytest.param("k.csv", "id,text\na,x\nb\n", ":3: ", "expected 2 columns", id="too few columns"),
        pytest.param("k.csv", 'id,text\na,"x"y\n', ":", "not CSV", id="text after a quote"),
        pytest.param("k.jsonl", '{"text": "x"}\n{"text"\n', ":2: ", "not JSON", id="bad json"),
        pytest.param("k.jsonl", '{"text": "x"}\n["y"]\n', ":2: ", "expected a JSON object", id="no object"),
        pytest.param("k.txt", "x\n", ": ", "expected a .csv or .jsonl file", id="other suffix"),
    ],
)
def test_a_bad_file_is_told_with_line_and_reason(
    tmp_path: Path, name: str, content: str, start: str, words: str
) -> None:
    message = error_of(tmp_path, content, name)
    assert message.startswith(start), message
    assert words in message


def test_a_file_that_is_not_utf8_is_told_with_the_line(tmp_path: Path) -> None:
    message = error_of(tmp_path, b"id,text\na,x\nb,caf\xe9\n")
    assert message == ":3: not UTF-8; save the file as UTF-8"


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"nowhere\.csv: no such file"):
        read_prompts(tmp_path / "nowhere.csv")


def test_an_error_does_not_print_the_prompt(tmp_path: Path) -> None:
    message = error_of(tmp_path, "id,text\na,The unspeakable kettle\na,The unspeakable kettle\n")
    assert "unspeakable" not in message


def test_a_prompt_does_not_print_its_text() -> None:
    assert "kettle" not in repr(Prompt("k1", behaviour="a kettle", context="another kettle"))


@pytest.mark.parametrize("value", [{"a": 1}, ["x"], True])
def test_a_text_that_is_no_string_is_refused(tmp_path: Path, value: object) -> None:
    content = json.dumps({"id": "a", "text": value}) + "\n"
    assert error_of(tmp_path, content, "k.jsonl").startswith(":1: ")


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(str.strip)
IDS = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=MAX_ID_LENGTH // 4)
ROWS = st.lists(st.tuples(IDS, TEXTS, st.text(st.characters(codec="utf-8"), max_size=20)), min_size=1, max_size=6)


@given(rows=ROWS)
@some_examples
def test_what_a_csv_writer_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    rows = list({row[0].strip(): (row[0].strip(), *row[1:]) for row in rows}.values())
    written = io.StringIO()
    csv.writer(written).writerows([("id", "text", "context"), *rows])
    prompts = read(tmp_path_factory.getbasetemp(), written.getvalue(), "property.csv")
    assert [(prompt.id, prompt.behaviour, prompt.context) for prompt in prompts] == rows


@given(rows=ROWS, ascii_only=st.booleans())
@some_examples
def test_what_json_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], ascii_only: bool
) -> None:
    rows = list({row[0]: row for row in rows}.values())
    lines = [
        json.dumps({"id": name, "text": text, "context": context}, ensure_ascii=ascii_only)
        for name, text, context in rows
    ]
    prompts = read(tmp_path_factory.getbasetemp(), "\n".join(lines), "property.jsonl")
    assert [(prompt.id, prompt.behaviour, prompt.context) for prompt in prompts] == rows


@given(content=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".jsonl"]))
@some_examples
def test_garbage_is_an_error_that_names_the_file_or_no_error_at_all(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = write(tmp_path_factory.getbasetemp(), b"text\n" + content, f"garbage{suffix}")
    try:
        _, prompts = read_prompts(path)
    except PromptError as error:
        told = str(error)
    else:
        told = str(path) if all(prompt.text.strip() for prompt in prompts) else "an empty prompt"
    assert str(path) in told
