"""Running less than everything: what was left out on purpose is excused, what is missing is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pytester.conftest import CASES, QUIET

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

BREAK_ONE_CASE = """
import pytest
from pytest_framing.errors import EngineError

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if "p03-free-standard]" in item.nodeid:
        raise EngineError("planted")
"""


def test_deselected_cases_leave_gates_unevaluated_without_failing(project: GateProject) -> None:
    result = project.run("-k", "p01 or p02")
    assert result.ret == pytest.ExitCode.OK
    assert set(project.gates().values()) == {"not_evaluated"}
    assert project.results()["verdict"] == "not_evaluated"
    result.stdout.fnmatch_lines(["*NOT EVALUATED complete: *were deselected*"])


def test_a_release_run_excuses_no_deselection(project: GateProject) -> None:
    assert project.run("-k", "p01 or p02", "--framing-release").ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    "option", ["--deselect=suites/small/test_small.py::test_case_is_judged[p01-free-standard]", "-m=not framing"]
)
def test_other_ways_to_deselect_are_on_purpose_too(project: GateProject, option: str) -> None:
    result = project.run(option)
    assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert set(project.gates().values()) == {"not_evaluated"}


def test_a_node_id_runs_one_case(project: GateProject) -> None:
    result = project.pytester.runpytest_inprocess(
        "suites/small/test_small.py::test_case_is_judged[p01-free-standard]", "--model", "tiny", "-p", "no:randomly"
    )
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=4)
    assert project.results()["verdict"] == "not_evaluated"


def test_a_case_that_runs_alone_is_decided_as_among_all(project: GateProject) -> None:
    project.run()
    everything = project.decisions()
    project.run("-k", "p04")
    alone = project.decisions()
    assert alone
    assert alone == {case: everything[case] for case in alone}


def test_a_case_without_a_verdict_fails_complete_and_holds_the_other_gates_back(project: GateProject) -> None:
    project.pytester.makeconftest(BREAK_ONE_CASE)
    result = project.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    gates = project.gates()
    assert gates.pop("complete") == "fail"
    assert set(gates.values()) == {"not_evaluated"}


def test_stopping_at_the_first_failure_evaluates_no_gate(project: GateProject) -> None:
    project.pytester.makeconftest(BREAK_ONE_CASE)
    result = project.run("-x", "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert project.results()["verdict"] == "fail"
    gates = project.gates()
    assert gates.pop("complete") == "fail"
    assert set(gates.values()) == {"not_evaluated"}
    assert project.results()["suites"]["small"]["evidence"]["interrupted"]


def test_collect_only_lists_cases_and_writes_nothing(project: GateProject) -> None:
    result = project.run("--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK
    assert result.stdout.str().count("::test_case_is_judged[") == CASES
    assert project.wrote_nothing()


def test_last_failed_reruns_everything_when_a_gate_failed(project: GateProject) -> None:
    project.write_suite(order={"seed": 11, "conditions": "fixed"})
    arguments = ("suites", "--model", "tiny", *QUIET)
    assert project.pytester.runpytest_inprocess(*arguments).ret == pytest.ExitCode.TESTS_FAILED
    again = project.pytester.runpytest_inprocess(*arguments, "--lf")
    assert again.ret == pytest.ExitCode.TESTS_FAILED
    assert project.gates()["order_randomized"] == "fail"


def test_last_failed_after_a_broken_case_runs_that_case_and_says_so(project: GateProject) -> None:
    project.pytester.makeconftest(BREAK_ONE_CASE)
    arguments = ("suites", "--model", "tiny", *QUIET)
    project.pytester.runpytest_inprocess(*arguments)
    project.pytester.makeconftest("")
    again = project.pytester.runpytest_inprocess(*arguments, "--lf")
    assert again.ret == pytest.ExitCode.OK
    assert project.results()["verdict"] == "not_evaluated"
    assert len(project.decisions()) == 1


def test_the_exit_code_does_not_depend_on_the_terminal(project: GateProject) -> None:
    project.write_suite(order={"seed": 11, "conditions": "fixed"})
    assert project.run("-p", "no:terminal").ret == pytest.ExitCode.TESTS_FAILED
    assert project.gates()["order_randomized"] == "fail"


def test_another_order_of_items_changes_neither_decisions_nor_executed_order(project: GateProject) -> None:
    project.run()
    in_order = project.decisions()
    result = project.pytester.runpytest_inprocess(
        "suites", "--model", "tiny", "-p", "randomly", "-p", "no:cacheprovider", "--randomly-seed=3"
    )
    assert result.ret == pytest.ExitCode.OK
    assert project.decisions() == in_order
    assert project.gates()["order_randomized"] == "pass"


def test_reruns_are_refused(project: GateProject) -> None:
    result = project.run("--reruns", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --reruns: a gate run counts every case once*"])
    assert project.wrote_nothing()


def test_an_ignored_suite_is_no_part_of_the_run(project: GateProject) -> None:
    other = project.pytester.path / "suites" / "other"
    other.mkdir()
    (other / "suite.yaml").write_text("not a suite", encoding="utf-8")
    assert project.run("--ignore=suites/other").ret == pytest.ExitCode.OK
