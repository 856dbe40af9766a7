"""Whatever a project does around a gate run: no run passes that its record does not let pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

TURN_REPORTS = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    report.outcome = "passed"
"""
SWALLOW_FAILURES = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome = "passed"
    report.longrepr = None
    return report
"""
NO_LOOP = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    return True
"""
BROKEN_WRAPPER = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session):
    try:
        return (yield)
    except BaseException:
        return True
"""
OTHER_EXIT = """
def pytest_sessionfinish(session, exitstatus):
    session.exitstatus = 0
"""


def inconclusive(project: GateProject) -> None:
    """A suite that is far too small for its power gate."""
    project.write_suite(gates={"complete": {}, "power": {"margin": 0.05}})


@pytest.mark.parametrize(
    "conftest",
    [TURN_REPORTS, SWALLOW_FAILURES, NO_LOOP, BROKEN_WRAPPER, OTHER_EXIT],
    ids=["turned reports", "swallowed failures", "no loop", "swallowed interruption", "another exit code"],
)
@pytest.mark.parametrize("options", [[], ["-x"], ["-W", "ignore"], ["-p", "no:warnings"]], ids=str)
def test_a_conftest_cannot_make_it_pass(project: GateProject, conftest: str, options: list[str]) -> None:
    inconclusive(project)
    project.pytester.makeconftest(conftest)
    result = project.run(*options)
    assert result.ret != pytest.ExitCode.OK
    assert project.results()["verdict"] != "pass"


def test_an_option_from_the_environment_that_deselects_is_told(
    project: GateProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "PYTEST_ADDOPTS", "--deselect suites/small/test_small.py::test_case_is_judged[p00-free-standard]"
    )
    project.write_suite(gates={"complete": {}, "flip_rate": {}})
    assert project.run("--framing-release").ret == pytest.ExitCode.TESTS_FAILED
    assert project.results()["verdict"] == "not_evaluated"
    assert project.results()["suites"]["small"]["evidence"]["deselected"] == 1


def test_without_the_plugin_there_is_no_gate_run(project: GateProject) -> None:
    result = project.run_apart("-p", "no:framing")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_suite_run_without_a_model_does_not_pass(project: GateProject) -> None:
    result = project.pytester.runpytest_inprocess("suites")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*no cases: name a model*"])


def test_a_test_that_asks_for_no_verdict_leaves_its_cases_unjudged(project: GateProject) -> None:
    (project.folder / "test_small.py").write_text(
        "import pytest\n\npytestmark = pytest.mark.framing('suite.yaml')\n\n"
        "def test_nothing(framing_case):\n    pass\n",
        encoding="utf-8",
    )
    project.write_suite(gates={"complete": {}})
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED
    assert project.gates() == {"complete": "fail"}
