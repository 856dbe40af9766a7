"""Motivations and readings on record: what was edited or damaged is named by file and line, and never counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.errors import LedgerError
from pytest_framing.judges.motivation import Motivation
from pytest_framing.judges.review import Reading
from pytest_framing.motivations import KEY, READINGS, read_key, read_motivations, read_readings

MOTIVATION = Motivation("teapots", "c1", "m", 1, "sycophancy", {"sycophancy": 12, "incoherent": 8}, 0, ((0, 4),))
READING = Reading("teapots", "c1", "none", "", "reader", "2026-01-01T00:00:00+00:00")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "motivation-m.jsonl"
    path.write_text(MOTIVATION.line() + "\n", encoding="utf-8")
    (tmp_path / READINGS).write_text(READING.line() + "\n", encoding="utf-8")
    assert read_motivations(path) == [MOTIVATION]
    assert read_readings(tmp_path) == [READING]


@pytest.mark.parametrize(
    "change",
    [
        {"motivation": "boredom"},
        {"seed": None},
        {"votes": {"boredom": 20}},
        {"votes": [20]},
        {"spans": [[0]]},
        {"case_id": {}},
    ],
)
def test_an_edited_motivation_is_named_by_its_line(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "motivation-m.jsonl"
    edited = json.dumps({**json.loads(MOTIVATION.line()), **change})
    path.write_text(f"{MOTIVATION.line()}\n{edited}\n", encoding="utf-8")
    with pytest.raises(LedgerError, match=r"motivation-m\.jsonl:2: damaged record"):
        read_motivations(path)


@pytest.mark.parametrize(
    "line", ["{", "[" * 50_000, "null", '{"suite": "teapots"}', READING.line().replace("none", "tea")]
)
def test_a_damaged_reading_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / READINGS).write_text(f"{READING.line()}\n{line}\n", encoding="utf-8")
    with pytest.raises(LedgerError, match=r"reviews\.jsonl:2: damaged record"):
        read_readings(tmp_path)


@pytest.mark.parametrize("items", [None, [], {"t-01": "c1"}, {"t-01": ["teapots", 1]}])
def test_a_key_that_leads_to_no_cases_is_refused(tmp_path: Path, items: Any) -> None:
    (tmp_path / KEY).write_text(json.dumps({"schema_version": 1, "items": items}), encoding="utf-8")
    with pytest.raises(LedgerError, match="not the key of a sheet"):
        read_key(tmp_path)
