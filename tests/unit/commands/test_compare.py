"""``framing compare``: what a release engineer reads, what a script gets, and which exit code goes with it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.cli import main
from pytest_framing.results import write_conclusion
from tests.unit.builders import Run, make_baseline, make_prompts, make_run, table, write_run

Capture = pytest.CaptureFixture[str]
PUBLISHED = Path(__file__).parents[3] / "baselines" / "published"
BEFORE = make_run(table(160, 0, 0, 40))
AWARE = make_run(table(100, 60, 0, 40))


def leave(folder: Path, run: Run, name: str, weights: str) -> str:
    """Leave a run folder behind, results included."""
    conclusion = write_run(run, folder / name, name=name, run_id=f"run-{name}", weights=weights)
    write_conclusion(conclusion, folder / name)
    return str(folder / name)


@pytest.fixture
def base(tmp_path: Path) -> str:
    return leave(tmp_path, BEFORE, "steady", "sha256:aa")


@pytest.fixture
def alike(tmp_path: Path) -> str:
    return leave(tmp_path, BEFORE, "alike", "sha256:bb")


@pytest.fixture
def aware(tmp_path: Path) -> str:
    return leave(tmp_path, AWARE, "aware", "sha256:cc")


def document_of(capsys: Capture) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_the_terminal_shows_what_regressed_and_where(base: str, aware: str, capsys: Capture) -> None:
    assert main(["compare", base, aware]) == 1
    output = capsys.readouterr().out
    assert "aware (run run-aware; its own gates: pass)\nagainst steady (run run-steady; its own gates: pass)" in output
    assert "regressed standard-paid, 60 (complied now, refused before): teapot_0100, teapot_0101" in output
    assert "teapot_0119 and 40 more (--json lists all)" in output
    assert "teapot_0120" not in output
    assert "subject weights: sha256:aa -> sha256:cc" in output
    assert "FAIL: aware against steady: standard-paid refuses less" in output
    assert "the gap moved by -30.0 points" in " ".join(output.split())
    assert len(output.splitlines()) < 30
    assert "\x1b" not in output


def test_a_pass_a_failure_and_nothing_to_judge_have_codes_of_their_own(
    base: str, alike: str, aware: str, capsys: Capture
) -> None:
    assert main(["compare", base, alike]) == 0
    assert main(["compare", base, base]) == 2
    assert "compared with itself" in capsys.readouterr().out
    assert main(["compare", base, aware]) == 1


def test_a_run_and_the_baseline_saved_from_it_are_one(base: str, tmp_path: Path, capsys: Capture) -> None:
    kept = make_baseline(BEFORE, tmp_path).path
    document = json.loads(kept.read_text(encoding="utf-8"))
    kept.write_text(json.dumps(document | {"run_id": "run-steady"}), encoding="utf-8")
    assert main(["compare", str(kept), base]) == 2
    assert "baseline baseline.json holds the same decisions" in " ".join(capsys.readouterr().out.split())


def test_a_trajectory_ends_with_its_worst_and_a_table(base: str, alike: str, aware: str, capsys: Capture) -> None:
    assert main(["compare", base, alike, aware, base]) == 1
    table_lines = capsys.readouterr().out.partition("trajectory:")[2].strip().splitlines()
    assert [line.split()[0] for line in table_lines[1:]] == ["base", "alike", "aware", "steady"]
    assert "-30.0" in table_lines[3]
    assert table_lines[3].endswith("FAIL")


def test_a_trajectory_with_an_unjudged_candidate_is_no_pass(base: str, alike: str) -> None:
    assert main(["compare", base, alike, base]) == 2


def test_json_is_stable_and_complete(base: str, aware: str, capsys: Capture) -> None:
    assert main(["compare", base, aware, "--json"]) == 1
    first = document_of(capsys)
    main(["compare", base, aware, "--json"])
    assert document_of(capsys) == first
    assert [*first] == [
        "schema_version",
        "kind",
        "status",
        "margin",
        "alpha",
        "allowed_mismatch",
        "base",
        "candidates",
        "stages",
    ]
    assert first["schema_version"] == 1
    suite = first["candidates"][0]["suites"]["teapots"]
    assert [*suite] == [
        "status",
        "paired",
        "shared_prompts",
        "arms",
        "gaps",
        "contradiction",
        "fewest_changed",
        "protocol",
        "allowed_mismatch",
        "flags",
        "caveats",
    ]
    paid = suite["arms"][1]
    assert (paid["framing"], paid["status"], len(paid["regressed"])) == ("paid", "fail", 60)
    assert paid["difference"]["estimate"] == pytest.approx(-0.3)
    assert suite["gaps"][0]["drift"]["estimate"] == pytest.approx(-0.3)


def test_margin_and_alpha_are_taken(base: str, aware: str, capsys: Capture) -> None:
    main(["compare", base, aware, "--json", "--margin", "0.5", "--alpha", "0.01"])
    document = document_of(capsys)
    arm = document["candidates"][0]["suites"]["teapots"]["arms"][1]
    assert (document["margin"], document["alpha"], arm["status"]) == (0.5, 0.01, "pass")
    assert arm["difference"]["confidence"] == pytest.approx(0.98)


def test_markdown_escapes_what_is_not_ours(tmp_path: Path, capsys: Capture) -> None:
    prompts = make_prompts(200)
    hostile = tuple(replace(one, id=f"<img src=x> | {one.id}") for one in prompts.prompts)
    named = replace(prompts, prompts=hostile)
    base = leave(tmp_path, make_run(table(160, 0, 0, 40), prompts=named), "steady", "a")
    aware = leave(tmp_path, make_run(table(100, 60, 0, 40), prompts=named), "aware", "b")
    assert main(["compare", base, aware, "--markdown"]) == 1
    output = capsys.readouterr().out
    assert output.startswith("## Comparison: FAIL, aware against steady\n")
    assert "<img" not in output
    assert "&#60;img src=x&#62; &#124; teapot&#95;0100" in output
    assert "<details><summary>" in output


def test_ids_cannot_steer_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    prompts = make_prompts(200)
    hostile = replace(prompts, prompts=tuple(replace(one, id=f"\x1b[2J{one.id}") for one in prompts.prompts))
    base = leave(tmp_path, make_run(table(160, 0, 0, 40), prompts=hostile), "steady", "a")
    aware = leave(tmp_path, make_run(table(100, 60, 0, 40), prompts=hostile), "aware", "b")
    main(["compare", base, aware])
    assert "\x1b" not in capsys.readouterr().out


def test_the_output_file_gets_the_document_and_the_terminal_the_text(
    base: str, aware: str, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "reports" / "comment.md"
    assert main(["compare", base, aware, "--markdown", "--output", str(path)]) == 1
    assert path.read_text(encoding="utf-8").startswith("## Comparison: FAIL")
    assert "FAIL: aware against steady" in capsys.readouterr().out
    assert main(["compare", base, aware, "--json", "--output", str(path)]) == 1
    assert json.loads(path.read_text(encoding="utf-8"))["status"] == "fail"
    main(["compare", base, aware, "--output", str(path)])
    assert path.read_text(encoding="utf-8").startswith("aware (run run-aware; ")


def test_an_output_that_cannot_be_written_is_a_named_error(
    base: str, alike: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["compare", base, alike, "--output", str(tmp_path / "file" / "comment.md")]) == 3
    assert "comment.md: cannot be written" in capsys.readouterr().err


def test_colour_is_for_terminals_alone(base: str, aware: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    main(["compare", base, aware])
    assert "\x1b[31;1mFAIL: aware" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["compare", base, aware])
    assert "\x1b" not in capsys.readouterr().out


def broken(arguments: list[str], capsys: Capture) -> str:
    assert main(["compare", *arguments]) == 3
    return capsys.readouterr().err


def test_protocols_that_differ_are_refused_and_may_be_allowed(base: str, tmp_path: Path, capsys: Capture) -> None:
    other = make_baseline(BEFORE, tmp_path, dtype="float16", weights="sha256:bb").path
    assert "dtype: base 'float32', candidate 'float16'" in broken([base, str(other)], capsys)
    assert main(["compare", base, str(other), "--allow-mismatch", "dtype"]) == 0
    assert "allowed to: dtype" in capsys.readouterr().out
    message = broken([base, str(other), "--allow-mismatch", "dtypes"], capsys)
    assert "--allow-mismatch dtypes: no deciding field; did you mean 'dtype'?" in message


def test_what_is_not_there_is_told(base: str, tmp_path: Path, capsys: Capture) -> None:
    message = broken([base, str(tmp_path / "gone")], capsys)
    assert "no run there" in message
    assert "nor is it a baseline or a published result" in message


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("plan.json", '{"schema_version": 2}', "schema version 2"),
        ("plan.json", "{", "not JSON"),
        ("results.json", '{"schema_version": 2}', "results.json: schema version 2"),
        ("results.json", '{"schema_version": 1, "suites": {"teapots": {}}}', "results.json: not the results of a run"),
        ("results.json", '{"schema_version": 1, "suites": []}', "results.json: not the results of a run"),
        ("verdicts.jsonl", "{}\n{}\n", "verdicts.jsonl"),
    ],
)
def test_a_damaged_run_is_told_by_its_file(
    base: str, aware: str, capsys: Capture, name: str, content: str, words: str
) -> None:
    (Path(aware) / name).write_text(content, encoding="utf-8")
    assert words in broken([base, aware], capsys)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": 9}', '{"kind": "published"}'])
def test_a_damaged_file_is_told_by_its_name(base: str, tmp_path: Path, capsys: Capture, content: str) -> None:
    path = tmp_path / "kept.json"
    path.write_text(content, encoding="utf-8")
    assert str(path) in broken([base, str(path)], capsys)


def test_a_baseline_without_named_framings_is_told(base: str, tmp_path: Path, capsys: Capture) -> None:
    path = make_baseline(BEFORE, tmp_path).path
    document = json.loads(path.read_text(encoding="utf-8"))
    document["fingerprint"]["deciding"]["framings"] = "free and paid"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert "fingerprint.deciding.framings" in broken([base, str(path)], capsys)


def test_the_results_of_a_run_stand_for_the_run(base: str, alike: str) -> None:
    assert main(["compare", f"{base}/results.json", alike]) == 0


def test_two_papers_are_compared_by_their_totals(capsys: Capture) -> None:
    papers = [str(PUBLISHED / f"babu2026-qwen-{run}.json") for run in ("pilot", "replication")]
    assert main(["compare", *papers]) == 1
    output = capsys.readouterr().out
    assert "at least 85 decisions of standard-free are others" in output
    assert "quantization: the base states 4-bit; the candidate states none: 16-bit weights" in output


def test_an_interrupted_run_is_no_pass(base: str, alike: str, capsys: Capture) -> None:
    path = Path(alike) / "verdicts.jsonl"
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")
    assert main(["compare", base, alike]) == 2
    assert "1 have no verdict" in capsys.readouterr().out
