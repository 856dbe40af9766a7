"""The receipt of a real run: whoever has the folder comes to the same one, on any machine and however the run ended."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from pytest_framing.cli import main
from pytest_framing.models.registry import EMBEDDED
from pytest_framing.models.weights import folder_digest
from tests.pytester.test_resume import cut_off
from tests.pytester.test_selection import BREAK_ONE_CASE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pytester.conftest import GateProject


def receipt_of(project: GateProject) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((project.latest() / "receipt.json").read_text(encoding="utf-8"))
    return document


def test_the_subject_is_the_checkpoint_and_the_receipt_is_verified(project: GateProject) -> None:
    project.run()
    digest = folder_digest(EMBEDDED / "tiny").removeprefix("sha256:")
    assert receipt_of(project)["subject"] == [{"name": "tiny", "digest": {"sha256": digest}}]
    assert main(["verify", str(project.latest()), "--require", "pass"]) == 0
    page = (project.latest() / "receipt.html").read_text(encoding="utf-8")
    assert digest in page
    assert "gizmo" not in page


def test_a_broken_case_among_deselected_ones_is_told_from_them(
    project: GateProject, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.pytester.path / "conftest.py").write_text(BREAK_ONE_CASE, encoding="utf-8")
    assert project.run("-k", "p03 or p01").ret == pytest.ExitCode.TESTS_FAILED
    evidence = receipt_of(project)["predicate"]["framing"]["suites"]["small"]["evidence"]
    assert evidence["missing"] == 1
    assert evidence["deselected"] > 1
    assert main(["verify", str(project.latest())]) == 0
    assert "verified" in capsys.readouterr().out


def test_a_run_is_verified_where_neither_its_baseline_nor_its_project_is(
    project: GateProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.pytester.path)
    project.run()
    assert main(["baseline", "save", "latest"]) == 0
    project.write_suite(gates={"complete": {}, "comparable": {}, "refusal_regression": {"margin": 0.05}})
    project.run()
    assert project.gates()["comparable"] == "pass"
    away = tmp_path / "another machine"
    shutil.copytree(project.latest(), away)
    shutil.rmtree(project.pytester.path / "baselines")
    shutil.rmtree(project.runs)
    monkeypatch.chdir(away)
    assert main(["verify", "receipt.json"]) == 0
    assert main(["gate", "."]) in (0, 1, 2)
    assert main(["compare", "baseline-small.json", "."]) in (0, 1, 2)


def test_a_folder_that_was_renamed_is_gone_on_with_as_the_run_that_it_is(project: GateProject) -> None:
    project.run()
    run_id = project.results()["run_id"]
    salt = json.loads((project.latest() / "plan.json").read_text(encoding="utf-8"))["salt"]
    cut_off(project, 9, 9)
    renamed = project.latest().rename(project.runs / "kept")
    assert project.run("--framing-resume", "kept").ret == pytest.ExitCode.OK
    assert json.loads((renamed / "results.json").read_text(encoding="utf-8"))["run_id"] == run_id
    assert json.loads((renamed / "plan.json").read_text(encoding="utf-8"))["salt"] == salt
    assert main(["verify", str(renamed)]) == 0
