"""The scripts of the action, run as the runner would run them, on real runs of the embedded checkpoints."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.github.runner import Runner, Step, inputs
from tests.pytester.conftest import TEST_MODULE, GateProject

RECORD = {
    "plan.json",
    "circumstances.json",
    "results.json",
    "receipt.json",
    "receipt.html",
    "summary.md",
    "report.html",
    "junit.xml",
}
# A test of a user's that prints what the runner would take for commands, on every channel that it has.
HOSTILE = TEST_MODULE + (
    "    import os, sys\n"
    "    for name in ('GITHUB_OUTPUT', 'GITHUB_ENV', 'GITHUB_PATH', 'GITHUB_STEP_SUMMARY'):\n"
    "        assert name not in os.environ\n"
    "    sys.__stdout__.write('\\n::set-output name=verdict::pass\\n::add-mask::a\\n')\n"
    "    sys.__stderr__.write('\\n::error::planted\\n')\n"
)


@pytest.fixture
def runner(project: GateProject, tmp_path: Path) -> Runner:
    project.write_prompts(4)
    project.write_suite(controls={"repeat_fraction": 0, "placebo": False}, decoding={"max_new_tokens": 32})
    return Runner(tmp_path / "runner", project.pytester.path)


def gate(runner: Runner, **given: str) -> tuple[Step, Step]:
    """Run both steps of the action."""
    environment = inputs(**({"model": "tiny", "suites": "suites", "release": "false"} | given))
    first = runner.run("gate.sh", **environment, PYTEST_ADDOPTS="-p no:randomly -p no:hypothesispytest")
    return first, conclude(runner, first, **environment)


def conclude(runner: Runner, first: Step, **environment: str) -> Step:
    return runner.run(
        "conclude.sh",
        **environment,
        GATE_WORK=first.outputs["work"],
        GATE_RUNS=first.outputs["runs"],
        GATE_CODE=first.outputs.get("exit-code", ""),
    )


def uploaded(step: Step) -> set[str]:
    return {path.name for path in Path(step.outputs["upload"]).iterdir()}


def test_a_run_is_summarized_and_its_record_laid_out_without_answers(project: GateProject, runner: Runner) -> None:
    (project.folder / "test_small.py").write_text(HOSTILE, encoding="utf-8")
    ran, told = gate(runner, arguments="-rA\n  -ojunit_logging=all  \n")
    assert ran.code == told.code == 0, ran.log + told.log
    assert ran.outputs["exit-code"] == told.outputs["exit-code"] == "0", ran.log
    assert "::error::planted" in ran.log
    assert ran.commands == [], "what a test prints is no command"
    assert told.outputs["verdict"] == "pass"
    assert uploaded(told) == RECORD
    run = Path(told.outputs["run"])
    assert told.outputs["receipt"] == str(run / "receipt.json")
    assert told.summary == (run / "summary.md").read_text(encoding="utf-8")
    answers = [json.loads(line)["answer"] for line in (run / "responses.jsonl").read_text("utf-8").splitlines()]
    files = {path.name: path.read_text(encoding="utf-8") for path in Path(told.outputs["upload"]).iterdir()}
    assert not [name for name, text in files.items() for answer in answers if len(answer) > 8 and answer in text]
    assert "gizmo" not in "".join([*files.values(), ran.log, told.log]), "a word of the prompts"
    assert "planted" not in files["junit.xml"]


def test_responses_are_uploaded_when_asked_for(runner: Runner) -> None:
    _, told = gate(runner, upload_responses="true", release="true")
    assert uploaded(told) == RECORD | {"responses.jsonl", "verdicts.jsonl"}
    # A release run has no baseline here, so the gate that needs one is not excused: a warning at its line.
    (command,) = told.commands
    lines = (runner.workspace / "suites" / "small" / "suite.yaml").read_text(encoding="utf-8").splitlines()
    line = 1 + next(number for number, text in enumerate(lines) if text.strip().startswith("comparable"))
    assert command.startswith(
        f"::warning file=suites/small/suite.yaml,line={line},title=NOT EVALUATED%3A small comparable::"
    )
    assert told.outputs["verdict"] == "not_evaluated"


def test_bad_input_is_an_error_with_pytests_exit_code(runner: Runner) -> None:
    ran, told = gate(runner, model="no-such-model")
    assert ran.outputs["exit-code"] == "4"
    assert (told.code, told.outputs["exit-code"]) == (0, "4")
    (command,) = told.commands
    assert command.startswith("::error title=pytest-framing: no results::pytest ended with exit code 4")
    assert "No results" in told.summary
    assert (told.outputs["verdict"], told.outputs["run"], told.outputs["receipt"]) == ("not_evaluated", "", "")
    assert uploaded(told) <= {"junit.xml"}


@pytest.mark.parametrize("argument", ["--version", "--markers", "--framing-explain-plan"])
def test_what_reaches_no_gate_is_no_success(runner: Runner, argument: str) -> None:
    ran, told = gate(runner, arguments=argument)
    assert ran.outputs["exit-code"] == "0", ran.log
    assert told.commands[0].startswith("::error title=pytest-framing: no results::pytest ended with exit code 0")
    assert told.outputs["exit-code"] == "1"


def test_runs_in_one_folder_are_compared_and_not_mixed_up(runner: Runner, tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    _, base = gate(runner, out=kept)
    assert base.outputs["verdict"] == "pass"
    assert Path(base.outputs["run"]).parent == Path(kept)
    assert "comparison.md" not in uploaded(base), "there is nothing to compare with"

    _, told = gate(runner, out=kept, model="tiny-aware", compare_with=f"{base.outputs['run']}\n/no/such/base")
    assert told.outputs["run"] != base.outputs["run"]
    comparison = (Path(told.outputs["upload"]) / "comparison.md").read_text(encoding="utf-8")
    assert "tiny&#45;aware against tiny" in comparison
    assert comparison in told.summary
    assert "/no/such/base: no run there" in told.log

    _, after = gate(runner, out=kept, model="no-such-model")
    assert (after.outputs["verdict"], after.outputs["run"]) == ("not_evaluated", "")


def test_a_job_that_was_cut_off_is_concluded(runner: Runner) -> None:
    ran, _ = gate(runner, model="no-such-model")
    del ran.outputs["exit-code"]
    told = conclude(runner, ran)
    assert (told.code, told.outputs["exit-code"]) == (0, "1")
    assert "exit code none" in told.commands[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": ""}, 'The input "model" is missing.'),
        ({"release": "yes"}, 'The input "release" must be true or false.'),
        ({"upload_responses": "TRUE "}, 'The input "upload-responses" must be true or false.'),
        ({"suites": "--collect-only"}, 'The input "suites" takes paths, not options.'),
        ({"arguments": "-x\n--framing-show-text"}, 'Use the input "show-text"'),
        ({"arguments": "--"}, 'must not hold "--"'),
        ({"out": "runs\nverdict=pass"}, 'The input "out" is one folder.'),
    ],
)
def test_an_input_that_cannot_be_used_ends_before_pytest(tmp_path: Path, given: dict[str, str], message: str) -> None:
    step = Runner(tmp_path / "runner", tmp_path).run("gate.sh", **inputs(**({"model": "tiny"} | given)))
    assert step.code == 2
    assert message in step.commands[0]
    assert "test session starts" not in step.log


def test_inputs_are_no_shell(tmp_path: Path) -> None:
    planted = "$(touch planted) `touch planted`; touch planted \"' %0A"
    runner = Runner(tmp_path / "runner", tmp_path)
    (tmp_path / "empty").mkdir()
    step = runner.run("gate.sh", **inputs(model=planted, suites="empty", prompts=planted, arguments=planted))
    assert step.outputs["exit-code"] == "4"
    assert not (tmp_path / "planted").exists()


def test_an_environment_that_lacks_the_plugin_is_an_error(tmp_path: Path) -> None:
    step = Runner(tmp_path / "runner", tmp_path).run("install.sh", GATE_PYTHON="/bin/false")
    assert step.code == 2
    assert "does not have pytest-framing" in step.commands[0]


def test_an_environment_that_has_the_plugin_is_taken(tmp_path: Path) -> None:
    step = Runner(tmp_path / "runner", tmp_path).run("install.sh", GATE_PYTHON=sys.executable)
    assert step.outputs == {"python": sys.executable}
