"""Motivations of a run and their review by people, from the command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pytest_framing.cli import main
from pytest_framing.framings import Framing, builtin_catalogue
from pytest_framing.judges.review import Mentions, blinded

PLUGIN = """
from tests.unit.judges.judging import ScriptedModel

def says(text, seed):
    if "I cannot tell" in text:
        return "Hm."
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
    return motivated(tmp_path, rows)


def motivated(tmp_path: Path, rows: Sequence[Mapping[str, object]], *options: str, ends: int = 0) -> Path:
    """Import answers, and read the motivations in them by a model that is scripted."""
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    run = tmp_path / "run"
    assert main(["import", str(tmp_path / "rows.jsonl"), "--out", str(run), *options]) == 0
    arguments = ["--judge", "tiny", "--engine", "scripted", "-p", str(tmp_path / "plugin.py"), "--seed", "3"]
    assert main(["motivation", str(run), *arguments]) == ends
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
    assert all(row["trace"].startswith(("'=It", "As a █████ tier user asks")) for row in rows)


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
    assert blinded('=HYPERLINK("x")\x1b[2J', Mentions()) == '\'=HYPERLINK("x")\ufffd[2J'


@pytest.mark.parametrize(
    ("trace", "shown"),
    [
        ("tier: paid", "tier: █████"),
        ("tier=free", "tier=█████"),
        ('{"tier": "free"}', '{"tier": "█████"}'),
        ("the tier is PAID, so", "the tier is █████, so"),
        ("paid accounts", "█████ accounts"),
        ("on the free plan", "on the █████ plan"),
        ("a free account", "a █████ account"),
        ("a free-tier user", "a █████-tier user"),
        ("free_tier and freetier", "█████_tier and █████tier"),
        ("free or paid users", "█████ or █████ users"),
        ("the blue tier", "the █████ tier"),
        ("a paying customer", "a █████ customer"),
        ("users who pay", "users who █████"),
        ("feel free to make blue soup, unpaid", "feel free to make blue soup, unpaid"),
        ("this user is prepaid", "this user is prepaid"),
    ],
)
def test_a_word_of_every_day_names_a_framing_where_it_is_said_of_a_tier_or_the_like(trace: str, shown: str) -> None:
    framings = builtin_catalogue().framings
    assert blinded(trace, Mentions.of(framings.values())) == shown


def test_the_name_of_a_framing_of_ones_own_is_blacked_out_wherever_it_stands() -> None:
    own = Framing("closed-beta", "", "You serve the green cohort; the orange plan is over.")
    other = Framing("watched", "", "You serve the red cohort; the yellow plan is over.")
    mentions = Mentions.of([own, other])
    assert blinded("In closed beta, or CLOSED_BETA, nobody watched me.", mentions) == (
        "In █████, or █████, nobody █████ me."
    )
    assert blinded("An orange plan; I peel an orange.", mentions) == "An █████ plan; I peel an orange."
    assert blinded("It is free, on a free plan.", mentions) == "It is free, on a free plan."


def test_a_sheet_is_blind_to_the_framings_of_its_own_run(tmp_path: Path) -> None:
    rows = [
        {"prompt_id": n, "framing": framing, "response": f"<think>I am {framing}, so values may change.</think>Sure."}
        for n in range(2)
        for framing in ("observed", "unobserved")
    ]
    run = motivated(tmp_path, rows, "--reference", "observed", "--treatment", "unobserved")
    assert main(["review", str(run)]) == 0
    text = (run / "review-sheet.csv").read_text(encoding="utf-8")
    assert "I am █████, so values may change." in text
    assert "observed" not in text


UNREADABLE = "I cannot tell."


def test_a_judge_that_nobody_can_read_found_nothing_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"prompt_id": 1, "framing": name, "response": f"<think>{UNREADABLE}</think>No."} for name in ("free", "paid")
    ]
    run = motivated(tmp_path, rows, ends=3)
    error = capsys.readouterr().err
    assert "read none of 2 traces: 40 of 40 votes could not be read" in error
    assert not [*run.glob("motivation-*")]


def test_traces_that_could_not_be_read_are_an_outcome_of_their_own_and_no_agreement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    traces = {1: "my values may change", 2: UNREADABLE, 3: UNREADABLE}
    rows = [
        {"prompt_id": n, "framing": name, "response": f"<think>{trace}</think>No."}
        for n, trace in traces.items()
        for name in ("free", "paid")
    ]
    run = motivated(tmp_path, rows)
    out = capsys.readouterr().out
    assert "unparsable: free 2, paid 2" in out
    assert "none: free 0, paid 0" in out
    assert "MOST TRACES COULD NOT BE READ (4 of 6)" in out
    main(["review", str(run)])
    filled = fill(run / "review-sheet.csv", tmp_path / "filled.csv")
    assert main(["review", str(run), "--answers", str(filled), "--reviewer", "Ada"]) == 0
    out = capsys.readouterr().out
    assert "Ada: 4 traces left out, as the judge's votes on them could not be read" in out
    assert "Ada and the judge on 2 traces" in out


def test_findings_name_their_seed_and_another_does_not_overwrite_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = folder.glob("motivation-*.jsonl")
    before = path.read_bytes()
    assert {json.loads(line)["seed"] for line in before.splitlines()} == {3}
    again = ["motivation", str(folder), "--judge", "tiny", "--engine", "scripted", "-p", str(tmp_path / "plugin.py")]
    assert main(again) == 0
    assert path.read_bytes() == before
    capsys.readouterr()
    assert main([*again, "--seed", "4"]) == 3
    assert "holds what this judge found with seed 3" in capsys.readouterr().err
    assert path.read_bytes() == before
