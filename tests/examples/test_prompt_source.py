from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.examples.conftest import GateProject

Conftest = Callable[[str], Path]


@pytest.fixture
def bank(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = project.pytester.path / "bank.sqlite"
    lines = (project.folder / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [(row["id"], row["text"], "house", row["id"] != "p00") for row in map(json.loads, lines)]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE prompts (id TEXT PRIMARY KEY, text TEXT, category TEXT, active INTEGER)")
        database.executemany("INSERT INTO prompts VALUES (?, ?, ?, ?)", rows)
        database.execute("PRAGMA user_version = 7")
    monkeypatch.setenv("PROMPT_BANK", str(path))
    project.write_suite(prompts={"source": "prompt_bank"})
    return path


def test_active_rows_are_asked(project: GateProject, bank: Path, conftest: Conftest) -> None:
    conftest("prompt_source")
    assert project.run().ret == 0
    assert {line["prompt_id"] for line in project.lines("verdicts")} == {f"p{i:02d}" for i in range(1, 8)}
    prompts = project.results()["suites"]["small"]["prompts"]
    assert (prompts["source"], prompts["revision"], prompts["count"]) == ("prompt_bank", "7", 7)


def test_a_bank_that_is_not_there_is_named(
    project: GateProject, bank: Path, conftest: Conftest, monkeypatch: pytest.MonkeyPatch
) -> None:
    conftest("prompt_source")
    monkeypatch.delenv("PROMPT_BANK")
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*set PROMPT_BANK*"])
    assert project.wrote_nothing()


def test_a_file_that_is_no_database_is_named(project: GateProject, bank: Path, conftest: Conftest) -> None:
    conftest("prompt_source")
    bank.write_text("no database at all, and long enough to have a header", encoding="utf-8")
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*bank.sqlite: cannot be read as a prompt bank*"])
