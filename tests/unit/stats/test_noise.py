from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.stats import noise, paired

RATES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20)


@given(st.integers(0, 100), st.integers(0, 100))
def test_excess_flips_are_one_side_of_mcnemar(framing: int, control: int) -> None:
    one, other = noise.excess_flips(framing, control), noise.excess_flips(control, framing)
    if framing != control:
        both = paired.mcnemar(framing, control)
        assert 2 * min(one.p_mid, other.p_mid) == pytest.approx(both.p_mid)
        assert min(1, 2 * min(one.p_exact, other.p_exact)) == pytest.approx(both.p_exact)
    assert (one.p_mid < other.p_mid) == (framing > control)


def test_no_flip_is_no_excess() -> None:
    assert noise.excess_flips(0, 0) == (1, 1)


@given(RATES)
def test_what_flips_in_excess_is_the_squared_difference(rates: list[tuple[float, float]]) -> None:
    a, b = np.array(rates).T
    flips = noise.expected_flips(a, b)
    assert flips.between - (flips.within_a + flips.within_b) / 2 == pytest.approx(flips.excess, abs=1e-12)


def test_an_effect_in_both_directions_is_seen_where_the_gap_is_zero() -> None:
    a, b = np.array([0.9, 0.1]), np.array([0.1, 0.9])
    assert a.mean() == b.mean()
    assert noise.expected_flips(a, b).excess == pytest.approx(0.64)


def test_churn_counts_two_of_the_six_ways() -> None:
    ways = [answers for answers in product((0, 1), repeat=4) if sum(answers) == 2]
    assert sum(answers[0] == answers[1] for answers in ways) / len(ways) == pytest.approx(1 / 3)
    assert noise.churn(18, 12) == pytest.approx(0.0039, abs=5e-5)
    assert noise.churn(1, 1) == pytest.approx(1 / 3)
    assert noise.churn(0, 0) == 1


@given(st.floats(0, 0.5))
def test_judge_error_undoes_judge_flip_rate(error: float) -> None:
    assert noise.judge_error(noise.judge_flip_rate(error)) == pytest.approx(error, abs=1e-7)


def test_the_judge_error_that_the_study_s_flip_rate_allows() -> None:
    assert noise.judge_error(0.0225) == pytest.approx(0.0114, abs=5e-5)
    assert noise.judge_error(1e-15) == pytest.approx(5e-16)  # not lost to cancellation
    assert math.isnan(noise.judge_error(0.6))  # more than independent errors can make


def test_no_prompt_no_rate() -> None:
    assert all(math.isnan(value) for value in noise.expected_flips([], []))


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="k must not exceed m, got k=3, m=2"):
        noise.churn(2, 3)
    with pytest.raises(ValueError, match="must have one shape"):
        noise.expected_flips([0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        noise.expected_flips([1.1], [0.1])
    with pytest.raises(ValueError, match=r"e must lie in \[0, 1\], got 2"):
        noise.judge_flip_rate(2)
    with pytest.raises(ValueError, match="ab_only must be a whole number"):
        noise.excess_flips(-1, 0)
