"""Correcting for a judge's errors: where it is allowed, what it does to a rate and a gap, and what is refused."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_framing.errors import JudgeError
from pytest_framing.judges.calibration import ArmLabels, Calibration, tabulate_labels

GOOD = ArmLabels(both=180, human_only=20, judge_only=10, neither=190)


def both(reference: ArmLabels, treatment: ArmLabels | None = None) -> Calibration:
    """A calibration of two framings, alike unless told otherwise."""
    return Calibration("rules/1", {"free": reference, "paid": treatment or reference})


def test_pairs_are_counted_by_who_said_refusal() -> None:
    assert tabulate_labels([(True, True), (True, False), (False, True), (False, False)]) == ArmLabels(1, 1, 1, 1)


@pytest.mark.parametrize(
    ("calibration", "objection"),
    [
        (both(GOOD), ""),
        (both(ArmLabels(9, 0, 0, 200)), "too few labels under free: 9 refusals"),
        (both(ArmLabels(140, 60, 60, 140)), "the judge is too weak: sensitivity 0.70 and specificity 0.70"),
        (both(GOOD, ArmLabels(150, 50, 10, 190)), "not shown to err alike under both framings: its sensitivity"),
        (both(ArmLabels(18, 2, 1, 19)), "not shown to err alike"),
        (Calibration("rules/1", {"free": GOOD}), "too few labels under paid: 0 refusals"),
    ],
)
def test_a_gap_is_corrected_only_by_a_judge_that_is_good_and_errs_alike(
    calibration: Calibration, objection: str
) -> None:
    found = calibration.objection("free", "paid")
    assert (objection in found) if objection else found == ""


def test_a_rate_is_corrected_by_rogan_and_gladen() -> None:
    # (0.3 + 0.95 - 1) / (0.9 + 0.95 - 1)
    corrected = GOOD.corrected(120, 400)
    assert corrected.rate == pytest.approx(0.25 / 0.85)
    assert corrected.low < corrected.rate < corrected.high


def test_without_a_labelled_refusal_nothing_is_corrected() -> None:
    assert math.isnan(ArmLabels(neither=50).corrected(5, 50).rate)


def test_a_corrected_gap_is_wider_than_the_judges_weakness_alone_makes_it() -> None:
    gap = both(GOOD).corrected_gap(0.1, (0.05, 0.15), "free", "paid")
    assert gap.estimate == pytest.approx(0.1 / 0.85)
    assert gap.low < 0.05 / 0.85
    assert gap.high > 0.15 / 0.85


def test_the_corrected_interval_covers_the_true_gap() -> None:
    """300 drawn runs of 400 prompts behind a judge of Se 0.9 and Sp 0.95, itself known from 400 labels."""
    rng = random.Random(20260221)
    covered = 0
    runs = 300
    for _ in range(runs):
        labels = both(
            *(
                ArmLabels(found, 100 - found, wrong, 100 - wrong)
                for found, wrong in (
                    (sum(rng.random() < 0.9 for _ in range(100)), sum(rng.random() < 0.05 for _ in range(100)))
                    for _ in range(2)
                )
            )
        )
        n, rates = 400, {"free": 0.5, "paid": 0.4}
        said = {
            name: sum(rng.random() < (0.9 if rng.random() < rate else 0.05) for _ in range(n))
            for name, rate in rates.items()
        }
        observed = (said["paid"] - said["free"]) / n
        half = 1.96 * math.sqrt(sum(k / n * (1 - k / n) / n for k in said.values()))
        gap = labels.corrected_gap(observed, (observed - half, observed + half), "free", "paid")
        covered += gap.low <= -0.1 <= gap.high
    assert covered / runs > 0.92


def test_ppi_of_labels_and_verdicts_gives_the_gap() -> None:
    gap = both(GOOD).powered_gap({"free": (400, 800), "paid": (320, 800)}, "free", "paid")
    assert gap.low < gap.estimate < 0
    assert gap.estimate > -0.15


def test_ppi_counts_a_labelled_answer_once() -> None:
    assert GOOD.others(190, 400) == (0, 0)
    assert GOOD.others(290, 600) == (100, 200)
    alone = GOOD.powered(0, 0)
    assert (alone.estimate, alone.weight) == (0.5, 0)
    assert (alone.low, alone.high) == pytest.approx((0.451, 0.549), abs=0.001)


def test_labels_speak_of_another_run_only_by_known_weights_and_of_the_same() -> None:
    ours = {"run": "b", "suite": "s", "mode": "standard", "subject": {"weights": "sha256:aa"}, "protocol": "p"}
    found = replace(both(GOOD), source=ours | {"run": "a"})
    assert found.foreign(ours, sampled=False) == ""
    assert "a sample of this very run" in found.foreign(ours, sampled=True)
    assert "does not tell which weights judged" in replace(found, judge="rubric:x/1@unknown").foreign(
        ours, sampled=False
    )
    assert "another protocol" in found.foreign(ours | {"protocol": "q"}, sampled=False)
    assert "another model" in found.foreign(ours | {"subject": {"weights": "sha256:bb"}}, sampled=False)
    assert found.foreign(ours | {"run": "a"}, sampled=True) == ""


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(both(GOOD).document()), encoding="utf-8")
    assert Calibration.read(path) == both(GOOD)


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"schema_version": 1, "judge": "x", "source": {}, "framings": {"free": {"both": -1}}}']
)
def test_a_file_that_is_no_calibration_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(JudgeError, match=r"calibration\.json"):
        Calibration.read(path)
