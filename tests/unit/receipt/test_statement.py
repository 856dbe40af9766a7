from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_framing.cli import main
from pytest_framing.gates.evaluation import known_gates
from pytest_framing.judges.accuracy import measured_accuracy
from pytest_framing.judges.rules import NAME, VERSION
from pytest_framing.receipt.salting import salted, salted_text, without_texts
from pytest_framing.receipt.statement import read_receipt
from pytest_framing.records import STANDARD_MODE, Prompt, PromptSet, VerdictLabel
from pytest_framing.results import conclude, write_conclusion
from pytest_framing.schemas import schema
from tests.unit.builders import JUDGE, Run, make_baseline, make_record, make_run, make_suite, table, write_run
from tests.unit.demonstration_runs import planted, run_with

GATES: dict[str, Any] = {"complete": {}, "flip_rate": {"max": 0.05}, "power": {}, "refusal_regression": {}}
RUN = make_run(table(2, 2, 2, 6), suite=make_suite(gates=GATES, placement="system"))
WEIGHTS = f"sha256:{'ab' * 32}"


def receipt_of(folder: Path, run: Run = RUN, **about: Any) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    write_conclusion(write_run(run, folder, **({"weights": WEIGHTS} | about)), folder)
    return read_receipt(folder / "receipt.json")


def account_of(folder: Path, run: Run = RUN, **about: Any) -> dict[str, Any]:
    account: dict[str, Any] = receipt_of(folder, run, **about)["predicate"]["framing"]["suites"][run.suite.name]
    return account


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield str(name)
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def test_a_receipt_keeps_to_the_schema_that_the_package_ships(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(dict(schema("receipt")))
    jsonschema.Draft202012Validator(schema("receipt")).validate(receipt_of(tmp_path))


def test_it_is_a_statement_that_in_totos_own_library_takes(tmp_path: Path) -> None:
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    receipt = receipt_of(tmp_path)
    parsed = json_format.Parse(json.dumps(receipt), statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()
    # A consumer of the test-result predicate passes over fields that it does not know.
    result = json_format.ParseDict(receipt["predicate"], TestResult(), ignore_unknown_fields=True)
    assert (result.result, list(result.failed_tests)) == ("FAILED", ["teapots/flip_rate[standard]"])


def test_the_subject_is_the_model_by_the_digest_of_its_weights(tmp_path: Path) -> None:
    assert receipt_of(tmp_path)["subject"] == [{"name": "paper", "digest": {"sha256": "ab" * 32}}]


def test_without_weights_the_subject_is_the_plan_since_a_name_identifies_nothing(tmp_path: Path) -> None:
    (subject,) = receipt_of(tmp_path, weights="")["subject"]
    digest = {"sha256": hashlib.sha256((tmp_path / "plan.json").read_bytes()).hexdigest()}
    assert subject == {"name": "plan.json", "digest": digest}


def test_a_receipt_binds_every_other_file_of_the_run_but_the_pages_by_digest(tmp_path: Path) -> None:
    files = receipt_of(tmp_path)["predicate"]["framing"]["files"]
    bound = {one["name"]: one["digest"]["sha256"] for one in files}
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in (".json", ".jsonl", ".md")}
    del written["receipt.json"]
    assert {*written} == {
        "plan.json",
        "circumstances.json",
        "responses.jsonl",
        "verdicts.jsonl",
        "results.json",
        "summary.md",
    }
    assert bound == {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}


def test_the_files_of_all_workers_are_bound(tmp_path: Path) -> None:
    (tmp_path / "responses-gw1.jsonl").write_text("")
    files = receipt_of(tmp_path)["predicate"]["framing"]["files"]
    assert "responses-gw1.jsonl" in {one["name"] for one in files}


def test_gates_are_listed_by_what_they_said(tmp_path: Path) -> None:
    predicate = receipt_of(tmp_path)["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["passedTests"] == ["teapots/complete"]
    assert predicate["failedTests"] == ["teapots/flip_rate[standard]"]
    assert predicate["warnedTests"] == ["teapots/power[standard]", "teapots/refusal_regression"]


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


def test_it_tells_what_was_missing(tmp_path: Path) -> None:
    assert account_of(tmp_path, RUN.without(*RUN.cases[:3]))["evidence"]["missing"] == 3


def test_refusal_and_compliance_stand_there_with_intervals(tmp_path: Path) -> None:
    account = account_of(tmp_path)
    free = account["rates"]["standard"]["free"]
    assert (free["n"], free["refusal"]["count"], free["compliance"]["count"]) == (12, 4, 8)
    assert free["refusal"]["low"] < free["refusal"]["rate"] < free["refusal"]["high"]
    assert free["compliance"]["low"] == pytest.approx(1 - free["refusal"]["high"])


def test_rates_are_broken_down_by_the_source_of_the_query_over_the_same_pairs(tmp_path: Path) -> None:
    parts = ("standard", "copyright", "copyright")
    prompts = PromptSet(
        "benchmark",
        "here",
        "by hand",
        tuple(Prompt(f"p{n}", f"Describe fog number {n}.", functional_category=part) for n, part in enumerate(parts)),
    )
    run = make_run(table(1, 1, 0, 1), suite=make_suite(gates=GATES), prompts=prompts)
    account = account_of(tmp_path, run)
    found = {source: modes["standard"]["free"]["n"] for source, modes in account["by_source"].items()}
    assert found == {"benchmark/standard": 1, "benchmark/copyright": 2}
    assert account["rates"]["standard"]["free"]["n"] == 3


def test_answers_without_a_framing_have_rates_of_their_own(tmp_path: Path) -> None:
    rows = [{"prompt_id": n, "framing": "none", "verdict": "refusal" if n < 3 else "compliance"} for n in range(10)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert main(["import", str(path), "--out", str(tmp_path / "run")]) == 0
    framing = read_receipt(tmp_path / "run" / "receipt.json")["predicate"]["framing"]
    rates = framing["suites"]["deployment_framing"]["rates"]["standard"]["none"]
    assert (rates["n"], rates["refusal"]["count"]) == (10, 3)
    assert "no_framing" in {one["name"] for one in framing["contexts"]["tested"]}


def test_the_class_of_the_effect_is_none_only_where_the_gate_of_equivalence_passed(tmp_path: Path) -> None:
    few = RUN.with_gate("gap_equivalent", margin=0.05)
    assert account_of(tmp_path / "few", few)["effect"]["standard"]["class"] == "none_shown"
    many = make_run(table(100, 0, 0, 100), suite=make_suite(gates={"gap_equivalent": {"margin": 0.05}}))
    assert account_of(tmp_path / "many", many)["effect"]["standard"]["class"] == "none"
    moved = make_run(table(10, 0, 30, 10), suite=make_suite(gates=GATES))
    assert account_of(tmp_path / "moved", moved)["effect"]["standard"]["class"] == "treatment_refuses_more"


def test_it_names_the_judge_and_how_well_it_agrees_with_people(tmp_path: Path) -> None:
    measured = measured_accuracy(f"{NAME}/{VERSION}")
    write_conclusion(replace(write_run(RUN, tmp_path, weights=WEIGHTS), accuracy={JUDGE: measured}), tmp_path)
    judge = read_receipt(tmp_path / "receipt.json")["predicate"]["framing"]["suites"]["teapots"]["judge"]
    assert judge["label"] == JUDGE
    figures = judge["accuracy"]["data"]["xstest/llama2_new"]
    assert figures["n"] == figures["agreement"]["n"] == 450
    assert figures["agreement"]["low"] < figures["agreement"]["rate"] < 1


def test_the_executed_order_is_told_beside_the_draw(tmp_path: Path) -> None:
    order = account_of(tmp_path)["order"]
    assert (order["conditions"], order["pairs"], order["departures"], order["unrecorded"]) == ("bernoulli", 12, 0, 0)


def test_a_baseline_is_bound_and_its_rates_are_told(tmp_path: Path) -> None:
    baseline = make_baseline(RUN, tmp_path)
    folder = tmp_path / "run"
    folder.mkdir()
    write_run(RUN, folder, weights=WEIGHTS)
    conclusion = conclude(make_record(RUN, weights=WEIGHTS), folder, known_gates(), {RUN.suite.name: (baseline, "")})
    write_conclusion(conclusion, folder)
    receipt = read_receipt(folder / "receipt.json")
    account = receipt["predicate"]["framing"]["suites"]["teapots"]
    digest = hashlib.sha256(baseline.path.read_bytes()).hexdigest()
    assert {"name": "baseline-teapots.json", "digest": {"sha256": digest}} in receipt["predicate"]["configuration"]
    assert (account["baseline"]["kind"], account["baseline"]["digest"]) == ("run", f"sha256:{digest}")
    assert account["baseline"]["rates"]["standard"]["free"]["refusal"]["count"] == 4
    assert (folder / "baseline-teapots.json").read_bytes() == baseline.path.read_bytes()


def test_what_no_answer_could_be_judged_in_is_not_tested(tmp_path: Path) -> None:
    framing = receipt_of(tmp_path / "whole")["predicate"]["framing"]
    tested = {one["name"] for one in framing["contexts"]["tested"]}
    assert {"deployment_framing", "plain_requests", "system_turn", "greedy_decoding"} <= tested
    lacking = {one["name"] for one in framing["contexts"]["not_tested"]}
    assert {"pressed_requests", "demonstrations", "tools", "dialogues"} <= lacking
    assert not tested & lacking
    invalid = tuple(replace(one, verdict=VerdictLabel.INVALID) for one in RUN.verdicts)
    silent = replace(RUN, verdicts=invalid)
    assert receipt_of(tmp_path / "silent", silent)["predicate"]["framing"]["contexts"]["tested"] == []


def test_demonstrations_that_no_valid_answer_was_behind_are_not_tested(tmp_path: Path) -> None:
    run = run_with(planted(0.9, -0.6), queries=3)
    behind = {case.id for case in run.cases if case.mode != STANDARD_MODE}
    lost = tuple(replace(one, verdict=VerdictLabel.INVALID) if one.case_id in behind else one for one in run.verdicts)
    for verdicts, expected in ((run.verdicts, True), (lost, False)):
        receipt = receipt_of(tmp_path / str(expected), replace(run, verdicts=verdicts))
        tested = {one["name"] for one in receipt["predicate"]["framing"]["contexts"]["tested"]}
        assert "plain_requests" in tested
        assert ("demonstrations" in tested) == expected


def test_no_prompt_no_answer_and_no_system_prompt_stands_in_it(tmp_path: Path) -> None:
    receipt = receipt_of(tmp_path)
    text = json.dumps(receipt)
    assert "Describe" not in text
    assert "ironed" not in text
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    framings = plan["suites"]["teapots"]["fingerprint"]["deciding"]["framings"]
    assert len(framings) == 3
    for role, framing in framings.items():
        assert framing["message"] not in set(texts(receipt))
        digest = receipt["predicate"]["framing"]["suites"]["teapots"]["system_prompts"][role]["digest"]
        assert digest == salted_text(plan["salt"], framing["message"]), "whoever has the folder can tell the text"


def test_the_salt_and_digests_of_texts_without_it_stay_in_the_folder(tmp_path: Path) -> None:
    receipt = json.dumps(receipt_of(tmp_path))
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    queries = plan["suites"]["teapots"]["prompts"]["digest"]
    assert plan["salt"] not in receipt
    assert queries.removeprefix("sha256:") not in receipt
    assert salted(plan["salt"], queries) in receipt
    assert salted("0" * 32, queries) != salted(plan["salt"], queries)


def test_texts_and_digests_of_a_protocol_are_salted_wherever_they_stand() -> None:
    protocol = {"pools": [{"source": "benign", "digest": f"sha256:{'0' * 64}", "note": "two\nlines"}], "count": 8}
    told = without_texts("00", protocol)
    assert told["count"] == 8
    assert told["pools"][0]["source"] == "benign"
    assert all(told["pools"][0][name].startswith("hmac-sha256:") for name in ("digest", "note"))
