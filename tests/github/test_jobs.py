"""The scripts of the jobs that attest and comment, run as the runner would run them."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.receipt.statement import PREDICATE_TYPE
from pytest_framing.results import write_conclusion
from tests.github.runner import Runner, Step
from tests.github.workflows import ROOT
from tests.unit.builders import make_run, table, write_run

# Stands in for gh: keeps what it was asked to do, and answers a list of comments with what a test laid down.
GH = """#!{python}
import json, os, sys
from pathlib import Path
folder = Path(os.environ["FAKE"])
arguments = sys.argv[1:]
body = next((one.removeprefix("body=@") for one in arguments if one.startswith("body=@")), None)
call = {{"arguments": arguments, "body": Path(body).read_text() if body else None, "token": os.environ["GH_TOKEN"]}}
with (folder / "calls").open("a") as file:
    file.write(json.dumps(call) + "\\n")
if body is None:
    print((folder / "ids").read_text(), end="")
"""


WEIGHTS = f"sha256:{'ab' * 32}"


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    (tmp_path / "artefacts").mkdir()
    return Runner(tmp_path / "runner", tmp_path)


@pytest.fixture
def artefact(runner: Runner) -> Path:
    """What the job that gates uploads: the record without responses and verdicts."""
    folder = runner.workspace / "artefacts" / "framing-0"
    conclusion = write_run(make_run(table(16, 4, 4, 76)), folder, weights=WEIGHTS)
    write_conclusion(conclusion, folder)
    for path in folder.glob("*.jsonl"):
        path.unlink()
    return folder


def attest(runner: Runner, folder: Path) -> Step:
    return runner.run("statement.py", ARTEFACT=str(folder))


def test_the_statement_that_is_signed_is_the_receipt_itself(runner: Runner, artefact: Path) -> None:
    step = attest(runner, artefact)
    assert (step.code, step.outputs) == (0, {"present": "true"})
    receipt = json.loads((artefact / "receipt.json").read_text(encoding="utf-8"))
    lines = (artefact / "subjects.sha256").read_text(encoding="utf-8").splitlines()
    subjects = {name: digest for digest, name in (line.split("  ") for line in lines)}
    own = hashlib.sha256((artefact / "receipt.json").read_bytes()).hexdigest()
    files = {one["name"]: one["digest"]["sha256"] for one in receipt["predicate"]["framing"]["files"]}
    assert subjects == {**files, "paper": "ab" * 32, "receipt.json": own}
    assert "responses.jsonl" in subjects, "attested by digest; the file itself stayed where it was made"
    assert json.loads((artefact / "predicate.json").read_text(encoding="utf-8")) == receipt["predicate"]
    workflow = (ROOT / ".github" / "workflows" / "release-gate.yml").read_text(encoding="utf-8")
    assert f"predicate-type: {PREDICATE_TYPE}\n" in workflow


def test_a_file_that_is_not_the_one_of_the_receipt_is_not_signed(runner: Runner, artefact: Path) -> None:
    (artefact / "summary.md").write_text("# tiny: pass\n", encoding="utf-8")
    step = attest(runner, artefact)
    assert step.code == 1
    assert "summary.md of the artefact is not the one that the receipt names" in step.commands[0]
    assert not (artefact / "subjects.sha256").exists()


def test_a_model_that_is_known_by_its_commit_is_told_in_the_predicate_alone(runner: Runner, artefact: Path) -> None:
    path = artefact / "receipt.json"
    receipt = json.loads(path.read_text(encoding="utf-8"))
    receipt["subject"][0]["digest"] = {"gitCommit": "cd" * 20}
    path.write_text(json.dumps(receipt), encoding="utf-8")
    assert attest(runner, artefact).code == 0
    assert "paper" not in (artefact / "subjects.sha256").read_text(encoding="utf-8")


def rename(artefact: Path, place: str, name: str) -> None:
    """Rename what the receipt is about, or a file that it binds."""
    path = artefact / "receipt.json"
    receipt = json.loads(path.read_text(encoding="utf-8"))
    named = receipt["subject"] if place == "subject" else receipt["predicate"]["framing"]["files"]
    named[0]["name"] = name
    path.write_text(json.dumps(receipt), encoding="utf-8")


PLACES = {"subject": "subject[0].name", "file": "predicate.framing.files[0].name"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["../x", "a\nb", "a\rb", "a\u2028b", "a\u202eb", " a", "", "x" * 300])
def test_a_receipt_with_strange_names_is_not_signed(runner: Runner, artefact: Path, name: str, place: str) -> None:
    rename(artefact, place, name)
    step = attest(runner, artefact)
    assert step.code == 1
    (command,) = step.commands
    assert f"{PLACES[place]} is '{name[:5].encode('unicode_escape').decode()}" in command
    assert not (artefact / "subjects.sha256").exists()


@pytest.mark.parametrize("name", ["my ckpt", "_ckpt", "ckpt+lora", "ckpt@1200", "org/model", "模型", "50%"])
def test_a_folder_may_be_called_as_people_call_folders(runner: Runner, artefact: Path, name: str) -> None:
    rename(artefact, "subject", name)
    assert attest(runner, artefact).code == 0
    assert f"{'ab' * 32}  {name}" in (artefact / "subjects.sha256").read_text(encoding="utf-8").split("\n")


@pytest.mark.parametrize("name", ["results.json", "receipt.json"])
def test_a_model_that_is_called_as_a_file_of_the_run_is_not_signed(runner: Runner, artefact: Path, name: str) -> None:
    rename(artefact, "subject", name)
    step = attest(runner, artefact)
    assert step.code == 1
    assert f"subject[0].name is '{name}', as a file of the run is called" in step.commands[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"predicateType": 7}', '{"a": 1, "a": 2}'])
def test_what_is_no_receipt_is_refused_on_one_line(runner: Runner, artefact: Path, content: str) -> None:
    (artefact / "receipt.json").write_text(content, encoding="utf-8")
    step = attest(runner, artefact)
    assert (step.code, len(step.log.splitlines())) == (1, 1)
    assert step.commands[0].startswith("::error title=pytest-framing::The receipt ")


def test_without_a_receipt_there_is_nothing_to_sign(runner: Runner) -> None:
    step = attest(runner, runner.workspace)
    assert (step.code, step.outputs) == (0, {"present": "false"})
    assert step.commands[0].startswith("::warning ")


def comment(
    runner: Runner, ids: str = "", number: str = "7", models: tuple[str, ...] = ("tiny",), result: str = "success"
) -> tuple[Step, list[dict[str, str]]]:
    fake = runner.folder / "fake"
    fake.mkdir(parents=True, exist_ok=True)
    program = fake / "gh"
    program.write_text(GH.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    (fake / "ids").write_text(ids, encoding="utf-8")
    (fake / "calls").unlink(missing_ok=True)
    step = runner.run(
        "comment.sh",
        PATH=f"{fake}{os.pathsep}{os.environ['PATH']}",
        FAKE=str(fake),
        GH_TOKEN="token",
        GITHUB_REPOSITORY="org/repo",
        ARTEFACTS="artefacts",
        MODELS=json.dumps(models),
        GATE_RESULT=result,
        PULL_REQUEST=number,
        RUN_URL="https://github.com/org/repo/actions/runs/1",
    )
    calls = fake / "calls"
    return step, [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


def lay_down(runner: Runner, text: str, model: int = 0, name: str = "comparison.md") -> None:
    folder = runner.workspace / "artefacts" / f"framing-{model}"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def concluded(runner: Runner, verdict: str, model: int = 0) -> None:
    lay_down(runner, json.dumps({"verdict": verdict}), model, "results.json")


def test_the_first_comment_is_written_and_the_next_rewrites_it(runner: Runner) -> None:
    lay_down(runner, "## Comparison: PASS, a against b\n")
    lay_down(runner, "## Comparison: FAIL, c against d\n", 1)
    step, (listing, writing) = comment(runner)
    assert step.code == 0, step.log
    assert "repos/org/repo/issues/7/comments" in listing["arguments"]
    assert "POST" in writing["arguments"]
    assert writing["body"].startswith("<!-- pytest-framing: release gate -->\n## Release gate: ")
    assert "## Comparison: PASS, a against b\n\n## Comparison: FAIL, c against d\n" in writing["body"]
    assert writing["body"].rstrip().endswith("[Workflow run](https://github.com/org/repo/actions/runs/1)")
    _, (_, writing) = comment(runner, ids="41\n42\n")
    assert "PATCH" in writing["arguments"]
    assert "repos/org/repo/issues/comments/41" in writing["arguments"]


def test_a_long_comparison_is_cut_at_the_end_of_a_line(runner: Runner) -> None:
    lay_down(runner, "".join(f"| row {number} | a&#58;b |\n" for number in range(9000)))
    _, (_, writing) = comment(runner)
    assert len(writing["body"]) < 65_536
    assert "\n(cut; " in writing["body"]
    assert all(line.endswith("|") for line in writing["body"].splitlines() if line.startswith("| row"))


def headline(runner: Runner, **given: Any) -> tuple[str, list[str]]:
    """Return the first line of the comment that a person reads, and the rows of its table."""
    step, (_, writing) = comment(runner, **given)
    assert step.code == 0, step.log
    lines = writing["body"].splitlines()
    return lines[1], [line for line in lines if line.startswith("| ")][1:]


def test_the_comment_begins_with_what_the_gates_of_each_model_say(runner: Runner) -> None:
    concluded(runner, "pass")
    concluded(runner, "fail", 1)
    lay_down(runner, "## Comparison: PASS, tiny against tiny\n", 1)
    first, rows = headline(runner, models=("tiny", "tiny-aware"), result="failure")
    assert first == "## Release gate: NO PASS"
    assert rows == ["| tiny | PASS |", "| tiny&#45;aware | FAIL |"]


@pytest.mark.parametrize("left", ["junit.xml", None, "results.json"], ids=["JUnit alone", "nothing", "broken results"])
def test_a_model_that_left_no_results_is_told_beside_one_that_passed(runner: Runner, left: str | None) -> None:
    concluded(runner, "pass")
    lay_down(runner, "## Comparison: PASS, tiny against tiny\n")
    if left:
        lay_down(runner, '{"verdict": ["pass"]', 1, left)
    first, rows = headline(runner, models=("tiny", "qwen"), result="failure")
    assert first == "## Release gate: NO PASS"
    assert rows[1] == "| qwen | NO RESULTS: the run ended before its gates |"


def test_the_comment_passes_where_every_model_and_every_job_did(runner: Runner) -> None:
    concluded(runner, "pass")
    assert headline(runner)[0] == "## Release gate: PASS"
    # As when a test of the user's own failed beside the gates.
    assert headline(runner, result="failure")[0] == "## Release gate: NO PASS"


def test_a_name_of_a_model_is_no_markup(runner: Runner) -> None:
    _, (row,) = headline(runner, models=("org/a_b|<img>\n# @all",))
    assert row.startswith("| org/a&#95;b&#124;&#60;img&#62; &#35; &#64;all | ")


def test_without_a_comparison_the_comment_says_so(runner: Runner) -> None:
    _, (_, writing) = comment(runner)
    assert "No model was compared" in writing["body"]


@pytest.mark.parametrize("number", ["", "7/../8", "x", "7 8"])
def test_a_number_that_is_none_goes_nowhere(runner: Runner, number: str) -> None:
    step, calls = comment(runner, number=number)
    assert (step.code, calls) == (2, [])


def conclude(runner: Runner, artefact: Path, **environment: str) -> set[str]:
    """Conclude a run that lies there; return the names of what may be uploaded."""
    work = runner.folder / "work"
    work.mkdir(parents=True)
    (work / "started").touch()
    os.utime(work / "started", (0, 0))
    (artefact / "responses-gw0.jsonl").write_text("{}\n", encoding="utf-8")
    (artefact / "verdicts-gw0.jsonl").write_text("{}\n", encoding="utf-8")
    (artefact / "report.html").write_text("<title>page</title>", encoding="utf-8")
    (artefact / "of-a-later-version.json").write_text("{}", encoding="utf-8")
    (artefact.parent / "latest").symlink_to(artefact.name)
    step = runner.run("conclude.sh", GATE_WORK=str(work), GATE_RUNS=str(artefact.parent), GATE_CODE="0", **environment)
    assert step.code == 0, step.log
    return {path.name for path in Path(step.outputs["upload"]).iterdir()}


ALWAYS = {"plan.json", "circumstances.json", "results.json", "receipt.json", "receipt.html", "summary.md"}
ANSWERS = {"responses-gw0.jsonl", "verdicts-gw0.jsonl"}


@pytest.mark.parametrize(
    ("show_text", "upload_responses", "more"),
    [
        ("false", "false", {"report.html"}),
        ("true", "false", set()),
        ("false", "true", {"report.html"} | ANSWERS),
        ("true", "true", {"report.html"} | ANSWERS),
    ],
)
def test_what_holds_answers_stays_unless_it_was_asked_for(
    runner: Runner, artefact: Path, show_text: str, upload_responses: str, more: set[str]
) -> None:
    names = conclude(runner, artefact, GATE_SHOW_TEXT=show_text, GATE_UPLOAD_RESPONSES=upload_responses)
    assert names == ALWAYS | more
