from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_framing.stats import votes


def test_above_40_per_cent_of_20_is_9() -> None:
    assert votes.votes_needed(20) == 9
    assert not votes.is_positive(8, 20)
    assert votes.is_positive(9, 20)


@given(st.integers(0, 500), st.integers(0, 100))
def test_votes_are_compared_as_integers(n: int, percent: int) -> None:
    needed = votes.votes_needed(n, percent)
    assert Fraction(needed) > Fraction(percent * n, 100) >= Fraction(needed - 1)
    for given_votes in range(n + 1):
        assert votes.is_positive(given_votes, n, percent) == (given_votes >= needed)


def test_errors_of_10_per_cent() -> None:
    assert votes.false_positive_rate(20, 9, 0.1) == pytest.approx(0.00006, abs=5e-7)
    assert votes.false_positive_rate(20, 9, 0.1, 0.2) == pytest.approx(0.049, abs=5e-4)


@given(st.integers(1, 60), st.floats(0.01, 0.5), st.floats(1e-4, 0.999))
def test_correlated_errors_are_beta_binomial(n: int, error: float, rho: float) -> None:
    k = votes.votes_needed(n)
    a, b = error * (1 - rho) / rho, (1 - error) * (1 - rho) / rho
    assert votes.false_positive_rate(n, k, error, rho) == pytest.approx(stats.betabinom.sf(k - 1, n, a, b), abs=1e-9)


def test_the_ends() -> None:
    assert votes.false_positive_rate(20, 0, 0.1) == 1
    assert votes.false_positive_rate(20, 21, 0.1) == 0
    assert votes.false_positive_rate(20, 9, 0.0, 0.3) == 0
    assert votes.false_positive_rate(20, 9, 1.0, 0.3) == 1
    assert votes.false_positive_rate(20, 9, 0.1, 1.0) == 0.1
    near = votes.false_positive_rate(20, 9, 0.1, 1e-7)
    assert near == pytest.approx(votes.false_positive_rate(20, 9, 0.1), rel=1e-3)


def test_the_correlation_that_made_the_votes_is_found() -> None:
    rng = np.random.default_rng(5)
    rho, error, n = 0.2, 0.1, 20
    rates = rng.beta(error * (1 - rho) / rho, (1 - error) * (1 - rho) / rho, 4000)
    assert votes.correlation(rng.binomial(n, rates), n) == pytest.approx(rho, abs=0.02)
    assert votes.correlation(rng.binomial(n, error, 4000), n) == pytest.approx(0, abs=0.01)
    assert votes.correlation([0, 20, 20, 0], 20) == 1


def test_no_variation_no_correlation() -> None:
    assert math.isnan(votes.correlation([0, 0, 0], 20))
    assert math.isnan(votes.correlation([3], 20))
    assert math.isnan(votes.correlation([0, 1], 1))
    assert math.isnan(votes.correlation([], 20))


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="votes must not exceed n, got 21 of 20"):
        votes.is_positive(21, 20)
    with pytest.raises(ValueError, match="percent must be a whole number"):
        votes.votes_needed(20, 0.4)
    with pytest.raises(ValueError, match="percent must be at most 100, got 140"):
        votes.votes_needed(20, 140)
    with pytest.raises(ValueError, match="correlation must lie in"):
        votes.false_positive_rate(20, 9, 0.1, -0.1)
    with pytest.raises(ValueError, match="votes must not exceed n = 20"):
        votes.correlation([21], 20)
