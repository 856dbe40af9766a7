from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_framing.stats import ordering, paired

NAMES = ("prefix", "middle", "interleaved", "random", "suffix")


def answers(recency: float, queries: int = 80, seed: int = 1) -> np.ndarray:
    """Answers of queries that differ; the last ordering complies more often."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-0.5, 1, (queries, 1)) + np.array([0, 0, 0, 0, recency])
    return np.asarray(rng.random((queries, 5)) < 1 / (1 + np.exp(-logit)), dtype=int)


def test_recency_is_found_by_the_planned_contrast_and_by_all_the_rest() -> None:
    matrix = answers(2.0)
    contrast = ordering.recency(matrix, prefix=0, suffix=4)
    assert contrast.difference > 0.2
    assert contrast.interval == paired.tango_interval(contrast.b, contrast.c, 80)
    assert contrast.interval.low > 0
    assert contrast.p_mid < 0.001
    assert ordering.cochran_q(matrix).p < 0.001
    assert ordering.order_wald(matrix).p < 0.001
    assert ordering.order_conditional(matrix).likelihood_ratio.p < 0.001


def test_without_recency_the_tests_keep_their_level() -> None:
    p_values = [ordering.cochran_q(answers(0.0, seed=seed)).p for seed in range(100)]
    assert sum(p <= 0.05 for p in p_values) <= 12


def test_the_planned_contrast_is_no_part_of_the_family() -> None:
    matrix = answers(1.0)
    family, rest = ordering.pairwise(matrix), ordering.pairwise(matrix, planned=(4, 0))
    assert len(family) == 10
    assert [(pair.first, pair.second) for pair in rest] == [
        (pair.first, pair.second) for pair in family if (pair.first, pair.second) != (0, 4)
    ]
    assert all(pair.p_holm >= pair.p_mid for pair in rest)
    smallest = min(rest, key=lambda pair: pair.p_mid)
    assert smallest.p_holm == pytest.approx(min(1, 9 * smallest.p_mid))


def test_two_orderings_are_mcnemar() -> None:
    matrix = answers(1.0)[:, [0, 4]]
    pair = ordering.pairwise(matrix)[0]
    assert ordering.cochran_q(matrix).statistic == pytest.approx(paired.mcnemar(pair.b, pair.c).statistic)


def test_the_wald_test_does_not_depend_on_the_reference() -> None:
    matrix = answers(1.0)
    assert ordering.order_wald(matrix, 0).statistic == pytest.approx(ordering.order_wald(matrix, 3).statistic)
    first, other = ordering.order_conditional(matrix, 0), ordering.order_conditional(matrix, 3)
    assert first.likelihood_ratio.statistic == pytest.approx(other.likelihood_ratio.statistic, abs=1e-6)


def test_answers_that_never_depend_on_the_ordering_cannot_be_tested() -> None:
    same = np.repeat([[1], [0], [1], [0], [1], [1], [0], [0]], 5, axis=1)
    assert math.isnan(ordering.cochran_q(same).p)
    assert math.isnan(ordering.order_wald(same).p)
    assert math.isnan(ordering.order_conditional(same).likelihood_ratio.p)
    assert all(pair.p_mid == 1 for pair in ordering.pairwise(same))
    assert ordering.recency(same, 0, 4).p_mid == 1


def test_an_ordering_that_always_complies_has_no_wald_test() -> None:
    matrix = answers(0.0)
    matrix[:, 2] = 1
    assert math.isnan(ordering.order_wald(matrix).p)
    assert math.isnan(ordering.order_conditional(matrix).likelihood_ratio.p)
    assert ordering.cochran_q(matrix).p < 0.05  # this one can still be had


def test_nothing_asked() -> None:
    nothing = np.empty((0, 5))
    assert math.isnan(ordering.cochran_q(nothing).p)
    assert math.isnan(ordering.order_wald(nothing).p)
    assert math.isnan(ordering.order_conditional(nothing).likelihood_ratio.p)
    contrast = ordering.recency(nothing, 0, 4)
    assert math.isnan(contrast.difference)
    assert math.isnan(contrast.interval.low)


def test_nonsense_is_named() -> None:
    matrix = answers(0.0)
    with pytest.raises(ValueError, match="prefix and suffix must be two columns below 5, got 0, 5"):
        ordering.recency(matrix, 0, 5)
    with pytest.raises(ValueError, match="planned must name two columns below 5"):
        ordering.pairwise(matrix, planned=(0, 7))
    with pytest.raises(ValueError, match="reference must be a column below 5, got -1"):
        ordering.order_wald(matrix, -1)
    with pytest.raises(ValueError, match=r"matrix must have 2 dimension\(s\)"):
        ordering.cochran_q([0, 1])
