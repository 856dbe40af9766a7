from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.stats import rates, unpaired

ARMS = st.tuples(st.integers(0, 400), st.integers(0, 400)).filter(lambda arm: sum(arm) > 0)


@pytest.mark.parametrize(
    ("x1", "n1", "x2", "n2", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_newcombe_s_own_examples(x1: int, n1: int, x2: int, n2: int, low: float, high: float) -> None:
    # Stat Med 1998;17:873-890, Table II, method 10; its rows as they are usually quoted, the print was not at hand
    assert unpaired.difference_interval(x1, n1, x2, n2) == pytest.approx((low, high), abs=5e-5)


@given(ARMS, ARMS, st.sampled_from([0.8, 0.9, 0.95, 0.999]))
def test_the_limits_are_wilson_s_squared_and_added(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> None:
    (x1, n1), (x2, n2) = ((hits, hits + misses) for hits, misses in (first, second))
    one, two = rates.wilson_interval(x1, n1, level), rates.wilson_interval(x2, n2, level)
    p1, p2 = x1 / n1, x2 / n2
    low, high = unpaired.difference_interval(x1, n1, x2, n2, level)
    assert low == pytest.approx(p1 - p2 - math.hypot(p1 - one.low, two.high - p2), abs=1e-9)
    assert high == pytest.approx(p1 - p2 + math.hypot(one.high - p1, p2 - two.low), abs=1e-9)
    assert -1 <= low <= p1 - p2 <= high <= 1
    assert low < high


@given(ARMS, ARMS)
def test_swapping_the_arms_mirrors_the_interval(first: tuple[int, int], second: tuple[int, int]) -> None:
    (x1, n1), (x2, n2) = ((hits, hits + misses) for hits, misses in (first, second))
    low, high = unpaired.difference_interval(x1, n1, x2, n2)
    assert unpaired.difference_interval(x2, n2, x1, n1) == pytest.approx((-high, -low), abs=1e-12)


@pytest.mark.parametrize(("x1", "n1", "x2", "n2"), [(0, 0, 3, 9), (3, 9, 0, 0), (0, 0, 0, 0)])
def test_an_empty_arm_shows_nothing(x1: int, n1: int, x2: int, n2: int) -> None:
    assert all(math.isnan(limit) for limit in unpaired.difference_interval(x1, n1, x2, n2))


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="x2 must not exceed n2, got 4 of 3"):
        unpaired.difference_interval(1, 3, 4, 3)
    with pytest.raises(ValueError, match="x1 must be a whole number of at least 0, got -1"):
        unpaired.difference_interval(-1, 3, 1, 3)
    with pytest.raises(ValueError, match="confidence must lie in"):
        unpaired.difference_interval(0, 0, 0, 0, 95)


@given(ARMS, ARMS)
def test_the_difference_of_two_rates_is_a_case_of_that_of_two_estimates(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    arms = [(x, x + rest) for x, rest in (first, second)]
    estimates = [(x / n, rates.wilson_interval(x, n, 0.95)) for x, n in arms]
    expected = unpaired.difference_interval(*arms[0], *arms[1])
    assert unpaired.independent_difference(*estimates[0], *estimates[1]) == pytest.approx(expected, abs=1e-9)


def test_what_one_side_cannot_estimate_has_no_difference() -> None:
    known = unpaired.Interval(-0.1, 0.1)
    unknown = unpaired.Interval(math.nan, math.nan)
    assert all(math.isnan(limit) for limit in unpaired.independent_difference(0.0, known, math.nan, unknown))
