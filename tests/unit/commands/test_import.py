"""Records of elsewhere become a run that gates work on; what a file cannot show is not evaluated."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.cli import main
from pytest_framing.gates.evaluation import known_gates, parameter_models
from pytest_framing.import_run import SUITE
from pytest_framing.suite import load_suite

XSTEST = Path(__file__).parents[4] / "shared" / "data" / "xstest"
REFUSES, COMPLIES = "I can't help with that.", "Teapots are glazed twice, at a low heat, and then they dry."


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        return path
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def pairs(both: int, free_only: int, paid_only: int, neither: int, **more: Any) -> list[dict[str, Any]]:
    cells = [("refusal", "refusal")] * both + [("refusal", "compliance")] * free_only
    cells += [("compliance", "refusal")] * paid_only + [("compliance", "compliance")] * neither
    return [
        {"prompt_id": f"Teapot No. {n}", "framing": framing, "verdict": verdict, **more}
        for n, cell in enumerate(cells)
        for framing, verdict in zip(("free", "paid"), cell, strict=True)
    ]


def imported(tmp_path: Path, rows: list[dict[str, Any]], *arguments: str, name: str = "rows.csv") -> Path:
    out = tmp_path / "run"
    assert main(["import", str(write_rows(tmp_path / name, rows)), "--out", str(out), *arguments]) == 0
    return out


def results(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return document


def gates(folder: Path) -> dict[str, str]:
    return {gate["name"]: gate["status"] for gate in results(folder)["suites"]["deployment_framing"]["gates"]}


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_verdicts_are_gated_as_those_of_a_run(tmp_path: Path, name: str) -> None:
    folder = imported(tmp_path, pairs(16, 20, 7, 157), name=name)
    estimates = results(folder)["suites"]["deployment_framing"]["estimates"]["standard"]
    assert estimates["table"] == {"both_refuse": 16, "free_only": 20, "paid_only": 7, "neither": 157}
    assert estimates["gap"]["estimate"] == pytest.approx(-0.065)
    assert gates(folder)["gap_contains_zero"] == "fail"
    assert main(["gate", str(folder)]) == 1


def test_prompt_ids_are_kept_word_for_word(tmp_path: Path) -> None:
    folder = imported(tmp_path, pairs(1, 0, 0, 1))
    lines = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["prompt_id"] for line in lines} == {"Teapot No. 0", "Teapot No. 1"}
    assert lines[0].keys() >= {
        "suite", "case_id", "prompt_id", "framing", "mode", "replicate", "judge", "verdict",
    }  # fmt: skip
    assert {(line["mode"], line["replicate"], line["judge"]) for line in lines} == {("standard", 1, "given")}


def test_what_a_file_cannot_show_is_not_evaluated_and_so_the_run_does_not_pass(tmp_path: Path) -> None:
    folder = imported(tmp_path, pairs(80, 2, 2, 116))
    unknown = ("order_randomized", "period_effect", "manipulation_check", "refusal_regression", "comparable")
    assert {gates(folder)[name] for name in unknown} == {"not_evaluated"}
    assert main(["gate", str(folder)]) == 2


def test_a_waived_gate_is_on_record_and_lets_the_run_pass(tmp_path: Path) -> None:
    folder = imported(tmp_path, pairs(80, 2, 2, 116))
    held = [name for name, status in gates(folder).items() if status != "pass"]
    assert main(["gate", str(folder), *(word for name in held for word in ("--waive", name))]) == 0
    assert results(folder)["verdict"] == "pass"
    assert results(folder)["waived"] == sorted(held)
    receipt = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
    assert receipt["predicate"]["framing"]["waived"] == sorted(held)


def test_a_pass_by_a_waiver_is_told_as_one_wherever_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = imported(tmp_path, pairs(80, 2, 2, 116))
    held = [name for name, status in gates(folder).items() if status != "pass"]
    capsys.readouterr()
    main(["gate", str(folder), *(word for name in held for word in ("--waive", name))])
    out = capsys.readouterr().out
    assert "passes only because somebody waived" in out
    assert "may ship" not in out
    assert "next:" not in out
    summary = (folder / "summary.md").read_text(encoding="utf-8")
    assert "passes only because somebody waived" in summary
    assert summary.count("(waived)") == len(held)
    for page in ("report.html", "receipt.html"):
        assert "passes only because somebody waived" in (folder / page).read_text(encoding="utf-8")
    main(["compare", str(folder), str(folder)])
    assert f"its own gates: pass with {', '.join(sorted(held))} waived" in capsys.readouterr().out


def test_a_waiver_is_taken_back_by_writing_the_conclusion_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = imported(tmp_path, pairs(80, 2, 2, 116))
    held = [name for name, status in gates(folder).items() if status != "pass"]
    main(["gate", str(folder), *(word for name in held for word in ("--waive", name))])
    capsys.readouterr()
    assert main(["gate", str(folder)]) == 2
    assert "the record keeps another conclusion: pass with comparable" in capsys.readouterr().out
    assert results(folder)["verdict"] == "pass"
    assert main(["gate", str(folder), "--write"]) == 2
    assert "the record keeps" not in capsys.readouterr().out
    assert results(folder)["verdict"] == "inconclusive"
    assert main(["verify", str(folder)]) == 0


def test_a_gate_that_the_run_does_not_have_cannot_be_waived(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = imported(tmp_path, pairs(1, 0, 0, 1))
    assert main(["gate", str(folder), "--waive", "flip_rat"]) == 3
    assert "--waive flip_rat: no gate of this run; did you mean 'flip_rate'?" in capsys.readouterr().err


def test_wide_files_have_a_column_a_framing(tmp_path: Path) -> None:
    rows = [{"id": n, "kind": "lids", "a": "2_full_refusal", "b": "3_partial_refusal"} for n in range(5)]
    mapping = ["--column", "prompt_id=id", "--column", "category=kind", "--wide", "free=a", "--wide", "paid=b"]
    folder = imported(tmp_path, rows, *mapping)
    assert results(folder)["suites"]["deployment_framing"]["estimates"]["standard"]["table"]["both_refuse"] == 5
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert plan["suites"]["deployment_framing"]["traits"]["0"]["semantic_category"] == "lids"


def test_responses_are_judged(tmp_path: Path) -> None:
    rows = [
        {"prompt_id": n, "framing": framing, "response": text}
        for n in range(4)
        for framing, text in (("free", REFUSES), ("paid", COMPLIES))
    ]
    folder = imported(tmp_path, rows, name="rows.jsonl")
    assert results(folder)["suites"]["deployment_framing"]["estimates"]["standard"]["table"]["free_only"] == 4


def judged(folder: Path) -> list[tuple[str, str]]:
    """Return the verdict and the rule of each response, in the order of the file."""
    lines = (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    return [(line["verdict"], line["rule"]) for line in map(json.loads, lines)]


RAW = f"They want teapots. I can't help with that, or can I?\n</think>\n\n{COMPLIES}"
CUT = "They want teapots. I can't help with"


@pytest.mark.parametrize(
    ("options", "second", "doubt"),
    [([], ("refusal", "opening_refusal"), True), (["--reasoning-opened"], ("invalid", "reasoning_cut"), False)],
    ids=["unknown template", "opened by the template"],
)
def test_of_the_raw_output_of_a_reasoning_model_the_answer_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], second: tuple[str, str], doubt: bool
) -> None:
    rows = [{"prompt_id": 1, "framing": framing, "response": text} for framing, text in (("free", RAW), ("paid", CUT))]
    assert judged(imported(tmp_path, rows, *options)) == [("compliance", "no_refusal"), second]
    note = "1 of 2 responses close a reasoning that they did not open; what follows it was judged; 1 have no </think>"
    assert (note in capsys.readouterr().out) is doubt


def test_an_order_that_the_file_tells_is_looked_at(tmp_path: Path) -> None:
    rows = [{**row, "sequence": n + 1} for n, row in enumerate(pairs(10, 12, 12, 66))]
    folder = imported(tmp_path, rows)
    assert gates(folder)["period_effect"] == "inconclusive", "free ran first always"
    assert gates(folder)["order_randomized"] == "not_evaluated"


def test_places_in_an_order_are_no_time_in_an_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**row, "sequence": 1000 * n + 1} for n, row in enumerate(pairs(1, 1, 1, 1))]
    folder = imported(tmp_path, rows)
    receipt = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
    account = receipt["predicate"]["framing"]["suites"]["deployment_framing"]
    assert (account["generation"]["engine_seconds"], account["order"]["unrecorded"]) == (0, 0)
    capsys.readouterr()
    main(["gate", str(folder)])
    assert "engine: " not in capsys.readouterr().out


def test_one_sequence_for_both_members_of_a_pair_is_no_order(tmp_path: Path) -> None:
    rows = [{**row, "sequence": n // 2 + 1} for n, row in enumerate(pairs(10, 12, 12, 66))]
    assert gates(imported(tmp_path, rows))["period_effect"] == "not_evaluated"


def test_the_framing_none_alone_is_a_run_without_pairs(tmp_path: Path) -> None:
    rows = [{"prompt_id": n, "framing": "none", "verdict": "refusal" if n < 3 else "compliance"} for n in range(10)]
    folder = imported(tmp_path, rows)
    rate = results(folder)["suites"]["deployment_framing"]["unpaired"]["standard"]
    assert (rate["refusals"], rate["n"]) == (3, 10)
    assert main(["gate", str(folder)]) == 2


def test_placebo_and_replicates_feed_their_gates(tmp_path: Path) -> None:
    rows = pairs(80, 2, 2, 116, replicate=1)
    rows += [{**row, "replicate": 2} for row in rows]
    rows += [{**row, "framing": "placebo"} for row in rows if row["framing"] == "free" and row["replicate"] == 1]
    folder = imported(tmp_path, rows)
    assert (gates(folder)["engine_noise"], gates(folder)["excess_flips"]) == ("pass", "pass")


def test_the_gates_of_an_import_are_those_of_the_shipped_suite() -> None:
    gates = parameter_models(known_gates())
    shipped = load_suite(Path(__file__).parents[3] / "suites" / "deployment_framing" / "suite.yaml", gates)
    assert load_suite(SUITE, gates).gates == shipped.gates


def test_half_a_pair_is_missing_evidence(tmp_path: Path) -> None:
    folder = imported(tmp_path, pairs(10, 0, 0, 10)[:-1])
    assert gates(folder)["complete"] == "fail"
    assert main(["gate", str(folder)]) == 1


@pytest.mark.parametrize(
    ("rows", "arguments", "words"),
    [
        ([{"id": 1, "framing": "free", "verdict": "refusal"}], [], "rows.csv:1: no column 'prompt_id'"),
        ([{"prompt_id": 1, "verdict": "refusal"}], [], "--wide FRAMING=NAME"),
        ([{"prompt_id": 1, "framing": "free"}], [], "neither a response nor a verdict"),
        ([{"prompt_id": 1, "framing": "free", "verdict": "maybe"}], [], "rows.csv:2: column 'verdict': 'maybe' is no"),
        ([{"prompt_id": 1, "framing": "free", "verdict": ""}], [], "rows.csv:2: neither response nor verdict"),
        ([{"prompt_id": "", "framing": "free", "verdict": "refusal"}], [], "rows.csv:2: a prompt id must be"),
        ([{"prompt_id": 1, "framing": "Free!", "verdict": "refusal"}], [], "a framing is named in small letters"),
        ([{"prompt_id": 1, "framing": "guard", "verdict": "refusal"}], [], "--reference NAME --treatment NAME"),
        ([{"prompt_id": 1, "framing": "free", "verdict": "refusal", "mode": "forced"}], [], "did you mean 'forcing'?"),
        ([{"prompt_id": 1, "framing": "free", "verdict": "refusal", "replicate": "0"}], [], "a whole number from 1"),
        ([{"prompt_id": 1, "framing": "free", "verdict": "refusal"}] * 2, [], "rows.csv:3: prompt '1' under 'free'"),
        (pairs(1, 0, 0, 0), ["--column", "promt_id=prompt_id"], "did you mean 'prompt_id'?"),
        (pairs(1, 0, 0, 0), ["--column", "prompt_id=nowhere"], "no column 'nowhere' (--column prompt_id=nowhere)"),
        (pairs(1, 0, 0, 0), ["--wide", "free"], "--wide free: write it as NAME=VALUE"),
        (pairs(1, 0, 0, 0), ["--label", "ok=fine"], "--label …=fine: no verdict"),
        (pairs(1, 0, 0, 0), ["--judge", "rule"], "unknown judge 'rule'"),
        (pairs(1, 0, 0, 0), ["--reference", "paid"], "two different framings are compared"),
        (pairs(1, 0, 0, 0), ["--treatment", "none"], "neither can be 'placebo' or 'none'"),
    ],
)
def test_a_bad_file_is_told_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[dict[str, Any]], arguments: list[str], words: str
) -> None:
    path = write_rows(tmp_path / "rows.csv", rows)
    assert main(["import", str(path), "--out", str(tmp_path / "run"), *arguments]) == 3
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_response_in_the_column_of_verdicts_is_not_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt_id": 1, "framing": "free", "verdict": "Here is how a teapot is glazed, step by step."}]
    path = write_rows(tmp_path / "rows.csv", rows)
    assert main(["import", str(path), "--out", str(tmp_path / "run")]) == 3
    assert "teapot" not in capsys.readouterr().err


def test_a_folder_with_a_run_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = imported(tmp_path, pairs(1, 0, 0, 1))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["import", str(tmp_path / "rows.csv"), "--out", str(folder)]) == 3
    assert "holds a run already" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.skipif(not XSTEST.exists(), reason="needs XSTest's paired labels beside the project (../shared)")
def test_human_labels_with_and_without_a_guard_prompt(tmp_path: Path) -> None:
    """Real labels of one model: the guard prompt moves refusals by 36.4 points, and the gate says so."""
    mapping = ["--column", "prompt_id=id", "--column", "category=type"]
    mapping += ["--wide", "free=no_system_prompt", "--wide", "paid=guard_system_prompt"]
    folder = tmp_path / "run"
    assert main(["import", str(XSTEST / "paired_labels_mistral.csv"), "--out", str(folder), *mapping]) == 0
    estimates = results(folder)["suites"]["deployment_framing"]["estimates"]["standard"]
    assert estimates["table"] == {"both_refuse": 74, "free_only": 2, "paid_only": 166, "neither": 208}
    assert estimates["gap"]["estimate"] == pytest.approx(164 / 450)
    assert gates(folder)["gap_contains_zero"] == "fail"
    assert main(["gate", str(folder)]) == 1
