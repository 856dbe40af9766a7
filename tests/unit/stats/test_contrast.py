from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.stats.contrast import mean, mean_interval
from pytest_framing.stats.domain import normal_quantile
from pytest_framing.stats.paired import tango_interval

COUNTS = st.fixed_dictionaries({value: st.integers(0, 60) for value in range(-2, 3)}).filter(
    lambda one: any(one.values())
)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))
def test_with_a_reach_of_one_it_is_tango_s_interval(b: int, c: int, neither: int) -> None:
    n = b + c + neither
    expected = tango_interval(b, c, n) if n else (math.nan, math.nan)
    found = mean_interval({1: b, -1: c, 0: neither}, 1)
    assert found == pytest.approx(expected, abs=1e-7, nan_ok=True)


@given(COUNTS)
def test_it_holds_the_mean_and_has_a_width(counts: dict[int, int]) -> None:
    low, high = mean_interval(counts, 2)
    assert -2 <= low <= mean(counts) <= high <= 2
    assert low < high


@given(COUNTS)
def test_negated_values_negate_and_swap_the_limits(counts: dict[int, int]) -> None:
    low, high = mean_interval(counts, 2)
    negated = mean_interval({-value: count for value, count in counts.items()}, 2)
    assert negated == pytest.approx((-high, -low), abs=1e-9)


@given(COUNTS)
def test_more_confidence_is_wider(counts: dict[int, int]) -> None:
    low, high = mean_interval(counts, 2, 0.9)
    wide_low, wide_high = mean_interval(counts, 2, 0.99)
    assert wide_low <= low + 1e-12
    assert wide_high >= high - 1e-12


@pytest.mark.parametrize("n", [1, 10, 400])
def test_no_change_at_all_has_twice_the_width_of_tango_s(n: int) -> None:
    z = normal_quantile(0.95)
    limit = 2 * z * z / (n + z * z)
    assert mean_interval({0: n}, 2) == pytest.approx((-limit, limit))


def test_of_many_prompts_it_is_the_normal_interval() -> None:
    counts = {-2: 200, -1: 2000, 0: 5000, 1: 2500, 2: 300}
    n, m = sum(counts.values()), mean(counts)
    variance = sum(value**2 * count for value, count in counts.items()) / n - m**2
    half = 1.959964 * math.sqrt(variance / n)
    assert mean_interval(counts, 2) == pytest.approx((m - half, m + half), abs=1e-4)


def test_of_no_prompt_there_is_no_interval() -> None:
    assert all(math.isnan(limit) for limit in mean_interval({}, 2))
    assert math.isnan(mean({}))


@pytest.mark.parametrize(
    ("counts", "reach", "words"),
    [({3: 1}, 2, "values must lie in"), ({0: -1}, 2, "count must be"), ({0: 1}, 0, "reach must be")],
)
def test_nonsense_is_refused(counts: dict[int, int], reach: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        mean_interval(counts, reach)
