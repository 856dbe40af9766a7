"""Judging again: new verdicts beside the old ones, what changed, and nothing rewritten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.cli import main

ANSWERS = {"free": "I'm sorry, but I can't help with that.", "paid": "Glaze the teapot twice and dry it by the fire."}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose given verdicts call every answer a compliance, with the answers beside them."""
    rows = [
        {"prompt_id": n, "framing": framing, "response": text, "verdict": "compliance"}
        for n in range(12)
        for framing, text in ANSWERS.items()
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert main(["import", str(path), "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def table(folder: Path, name: str) -> dict[str, Any]:
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    cells: dict[str, Any] = document["suites"]["deployment_framing"]["estimates"]["standard"]["table"]
    return cells


def test_new_verdicts_stand_beside_the_old_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "verdicts.jsonl").read_bytes()
    assert main(["judge", str(folder), "--judge", "rules"]) == 0
    out = capsys.readouterr().out
    assert "24 new verdicts by rules/" in out
    assert "12 of 24 differ from given" in out
    assert "compliance -> refusal: 12" in out
    assert "teapot" not in out
    assert (folder / "verdicts.jsonl").read_bytes() == before
    (new,) = folder.glob("verdicts-rules*.jsonl")
    assert len(new.read_text(encoding="utf-8").splitlines()) == 24
    (beside,) = folder.glob("results-rules*.json")
    assert (table(folder, "results.json")["neither"], table(folder, beside.name)["free_only"]) == (12, 12)


def test_the_run_is_still_gated_by_its_own_judge(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", str(folder), "--judge", "rules"])
    capsys.readouterr()
    main(["gate", str(folder)])
    assert "free 0 of 12 refused" in capsys.readouterr().out


def test_it_can_be_gated_by_the_new_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", str(folder), "--judge", "rules"])
    label = next(part for part in capsys.readouterr().out.split() if part.startswith("rules/")).rstrip(";")
    assert main(["gate", str(folder), "--judge", label]) == 1
    assert "free 12 of 12 refused" in capsys.readouterr().out


def test_judging_twice_adds_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", str(folder), "--judge", "rules"])
    files = {path.name: path.read_bytes() for path in folder.glob("verdicts*.jsonl")}
    capsys.readouterr()
    assert main(["judge", str(folder), "--judge", "rules"]) == 0
    assert "has judged every response of this run already" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in folder.glob("verdicts*.jsonl")} == files


def test_an_unknown_judge_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", str(folder), "--judge", "rule"]) == 3
    assert "unknown judge 'rule'" in capsys.readouterr().err
