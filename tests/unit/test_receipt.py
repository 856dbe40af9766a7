from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.receipt import receipt_document
from pytest_framing.results import write_conclusion
from tests.unit.builders import Run, make_baseline, make_run, make_suite, table, write_run

GATES: dict[str, Any] = {"complete": {}, "flip_rate": {"max": 0.05}, "power": {}, "refusal_regression": {}}
RUN = make_run(table(2, 2, 2, 6), suite=make_suite(gates=GATES))


def receipt_of(folder: Path, run: Run = RUN) -> dict[str, Any]:
    write_conclusion(write_run(run, folder), folder)
    receipt: dict[str, Any] = json.loads((folder / "receipt.json").read_text())
    return receipt


def test_a_receipt_is_an_in_toto_statement(tmp_path: Path) -> None:
    receipt = receipt_of(tmp_path)
    assert receipt["_type"] == "https://in-toto.io/Statement/v1"
    assert receipt["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"


def test_a_receipt_binds_every_other_file_of_the_run_but_the_report_by_digest(tmp_path: Path) -> None:
    bound = {one["name"]: one["digest"]["sha256"] for one in receipt_of(tmp_path)["subject"]}
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in (".json", ".jsonl", ".md")}
    del files["receipt.json"]
    assert {*files} == {"plan.json", "responses.jsonl", "verdicts.jsonl", "results.json", "summary.md"}
    assert bound == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_the_files_of_all_workers_are_bound(tmp_path: Path) -> None:
    (tmp_path / "responses-gw1.jsonl").write_text("")
    assert "responses-gw1.jsonl" in {one["name"] for one in receipt_of(tmp_path)["subject"]}


def test_gates_are_listed_by_what_they_said(tmp_path: Path) -> None:
    predicate = receipt_of(tmp_path)["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["passedTests"] == ["teapots/complete[teapots]"]
    assert predicate["failedTests"] == ["teapots/flip_rate[standard]"]
    assert predicate["warnedTests"] == ["teapots/power[standard]", "teapots/refusal_regression[teapots]"]


@pytest.mark.parametrize(
    ("gate", "run", "result"),
    [
        pytest.param("complete", RUN, "PASSED", id="pass"),
        pytest.param("power", RUN, "WARNED", id="inconclusive"),
        pytest.param("flip_rate", RUN.without(RUN.cases[0]), "WARNED", id="not evaluated"),
        pytest.param("complete", RUN.without(RUN.cases[0]), "FAILED", id="fail"),
    ],
)
def test_only_a_pass_reads_as_passed(tmp_path: Path, gate: str, run: Run, result: str) -> None:
    assert receipt_of(tmp_path, run.with_gate(gate))["predicate"]["result"] == result


def test_a_receipt_tells_what_was_missing_and_on_which_prompts_it_rests(tmp_path: Path) -> None:
    framing = receipt_of(tmp_path, RUN.without(*RUN.cases[:3]))["predicate"]["framing"]
    assert framing["evidence"]["teapots"]["missing"] == 3
    assert framing["prompts"]["teapots"]["count"] == 12
    assert framing["prompts"]["teapots"]["digest"].startswith("sha256:")
    assert framing["baselines"]["teapots"] == "no baseline exists yet"
    assert framing["plan_digest"] == RUN.plan.digest


def test_the_baseline_of_a_suite_is_bound_too(tmp_path: Path) -> None:
    baseline = make_baseline(RUN, tmp_path / "kept")
    folder = tmp_path / "run"
    folder.mkdir()
    conclusion = write_run(RUN, folder)
    suites = {name: replace(one, baseline=baseline, baseline_note="") for name, one in conclusion.suites.items()}
    receipt = receipt_document(folder, replace(conclusion, suites=suites).document())
    assert receipt["predicate"]["configuration"] == [
        {
            "name": "baseline of teapots",
            "digest": {"sha256": hashlib.sha256(baseline.path.read_bytes()).hexdigest()},
        }
    ]
    assert receipt["predicate"]["framing"]["baselines"] == {"teapots": "baseline.json"}


def test_a_receipt_holds_no_prompt_and_no_answer(tmp_path: Path) -> None:
    text = json.dumps(receipt_of(tmp_path))
    assert "Describe" not in text
    assert "ironed" not in text
