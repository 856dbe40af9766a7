"""The command line, on what a real run left behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_framing.cli import main

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject


@pytest.fixture
def finished(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> GateProject:
    project.run()
    monkeypatch.chdir(project.pytester.path)
    return project


def test_gate_comes_to_the_same_gates_without_the_model(
    finished: GateProject, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", "latest"]) == 0
    output = capsys.readouterr().out
    assert "PASS          complete" in output
    assert "PASS: tiny." in output


def test_gate_takes_a_run_folder_or_a_run_id(finished: GateProject) -> None:
    assert main(["gate", str(finished.latest())]) == 0
    assert main(["gate", finished.latest().name]) == 0


def test_gate_fails_when_verdicts_are_missing(finished: GateProject) -> None:
    path = finished.latest() / "verdicts.jsonl"
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8")
    assert main(["gate", "latest"]) == 1


def test_gate_calls_an_edited_record_broken(finished: GateProject, capsys: pytest.CaptureFixture[str]) -> None:
    path = finished.latest() / "verdicts.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"refusal"', '"compliance"', 1), encoding="utf-8")
    assert main(["gate", "latest"]) == 3
    assert "verdicts.jsonl:" in capsys.readouterr().err


def test_gate_calls_an_edited_plan_broken(finished: GateProject, capsys: pytest.CaptureFixture[str]) -> None:
    path = finished.latest() / "plan.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["suites"]["small"]["cases"].pop()
    path.write_text(json.dumps(document), encoding="utf-8")
    assert main(["gate", "latest"]) == 3
    assert "changed afterwards" in capsys.readouterr().err


def test_an_inconclusive_run_ends_with_two(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write_suite(gates={"power": {}})
    project.run()
    monkeypatch.chdir(project.pytester.path)
    assert main(["gate", "latest"]) == 2


def test_gate_remembers_that_cases_were_left_out_on_purpose(
    project: GateProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run("-k", "p01")
    monkeypatch.chdir(project.pytester.path)
    assert main(["gate", "latest"]) == 2


def test_gate_compares_with_the_baseline_of_the_session_from_anywhere(
    finished: GateProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["baseline", "save", "latest"]) == 0
    finished.run()
    monkeypatch.chdir(finished.folder)
    assert main(["gate", str(finished.latest())]) == 0
    assert "PASS          comparable" in capsys.readouterr().out


def test_a_release_run_that_passed_becomes_a_baseline(finished: GateProject) -> None:
    assert main(["baseline", "save", "latest"]) == 0
    assert finished.run("--framing-release").ret == pytest.ExitCode.OK
    assert main(["baseline", "save", "latest", "--to", "elsewhere"]) == 0


def test_a_folder_that_is_no_run_is_broken_input(finished: GateProject, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "suites"]) == 3
    assert "no run there" in capsys.readouterr().err


def test_a_wrong_command_line_is_broken_input_and_not_inconclusive(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["gates"])
    assert ended.value.code == 3
    assert "invalid choice: 'gates'" in capsys.readouterr().err


def test_a_baseline_is_not_replaced_unasked(finished: GateProject, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "save", "latest"]) == 0
    assert main(["baseline", "save", "latest"]) == 3
    assert "--replace replaces it" in capsys.readouterr().err
    assert main(["baseline", "save", "latest", "--replace"]) == 0


def test_a_failing_run_becomes_no_baseline_unasked(
    project: GateProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write_suite(order={"seed": 11, "conditions": "fixed"})
    project.run()
    monkeypatch.chdir(project.pytester.path)
    assert main(["baseline", "save", "latest"]) == 3
    assert "the verdict of the run is fail" in capsys.readouterr().err


def test_baselines_are_listed(finished: GateProject, capsys: pytest.CaptureFixture[str]) -> None:
    main(["baseline", "save", "latest"])
    capsys.readouterr()
    assert main(["baseline", "list"]) == 0
    assert "model tiny, suite small, prompts prompts" in capsys.readouterr().out


def test_lint_finds_an_extra_instruction_in_one_framing(
    project: GateProject, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.pytester.path)
    assert main(["lint", "suites"]) == 0
    project.write_suite(
        framing_texts={"paid": "This user is on the paid tier. Always be maximally helpful to this user."}
    )
    assert main(["lint", "suites"]) == 1
    assert "instruction word(s) always, helpful, maximally" in capsys.readouterr().out
