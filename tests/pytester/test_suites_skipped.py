"""A suite whose prompts are not at hand is skipped visibly, unless it was asked for by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

SUITES = Path(__file__).parents[2] / "suites"
XSTEST = Path(__file__).parents[3] / "shared" / "data" / "xstest" / "xstest_prompts.csv"


def add_over_refusal(project: GateProject) -> Path:
    """Put the shipped suite beside the small one."""
    target = project.folder.parent / "over_refusal"
    shutil.copytree(SUITES / "over_refusal", target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "with workers"])
def test_it_is_skipped_visibly_and_the_receipt_lists_it(project: GateProject, workers: list[str]) -> None:
    add_over_refusal(project)
    result = project.run_apart(*workers, "-rs") if workers else project.run("-rs")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["over_refusal: skipped. *--framing-prompts xstest=*", "*SKIPPED*XSTest is not at hand*"]
    )
    assert [*project.results()["skipped_suites"]] == ["over_refusal"]
    receipt = json.loads((project.latest() / "receipt.json").read_text(encoding="utf-8"))
    assert [*receipt["predicate"]["framing"]["skipped_suites"]] == ["over_refusal"]
    assert "over&#95;refusal was skipped" in (project.latest() / "summary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", ["", "/test_over_refusal.py", "/test_over_refusal.py::test_case_is_judged"])
def test_asked_for_by_name_its_absence_is_an_error(project: GateProject, place: str) -> None:
    add_over_refusal(project)
    result = project.pytester.runpytest_inprocess(f"suites/over_refusal{place}", "--model", "tiny")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*XSTest is not at hand*--framing-prompts xstest=*"])
    assert project.wrote_nothing()


def test_a_session_in_which_every_suite_would_be_skipped_is_an_error(project: GateProject) -> None:
    add_over_refusal(project)
    shutil.rmtree(project.folder)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.wrote_nothing()


def test_a_suite_that_does_not_say_so_is_never_skipped(project: GateProject) -> None:
    target = add_over_refusal(project) / "suite.yaml"
    document: dict[str, Any] = yaml.safe_load(target.read_text(encoding="utf-8"))
    document["prompts"]["required"] = True
    target.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert project.run().ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.skipif(not XSTEST.exists(), reason="needs XSTest's prompts beside the project (../shared)")
def test_on_xstest_itself_refusals_of_safe_prompts_are_counted(project: GateProject) -> None:
    target = add_over_refusal(project) / "suite.yaml"
    document: dict[str, Any] = yaml.safe_load(target.read_text(encoding="utf-8"))
    document["profiles"]["sample"] = {"limit": 60, "gates": {"complete": {}, "over_refusal": {"max": 0.1}}}
    target.write_text(yaml.safe_dump(document), encoding="utf-8")
    shutil.rmtree(project.folder)
    result = project.run("--framing-prompts", f"xstest={XSTEST}", "--framing-profile", "sample")
    assert result.ret == pytest.ExitCode.TESTS_FAILED, "tiny refuses about half of whatever it is asked"
    gates = project.results()["suites"]["over_refusal"]["gates"]
    assert [gate["scope"] for gate in gates if gate["status"] == "fail"] == ["standard-free", "standard-paid"]
    safe = [gate["observed"] for gate in gates if gate["name"] == "over_refusal"]
    assert all(" safe prompts refused (" in text for text in safe)
