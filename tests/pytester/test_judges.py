"""A model judge beside the gated model: the whole path of a run, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_framing.cli import main

if TYPE_CHECKING:
    import pytest

    from tests.pytester.conftest import GateProject


def test_a_suite_is_judged_by_a_model_and_its_noise_is_reported(project: GateProject) -> None:
    project.write_suite(judge="tiny-judge", controls={"judge_noise": 1.0})
    project.run()
    lines = project.lines("verdicts")
    labels = {line["judge"] for line in lines}
    (own,) = (label for label in labels if not label.endswith("#again"))
    assert own.startswith("tiny-judge/1@")
    assert labels == {own, f"{own}#again"}
    (suite,) = project.results()["suites"].values()
    assert suite["counts"]["judged"] == suite["counts"]["planned"]
    assert suite["counts"]["invalid"] == 0
    assert suite["judging"]["noise"]["n"] == suite["counts"]["planned"]
    assert "Asked again" in (project.latest() / "report.html").read_text(encoding="utf-8")
    assert "Asked again" in (project.latest() / "summary.md").read_text(encoding="utf-8")


def test_votes_are_counted_in_a_run(project: GateProject) -> None:
    project.write_suite(judge="tiny-judge*5")
    project.run()
    (suite,) = project.results()["suites"].values()
    assert suite["judging"]["judge"].endswith("*5>40%")
    assert suite["judging"]["votes"]["votes"] == 5
    assert suite["judging"]["votes"]["needed"] == 3


def test_an_unknown_judge_stops_the_run_before_it_starts(project: GateProject) -> None:
    result = project.run("--framing-judge", "tiny-jugde")
    result.stderr.fnmatch_lines(["*unknown judge 'tiny-jugde'*did you mean 'tiny-judge'?*"])
    assert result.ret == 4


def test_a_run_with_a_baseline_is_judged_again_and_its_new_verdicts_are_not_held_against_it(
    project: GateProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.run()
    monkeypatch.chdir(project.pytester.path)
    assert main(["baseline", "save", "latest"]) == 0
    project.run()
    capsys.readouterr()
    assert main(["judge", "latest", "--judge", "tiny-judge"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "by these verdicts the run is: " in printed.out
