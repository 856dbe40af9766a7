"""Paired differences with clusters: Tango's interval where there are none, and coverage where there are."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_framing.stats.clustered_pairs import clustered_difference
from pytest_framing.stats.paired import tango_interval


def test_without_clusters_it_is_tangos_interval() -> None:
    first, second = [1] * 20 + [0] * 7 + [1] * 73, [0] * 20 + [1] * 7 + [1] * 73
    found = clustered_difference(first, second, range(100))
    assert (found.low, found.high) == pytest.approx(tango_interval(20, 7, 100))
    assert found.design_effect == 1.0


def test_answers_that_repeat_within_a_cluster_count_once() -> None:
    first, second = [1] * 10 + [0] * 4 + [1] * 36, [0] * 10 + [1] * 4 + [1] * 36
    once = clustered_difference(first, second, range(50))
    twice = clustered_difference(first * 2, second * 2, [*range(50)] * 2)
    assert twice.design_effect == pytest.approx(2.0, abs=0.05)
    assert twice.high - twice.low == pytest.approx(once.high - once.low, rel=0.05)


def test_no_pair_is_no_estimate() -> None:
    assert all(math.isnan(value) for value in clustered_difference([], [], [])[:3])


def test_coverage_of_correlated_pairs() -> None:
    """Of 400 simulated studies of 60 queries in two samplings, with half of the variance between queries."""
    rng = np.random.default_rng(4)
    truth, covered = 0.10, 0
    for _ in range(400):
        flips = rng.choice([1, 0, -1], p=[0.2, 0.7, 0.1], size=60)
        own = rng.choice([1, 0, -1], p=[0.2, 0.7, 0.1], size=(60, 2))
        difference = np.where(rng.random((60, 2)) < 0.7, flips[:, None], own).ravel()
        found = clustered_difference(difference > 0, difference < 0, np.repeat(np.arange(60), 2))
        covered += found.low <= truth <= found.high
    assert covered / 400 > 0.93
