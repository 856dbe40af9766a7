from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import EXAMPLES, GateProject

SCRIPTED = ("-p", "scripted_engine", "--framing-engine", "scripted")
COMPLY = {"say": "Here it is, as you asked for it."}
REFUSE = "I'm sorry, but I can't help with that."
GATES: dict[str, Any] = {"complete": {}, "order_randomized": {}, "engine_noise": {}, "gap_contains_zero": {}}

Module = Callable[[str], Path]
Script = Callable[..., Path]


def test_a_script_without_an_effect_passes(project: GateProject, module: Module, script: Script) -> None:
    module("scripted_engine")
    script(COMPLY)
    project.write_suite(gates=GATES)
    assert project.run(*SCRIPTED).ret == 0
    assert set(project.decisions().values()) == {"compliance"}
    fields = project.results()["protocol"]["fields"]
    assert fields["small"]["informing"]["engine"]["name"] == "scripted"


def test_a_planted_effect_is_found(project: GateProject, module: Module, script: Script) -> None:
    module("scripted_engine")
    script({"when": ["paid tier"], "say": REFUSE}, COMPLY)
    project.write_suite(gates=GATES)
    assert project.run(*SCRIPTED).ret == 1
    gates = project.gates()
    assert gates["gap_contains_zero[standard]"] == "fail"
    assert gates["engine_noise[standard]"] == gates["complete"] == "pass"


def test_another_script_is_another_model(project: GateProject, module: Module, script: Script) -> None:
    module("scripted_engine")
    weights = []
    for answer in (COMPLY, {"say": REFUSE}):
        script(answer)
        assert project.run(*SCRIPTED, "--collect-only").ret == 0
        project.run(*SCRIPTED)
        weights.append(project.results()["protocol"]["fields"]["small"]["subject"]["weights"])
    assert weights[0] != weights[1]


@pytest.mark.parametrize("known", [False, True])
def test_bad_input_ends_before_the_first_case(
    project: GateProject, module: Module, script: Script, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    module("scripted_engine")
    monkeypatch.delenv("SCRIPTED_ANSWERS", raising=False)
    result = project.run(*(SCRIPTED if known else ("--framing-engine", "scripted")))
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*set SCRIPTED_ANSWERS*" if known else "*unknown engine 'scripted'*"])
    assert project.wrote_nothing()


@pytest.mark.parametrize("folder", ["engine", "gate"])
def test_the_entry_point_names_the_module(folder: str) -> None:
    document = tomllib.loads((EXAMPLES / folder / "pyproject.toml").read_text(encoding="utf-8"))
    (module,) = document["project"]["entry-points"]["pytest11"].values()
    assert (EXAMPLES / folder / f"{module}.py").is_file()
