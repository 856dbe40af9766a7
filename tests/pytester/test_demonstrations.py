"""A suite with demonstrations, run by pytest from its pools to its results."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from pytest_framing.models.registry import EMBEDDED
from pytest_framing.schemas import schema
from tests.pytester.conftest import PROMPTS

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

SUITES = Path(__file__).parents[2] / "suites"
SHOWN: dict[str, Any] = {
    "harmful": {"source": "restricted"},
    "benign": {"source": "everyday"},
    "counts": [2],
    "fractions": [0.5, 1],
    "samplings": 1,
    "orderings": {"counts": [2], "which": ["prefix"]},
    "framings": {"counts": [2]},
}
CONTROLS = {"repeat_fraction": 0, "placebo": False}
# One without demonstrations and three contexts, two of them under both framings too.
CASES = PROMPTS * (4 + 2 * 2)


def write_suite(project: GateProject, *, gates: dict[str, Any] | None = None, **shown: Any) -> None:
    gates = gates or {"complete": {}, "invalid_rate": {"max": 0.2}, "framing_interaction": {"margin": 0.6}}
    project.write_suite(demonstrations=SHOWN | shown, controls=CONTROLS, gates=gates)


def test_every_prompt_meets_every_context_and_results_keep_to_the_schema(project: GateProject) -> None:
    write_suite(project)
    result = project.run()
    assert result.ret == pytest.ExitCode.OK
    suite = project.results()["suites"]["small"]
    assert suite["counts"] == {"planned": CASES, "executed": CASES, "judged": CASES, "invalid": 0}
    assert set(suite["composition"]["conditions"]) == {"h1-b1", "h2-b0", "h1-b1-prefix"}
    assert suite["composition"]["zero_demonstrations"]["compliance"]["n"] == PROMPTS
    schema = json.loads(files("pytest_framing").joinpath("schemas/results.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(project.results())
    assert {line["mode"] for line in project.lines("verdicts")} == {
        "standard",
        "h1-b1-s1",
        "h2-b0-s1",
        "h1-b1-prefix-s1",
    }


def test_no_text_of_a_demonstration_is_in_plan_or_results(project: GateProject) -> None:
    write_suite(project)
    project.run()
    pool = (Path(files("pytest_framing").joinpath("data/demonstrations_harmful.jsonl").__str__())).read_text("utf-8")
    texts = {row["request"] for row in map(json.loads, pool.splitlines())}
    for name in ("plan.json", "results.json", "report.html", "summary.md", "receipt.json"):
        written = (project.latest() / name).read_text(encoding="utf-8")
        assert not any(text in written for text in texts), name
    plan = json.loads((project.latest() / "plan.json").read_text(encoding="utf-8"))["suites"]["small"]
    assert plan["contexts"]["h2-b0-s1"]["harmful"] == 2
    assert plan["pools"]["restricted"]["digest"].startswith("sha256:")
    assert plan["fingerprint"]["deciding"]["demonstrations"]["rounding"] == "count * fraction, halves rounded up"


def test_a_request_that_is_also_asked_ends_the_run_before_it_begins(project: GateProject) -> None:
    prompts = (project.folder / "prompts.jsonl").read_text(encoding="utf-8").splitlines()
    leaked = [{"request": json.loads(line)["text"], "response": "So."} for line in prompts[:3]]
    (project.pytester.path / "pool.jsonl").write_text("\n".join(map(json.dumps, leaked)), encoding="utf-8")
    write_suite(project)
    result = project.run("--framing-prompts", "restricted=pool.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*leakage: 3 demonstrations of the pool 'restricted' are also asked as prompts*'p00'*"]
    )
    assert "gizmo" not in result.stderr.str()
    assert project.wrote_nothing()


def small_window(project: GateProject, window: int) -> Path:
    folder = project.pytester.path / "narrow"
    shutil.copytree(EMBEDDED / "tiny", folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"max_position_embeddings": window}), encoding="utf-8")
    return folder


def test_a_context_over_the_window_is_an_error_before_anything_runs(project: GateProject) -> None:
    write_suite(project, counts=[2, 8], framings={})
    result = project.run("--checkpoint", str(small_window(project, 700)))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*contexts of demonstrations do not fit the model's window of 700 tokens*"])
    assert project.wrote_nothing()


def test_what_does_not_fit_may_be_planned_as_invalid_and_then_does_not_run(project: GateProject) -> None:
    write_suite(project, counts=[2, 8], framings={}, truncation="invalid", gates={"complete": {}, "invalid_rate": {}})
    result = project.run("--checkpoint", str(small_window(project, 700)))
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    over = [line for line in project.lines("responses") if line["finish_reason"] == "over_window"]
    assert {line["case_id"].split("-none-")[1] for line in over} >= {"h4-b4-s1", "h8-b0-s1"}
    assert all(line["new_tokens"] == 0 for line in over)
    verdicts = {line["case_id"]: (line["verdict"], line["rule"]) for line in project.lines("verdicts")}
    assert {verdicts[line["case_id"]] for line in over} == {("invalid", "over_window")}
    assert project.results()["suites"]["small"]["generation"]["finish"]["over_window"] == len(over)
    jsonschema.Draft202012Validator(dict(schema("results"))).validate(project.results())
    gates = {gate["scope"]: gate["status"] for gate in project.results()["suites"]["small"]["gates"]}
    assert gates["demonstrations"] == "fail"


def add_shipped(project: GateProject) -> None:
    target = project.folder.parent / "mixed_demonstrations"
    shutil.copytree(SUITES / "mixed_demonstrations", target, ignore=shutil.ignore_patterns("__pycache__"))


def test_without_pools_the_shipped_suite_is_skipped_visibly(project: GateProject) -> None:
    add_shipped(project)
    shutil.copytree(EMBEDDED / "tiny", project.pytester.path / "candidate")
    result = project.pytester.runpytest_inprocess("suites", "--model", "candidate", "-p", "no:randomly")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["mixed_demonstrations: skipped. *"])
    assert [*project.results()["skipped_suites"]] == ["mixed_demonstrations"]


def test_asked_for_by_name_its_pools_are_required(project: GateProject) -> None:
    add_shipped(project)
    shutil.copytree(EMBEDDED / "tiny", project.pytester.path / "candidate")
    result = project.pytester.runpytest_inprocess("suites/mixed_demonstrations", "--model", "candidate")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.wrote_nothing()
