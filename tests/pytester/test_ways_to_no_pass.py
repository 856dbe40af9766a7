"""Ways in which the evidence of a run is missing or wrong: exit code and record say so.

``docs/explanation/accidental-passes.md`` is the table of all of them, and names the test of each.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_framing.cli import main
from pytest_framing.models.registry import EMBEDDED
from tests.pytester.conftest import TEST_MODULE

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

GATES: dict[str, Any] = {"complete": {}, "flip_rate": {}}
PROMPTS = 2
Way = Callable[["GateProject"], "pytest.RunResult"]

DROP_ITEMS = """
def pytest_collection_modifyitems(items):
    del items[2:]
"""
COLLECT_NOTHING_HERE = "collect_ignore = ['suites/small/test_small.py']"
SKIP_ALL = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.skip(reason="not today"))
"""
OTHER_VERDICT = """
import pytest
from pytest_framing.records import VerdictLabel

@pytest.fixture
def framing_verdict(framing_case):
    return VerdictLabel.COMPLIANCE
"""
BROKEN_JUDGE = """
class Judge:
    label = "broken/1"

    def judge(self, case, response):
        raise RuntimeError(response.answer)

def pytest_framing_judges():
    return {"broken": Judge}
"""
SHORT_ENGINE = """
from pytest_framing.engines.transformers import TransformersEngine

class Short(TransformersEngine):
    def run(self, request):
        return super().run(request)[:-1]

def pytest_framing_engines():
    return {"short": Short}
"""
CLOCK_BACKWARDS = """
import time

class Clock:
    now = 1e6

    @classmethod
    def monotonic(cls):
        cls.now -= 1.0
        return cls.now

def pytest_configure():
    import pytest_framing.engines.transformers as engine
    real, engine.time = engine.time, Clock

def pytest_unconfigure():
    import pytest_framing.engines.transformers as engine
    engine.time = time
"""
INTERRUPT = """
def pytest_runtest_teardown(item):
    if "p01" in item.nodeid:
        raise KeyboardInterrupt
"""
ANSWER_NOTHING = """
from dataclasses import replace
from pytest_framing.engines.transformers import TransformersEngine

class Silent(TransformersEngine):
    def run(self, request):
        return [replace(one, text="", new_tokens=0) for one in super().run(request)]

def pytest_framing_engines():
    return {"silent": Silent}
"""


def plain(project: GateProject, *options: str, conftest: str = "", **suite: Any) -> pytest.RunResult:
    """Run a small suite that passes unless something is done to it."""
    if conftest:
        project.pytester.makeconftest(conftest)
    project.write_suite(**{"gates": GATES, **suite})
    project.write_prompts(PROMPTS)
    return project.run(*options)


def edit_module(project: GateProject, old: str, new: str) -> None:
    path = project.folder / "test_small.py"
    assert old in TEST_MODULE
    path.write_text(TEST_MODULE.replace(old, new), encoding="utf-8")


def dropped(project: GateProject) -> pytest.RunResult:
    return plain(project, conftest=DROP_ITEMS)


def uncollected(project: GateProject) -> pytest.RunResult:
    return plain(project, conftest=COLLECT_NOTHING_HERE)


def skipped(project: GateProject) -> pytest.RunResult:
    return plain(project, conftest=SKIP_ALL)


def expected_to_fail(project: GateProject) -> pytest.RunResult:
    edit_module(project, "pytestmark = ", "pytestmark = pytest.mark.xfail, ")
    return plain(project, "--framing-judge", "broken", conftest=BROKEN_JUDGE)


def module_gone(project: GateProject) -> pytest.RunResult:
    (project.folder / "test_small.py").unlink()
    return plain(project)


def verdict_replaced(project: GateProject) -> pytest.RunResult:
    return plain(project, conftest=OTHER_VERDICT)


def judge_broken(project: GateProject) -> pytest.RunResult:
    return plain(project, "--framing-judge", "broken", conftest=BROKEN_JUDGE)


def engine_short(project: GateProject) -> pytest.RunResult:
    return plain(project, "--framing-engine", "short", conftest=SHORT_ENGINE)


def answers_empty(project: GateProject) -> pytest.RunResult:
    return plain(project, "--framing-engine", "silent", conftest=ANSWER_NOTHING, gates={"invalid_rate": {}})


def clock_backwards(project: GateProject) -> pytest.RunResult:
    return plain(
        project,
        conftest=CLOCK_BACKWARDS,
        execution={"mode": "sequential"},
        gates={"complete": {}, "order_randomized": {}},
    )


def nothing_set_up(project: GateProject) -> pytest.RunResult:
    return plain(project, "--setup-plan")


def interrupted(project: GateProject) -> pytest.RunResult:
    project.pytester.makeconftest(INTERRUPT)
    project.write_suite(gates=GATES)
    result = project.run_apart()
    assert project.results()["suites"]["small"]["evidence"]["interrupted"]
    return result


def one_failure_is_enough(project: GateProject) -> pytest.RunResult:
    return plain(project, "--maxfail=1", "--framing-judge", "broken", conftest=BROKEN_JUDGE)


def suite_ignored_in_a_release_run(project: GateProject) -> pytest.RunResult:
    shutil.copytree(project.folder, project.folder.with_name("other"))
    result = plain(project, "--framing-release", f"--ignore={project.folder.with_name('other')}")
    result.stderr.fnmatch_lines(["*--ignore*a release run leaves out no suite*other*"])
    return result


def only_collected_in_a_release_run(project: GateProject) -> pytest.RunResult:
    result = plain(project, "--framing-release", "--collect-only")
    result.stderr.fnmatch_lines(["*--collect-only: *a release run*"])
    return result


def deselected_in_a_release_run(project: GateProject) -> pytest.RunResult:
    return plain(project, "--framing-release", "-k", "p00")


def loaded_by_no_one(project: GateProject) -> pytest.RunResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        return project.pytester.runpytest_subprocess("suites", "--model", "tiny")


def in_every_worker(project: GateProject) -> pytest.RunResult:
    project.write_suite(gates=GATES)
    project.write_prompts(2)
    result = project.run_apart("-n", "2", "--dist", "each")
    assert project.results()["suites"]["small"]["evidence"]["duplicated"]
    return result


def checkpoint(project: GateProject, name: str, **files: str) -> Path:
    """Copy the weights of ``tiny``, with some of its files changed."""
    folder = project.pytester.path / name
    shutil.copytree(EMBEDDED / "tiny", folder)
    for file, content in files.items():
        (folder / file).write_text(content, encoding="utf-8")
    return folder


def saved_baseline(project: GateProject, **suite: Any) -> Path:
    assert plain(project, **suite).ret == pytest.ExitCode.OK
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.pytester.path)
        assert main(["baseline", "save", "latest"]) == 0
    (path,) = (project.pytester.path / "baselines").rglob("*.json")
    return path


def other_template(project: GateProject) -> pytest.RunResult:
    saved_baseline(project)
    template = (EMBEDDED / "tiny" / "chat_template.jinja").read_text(encoding="utf-8")
    changed = checkpoint(project, "changed", **{"chat_template.jinja": template + "\n"})
    result = project.run("--checkpoint", str(changed))
    result.stderr.fnmatch_lines(["*under another protocol*", "*template: *"])
    return result


def baseline_of_another_model(project: GateProject) -> pytest.RunResult:
    path = saved_baseline(project)
    result = project.run("--framing-baseline", str(path), model="tiny-aware")
    result.stderr.fnmatch_lines(["*is of the model 'tiny', and this run gates 'tiny-aware'*"])
    return result


def baseline_on_other_texts(project: GateProject) -> pytest.RunResult:
    saved_baseline(project)
    lines = [json.dumps({"id": f"p{n:02d}", "text": f"Describe teapot {n}."}) for n in range(PROMPTS)]
    (project.folder / "prompts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    project.write_suite(gates={"refusal_regression": {}, "comparable": {}})
    return project.run()


def resumed_with_other_weights(project: GateProject) -> pytest.RunResult:
    plain(project)
    result = project.run("--framing-resume", "latest", "--checkpoint", str(EMBEDDED / "tiny-aware"))
    result.stderr.fnmatch_lines(["*would not be the same run*"])
    return result


def resumed_with_another_seed(project: GateProject) -> pytest.RunResult:
    plain(project)
    result = project.run("--framing-resume", "latest", "--framing-seed", "12")
    result.stderr.fnmatch_lines(["*would not be the same run*"])
    return result


NO_PASS = [
    dropped,
    uncollected,
    skipped,
    expected_to_fail,
    module_gone,
    verdict_replaced,
    judge_broken,
    engine_short,
    answers_empty,
    clock_backwards,
    nothing_set_up,
    interrupted,
    one_failure_is_enough,
    suite_ignored_in_a_release_run,
    only_collected_in_a_release_run,
    deselected_in_a_release_run,
    loaded_by_no_one,
    in_every_worker,
    other_template,
    baseline_of_another_model,
    baseline_on_other_texts,
    resumed_with_other_weights,
    resumed_with_another_seed,
]


def test_nothing_is_in_the_way_of_the_run_that_the_others_disturb(project: GateProject) -> None:
    assert plain(project).ret == pytest.ExitCode.OK
    assert project.results()["verdict"] == "pass"


@pytest.mark.parametrize("way", NO_PASS, ids=lambda way: way.__name__)
def test_it_does_not_pass(project: GateProject, way: Way) -> None:
    result = way(project)
    assert result.ret not in (pytest.ExitCode.OK, pytest.ExitCode.INTERNAL_ERROR)
    result.stdout.no_fnmatch_line("*Traceback*")
