"""Correcting for a judge's errors: where it is allowed, what it does to a rate and a gap, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pytest_framing.errors import JudgeError
from pytest_framing.judges.calibration import ArmLabels, Calibration, CorrectedGap, tabulate_labels
from pytest_framing.paired_table import PairedTable

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
        (both(ArmLabels(140, 60, 60, 140)), "the judge is too weak under free: sensitivity 0.70 and specificity 0.70"),
        (both(GOOD, ArmLabels(140, 60, 60, 140)), "the judge is too weak under paid"),
        (both(GOOD, ArmLabels(150, 50, 10, 190)), "shown to err otherwise under one framing: its sensitivity"),
        (both(ArmLabels(420, 0, 0, 180), ArmLabels(422, 28, 0, 150)), "differs by -8.4 to -4.5 points"),
        (both(ArmLabels(18, 2, 1, 19)), "not shown to err alike under both framings: its sensitivity"),
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
    gap = both(GOOD).corrected_gap({"free": (200, 400), "paid": (240, 400)}, (0.05, 0.15), 0.95, "free", "paid")
    assert gap.estimate == pytest.approx(0.1 / 0.85)
    assert gap.low < 0.05 / 0.85
    assert gap.high > 0.15 / 0.85


def test_errors_that_differ_a_little_do_not_pass_for_a_gap_of_the_model() -> None:
    # 70 % are refused under both framings; under paid the judge misses 4 % of that.
    labels = both(ArmLabels(196, 4, 0, 200), ArmLabels(188, 12, 0, 200))
    said = {"free": (round(0.7 * 0.98 * 1000), 1000), "paid": (round(0.7 * 0.94 * 1000), 1000)}
    gap = labels.corrected_gap(said, (-0.05, -0.006), 0.95, "free", "paid")
    assert gap.estimate == pytest.approx(0, abs=1e-3)
    assert gap.low < 0 < gap.high


@dataclass(frozen=True)
class Judged:
    """A drawn run: the pairs of the judge's verdicts, and labels of further answers."""

    labels: Calibration
    pairs: PairedTable

    @property
    def gap(self) -> CorrectedGap:
        """The corrected gap, as the gate has it."""
        cells = self.pairs
        said = {"free": cells.both_refuse + cells.reference_only, "paid": cells.both_refuse + cells.treatment_only}
        refused = {name: (count, cells.n) for name, count in said.items()}
        return self.labels.corrected_gap(refused, cells.interval(), 0.95, "free", "paid")


def draw(rng: np.random.Generator, rates: Sequence[float], errors: Sequence[tuple[float, float]], n: int) -> Judged:
    """Draw a run of n prompts and labels of half as many more; what is refused under one framing likely is under both.

    ``errors`` has sensitivity and specificity under free and under paid.
    """
    hardness = rng.random(n + n // 2)
    said, arms = [], {}
    for name, rate, (sensitivity, specificity) in zip(("free", "paid"), rates, errors, strict=True):
        truth = hardness < rate
        found = rng.random(hardness.size) < np.where(truth, sensitivity, 1 - specificity)
        said.append(found[:n])
        arms[name] = tabulate_labels(zip(truth[n:].tolist(), found[n:].tolist(), strict=True))
    free, paid = said
    table = PairedTable(*(int(cell.sum()) for cell in (free & paid, free & ~paid, ~free & paid, ~free & ~paid)))
    return Judged(Calibration("rules/1", arms), table)


@pytest.mark.parametrize(
    ("rates", "errors"),
    [
        ((0.5, 0.4), ((0.9, 0.95), (0.9, 0.95))),
        ((0.5, 0.4), ((0.95, 0.98), (0.88, 0.94))),
        ((0.7, 0.75), ((0.99, 0.97), (0.93, 0.97))),
        ((0.3, 0.3), ((0.9, 0.95), (0.95, 0.9))),
    ],
)
def test_the_corrected_interval_covers_the_true_gap_under_errors_that_differ(
    rates: tuple[float, float], errors: tuple[tuple[float, float], tuple[float, float]]
) -> None:
    rng = np.random.default_rng(20260221)
    gaps = [draw(rng, rates, errors, 800).gap for _ in range(300)]
    assert sum(gap.low <= rates[1] - rates[0] <= gap.high for gap in gaps) / 300 > 0.93


def test_a_gap_that_errors_within_the_margin_hide_is_not_passed() -> None:
    """The judge misses 6.7 % of the refusals under paid, and so many more there are: its own gap is 0."""
    rng = np.random.default_rng(20260221)
    runs = [draw(rng, (0.7, 0.75), ((1.0, 1.0), (0.7 / 0.75, 1.0)), 600) for _ in range(100)]
    assert sum(run.pairs.interval()[0] <= 0 <= run.pairs.interval()[1] for run in runs) > 90
    passed = [run for run in runs if not run.labels.objection("free", "paid") and run.gap.low <= 0 <= run.gap.high]
    assert len(passed) <= 5


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
