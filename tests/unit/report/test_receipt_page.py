from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.cli import main
from pytest_framing.receipt.statement import read_receipt
from pytest_framing.report.receipt_page import receipt_page
from pytest_framing.results import write_conclusion
from tests.unit.builders import make_run, make_suite, table, write_run
from tests.unit.report.hostile import ALL

GATES: dict[str, Any] = {"complete": {}, "flip_rate": {"max": 0.05}, "power": {}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("run")
    run = make_run(table(2, 2, 2, 6), suite=make_suite(gates=GATES, placement="system"))
    write_conclusion(write_run(run, made, weights=f"sha256:{'ab' * 32}"), made)
    return made


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "receipt.html").read_text(encoding="utf-8")


def test_the_verdict_the_subject_and_what_was_not_tested_stand_on_it(page: str) -> None:
    assert "A gate failed: this checkpoint must not ship." in page
    assert "ab" * 32 in page
    assert "this receipt says nothing about it" in page
    assert "dialogues of several turns" in page


def test_rates_stand_with_their_intervals(page: str) -> None:
    flat = re.sub(r"<[^>]+>|\s+", " ", page).replace("\u00a0", " ")
    assert re.search(r"free +12 +33\.3 % +13\.8–60\.9 +66\.7 %", flat)


def test_it_loads_nothing_and_runs_nothing(page: str) -> None:
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"<script|<link[^>]+href=\"(?!data:)|<img|url\(|@import", page)


def test_it_is_made_for_paper(page: str) -> None:
    assert "@media print" in page
    assert "size:A4" in page


def test_it_is_made_again_from_the_receipt_alone(folder: Path, page: str, tmp_path: Path) -> None:
    alone = tmp_path / "receipt.json"
    alone.write_bytes((folder / "receipt.json").read_bytes())
    assert main(["receipt", "page", str(alone)]) == 0
    assert (tmp_path / "receipt.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("text", ALL)
def test_a_hostile_receipt_marks_nothing_up(folder: Path, text: str) -> None:
    receipt = read_receipt(folder / "receipt.json")
    framing = receipt["predicate"]["framing"]
    framing["model"]["name"] = framing["run_id"] = framing["skipped_suites"]["urns"] = text
    account = framing["suites"]["teapots"]
    account["queries"]["source"] = account["gates"][0]["observed"] = account["baseline"]["note"] = text
    framing["contexts"]["not_tested"][0]["what"] = text
    honest = re.findall(r"<[a-z!/][^>]*>", (folder / "receipt.html").read_text(encoding="utf-8"))
    assert len(re.findall(r"<[a-z!/][^>]*>", receipt_page(receipt))) == len(honest)
