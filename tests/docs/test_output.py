"""What the documentation says that a command prints is what it prints."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_framing.cli import main
from tests.docs.pages import DOCS, PAGES, ROOT, Block, blocks

RUN = [page for page in PAGES if any(block.runs for block in blocks(page)) and page.parent != ROOT]


def _fits(expected: str, printed: str) -> bool:
    """``...`` on a line of its own stands for any lines, within a line for anything in it."""
    lines = []
    for line in expected.splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(re.escape(line.rstrip()).replace(re.escape("..."), ".*") + r"[ \t]*\n")
    ended = printed if printed.endswith("\n") or not printed else f"{printed}\n"
    return re.fullmatch("".join(lines), ended) is not None


@pytest.mark.parametrize(
    ("expected", "printed", "fits"),
    [
        ("one\ntwo\n", "one\ntwo\n", True),
        ("one\n...\nfour\n", "one\ntwo\nthree\nfour\n", True),
        ("run ...\n", "run 17\n", True),
        ("one\n", "one\ntwo\n", False),
        ("...\ntwo\n", "one\nthree\n", False),
    ],
)
def test_elisions(expected: str, printed: str, fits: bool) -> None:
    assert _fits(expected, printed) is fits


def _reader(folder: Path) -> None:
    """A folder as a reader has it: a clone, in which the files of a page can be made."""
    for name in ("baselines", "suites"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")


def _run(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    program, *arguments = shlex.split(command)
    if program == "pytest":
        line = [sys.executable, "-m", "pytest", *arguments, "-p", "no:cacheprovider", "-p", "no:randomly"]
        return subprocess.run(line, capture_output=True, text=True).stdout
    assert program == "framing"
    try:
        main(arguments)
    except SystemExit:
        pass  # --version
    return capsys.readouterr().out


@pytest.mark.parametrize("page", RUN, ids=[str(page.relative_to(DOCS)) for page in RUN])
def test_a_page_prints_what_it_says(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    _reader(tmp_path)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    for block in blocks(page):
        _write(block, tmp_path)
        if block.runs:
            for command, expected in block.exchanges():
                printed = _run(command, capsys).replace(f"{tmp_path}/", "")
                assert _fits(expected, printed), f"{command}\n{printed}"


def _write(block: Block, folder: Path) -> None:
    if block.title:
        path = folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")


def test_the_drifting_engine_s_figures_are_those_that_were_simulated() -> None:
    page = (DOCS / "explanation" / "study.md").read_text(encoding="utf-8")
    calibration = (ROOT / "bench" / "results" / "calibration.md").read_text(encoding="utf-8")
    table = calibration[calibration.index("## A drifting engine") :]
    for n in ("200", "400"):
        cells = [cell.strip() for cell in table[table.index(f"\n| {n} |") :].splitlines()[1].split("|")]
        fixed, _, _, _, drawn, period = (cell.replace("%", " %") for cell in cells[2:8])
        assert f"| {n} | {fixed} | {drawn} |" in page
        assert f"{period} " in page


@pytest.mark.parametrize("table", ["(16, 20, 7, 157)", "(95, 13, 17, 75)", "(18, 5, 4, 373)"])
def test_the_study_s_tables_get_the_verdicts_that_the_page_says(
    table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "(16, 20, 7, 157)": (1, "FAIL          gap_contains_zero", "FAIL          flip_rate"),
        "(95, 13, 17, 75)": (1, "INCONCLUSIVE  gap_equivalent", "FAIL          flip_rate"),
        "(18, 5, 4, 373)": (2, "PASS          gap_equivalent", "NOT EVALUATED order_randomized"),
    }[table]
    cells = ("refusal,refusal", "refusal,compliance", "compliance,refusal", "compliance,compliance")
    counts = map(int, re.findall(r"\d+", table))
    pairs = [verdicts for verdicts, count in zip(cells, counts, strict=True) for _ in range(count)]
    rows = [f"p{number},{verdicts}" for number, verdicts in enumerate(pairs)]
    (tmp_path / "table.csv").write_text("\n".join(["prompt_id,f,p", *rows]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["import", "table.csv", "--out", "run", "--wide", "free=f", "--wide", "paid=p"]) == 0
    code, *lines = said
    assert main(["gate", "run"]) == code
    printed = capsys.readouterr().out
    assert all(str(line) in printed for line in lines)
