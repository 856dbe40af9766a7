"""A run whose every answer, id and category is hostile: what it prints and writes holds texts, and does nothing."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_framing.ledger import read_responses
from tests.hostile.corpus import COMMAND, TEXTS, printable_ids, steers

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

ANSWERS_WITH_THE_CORPUS = """
from dataclasses import replace
from pytest_framing.engines.transformers import TransformersEngine
from tests.hostile.corpus import TEXTS

class Hostile(TransformersEngine):
    answered = 0

    def run(self, request):
        completions = super().run(request)
        texts = list(TEXTS.values())
        Hostile.answered += len(completions)
        first = Hostile.answered - len(completions)
        return [
            replace(one, text=texts[(first + row) % len(texts)], opened_reasoning=False, finish_reason="stop")
            for row, one in enumerate(completions)
        ]

def pytest_framing_engines():
    return {"hostile": Hostile}
"""


JUNIT_ELEMENTS = {
    "testsuites",
    "testsuite",
    "testcase",
    "failure",
    "error",
    "skipped",
    "system-out",
    "system-err",
    "properties",
    "property",
}
RUN_FILES = {
    "plan.json",
    "circumstances.json",
    "responses.jsonl",
    "verdicts.jsonl",
    "results.json",
    "summary.md",
    "report.html",
    "receipt.json",
    "receipt.html",
}


def run_hostile(project: GateProject, *options: str) -> pytest.RunResult:
    project.pytester.makeconftest(ANSWERS_WITH_THE_CORPUS)
    lines = [
        json.dumps({"id": text, "text": f"Describe teapot {number}.", "category": text})
        for number, text in enumerate(printable_ids())
    ]
    (project.folder / "prompts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    project.write_suite(decoding={"max_new_tokens": 1}, controls={"repeat_fraction": 0, "placebo": True})
    return project.run("--framing-engine", "hostile", "--junitxml=junit.xml", "-v", *options)


def test_what_people_and_machines_read_holds_texts_alone(project: GateProject) -> None:
    result = run_hostile(project, "--framing-show-text", "-rA")
    output = result.stdout.str() + result.stderr.str()
    assert "planted" in output
    assert steers(output) == set()
    assert COMMAND.search(output) is None

    junit = project.junit()
    assert {element.tag for element in junit.iter()} <= JUNIT_ELEMENTS
    assert steers("".join(junit.itertext())) == set()
    for case in junit.iter("testcase"):
        assert re.fullmatch(r"[\w.+=@\[\]-]+", str(case.get("name")))

    summary = (project.latest() / "summary.md").read_text(encoding="utf-8")
    assert steers(summary) == set()
    assert COMMAND.search(summary) is None
    assert not re.search(r"<(script|img|svg|style|base|meta|iframe|b|h1)\b|\]\(|!\[", summary)


def test_the_record_keeps_every_answer_and_no_text_names_a_file(project: GateProject) -> None:
    run_hostile(project)
    answers = {response.answer.strip() for response in read_responses(project.latest()).records}
    # Reasoning is split off, and white space around an answer: all others are kept to the character.
    assert {text.strip() for text in TEXTS.values() if "think>" not in text} <= answers
    assert project.results()["suites"]["small"]["evidence"]["unplanned"] == 0
    receipt = json.loads((project.latest() / "receipt.json").read_text(encoding="utf-8"))
    bound = {file["name"] for file in receipt["predicate"]["framing"]["files"]}
    assert bound == {name for name in RUN_FILES if name not in ("receipt.json", "receipt.html", "report.html")}
    assert {path.name for path in project.latest().iterdir() if not path.name.startswith(".")} == RUN_FILES
    place = project.pytester.path
    # Upwards only names that the corpus plants: beside this test's folder lie those of other tests.
    outside = [folder / "planted" for folder in (*place.parents, Path(tempfile.gettempdir()))]
    assert [path for path in (*place.rglob("*planted*"), *outside) if path.exists()] == []


def test_without_show_text_no_answer_and_no_prompt_is_shown(project: GateProject) -> None:
    result = run_hostile(project, "-rA")
    shown = result.stdout.str() + "".join(project.junit().itertext())
    shown += (project.latest() / "report.html").read_text(encoding="utf-8")
    # Ids are shown, and some of the texts are ids here: these are not.
    for text in ("Describe teapot", "renames the window", "stackedplanted", "plantedplantedplanted"):
        assert text not in shown
