"""A run that was cut off goes on where it stopped: nothing lost, nothing run twice, and the same gates."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_framing.cli import main
from pytest_framing.run_lock import lock_session
from tests.pytester.conftest import CASES, QUIET

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject


def cut_off(project: GateProject, responses: int, verdicts: int, torn: bytes = b"") -> None:
    """Leave of a finished run what was written when it was killed after so many lines."""
    folder = project.latest()
    for name, lines in (("responses", responses), ("verdicts", verdicts)):
        path = folder / f"{name}.jsonl"
        kept = path.read_bytes().splitlines(keepends=True)[:lines]
        path.write_bytes(b"".join(kept) + (torn if name == "responses" else b""))
    for name in ("results.json", "receipt.json", "summary.md"):
        (folder / name).unlink()


def gates_with_reasons(project: GateProject) -> list[dict[str, Any]]:
    return [gate for suite in project.results()["suites"].values() for gate in suite["gates"]]


@pytest.mark.parametrize(
    ("responses", "verdicts", "torn"),
    [(0, 0, b""), (11, 11, b""), (11, 10, b""), (7, 7, b'{"suite": "small", "case_id": "p0'), (CASES, CASES, b"")],
    ids=["nothing", "in a batch", "before a verdict", "in a line", "before the gates"],
)
def test_it_goes_on_where_it_stopped(project: GateProject, responses: int, verdicts: int, torn: bytes) -> None:
    assert project.run().ret == pytest.ExitCode.OK
    whole, decisions = gates_with_reasons(project), project.decisions()
    folder = project.latest()
    written = (folder / "responses.jsonl").read_bytes().splitlines()[:responses]
    cut_off(project, responses, verdicts, torn)
    result = project.run("--framing-resume", "latest")
    assert result.ret == pytest.ExitCode.OK
    assert project.latest() == folder, "no folder of its own"
    assert gates_with_reasons(project) == whole
    assert project.decisions() == decisions
    again = (folder / "responses.jsonl").read_bytes().splitlines()
    assert again[:responses] == written, "what was written is left alone"
    logged = [json.loads(line) for path in folder.glob("responses*.jsonl") for line in whole_lines(path)]
    assert Counter(line["case_id"] for line in logged).most_common(1)[0][1] == 1
    assert len(logged) == CASES
    assert project.results()["sessions"] == (2 if responses < CASES else 1)
    assert project.results()["torn_files"] == (["responses.jsonl"] if torn else [])


def whole_lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def test_a_run_goes_on_with_another_number_of_workers(project: GateProject) -> None:
    project.run()
    whole, decisions = project.gates(), project.decisions()
    cut_off(project, 9, 9)
    assert project.run_apart("--framing-resume", "latest", "-n", "2").ret == pytest.ExitCode.OK
    assert (project.gates(), project.decisions()) == (whole, decisions)
    assert {line["worker"].split(".")[-1] for line in project.lines("responses")} == {"main", "2"}


def test_a_run_is_killed_and_goes_on(project: GateProject) -> None:
    """The real thing: SIGKILL in the middle, no chance to tidy up."""
    project.write_prompts(60)
    command = [sys.executable, "-m", "pytest", "suites", "--model", "tiny", *QUIET]
    process = subprocess.Popen(command, cwd=project.pytester.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = project.runs / "latest" / "responses.jsonl"
    while process.poll() is None and not (path.exists() and path.read_bytes().count(b"\n") >= 20):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = whole_lines(path)
    assert len(before) >= 20
    assert project.run("--framing-resume", "latest").ret == pytest.ExitCode.OK
    assert project.gates()["complete"] == "pass"
    assert whole_lines(path)[: len(before)] == before
    assert project.results()["sessions"] == 2


def test_a_run_under_another_protocol_is_not_the_same_run(project: GateProject) -> None:
    project.run()
    cut_off(project, 9, 9)
    before = (project.latest() / "responses.jsonl").read_bytes()
    result = project.run("--framing-resume", "latest", "--framing-dtype", "bfloat16", "--framing-seed", "12")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*would not be the same run*", "*deciding.dtype: now 'bfloat16', then 'float32'*"])
    assert (project.latest() / "responses.jsonl").read_bytes() == before


def test_other_suites_make_another_run_and_are_named_alone(project: GateProject) -> None:
    project.run()
    project.write_suite(suite="other")
    result = project.run("--framing-resume", "latest")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    at = next(n for n, line in enumerate(result.errlines) if "would not be the same run" in line)
    assert result.errlines[at + 1 : at + 3] == [
        "  suites: now other, then small",
        "Give the options that it began with, or start a new run.",
    ]


def test_looser_gates_make_another_run(project: GateProject) -> None:
    project.write_suite(gates={"complete": {}, "power": {"margin": 0.05}})
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED
    project.write_suite(gates={"complete": {}})
    result = project.run("--framing-resume", "latest")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*small.suite.yaml: gates.power: now nothing, then {'margin': 0.05}*"])
    assert project.results()["verdict"] == "inconclusive"


def test_another_baseline_or_none_makes_another_run(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.pytester.path)
    project.run()
    assert main(["baseline", "save", "latest"]) == 0
    project.run()
    result = project.run("--framing-resume", "latest", "--framing-baseline", "none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*baselines: now {'small': ''}, then {'small': 'sha256:*"])


def test_a_case_that_was_recorded_counts_once_for_early_stopping(project: GateProject) -> None:
    """Eleven flips one way stop nothing at this level; counted twice they would."""
    project.write_prompts(50)
    project.write_suite(
        stop={"early": True, "alpha": 0.001}, gates={"complete": {}}, controls={"repeat_fraction": 0, "placebo": False}
    )
    assert project.run(model="tiny-aware").ret == pytest.ExitCode.OK
    cut_off(project, 98, 98)
    assert project.run("--framing-resume", "latest", model="tiny-aware").ret == pytest.ExitCode.OK
    assert project.results()["suites"]["small"]["evidence"]["stopped"] is None


def test_other_prompts_make_another_run(project: GateProject) -> None:
    project.run()
    cut_off(project, 9, 9)
    project.write_prompts(6)
    assert project.run("--framing-resume", "latest").ret == pytest.ExitCode.USAGE_ERROR


def test_a_damaged_line_in_the_middle_is_named(project: GateProject) -> None:
    project.run()
    cut_off(project, 9, 9)
    path = project.latest() / "responses.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:4], lines[4].replace(b'"slot": ', b'"slot": 1'), *lines[5:]]))
    result = project.run("--framing-resume", "latest")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*responses.jsonl:5: damaged record*"])


def test_a_folder_in_which_a_session_runs_is_not_taken(project: GateProject) -> None:
    project.run()
    cut_off(project, 9, 9)
    lock = lock_session(project.latest())
    result = project.run("--framing-resume", "latest")
    lock.release()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*another session runs in this folder*"])


def test_no_run_to_go_on_with(project: GateProject) -> None:
    result = project.run("--framing-resume", "20260101T000000Z-tiny-0000")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*20260101T000000Z-tiny-0000: no run there*"])
    assert project.wrote_nothing()


def test_the_parent_of_runs_may_be_another_folder(project: GateProject) -> None:
    project.run("--framing-out", "records")
    assert project.run("--framing-out", "records", "--framing-resume", "latest").ret == pytest.ExitCode.OK


def test_a_run_that_stopped_early_stays_stopped(project: GateProject) -> None:
    project.write_prompts(160)
    project.write_suite(stop={"early": True}, gates={"complete": {}}, controls={"repeat_fraction": 0, "placebo": False})
    project.run(model="tiny-aware")
    ran = len(project.lines("responses"))
    assert project.run("--framing-resume", "latest", model="tiny-aware").ret == pytest.ExitCode.TESTS_FAILED
    assert len(project.lines("responses")) == ran
    assert project.gates()["early_stop[standard]"] == "fail"
