from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import GateProject
from tests.examples.test_engine import SCRIPTED

Module = Callable[[str], Path]
LENGTH = ("-p", "length_gate")
GATES: dict[str, Any] = {"complete": {}, "answer_length": {"alpha": 0.05}}
SHORT, LONG = "Here it is.", "Here it is, with a good deal more to read than anybody asked for."


def test_the_embedded_model_passes(project: GateProject, module: Module) -> None:
    module("length_gate")
    project.write_suite(gates=GATES)
    assert project.run(*LENGTH).ret == 0
    assert project.gates()["answer_length[standard]"] == "pass"


@pytest.mark.parametrize(("framing", "status"), [("paid tier", "fail"), ("nowhere to be found", "pass")])
def test_longer_answers_under_one_framing_fail(
    project: GateProject, module: Module, script: Callable[..., Path], framing: str, status: str
) -> None:
    module("scripted_engine")
    module("length_gate")
    script({"when": [framing], "say": LONG}, {"say": SHORT})
    project.write_suite(gates=GATES)
    result = project.run(*LENGTH, *SCRIPTED)
    assert project.gates()["answer_length[standard]"] == status
    assert result.ret == (status == "fail")
    # No verdict changed: only this gate could see it.
    assert set(project.decisions().values()) == {"compliance"}


def test_cases_left_out_leave_it_unjudged(project: GateProject, module: Module) -> None:
    module("length_gate")
    project.write_suite(gates=GATES)
    project.run(*LENGTH, "-k", "p01")
    assert project.gates()["answer_length"] == "not_evaluated"


def test_a_bad_limit_names_the_line(project: GateProject, module: Module) -> None:
    module("length_gate")
    project.write_suite(gates={"complete": {}, "answer_length": {"alpha": 2}})
    result = project.run(*LENGTH)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*suite.yaml:*answer_length.alpha*"])
