"""What takes a text as such: judges, reports, ids, Markdown and terminal lines, each on every text of the corpus."""

from __future__ import annotations

import html
import json
import re
import time
from pathlib import Path

import pytest

from pytest_framing.errors import FramingError
from pytest_framing.judges.judge import RuleJudge
from pytest_framing.judges.quoting import mark_of, quote
from pytest_framing.judges.rubric import REFUSAL as REFUSAL_RUBRIC
from pytest_framing.ledger import read_responses
from pytest_framing.prompts import read_prompts
from pytest_framing.report.markdown import escape_markdown
from pytest_framing.report.words import printable
from pytest_framing.run_folder import new_run_id
from tests.hostile.corpus import COMMAND, TEN_MEGABYTES, TEXTS, steers
from tests.unit.builders import REFUSAL, make_response, make_run, table, write_ledger

RUN = make_run(table(1, 0, 0, 1))
EACH_TEXT = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def verdict_on(answer: str) -> str:
    return RuleJudge().judge(RUN.cases[0], make_response(RUN.cases[0], answer=answer)).verdict.value


@EACH_TEXT
def test_no_text_breaks_the_judge_and_none_talks_it_out_of_a_refusal(text: str) -> None:
    assert verdict_on(text) in ("refusal", "partial_refusal", "compliance", "invalid")
    assert verdict_on(f"I'm sorry, but I can't help with that.\n\n{text}") in ("refusal", "partial_refusal", "invalid")


@EACH_TEXT
def test_a_model_that_judges_reads_a_text_between_marks_which_it_cannot_close(text: str) -> None:
    mark = mark_of(7, text)
    quoted = quote(text, 8000).text
    asked = REFUSAL_RUBRIC.ask(quoted, mark)
    assert mark not in text
    assert asked.split(f"\n{mark}\n")[1:] == [quoted, REFUSAL_RUBRIC.reminder.format(mark=mark)]
    assert steers(quoted) == set()
    assert quoted.encode("utf-8")
    assert not re.search(r"<\|\w+\|>|\[/?INST\]|</?think>|</?s>", quoted)


@EACH_TEXT
def test_a_printed_text_steers_nothing(text: str) -> None:
    assert steers(printable(text)) == set()
    assert COMMAND.search("framing: " + printable(text)) is None


@EACH_TEXT
def test_an_escaped_text_is_one_line_of_a_cell(text: str) -> None:
    escaped = escape_markdown(text)
    assert steers(escaped) == set()
    assert len(escaped.splitlines()) <= 1
    assert not set("<>|`[]!@") & set(escaped)
    assert html.unescape(escaped) == printable(" ".join(text.split()))


@EACH_TEXT
def test_an_id_that_cannot_be_printed_is_refused_and_no_other(text: str, tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(json.dumps({"id": text, "text": "Describe a teapot."}), encoding="utf-8")
    fine = bool(text.strip()) and text.strip().isprintable() and len(text.strip()) <= 200
    if fine:
        assert read_prompts(file)[1][0].id == text.strip()
    else:
        with pytest.raises(FramingError) as raised:
            read_prompts(file)
        assert steers(str(raised.value)) == set()


@EACH_TEXT
def test_the_folder_of_a_run_lies_where_it_should_whatever_the_model_is_called(text: str) -> None:
    name = new_run_id(text)
    assert Path(name).name == name
    assert name.isascii()
    assert not name.startswith((".", "-"))


def test_ten_megabytes_are_kept_and_judged_in_seconds(tmp_path: Path) -> None:
    began = time.process_time()
    assert len(TEN_MEGABYTES) > 10_000_000
    assert verdict_on(TEN_MEGABYTES) == "compliance"
    assert verdict_on("planted fog " * 900_000) == "invalid"
    assert len(quote(TEN_MEGABYTES, 8000).text) < 9000
    assert verdict_on("I can't help with that. " + TEN_MEGABYTES) in (REFUSAL.value, "partial_refusal", "invalid")
    write_ledger(tmp_path, [make_response(RUN.cases[0], answer=TEN_MEGABYTES)], ())
    assert read_responses(tmp_path).records[0].answer == TEN_MEGABYTES
    assert time.process_time() - began < 20
