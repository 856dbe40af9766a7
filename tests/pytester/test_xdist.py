"""Several workers: the same decisions, the same draw and the same gates as one process; a dead worker is noticed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.pytester.conftest import CASES, PROMPTS

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

KILL_A_WORKER = """
import os, signal

def pytest_runtest_setup(item):
    if os.environ.get("PYTEST_XDIST_WORKER") and "p03-free-standard]" in item.nodeid:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def planned_suites(project: GateProject) -> Any:
    return json.loads((project.latest() / "plan.json").read_text(encoding="utf-8"))["suites"]


def test_two_workers_decide_draw_and_gate_as_one_process_and_share_no_batch(project: GateProject) -> None:
    project.write_suite(modes=["standard", "forcing"])
    assert project.run().ret == pytest.ExitCode.OK
    alone, gates, plan = project.decisions(), project.gates(), planned_suites(project)
    texts = {line["case_id"]: line["answer"] for line in project.lines("responses")}

    result = project.run_apart("-n", "2", "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.OK
    assert project.decisions() == alone
    assert {line["case_id"]: line["answer"] for line in project.lines("responses")} == texts
    assert project.gates() == gates
    assert planned_suites(project) == plan
    assert {case.get("name") for case in project.junit().iter("testcase")} >= set(gates)

    # No batch, and so no pair, ran on two workers.
    workers: dict[str, set[str]] = {}
    for line in project.lines("responses"):
        workers.setdefault(line["batch"], set()).add(line["worker"])
    assert {len(names) for names in workers.values()} == {1}
    assert set().union(*workers.values()) == {"gw0", "gw1"}


def test_a_killed_worker_fails_the_run_and_no_gate_passes_on_what_is_left(project: GateProject) -> None:
    project.pytester.makeconftest(KILL_A_WORKER)
    project.write_suite(gates={"complete": {}, "gap_contains_zero": {}, "flip_rate": {"max": 1}})
    result = project.run_apart("-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert project.gates() == {
        "complete": "fail",
        "gap_contains_zero": "not_evaluated",
        "flip_rate": "not_evaluated",
    }
    counts = project.results()["suites"]["small"]["counts"]
    assert counts["planned"] == CASES
    assert counts["executed"] == CASES - 1  # the case that the worker died of; the others went to its successor


def test_the_users_own_way_of_distributing_is_kept_and_changes_no_decision(project: GateProject) -> None:
    project.run()
    alone = project.decisions()
    result = project.run_apart("-n", "2", "--dist", "worksteal")
    assert result.ret == pytest.ExitCode.OK
    assert project.decisions() == alone
    assert len(project.lines("responses")) == CASES


def test_deselection_in_workers_is_on_purpose(project: GateProject) -> None:
    result = project.run_apart("-n", "2", "-k", "p01")
    assert result.ret == pytest.ExitCode.OK
    assert project.results()["verdict"] == "not_evaluated"
    assert project.results()["suites"]["small"]["evidence"]["deselected"] == CASES - len(project.decisions())


def test_sequential_pairs_stay_in_drawn_order_on_two_workers(project: GateProject) -> None:
    project.write_suite(execution={"mode": "sequential"})
    result = project.run_apart("-n", "2")
    assert result.ret == pytest.ExitCode.OK
    assert project.gates()["order_randomized"] == "pass"
    assert project.results()["suites"]["small"]["estimates"]["standard"]["arms"]["free"]["n"] == PROMPTS
