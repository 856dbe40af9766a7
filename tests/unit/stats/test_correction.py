from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_framing.stats import correction, rates


def test_a_perfect_judge_needs_no_correction() -> None:
    result = correction.rogan_gladen(23, 400, 1.0, 1.0)
    assert result.raw == result.rate == 23 / 400
    assert (result.low, result.high) == pytest.approx(rates.wilson_interval(23, 400))
    assert result.se == pytest.approx(math.sqrt(0.0575 * 0.9425 / 400))


def test_the_judge_s_own_uncertainty_widens_the_interval() -> None:
    known = correction.rogan_gladen(60, 400, 0.9, 0.97)
    estimated = correction.rogan_gladen(60, 400, 0.9, 0.97, 80, 120)
    assert estimated.raw == known.raw
    assert estimated.se > known.se
    assert estimated.high - estimated.low > known.high - known.low
    half = correction.rogan_gladen(60, 400, 0.9, 0.97, sensitivity_n=80)
    assert known.se < half.se < estimated.se


@pytest.mark.parametrize(("rate", "sizes"), [(0.05, (100, 200)), (0.3, (60, 60)), (0.01, (50, 300))])
def test_the_interval_covers_the_true_rate(rate: float, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(8)
    se, sp, covered = 0.9, 0.98, 0
    for _ in range(600):
        positive = rng.binomial(400, rate * se + (1 - rate) * (1 - sp))
        found = rng.binomial(sizes[0], se) / sizes[0], rng.binomial(sizes[1], sp) / sizes[1]
        result = correction.rogan_gladen(positive, 400, *found, *sizes)
        covered += result.low <= rate <= result.high
    assert covered / 600 > 0.93


def test_a_poor_judge_is_not_corrected() -> None:
    assert all(math.isnan(value) for value in correction.rogan_gladen(10, 100, 0.7, 0.75))
    assert math.isnan(correction.corrected_gap(0.05, 0.7, 0.75, equal_in_both_framings=True))
    assert all(math.isnan(value) for value in correction.rogan_gladen(0, 0, 0.9, 0.9))


def test_a_gap_is_corrected_only_where_the_judge_was_shown_to_err_alike() -> None:
    assert correction.corrected_gap(0.09, 0.95, 0.95, equal_in_both_framings=True) == pytest.approx(0.1)
    assert math.isnan(correction.corrected_gap(0.09, 0.95, 0.95, equal_in_both_framings=False))


# ---- prediction-powered inference -----------------------------------------------------------------------------------


def sample(seed: int, n: int, rest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = (rng.random(n + rest) < 0.2).astype(int)
    judged = np.where(rng.random(n + rest) < 0.1, 1 - truth, truth)
    return truth[:n], judged[:n], judged[n:]


def test_predictions_narrow_the_interval_and_keep_its_coverage() -> None:
    results = [correction.ppi_mean(*sample(seed, 150, 1500)) for seed in range(300)]
    alone = [correction.ppi_mean(*sample(seed, 150, 1500), weight=0) for seed in range(300)]
    assert np.mean([result.se for result in results]) < 0.85 * np.mean([result.se for result in alone])
    assert np.mean([result.low <= 0.2 <= result.high for result in results]) > 0.92
    assert not any(result.exact for result in results)


def test_a_judge_that_was_never_wrong_is_not_taken_for_perfect() -> None:
    labels = [1] * 20 + [0] * 80
    result = correction.ppi_mean(labels, labels, [1] * 230 + [0] * 770)
    judged = rates.clopper_pearson_interval(230, 1000, 0.975)
    bound = rates.clopper_pearson_interval(0, 100, 0.975, sides=1).high
    assert result.exact
    assert result.estimate == 0.23
    assert math.isnan(result.se)
    assert (result.low, result.high) == pytest.approx((judged.low - bound, judged.high + bound))


def test_that_interval_stays_within_0_and_1() -> None:
    result = correction.ppi_mean([0] * 10, [0] * 10, [0] * 100)
    assert result.low == 0
    assert 0.3 < result.high < 0.4  # ten labels are ten labels


def test_a_judge_with_one_verdict_adds_nothing() -> None:
    result = correction.ppi_mean([1, 0, 0, 1], [0, 0, 0, 0], [0] * 50)
    assert result.weight == 0
    assert result.estimate == 0.5


def test_too_few_labels_or_no_predictions() -> None:
    assert math.isnan(correction.ppi_mean([1], [0], [0, 1]).estimate)
    assert math.isnan(correction.ppi_mean([1, 0], [0, 0], []).estimate)


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="positive must not exceed n, got 3 of 2"):
        correction.rogan_gladen(3, 2, 0.9, 0.9)
    with pytest.raises(ValueError, match="specificity_n must be at least 1"):
        correction.rogan_gladen(1, 2, 0.9, 0.9, 10, 0)
    with pytest.raises(ValueError, match="labels and predictions must go together, got 2 and 1"):
        correction.ppi_mean([0, 1], [0], [1])
    with pytest.raises(ValueError, match="weight must lie in"):
        correction.ppi_mean([0, 1], [0, 0], [1], weight=2)
    with pytest.raises(ValueError, match="predictions must hold only 0 and 1"):
        correction.ppi_mean([0, 1], [0.5, 0], [1])
