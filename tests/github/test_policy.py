"""What workflows and the action must never do, whatever a linter thinks of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.github.workflows import ACTION, FILES, ROOT, SCRIPTS, WORKFLOWS, jobs, read, steps

EACH_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
EACH_WORKFLOW = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
GATE = ROOT / ".github" / "workflows" / "release-gate.yml"
# Who may write what: a job that is not here may write nothing.
WRITERS = {
    ("release-gate.yml", "attest"): {"id-token", "attestations"},
    ("release-gate.yml", "comment"): {"pull-requests"},
    ("supply-chain.yml", "bill-of-materials"): {"contents"},
}


@EACH_FILE
def test_actions_of_others_are_pinned_by_commit_with_their_version(path: Path) -> None:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if re.search(r"\buses:", line)]
    assert lines
    for line in lines:
        assert re.fullmatch(r"(- )?uses: (\./|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)", line), line


def test_one_action_has_one_version() -> None:
    uses = {line for path in FILES for line in re.findall(r"uses: (\S+@\S+ # \S+)", path.read_text(encoding="utf-8"))}
    assert len({one.split("@")[0] for one in uses}) == len(uses)


@EACH_FILE
def test_no_expression_stands_in_a_script(path: Path) -> None:
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


@EACH_WORKFLOW
def test_nothing_runs_for_strangers_with_our_rights(path: Path) -> None:
    assert not {"pull_request_target", "workflow_run", "issue_comment", "issues"} & set(read(path)["on"])


@EACH_WORKFLOW
def test_rights_are_given_job_by_job_and_no_more_than_needed(path: Path) -> None:
    assert read(path)["permissions"] == {}
    for name, job in jobs(path).items():
        assert isinstance(job["permissions"], dict), name
        writes = {right for right, level in job["permissions"].items() if level != "read"}
        assert writes == WRITERS.get((path.name, name), set()), name


@EACH_WORKFLOW
def test_every_job_has_a_timeout_and_a_name(path: Path) -> None:
    assert all(job["timeout-minutes"] and job["name"] for job in jobs(path).values())


@EACH_WORKFLOW
def test_the_token_of_the_checkout_does_not_stay_on_disk(path: Path) -> None:
    found = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert found
    assert all(step["with"]["persist-credentials"] is False for step in found)


def test_secrets_are_named_in_one_place_and_reach_one_step() -> None:
    named = {path.name: re.findall(r"secrets\.\w+", path.read_text(encoding="utf-8")) for path in FILES}
    assert {name: found for name, found in named.items() if found} == {"release-gate.yml": ["secrets.HF_TOKEN"]}
    holders = [step["name"] for step in steps(ACTION) if "inputs.hf-token" in str(step)]
    assert holders == ["Run the gates"]


def test_no_weights_go_into_a_cache() -> None:
    assert not any(step.get("uses", "").startswith("actions/cache") for path in FILES for step in steps(path))
    assert not any("cache" in step.get("with", {}) for path in (GATE, ACTION) for step in steps(path))


def test_a_gate_runs_where_the_gpus_are_and_for_nobody_elses_code() -> None:
    gate = jobs(GATE)["gate"]
    assert gate["runs-on"] == ["self-hosted", "linux", "gpu", "h100"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in gate["if"]
    assert gate["concurrency"] == {"group": "release-gate-${{ matrix.model }}", "cancel-in-progress": False}
    assert [job["runs-on"] for name, job in jobs(GATE).items() if name != "gate"] == ["ubuntu-24.04"] * 3


def test_the_workflow_decides_a_release_and_a_skipped_gate_is_no_pass() -> None:
    (step,) = [step for step in jobs(GATE)["gate"]["steps"] if step.get("uses") == "./"]
    assert step["with"]["release"] == "true"
    verdict = jobs(GATE)["verdict"]
    assert verdict["if"] == "always()"
    assert verdict["steps"][0]["run"] == 'test "$RESULT" = success'
    assert verdict["steps"][0]["env"] == {"RESULT": "${{ needs.gate.result }}"}


def test_the_action_ends_as_its_conclusion_says() -> None:
    last = list(steps(ACTION))[-1]
    assert last["env"] == {"GATE_CODE": "${{ steps.conclude.outputs.exit-code }}"}
    assert last["run"] == 'exit "${GATE_CODE:-1}"'
    assert "if" not in last, "a step before it that failed is a failure too"


def test_the_workflow_gives_the_action_what_it_takes() -> None:
    (step,) = [step for step in jobs(GATE)["gate"]["steps"] if step.get("uses") == "./"]
    assert set(step["with"]) <= set(read(ACTION)["inputs"])
    called, dispatched = (read(GATE)["on"][name]["inputs"] for name in ("workflow_call", "workflow_dispatch"))
    assert set(dispatched) <= set(called)
    assert {name: dispatched[name].get("default") for name in dispatched if name != "models"} == {
        name: called[name].get("default") for name in dispatched if name != "models"
    }


def test_nothing_that_quotes_answers_is_uploaded_unless_asked() -> None:
    inputs = read(ACTION)["inputs"]
    assert {inputs[name]["default"] for name in ("upload-responses", "show-text")} == {"false"}
    uploads = [step for path in FILES for step in steps(path) if "upload-artifact@" in step.get("uses", "")]
    # One folder, which conclude.sh fills by name; test_scripts.py looks into it.
    assert [step["with"]["path"] for step in uploads] == ["${{ steps.conclude.outputs.upload }}"]


def test_every_input_and_output_is_described() -> None:
    document = read(ACTION)
    assert all(entry["description"] for kind in ("inputs", "outputs") for entry in document[kind].values())
    assert all("default" in entry or entry["required"] for entry in document["inputs"].values())


def test_every_input_is_used_and_every_script_is_there() -> None:
    text = ACTION.read_text(encoding="utf-8")
    used = set(re.findall(r"inputs\.([a-z-]+)", text))
    assert used == set(read(ACTION)["inputs"])
    for path in FILES:
        for name in re.findall(r"\.github/scripts/([\w.-]+)", path.read_text(encoding="utf-8")):
            assert (SCRIPTS / name).is_file()
            assert name.endswith(".py") or (SCRIPTS / name).stat().st_mode & 0o111, f"{name} cannot be run"


def test_ci_runs_what_a_developer_runs() -> None:
    assert ".ci/run" in [step.get("run") for step in steps(ROOT / ".github" / "workflows" / "ci.yml")]
