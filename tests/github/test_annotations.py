"""Annotations: at the line of the gate, as many as GitHub shows, and no text that the runner would obey."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.cli import main
from pytest_framing.report.annotations import MOST, Annotation, gate_annotations
from pytest_framing.results import write_conclusion
from tests.unit.builders import make_run, make_suite, some_examples, table, write_run

SUITE = """\
# A comment, so that lines count.
suite: teapots
framings: {reference: free, treatment: paid}
gates:
  complete: {}
  gap_contains_zero: {}
  power:
    margin: 0.05
profiles:
  smoke:
    limit: 20
    gates:
      complete: {}
      flip_rate: {max: 0.2}
"""


def gate(name: str, status: str, scope: str = "standard", reason: str = "Because.", **more: bool) -> dict[str, Any]:
    return {"name": name, "scope": scope, "status": status, "reason": reason, **more}


def results(*gates: dict[str, Any]) -> dict[str, Any]:
    return {"suites": {"teapots": {"gates": list(gates)}}}


def found(tmp_path: Path, *gates: dict[str, Any], profile: str = "release") -> list[str]:
    path = tmp_path / "suites" / "teapots" / "suite.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(SUITE, encoding="utf-8")
    suite = make_suite().model_copy(update={"path": path, "profile": profile})
    return [one.command() for one in gate_annotations(results(*gates), {"teapots": suite}, tmp_path)]


def test_each_gate_that_does_not_pass_is_named_at_its_line(tmp_path: Path) -> None:
    assert found(
        tmp_path,
        gate("power", "inconclusive", reason="Too few: 20, and 50 % flip."),
        gate("complete", "pass", "teapots"),
        gate("gap_contains_zero", "fail"),
        gate("comparable", "not_evaluated", "teapots"),
    ) == [
        "::error file=suites/teapots/suite.yaml,line=6,title=FAIL%3A teapots gap_contains_zero[standard]::Because.",
        "::warning file=suites/teapots/suite.yaml,line=7,title=INCONCLUSIVE%3A teapots power[standard]"
        "::Too few: 20, and 50 %25 flip.",
        # A gate that the file does not have stands at the head of its gates.
        "::warning file=suites/teapots/suite.yaml,line=4,title=NOT EVALUATED%3A teapots comparable::Because.",
    ]


def test_the_gates_of_a_profile_are_found_in_it(tmp_path: Path) -> None:
    (command,) = found(tmp_path, gate("flip_rate", "fail"), profile="smoke")
    assert command.startswith("::error file=suites/teapots/suite.yaml,line=14,")
    (command,) = found(tmp_path, gate("power", "fail"), profile="smoke")
    assert ",line=7," in command


def test_a_waived_failure_is_a_warning(tmp_path: Path) -> None:
    (command,) = found(tmp_path, gate("power", "fail", waived=True))
    assert command.startswith("::warning ")
    assert "FAIL (waived)" in command


def test_what_github_would_drop_is_folded_into_the_last(tmp_path: Path) -> None:
    gates = [gate("power", "fail", f"scope{number}", f"Reason {number}.") for number in range(14)]
    commands = found(tmp_path, *gates, gate("complete", "not_evaluated", "teapots"))
    errors = [one for one in commands if one.startswith("::error ")]
    assert len(errors) == MOST
    assert ",title=5 more gates::" in errors[-1]
    assert errors[-1].count("%0A") == 4
    assert all(f"Reason {number}." in errors[-1] for number in range(9, 14))
    assert len(commands) == MOST + 1, "warnings are counted apart"
    assert len([one for one in found(tmp_path, *gates[:10]) if "more gates" in one]) == 0


def test_a_suite_that_moved_or_changed_since_is_named_as_far_as_it_is_known(tmp_path: Path) -> None:
    path = tmp_path / "suites" / "teapots" / "suite.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    (command,) = found(tmp_path, gate("power", "fail"))
    assert command.startswith("::error file=suites/teapots/suite.yaml,line=1,")
    elsewhere = make_suite().model_copy(update={"path": Path("/elsewhere/suite.yaml")})
    (one,) = gate_annotations(results(gate("power", "fail")), {"teapots": elsewhere}, tmp_path)
    assert one.command() == "::error title=FAIL%3A teapots power[standard]::Because."
    (one,) = gate_annotations(results(gate("power", "fail")), {}, tmp_path)
    assert not one.file


HOSTILE = "a\n::error::b\r\n::add-mask::c,d:e%0A::stop-commands::x\x1b[2J\u2028::warning::y\x85z\u202e"


def test_no_text_can_begin_a_command_or_end_its_own(tmp_path: Path) -> None:
    (command,) = found(tmp_path, gate("power", "fail", HOSTILE, HOSTILE))
    assert len(command.splitlines()) == 1
    properties, message = command.removeprefix("::error ").split("::", 1)
    assert [one.split("=")[0] for one in properties.split(",")] == ["file", "line", "title"]
    assert ":" not in properties
    assert "%250A" in properties
    assert "%250A" in message
    assert not {"\x1b", "\u202e", "\r"} & set(command)


@some_examples
@given(st.text(), st.text(), st.text(), st.lists(st.text(), min_size=1))
def test_a_runner_reads_back_what_was_meant(file: str, title: str, name: str, lines: list[str]) -> None:
    command = Annotation("error", title, tuple(lines), file and f"{name}/{file}", 3).command()
    assert not set("\r\n") & set(command)
    properties, message = command.removeprefix("::error ").split("::", 1)
    read = dict(one.split("=", 1) for one in properties.split(","))
    assert set(read) == ({"file", "line", "title"} if file else {"title"})
    assert len(message.split("%0A")) == len(lines)


def leave(tmp_path: Path) -> Path:
    run = make_run(table(30, 40, 0, 30), suite=make_suite(gates={"gap_contains_zero": {}, "comparable": {}}))
    folder = tmp_path / "run"
    write_conclusion(write_run(run, folder), folder)
    return folder


def test_the_command_names_the_gates_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = leave(tmp_path)
    assert main(["annotate", str(folder), "--root", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split("::")[1].split(" ")[0] for line in printed] == ["error", "warning"]
    assert "The model refuses less under 'paid' than under 'free'" in printed[0]
    assert "teapot_" not in "".join(printed)


def test_a_run_without_results_is_broken_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = leave(tmp_path)
    path = folder / "results.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"suites": {"teapots": {}}}), encoding="utf-8")
    assert main(["annotate", str(folder)]) == 3
    assert "results.json: not the results of a run" in capsys.readouterr().err
    path.unlink()
    assert main(["annotate", str(folder)]) == 3
    assert "the session ended before its gates" in capsys.readouterr().err
