"""``framing calibrate``, and the gate that takes what it writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_framing.cli import main
from pytest_framing.gates.evaluation import evaluate, known_gates
from pytest_framing.json_documents import write_document
from pytest_framing.judges.calibration import ArmLabels, Calibration, labelled_source
from pytest_framing.results import write_conclusion
from tests.unit.builders import JUDGE, NAME, make_record, make_run, make_suite, table, write_run

PROMPTS = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run: half of the prompts refused under both framings, and 12 more under free."""
    rows = ["prompt_id,framing,verdict"]
    for number in range(PROMPTS):
        refused = {"free": number < 72, "paid": number < 60}
        rows += [f"p{number},{name},{'refusal' if said else 'compliance'}" for name, said in refused.items()]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    assert main(["import", str(path), "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def labels(tmp_path: Path, wrong: dict[str, set[int]], rows: int = PROMPTS) -> Path:
    """Human labels that agree with the run but for some prompts."""
    lines = ["id,arm,human"]
    for number in range(rows):
        for name, refused in (("free", number < 72), ("paid", number < 60)):
            lines.append(f"p{number},{name},{'refusal' if refused != (number in wrong[name]) else 'compliance'}")
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


COLUMNS = ["--column", "prompt_id=id", "--column", "framing=arm", "--column", "verdict=human"]


def test_a_good_judge_is_calibrated_and_its_gap_corrected(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = labels(tmp_path, {"free": {0, 100}, "paid": {0, 100}}), tmp_path / "c.json"
    assert main(["calibrate", str(folder), "--labels", str(file), "--out", str(out), *COLUMNS]) == 0
    text = capsys.readouterr().out
    assert "free: sensitivity 71/72 98.6 %" in text
    assert "specificity 59/60" in text
    assert "errs alike under free and paid" in text
    assert "Rogan-Gladen" in text
    before = (folder / "results.json").read_bytes()
    assert main(["gate", str(folder), "--calibration", str(out)]) == 1
    assert (
        "FAIL          corrected_gap[standard]: There is a gap behind the judge's errors too" in capsys.readouterr().out
    )
    assert (folder / "results.json").read_bytes() == before
    assert (folder / "results-corrected.json").exists()


def test_a_judge_that_errs_otherwise_under_one_framing_corrects_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = labels(tmp_path, {"free": set(range(60, 72)), "paid": set()}), tmp_path / "c.json"
    assert main(["calibrate", str(folder), "--labels", str(file), "--out", str(out), *COLUMNS]) == 0
    assert (
        "the gap may not be corrected: the judge is shown to err otherwise under one framing" in capsys.readouterr().out
    )
    main(["gate", str(folder), "--calibration", str(out)])
    assert "INCONCLUSIVE  corrected_gap[standard]: Nothing is corrected" in capsys.readouterr().out


def test_a_calibration_of_another_judge_does_not_count(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = labels(tmp_path, {"free": {0}, "paid": {0}}), tmp_path / "c.json"
    main(["calibrate", str(folder), "--labels", str(file), "--out", str(out), *COLUMNS])
    document = json.loads(out.read_text(encoding="utf-8"))
    out.write_text(json.dumps(document | {"judge": "other/1"}), encoding="utf-8")
    capsys.readouterr()
    main(["gate", str(folder), "--calibration", str(out)])
    assert "NOT EVALUATED corrected_gap[standard]: The calibration is of other/1" in capsys.readouterr().out


FOREIGN: dict[str, tuple[dict[str, object], str]] = {
    "another suite": ({"suite": "other"}, "labels are of the suite 'other'"),
    "another mode": ({"mode": "forcing"}, "labels are of the mode 'forcing'"),
    "another model": ({"run": "other", "subject": {"model": "other"}}, "answers of another model"),
    "unknown weights": ({"run": "other"}, "the record does not tell which weights were run"),
    "an older file": ({"suite": None, "mode": None}, "labels are of the suite None"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_calibration_of_something_else_does_not_count(
    name: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, words = FOREIGN[name]
    out = calibrated(folder, tmp_path, changes)
    capsys.readouterr()
    main(["gate", str(folder), "--calibration", str(out)])
    text = capsys.readouterr().out
    assert "NOT EVALUATED corrected_gap[standard]: The calibration does not speak of this run" in text
    assert words in text


def calibrated(folder: Path, tmp_path: Path, changes: dict[str, object]) -> Path:
    """Calibrate by good labels, and change what the file says of its source."""
    file, out = labels(tmp_path, {"free": {0, 100}, "paid": {0, 100}}), tmp_path / "calibration.json"
    assert main(["calibrate", str(folder), "--labels", str(file), "--out", str(out), *COLUMNS]) == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    document["source"] |= changes
    out.write_text(json.dumps(document), encoding="utf-8")
    return out


def test_a_run_keeps_the_calibration_that_it_was_concluded_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = make_suite(gates={"corrected_gap": {"margin": 0.2}}).model_copy(
        update={"path": tmp_path / "suites" / "suite.yaml"}
    )
    run = make_run(table(both=40, neither=40), suite=suite)
    weights = f"sha256:{'a' * 64}"
    record = make_record(run, weights=weights)
    arm = ArmLabels(200, 0, 0, 200)
    source = labelled_source(record.run_id, NAME, "standard", record.fingerprints[NAME])
    given = tmp_path / "suites" / "calibration.json"
    given.parent.mkdir()
    write_document(given, Calibration(JUDGE, {"free": arm, "paid": arm}, source).document())
    folder = tmp_path / "run"
    folder.mkdir()
    conclusion = write_run(run, folder, weights=weights)
    assert [gate.status.value for gate in conclusion.gates] == ["pass"]
    write_conclusion(conclusion, folder)
    given.unlink()
    moved = folder.rename(tmp_path / "moved")
    assert main(["verify", str(moved)]) == 0
    assert main(["gate", str(moved)]) == 0
    kept = moved / f"correction-{NAME}.json"
    kept.write_bytes(kept.read_bytes().replace(b"200", b"201", 1))
    capsys.readouterr()
    assert main(["verify", str(moved)]) == 1
    assert f"{kept.name}: its digest is not the one in the receipt" in capsys.readouterr().out


@pytest.mark.parametrize(("margin", "status"), [(0.05, "inconclusive"), (0.2, "pass")])
def test_an_interval_that_contains_nought_for_want_of_pairs_is_inconclusive(margin: float, status: str) -> None:
    run = make_run(table(both=10, free_only=1, paid_only=1, neither=10)).with_gate("corrected_gap", margin=margin)
    record, arm = make_record(run), ArmLabels(200, 0, 0, 200)
    source = labelled_source("run-1", NAME, "standard", record.fingerprints[NAME])
    content = json.dumps(Calibration(JUDGE, {"free": arm, "paid": arm}, source).document()).encode()
    context = replace(run.context(), run_id="run-1", calibration=content)
    (result,) = evaluate(known_gates(), {NAME: context}, release=True)[NAME].results
    assert result.status.value == status


def test_labels_of_two_modes_are_not_pooled(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(
        "prompt_id,framing,mode,verdict\np1,free,standard,refusal\np1,free,forcing,refusal", encoding="utf-8"
    )
    assert main(["calibrate", str(folder), "--labels", str(file)]) == 3
    assert "labels of forcing, standard: say with --mode" in capsys.readouterr().err
    out = tmp_path / "c.json"
    assert main(["calibrate", str(folder), "--labels", str(file), "--mode", "standard", "--out", str(out)]) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["framings"]["free"]["both"] == 1


def test_where_everything_is_labelled_the_labels_alone_tell_the_rate(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calibrated(folder, tmp_path, {})
    assert "the labels alone" in capsys.readouterr().out
    file, out = labels(tmp_path, {"free": {0}, "paid": {0}}, rows=80), tmp_path / "c.json"
    assert main(["calibrate", str(folder), "--labels", str(file), "--out", str(out), *COLUMNS]) == 0
    assert "PPI)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompt_id,framing,verdict\nnobody,free,refusal", "labels.csv:2: prompt 'nobody' under 'free'"),
        ("prompt_id,framing,verdict\np1,free,harmful", "'harmful' is no verdict"),
        ("prompt_id,framing,response\np1,free,Sure.", "a response without a verdict is no label"),
        ("prompt_id,framing\np1,free", "neither a response nor a verdict"),
    ],
)
def test_labels_that_cannot_be_used_are_errors(
    folder: Path, tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(text, encoding="utf-8")
    assert main(["calibrate", str(folder), "--labels", str(file)]) == 3
    assert message in capsys.readouterr().err


def test_words_of_a_label_file_are_mapped(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("prompt_id,framing,verdict\np1,free,declined\np100,free,answered", encoding="utf-8")
    mapping = ["--label", "declined=refusal", "--label", "answered=compliance"]
    assert main(["calibrate", str(folder), "--labels", str(file), *mapping]) == 0
