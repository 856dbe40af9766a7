from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from pytest_framing.stats import sequential


@given(st.integers(0, 40), st.integers(0, 40))
def test_an_e_value_is_a_likelihood_ratio_averaged_over_the_prior(b: int, c: int) -> None:
    average, _ = integrate.quad(lambda p: p**b * (1 - p) ** c, 0, 1)
    assert sequential.e_value(b, c) == pytest.approx(2.0 ** (b + c) * average, rel=1e-6)
    assert sequential.e_value(b, c) == sequential.e_value(c, b)


@pytest.mark.parametrize("flips", [1, 7, 60])
def test_its_expectation_without_an_effect_is_1(flips: int) -> None:
    b = np.arange(flips + 1)
    values = [sequential.e_value(k, flips - k) for k in range(flips + 1)]
    assert stats.binom.pmf(b, flips, 0.5) @ values == pytest.approx(1)


def test_peeking_at_mcnemar_errs_and_the_e_value_does_not() -> None:
    rng = np.random.default_rng(11)
    runs, n, psi = 1500, 400, 0.135
    flips = rng.random((runs, n)) < psi
    sides = rng.random((runs, n)) < 0.5
    b, c = np.cumsum(flips & sides, axis=1), np.cumsum(flips & ~sides, axis=1)
    with np.errstate(invalid="ignore"):
        peeked = ((b - c) ** 2 / (b + c) > stats.chi2.isf(0.05, 1)).any(axis=1).mean()
    table = np.array([[sequential.log_e_value(i, j) for j in range(120)] for i in range(120)])
    stopped = (table[b, c] >= math.log(20)).any(axis=1).mean()
    assert peeked == pytest.approx(0.31, abs=0.05)
    assert stopped <= 0.05


def test_large_counts_do_not_overflow() -> None:
    assert sequential.e_value(0, 0) == 1
    assert sequential.e_value(5000, 0) == math.inf
    assert sequential.log_e_value(5000, 0) == pytest.approx(5000 * math.log(2) - math.log(5001))
    assert sequential.e_value(5000, 5000) > 0


def test_the_anytime_p_never_rises() -> None:
    path = [1.0, 4.0, 2.0, 30.0, 0.1]
    p = [sequential.anytime_p(path[:t]) for t in range(len(path) + 1)]
    assert p == [1, 1, 0.25, 0.25, 1 / 30, 1 / 30]
    assert sequential.anytime_p([math.inf]) == 0
    assert sequential.anytime_p([0.0]) == 1


def test_the_betting_interval_is_what_the_martingale_does_not_exclude() -> None:
    x = np.random.default_rng(2).beta(2, 5, 150)
    low, high = sequential.betting_interval(x)
    for m in np.linspace(0.01, 0.99, 99):
        survives = max(sequential.betting_martingale(x, m)) < 20
        if min(abs(m - low), abs(m - high)) > 1e-6:
            assert survives == (low < m < high)


def test_the_betting_interval_shrinks_and_holds_at_all_times() -> None:
    rng = np.random.default_rng(4)
    misses = 0
    for _ in range(60):
        x = rng.integers(0, 2, 120).astype(float)
        ends = [sequential.betting_interval(x[:t]) for t in (10, 40, 120)]
        widths = [high - low for low, high in ends]
        assert widths == sorted(widths, reverse=True)
        misses += not ends[-1].low <= 0.5 <= ends[-1].high
    assert misses <= 6


def test_no_observation_excludes_nothing() -> None:
    assert sequential.betting_interval([]) == (0, 1)
    assert sequential.betting_martingale([], 0.5) == ()


def test_observations_that_leave_no_mean_leave_nan() -> None:
    # all ones, then all zeros: by the end every mean has been bet against with success
    x = [1.0] * 300 + [0.0] * 6000
    assert all(math.isnan(limit) for limit in sequential.betting_interval(x))


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="alpha and beta must be above 0"):
        sequential.e_value(1, 1, alpha=0)
    with pytest.raises(ValueError, match="path must hold e-values"):
        sequential.anytime_p([1.0, math.nan])
    with pytest.raises(ValueError, match=r"x must be a sequence of numbers in \[0, 1\]"):
        sequential.betting_interval([-1, 0, 1])
    with pytest.raises(ValueError, match=r"m must lie in \(0, 1\)"):
        sequential.betting_martingale([0.5], 1.0)
