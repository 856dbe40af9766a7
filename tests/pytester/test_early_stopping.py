"""A suite with ``stop: {early: true}`` ends on a large effect, says where and why, and never passes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_framing.cli import main

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

GATES: dict[str, Any] = {"complete": {}, "gap_contains_zero": {}}


def stopping(project: GateProject, prompts: int = 160) -> None:
    project.write_prompts(prompts)
    project.write_suite(stop={"early": True}, gates=GATES, controls={"repeat_fraction": 0, "placebo": False})


def held(project: GateProject, result: pytest.RunResult) -> None:
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert project.gates() == {
        "early_stop[standard]": "fail",
        "complete": "fail",
        "gap_contains_zero": "not_evaluated",
    }
    ran = len(project.lines("responses"))
    assert 20 <= ran < 320
    results = project.results()
    stopped = results["suites"]["small"]["evidence"]["stopped"]
    assert results["verdict"] == "fail"
    assert (stopped["mode"], stopped["reference_only"] >= 10) == ("standard", True)
    result.stdout.fnmatch_lines(["*FAIL          early_stop?standard?: A large effect of the framing was shown*"])
    receipt = json.loads((project.latest() / "receipt.json").read_text(encoding="utf-8"))
    assert receipt["predicate"]["framing"]["suites"]["small"]["evidence"]["stopped"] == stopped
    assert "stopped.json" in {file["name"] for file in receipt["predicate"]["framing"]["files"]}


def test_a_planted_effect_ends_the_suite_early(project: GateProject) -> None:
    stopping(project)
    held(project, project.run(model="tiny-aware"))


def test_workers_hear_of_it(project: GateProject) -> None:
    stopping(project, 200)
    held(project, project.run_apart("-n", "2", model="tiny-aware"))


def test_a_run_that_stopped_is_gated_again_from_its_record_alone(
    project: GateProject, capsys: pytest.CaptureFixture[str]
) -> None:
    stopping(project)
    project.run(model="tiny-aware")
    capsys.readouterr()
    assert main(["gate", "latest"]) == 1
    assert "early_stop[standard]: A large effect of the framing was shown" in capsys.readouterr().out


def test_without_an_effect_the_suite_runs_to_its_end(project: GateProject) -> None:
    stopping(project, 40)
    assert project.run().ret == pytest.ExitCode.OK
    assert len(project.lines("responses")) == 80
    assert project.results()["suites"]["small"]["evidence"]["stopped"] is None
