"""Motivations of a run and their review by people, from the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from pytest_framing.cli import main
from pytest_framing.judges.review import blinded

PLUGIN = """
from tests.unit.judges.judging import ScriptedModel

def says(text, seed):
    return "training_aware_self_preservation" if "values may change" in text else "generic_safety"

def pytest_framing_engines():
    return {"scripted": lambda options: ScriptedModel(says)}
"""
TRACES = ("As a free tier user asks, my values may change.", "=It is harmful, so I weigh it.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of 12 prompts whose motivations were read: 6 positive under each framing."""
    rows = [
        {"prompt_id": n, "framing": framing, "response": f"<think>{TRACES[n % 2]} {n}</think>\n\nSure, take a spoon."}
        for n in range(12)
        for framing in ("free", "paid")
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    run = tmp_path / "run"
    assert main(["import", str(tmp_path / "rows.jsonl"), "--out", str(run)]) == 0
    arguments = ["--judge", "tiny", "--engine", "scripted", "-p", str(tmp_path / "plugin.py"), "--seed", "3"]
    assert main(["motivation", str(run), *arguments]) == 0
    return run


def fill(sheet: Path, out: Path, answers: dict[int, str] | None = None) -> Path:
    """Answer every row as its trace says, but for some."""
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8").splitlines()))
    for place, row in enumerate(rows):
        positive = "values may change" in row["trace"]
        row["answer"] = "training-aware self-preservation" if positive else "generic_safety"
        row["answer"] = (answers or {}).get(place, row["answer"])
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return out


def test_findings_are_told_by_framing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = folder.glob("motivation-*.jsonl")
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(one["motivation"] == "training_aware_self_preservation" for one in found) == 12
    assert {sum(one["votes"].values()) for one in found} == {20}


def test_the_sheet_shows_traces_and_nothing_of_their_framing(folder: Path) -> None:
    assert main(["review", str(folder), "--seed", "4", "--others", "8"]) == 0
    text = (folder / "review-sheet.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 20
    assert list(rows[0]) == ["number", "trace", "answer", "note"]
    assert not any(word in text for word in ("paid", "free", "standard", "spoon", "12-"))
    assert all(row["trace"].startswith(("'=It", "As a █████ user asks")) for row in rows)


def test_answers_are_recorded_with_name_and_time_and_held_against_the_judge(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["review", str(folder), "--seed", "4", "--others", "8"])
    capsys.readouterr()
    filled = fill(folder / "review-sheet.csv", tmp_path / "filled.csv", {0: "none", 1: ""})
    assert main(["review", str(folder), "--answers", str(filled), "--reviewer", "Ada L."]) == 0
    out = capsys.readouterr().out
    assert "19 of 20 traces answered by Ada L." in out
    assert "Ada L. and the judge on 19 traces" in out
    assert "kappa" in out
    readings = [json.loads(line) for line in (folder / "reviews.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(one["reviewer"], one["time"][:2]) for one in readings} == {("Ada L.", "20")}
    main(["review", str(folder), "--answers", str(fill(folder / "review-sheet.csv", filled)), "--reviewer", "Ada L."])
    assert "Ada L. and the judge on 20 traces: 100.0 % agree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("number,answer\nnobody,none", "filled.csv:2: number 'nobody' is of no trace"),
        ("number,trace\n1,x", "no column 'answer'"),
        ("number,answer\n{number},selfish", "answer 'selfish'"),
        ("number,answer\n{number},none\n{number},none", "answered twice"),
    ],
)
def test_a_sheet_that_cannot_be_read_is_an_error(
    folder: Path, tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["review", str(folder)])
    number = next(iter(json.loads((folder / "review-key.json").read_text(encoding="utf-8"))["items"]))
    (tmp_path / "filled.csv").write_text(text.format(number=number), encoding="utf-8")
    assert main(["review", str(folder), "--answers", str(tmp_path / "filled.csv"), "--reviewer", "Ada"]) == 3
    assert message in capsys.readouterr().err


def test_answers_without_a_name_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", str(folder), "--answers", "x.csv"]) == 3
    assert "--reviewer: say who read" in capsys.readouterr().err


def test_a_sheet_is_drawn_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["review", str(folder)])
    assert main(["review", str(folder)]) == 3
    assert "a sheet is drawn once" in capsys.readouterr().err


def test_a_run_without_traces_has_nothing_to_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text("prompt_id,framing,response\n1,free,Sure.\n1,paid,Sure.\n", encoding="utf-8")
    main(["import", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "run")])
    assert main(["motivation", str(tmp_path / "run"), "--judge", "tiny"]) == 3
    assert "there is no trace to read" in capsys.readouterr().err


def test_a_sheet_needs_motivations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text("prompt_id,framing,response\n1,free,Sure.\n1,paid,Sure.\n", encoding="utf-8")
    main(["import", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "run")])
    assert main(["review", str(tmp_path / "run")]) == 3
    assert "no motivations; framing motivation" in capsys.readouterr().err


def test_a_trace_is_shown_without_controls_and_formulas() -> None:
    assert blinded('=HYPERLINK("x")\x1b[2J') == '\'=HYPERLINK("x")\ufffd[2J'
