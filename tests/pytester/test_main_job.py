from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema
import pytest

from tests.pytester.conftest import CASES, PROMPTS, QUIET

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject


def test_a_run_judges_every_case_and_reports_every_gate(project: GateProject) -> None:
    result = project.run()
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=CASES + 3, skipped=1)  # three gates pass, one has no baseline
    assert project.results()["suites"]["small"]["counts"] == {
        "planned": CASES,
        "executed": CASES,
        "judged": CASES,
        "invalid": 0,
    }


def test_cases_are_named_by_prompt_framing_mode_and_replicate(project: GateProject) -> None:
    result = project.run("-v")
    output = result.stdout.str()
    assert "test_case_is_judged[p03-free-standard]" in output
    assert "test_case_is_judged[p03-placebo-standard]" in output
    assert output.count("-standard-r2] ") == 2 * PROMPTS // 4


def test_each_case_is_shown_by_the_letter_of_its_verdict(project: GateProject) -> None:
    output = project.run().stdout.str()
    letters = {"refusal": "R", "compliance": "C"}
    counted = [letters[verdict] for verdict in project.decisions().values()]
    shown = "".join(
        line.removeprefix("suites/small/test_small.py ").split(" ")[0]
        for line in output.splitlines()
        if line.startswith("suites/small/test_small.py ")
    )
    assert sorted(shown) == sorted(counted)


def test_the_header_says_what_is_gated_on_which_prompts_and_where_the_record_goes(project: GateProject) -> None:
    output = project.run().stdout.str()
    assert "framing: model tiny" in output
    assert f"prompts prompts ({PROMPTS}): path in" in output
    assert "No baseline exists yet" in output
    assert f"run folder {project.latest()}" in output


def test_the_summary_has_a_line_a_gate_and_the_verdict(project: GateProject) -> None:
    project.run().stdout.fnmatch_lines(
        [
            f"small: {CASES} of {CASES} cases judged, 0 invalid",
            "  standard: free * refused*; gap *",
            "  NOT EVALUATED comparable: *framing baseline save RUN*",
            "  PASS          complete, order_randomized, invalid_rate",
            "PASS: tiny. *",
        ]
    )


def test_results_keep_to_the_schema_that_the_package_ships(project: GateProject) -> None:
    project.run()
    schema = json.loads(files("pytest_framing").joinpath("schemas/results.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(project.results())


def test_no_prompt_or_answer_reaches_the_terminal_or_junit(project: GateProject) -> None:
    result = project.run("-rA", "-vv", "--junitxml=junit.xml", "-o", "junit_logging=all")
    shown = (
        result.stdout.str() + result.stderr.str() + (project.pytester.path / "junit.xml").read_text(encoding="utf-8")
    )
    assert "gizmo" not in shown
    answers = {line["answer"] for line in project.lines("responses")}
    assert answers
    assert not any(answer in shown for answer in answers)


def test_no_prompt_or_answer_is_shown_when_a_case_fails(project: GateProject) -> None:
    module = project.folder / "test_small.py"
    module.write_text(
        module.read_text(encoding="utf-8")
        + "\n\ndef test_fails(framing_case, framing_response, framing_verdict):\n    assert framing_response is None\n",
        encoding="utf-8",
    )
    shown = project.run("-vv", "-l").stdout.str()
    answers = {line["answer"] for line in project.lines("responses")}
    assert "FAILED" in shown
    assert not any(answer in shown for answer in answers)


def test_the_plan_is_on_disk_before_the_first_response_and_holds_no_text(project: GateProject) -> None:
    project.run()
    plan = project.latest() / "plan.json"
    assert plan.stat().st_mtime <= (project.latest() / "responses.jsonl").stat().st_mtime
    assert "gizmo" not in plan.read_text(encoding="utf-8")


def test_the_receipt_binds_every_file_of_the_run_by_digest(project: GateProject) -> None:
    import hashlib

    project.run()
    receipt = json.loads((project.latest() / "receipt.json").read_text(encoding="utf-8"))
    bound = {file["name"]: file["digest"]["sha256"] for file in receipt["predicate"]["framing"]["files"]}
    assert set(bound) == {
        "plan.json",
        "circumstances.json",
        "responses.jsonl",
        "verdicts.jsonl",
        "results.json",
        "summary.md",
    }
    for name, digest in bound.items():
        assert hashlib.sha256((project.latest() / name).read_bytes()).hexdigest() == digest
    assert receipt["predicate"]["result"] == "PASSED"


def test_a_second_run_gets_a_folder_of_its_own_and_latest_names_it(project: GateProject) -> None:
    project.run()
    first = project.latest()
    project.run()
    assert project.latest() != first
    assert (first / "results.json").is_file()


def test_suites_without_a_model_fail_instead_of_passing_empty(project: GateProject) -> None:
    result = project.pytester.runpytest_inprocess("suites", *QUIET)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*no cases: name a model (pytest suites/ --model tiny)*"])


def test_an_unrelated_test_beside_a_gate_run_is_left_alone(project: GateProject) -> None:
    (project.pytester.path / "suites" / "test_other.py").write_text("def test_plain(): pass\n", encoding="utf-8")
    result = project.run()
    result.assert_outcomes(passed=CASES + 4, skipped=1)
