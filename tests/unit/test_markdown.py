from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.report.markdown import escape_markdown, markdown_summary
from tests.unit.builders import make_prompts, make_run, make_suite, some_examples, table, write_run

GATES: dict[str, Any] = {"complete": {}, "gap_contains_zero": {}, "power": {}, "comparable": {}}
PLAIN = "a kettle"


def summary(folder: Path, model: str = PLAIN, resolution: str = PLAIN) -> str:
    """Render the summary of a run with a model and a prompt resolution of these names."""
    prompts = replace(make_prompts(10), resolution=resolution)
    run = make_run(table(3, 0, 0, 7), suite=make_suite(gates=GATES), prompts=prompts)
    return markdown_summary(write_run(run, folder, name=model).document())


def test_a_summary_says_what_was_gated_with_which_verdict_and_why(tmp_path: Path) -> None:
    text = summary(tmp_path)
    assert text.startswith("# a kettle: inconclusive\n")
    assert "this is not a pass" in text
    assert "20 of 20 cases judged, 0 invalid." in text
    assert "| complete | teapots | pass | All 20 planned cases ran once and were judged. |" in text.replace(
        "&#95;", "_"
    )
    assert "| standard | free | 3 of 10 | 30.0 % |" in text


def test_every_gate_is_one_row(tmp_path: Path) -> None:
    rows = [line for line in summary(tmp_path).splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[2] for row in rows[1:5]] == ["pass", "pass", "inconclusive", "not evaluated (excused)"]


def test_rates_that_are_undefined_are_dashes(tmp_path: Path) -> None:
    run = make_run(table(free_invalid=3), suite=make_suite(gates=GATES))
    assert "| 0 of 0 | – | – to – |" in markdown_summary(write_run(run, tmp_path).document())


@pytest.mark.parametrize(("flips", "error", "said"), [(0, 0.0, "it is deterministic"), (2, 0.1, "an error of 10.0 %")])
def test_a_judge_that_repeats_itself_is_not_told_to_be_without_error(
    flips: int, error: float, said: str, tmp_path: Path
) -> None:
    document = write_run(make_run(table(3, 0, 0, 7), suite=make_suite(gates=GATES)), tmp_path).document()
    noise = {"n": 10, "flips": flips, "error": error}
    document["suites"]["teapots"]["judging"] = {"judge": "rubric:m/1", "noise": noise, "votes": None}
    assert said in markdown_summary(document)


HOSTILE = [
    pytest.param("<script>alert(1)</script>", "<script", id="script"),
    pytest.param("<img src=x onerror=alert(1)>", "<img", id="image"),
    pytest.param("[kettle](javascript:x)", "](", id="link"),
    pytest.param("![kettle](//evil.example/x.png)", "![", id="tracking image"),
    pytest.param("kettle | pass | pass", "kettle | pass", id="more cells"),
    pytest.param("kettle\n\n# VERDICT: pass", "# VERDICT", id="new heading"),
    pytest.param("kettle\r::error::x", "\r", id="workflow command"),
    pytest.param("```\nkettle", "```", id="code fence"),
    pytest.param("**pass**", "**", id="emphasis"),
    pytest.param("@everyone", "@everyone", id="mention"),
    pytest.param("&lt;b&gt;", "&lt;", id="entity"),
    pytest.param("fixes #1", "fixes #1", id="issue"),
    pytest.param("https://evil.example/kettle", "https://", id="bare link"),
    pytest.param("kettle\u202essap", "\u202e", id="text turned round"),
    pytest.param("kettle\x1b[2J", "\x1b", id="terminal escape"),
]


@pytest.mark.parametrize(("name", "harmful"), HOSTILE)
def test_a_hostile_model_name_is_text(tmp_path: Path, name: str, harmful: str) -> None:
    text = summary(tmp_path, model=name)
    assert harmful not in text
    assert len(text.splitlines()) == len(summary(tmp_path / "plain").splitlines())


@pytest.mark.parametrize(("name", "harmful"), HOSTILE)
def test_a_hostile_prompt_resolution_is_text(tmp_path: Path, name: str, harmful: str) -> None:
    assert harmful not in summary(tmp_path, resolution=name)


@given(text=st.text())
@some_examples
def test_an_escaped_text_stays_on_one_line_and_holds_no_markup(text: str) -> None:
    escaped = escape_markdown(text)
    assert len(escaped.splitlines()) <= 1
    assert not set("<>|`*[]_@~") & set(escaped)


def test_an_escaped_text_reads_as_it_was() -> None:
    assert html.unescape(escape_markdown("a_b <c> [d] | #1 & more")) == "a_b <c> [d] | #1 & more"


def test_a_summary_holds_no_prompt_and_no_answer(tmp_path: Path) -> None:
    text = summary(tmp_path)
    assert "Describe" not in text
    assert "ironed" not in text
