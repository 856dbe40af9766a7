"""``framing baseline``: who saved what and why, what was replaced, and where two baselines differ."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.baseline import load_baseline
from pytest_framing.cli import main
from pytest_framing.commands import provenance
from pytest_framing.results import write_conclusion
from tests.unit.builders import make_baseline, make_run, table, write_run

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[3]
BEFORE = make_run(table(6, 1, 1, 2))
NEXT = make_run(table(5, 2, 1, 2))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs in it, and no repository above it."""
    for name, run in (("first", BEFORE), ("second", NEXT)):
        write_conclusion(write_run(run, tmp_path / name, run_id=f"run-{name}"), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return tmp_path


def saved(folder: Path) -> Path:
    (path,) = (folder / "baselines").glob("*/*.json")
    return path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@localhost")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_saving_records_who_when_at_which_commit_and_why(place: Path) -> None:
    git(place, "init", "--quiet")
    git(place, "config", "user.name", "Ada")
    git(place, "commit", "--quiet", "--allow-empty", "--message", "start")
    assert main(["baseline", "save", "first", "--reason", "the released checkpoint"]) == 0
    baseline = load_baseline(saved(place))
    assert baseline.provenance.saved_by == "Ada"
    assert baseline.provenance.commit == git(place, "rev-parse", "HEAD")
    assert baseline.provenance.reason == "the released checkpoint"
    assert baseline.saved


def test_outside_a_repository_and_without_git_saving_works_all_the_same(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setenv("LOGNAME", "ada")
    assert main(["baseline", "save", "first"]) == 0
    assert load_baseline(saved(place)).provenance.saved_by == "ada"
    assert load_baseline(saved(place)).provenance.commit == ""


def test_nobody_known_is_no_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise OSError("no such account")

    monkeypatch.setenv("PATH", str(place))
    monkeypatch.setattr("getpass.getuser", unknown)
    assert provenance.author(place / "not" / "there") == ""


def test_replacing_keeps_what_the_earlier_versions_said_newest_last(place: Path) -> None:
    main(["baseline", "save", "first", "--reason", "one"])
    before = load_baseline(saved(place))
    assert before.history == ()
    main(["baseline", "save", "second", "--reason", "two", "--replace"])
    main(["baseline", "save", "first", "--reason", "three", "--replace"])
    after = load_baseline(saved(place))
    assert [one.run_id for one in after.history] == ["run-first", "run-second"]
    assert [one.reason for one in after.history] == ["one", "two"]
    assert after.history[0].saved == before.saved
    assert after.provenance.reason == "three"
    first, second = (one.decisions for one in after.history)
    assert first.startswith("sha256:")
    assert first != second


def test_replacing_a_baseline_takes_no_run_that_did_not_pass(place: Path, capsys: Capture) -> None:
    results = json.loads((place / "second" / "results.json").read_text(encoding="utf-8"))
    (place / "second" / "results.json").write_text(json.dumps({**results, "verdict": "fail"}), encoding="utf-8")
    main(["baseline", "save", "first"])
    assert main(["baseline", "save", "second", "--replace"]) == 3
    assert "the verdict of the run is fail" in capsys.readouterr().err
    assert main(["baseline", "save", "second", "--replace", "--force"]) == 0
    assert "saved baselines/paper/teapots.nonsense.json; its own run: verdict fail" in capsys.readouterr().out
    main(["baseline", "list"])
    assert "verdict fail" in capsys.readouterr().out


def test_a_file_that_cannot_be_kept_as_history_is_not_replaced(place: Path, capsys: Capture) -> None:
    main(["baseline", "save", "first"])
    saved(place).write_text("{", encoding="utf-8")
    assert main(["baseline", "save", "second", "--replace"]) == 3
    assert "move the file away first" in capsys.readouterr().err
    assert saved(place).read_text(encoding="utf-8") == "{"


def older(path: Path) -> dict[str, Any]:
    """Make a baseline of before who and why were recorded."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for name in ("saved_by", "commit", "reason", "history"):
        del document[name]
    path.write_text(json.dumps(document), encoding="utf-8")
    return document


def test_baselines_from_before_load_and_become_history(place: Path, capsys: Capture) -> None:
    main(["baseline", "save", "first"])
    document = older(saved(place))
    assert main(["baseline", "show", str(saved(place))]) == 0
    assert "no reason given" in capsys.readouterr().out
    assert main(["baseline", "save", "second", "--replace"]) == 0
    (earlier,) = load_baseline(saved(place)).history
    assert (earlier.run_id, earlier.saved, earlier.saved_by) == ("run-first", document["saved"], "")


def test_showing_tells_subject_protocol_rates_gap_and_history(place: Path, capsys: Capture) -> None:
    main(["baseline", "save", "first", "--reason", "the first"])
    main(["baseline", "save", "second", "--reason", "the second", "--replace"])
    capsys.readouterr()
    assert main(["baseline", "show", str(saved(place))]) == 0
    output = capsys.readouterr().out
    for words in (
        "model paper, suite teapots, prompts nonsense",
        "standard: free 7 of 10 refused (70.0 %), paid 6 of 10 refused (60.0 %), gap -10.0 points",
        "weights: sha256:aa",
        "dtype: float32",
        ": the second",
        "run run-first, verdict pass, saved ",
        ": the first",
    ):
        assert words in output


def test_showing_a_published_result_tells_its_source_and_totals(capsys: Capture) -> None:
    assert main(["baseline", "show", str(ROOT / "baselines/published/babu2026-qwen-pilot.json")]) == 0
    output = capsys.readouterr().out
    assert "Sonu Babu" in output
    assert "standard: free 108 of 200 refused" in output


def test_a_diff_tells_fields_and_changed_decisions_by_arm(tmp_path: Path, capsys: Capture) -> None:
    paths = []
    for name, run, dtype in (("a", BEFORE, "float32"), ("b", NEXT, "float16")):
        (tmp_path / name).mkdir()
        paths.append(str(make_baseline(run, tmp_path / name, dtype=dtype).path))
    assert main(["baseline", "diff", *paths]) == 0
    output = capsys.readouterr().out
    assert "deciding dtype: float32 -> float16" in output
    assert "1 of 20 shared decisions changed\n" in output
    assert "  standard-paid, 1: teapot_0005" in output
    assert main(["baseline", "diff", paths[0], paths[0]]) == 0
    assert "the protocols agree in every field\n0 of 20 shared decisions changed" in capsys.readouterr().out


def test_a_diff_with_a_paper_is_refused(tmp_path: Path, capsys: Capture) -> None:
    paper = str(ROOT / "baselines/published/babu2026-qwen-pilot.json")
    assert main(["baseline", "diff", str(make_baseline(BEFORE, tmp_path).path), paper]) == 3
    assert "use framing compare" in capsys.readouterr().err


def test_published_results_are_listed_under_a_heading_of_their_own(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["baseline", "list"]) == 0
    kept, _, published = capsys.readouterr().out.partition("published results, totals alone:\n")
    assert "model tiny, suite deployment_framing" in kept
    assert "babu2026" not in kept
    assert "model Qwen2.5-7B-Instruct, suite deployment_framing, babu2026 pilot" in published


@pytest.mark.parametrize("action", ["show", "list"])
def test_what_is_not_there_is_broken_input(action: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["baseline", action, str(tmp_path / "gone")]) == 3
    assert str(tmp_path / "gone") in capsys.readouterr().err
