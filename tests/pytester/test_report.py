"""``framing report`` on what a real run left behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.backends.backend_svg
import matplotlib.figure  # noqa: F401  # compiled, and loaded once for all runs in this process
import pytest
from markupsafe import escape

from pytest_framing.cli import main

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject


@pytest.fixture
def finished(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> GateProject:
    project.run()
    monkeypatch.chdir(project.pytester.path)
    return project


def answers(project: GateProject) -> list[str]:
    return [line["answer"] for line in project.lines("responses") if len(line["answer"]) > 20]


def test_report_writes_one_page_into_the_run_folder_without_any_answer(
    finished: GateProject, capsys: pytest.CaptureFixture[str]
) -> None:
    page = finished.latest() / "report.html"
    page.unlink(missing_ok=True)
    capsys.readouterr()
    assert main(["report", "latest"]) == 0
    assert capsys.readouterr().out == f"report: {page}\n"
    html = page.read_text(encoding="utf-8")
    assert "tiny" in html
    assert "gizmo" not in html
    assert answers(finished)
    assert not [answer for answer in answers(finished) if answer.strip() in html]


def test_report_shows_answers_when_asked_to_and_writes_where_told(finished: GateProject, tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    assert main(["report", "latest", "--show-text", "--out", str(path)]) == 0
    html = path.read_text(encoding="utf-8")
    assert answers(finished)
    assert all(str(escape(line)) in html for answer in answers(finished) for line in answer.splitlines())


def test_report_of_a_run_without_results_is_drawn_from_its_ledger(finished: GateProject) -> None:
    (finished.latest() / "results.json").unlink()
    assert main(["report", "latest", "--baseline", "none"]) == 0
    assert "paid" in (finished.latest() / "report.html").read_text(encoding="utf-8")


def test_report_of_what_is_no_run_is_broken_input(
    project: GateProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.pytester.path)
    assert main(["report", "nowhere"]) == 3
    assert "nowhere: no run there" in capsys.readouterr().err


def test_report_that_cannot_be_written_is_a_named_error(
    finished: GateProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["report", "latest", "--out", str(tmp_path / "file" / "page.html")]) == 3
    assert "cannot be written" in capsys.readouterr().err
