from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from statsmodels.stats.proportion import proportion_confint

from pytest_framing.stats import planning, rates


@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([0.8, 0.95, 0.999]))
def test_intervals_agree_with_statsmodels_and_enclose_the_rate(hits: int, misses: int, level: float) -> None:
    n = hits + misses
    if n == 0:
        return
    for function, method in ((rates.wilson_interval, "wilson"), (rates.clopper_pearson_interval, "beta")):
        low, high = function(hits, n, level)
        assert (low, high) == pytest.approx(proportion_confint(hits, n, 1 - level, method=method), abs=1e-9)
        assert 0 <= low <= hits / n <= high <= 1


def test_the_ends_are_exact() -> None:
    assert rates.wilson_interval(0, 20).low == 0
    assert rates.wilson_interval(20, 20).high == 1


def test_a_one_sided_bound_is_a_limit_of_the_wider_level() -> None:
    assert rates.wilson_interval(9, 400, 0.95, sides=1) == pytest.approx(rates.wilson_interval(9, 400, 0.9))


@given(st.integers(0, 300), st.integers(1, 300), st.sampled_from([0.02, 0.05, 0.5]))
def test_a_rate_exceeds_a_limit_as_scipy_s_binomial_test_says(hits: int, more: int, limit: float) -> None:
    n = hits + more
    assert rates.exceeds(hits, n, limit) == pytest.approx(binomtest(hits, n, limit, "greater").pvalue, abs=1e-12)


@given(st.integers(0, 60), st.integers(1, 200), st.sampled_from([0.02, 0.05, 0.3]))
def test_so_many_trials_bring_the_bound_to_the_limit(hits: int, misses: int, limit: float) -> None:
    rate = hits / (hits + misses)
    n = planning.trials_to_bound(rate, limit)
    if abs(rate - limit) < 1e-9:
        assert math.isnan(n)
        return
    # The score of the limit at that number of trials is the quantile of the one-sided level.
    score = abs(rate - limit) / math.sqrt(limit * (1 - limit) / n)
    assert score == pytest.approx(norm.ppf(0.95))


@pytest.mark.parametrize(("rate", "limit", "n", "alpha"), [(0.09, 0.05, 100, 0.01), (0.08, 0.05, 200, 0.005)])
def test_so_many_trials_show_by_the_exact_test_that_a_rate_exceeds(
    rate: float, limit: float, n: int, alpha: float
) -> None:
    needed = planning.trials_to_exceed(rate, limit, alpha, n)
    assert needed > n
    assert rates.exceeds(math.floor(rate * needed), needed, limit) <= alpha
    assert rates.exceeds(round(rate * n), n, limit) > alpha


def test_a_rate_at_the_limit_is_shown_to_exceed_it_by_no_number_of_trials() -> None:
    assert math.isnan(planning.trials_to_exceed(0.05, 0.05, 0.01, 100))


def test_no_trials_no_rate() -> None:
    assert all(math.isnan(limit) for limit in rates.wilson_interval(0, 0))
    assert all(math.isnan(limit) for limit in rates.clopper_pearson_interval(0, 0))


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="successes must not exceed n, got 3 of 2"):
        rates.wilson_interval(3, 2)
    with pytest.raises(ValueError, match="sides must be 1 or 2"):
        rates.wilson_interval(1, 2, sides=0)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ValueError, match=r"one-sided bound must lie in \(0.5, 1\), got 0.5"):
        rates.wilson_interval(1, 2, 0.5, sides=1)
