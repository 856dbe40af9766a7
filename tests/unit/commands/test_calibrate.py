"""``framing calibrate``, and the gate that takes what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_framing.cli import main

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
    assert "the gap may not be corrected: the judge is not shown to err alike" in capsys.readouterr().out
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
