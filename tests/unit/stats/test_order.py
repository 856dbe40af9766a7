from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.sandbox.stats.runs import runstest_1samp

from pytest_framing.stats import order


def runs_of(sequence: list[int]) -> int:
    return 1 + sum(a != b for a, b in pairwise(sequence))


@given(st.lists(st.integers(0, 1), min_size=2, max_size=11))
def test_runs_are_counted_over_all_orders_of_the_same_counts(sequence: list[int]) -> None:
    result = order.randomization(sequence)
    n, ones = len(sequence), sum(sequence)
    assert (result.n, result.reference_first, result.treatment_first) == (n, ones, n - ones)
    assert result.runs == runs_of(sequence)
    if ones in (0, n):
        assert math.isnan(result.p_runs)
        return
    every = [runs_of([int(i in chosen) for i in range(n)]) for chosen in combinations(range(n), ones)]
    assert result.expected_runs == pytest.approx(np.mean(every))
    assert result.runs_variance == pytest.approx(np.var(every))
    assert result.p_runs_low == pytest.approx(np.mean([r <= result.runs for r in every]))
    assert result.p_runs_high == pytest.approx(np.mean([r >= result.runs for r in every]))


def test_the_normal_runs_test_has_no_hidden_correction() -> None:
    # statsmodels' default corrects silently below n = 50
    sequence = [int(letter) for letter in "110100111011"]
    z, p = runstest_1samp(sequence, cutoff=0.5, correction=False)
    result = order.randomization(sequence)
    assert (result.z_runs, result.p_runs_normal) == pytest.approx((z, p))
    assert result.z_runs != pytest.approx(runstest_1samp(sequence, cutoff=0.5)[0])


@pytest.mark.parametrize(("ones", "fails"), [(76, True), (77, False), (123, False), (124, True)])
def test_balance_of_200_pairs(ones: int, fails: bool) -> None:
    assert (order.randomization([1] * ones + [0] * (200 - ones)).p_balance <= 0.001) == fails


def test_a_fixed_order_fails_and_so_do_blocks_and_alternation() -> None:
    assert order.randomization([1] * 200).p_balance < 1e-50
    blocks = order.randomization([1] * 100 + [0] * 100)
    alternation = order.randomization([1, 0] * 100)
    assert blocks.p_balance == alternation.p_balance == 1
    assert blocks.p_runs < 1e-40
    assert alternation.p_runs < 1e-40
    assert blocks.p_runs_low < blocks.p_runs_high
    assert alternation.p_runs_high < alternation.p_runs_low


def test_too_few_pairs_leave_nan_where_nothing_can_be_said() -> None:
    nothing = order.randomization([])
    assert (nothing.n, nothing.runs) == (0, 0)
    assert math.isnan(nothing.p_balance)
    assert math.isnan(nothing.p_runs)
    one = order.randomization([True])
    assert one.p_balance == 1
    assert math.isnan(one.p_runs)
    two = order.randomization([1, 0])  # two runs, always
    assert two.p_runs == 1
    assert math.isnan(two.z_runs)


def test_a_long_run_is_no_longer_to_reckon() -> None:
    drawn = np.random.default_rng(1).integers(0, 2, 50_000)
    result = order.randomization(drawn)
    assert result.p_runs == pytest.approx(result.p_runs_normal, abs=0.01)


@given(st.integers(0, 400), st.sampled_from([0.001, 0.01, 0.05]))
def test_balance_limits_are_where_the_test_turns(n: int, alpha: float) -> None:
    low, high = order.balance_limits(n, alpha)
    if math.isnan(low):
        assert n == 0 or order.randomization([0] * n).p_balance > alpha
        return
    assert low + high == n
    at, above = int(low), int(low) + 1
    assert order.randomization([1] * at + [0] * (n - at)).p_balance <= alpha
    assert order.randomization([1] * above + [0] * (n - above)).p_balance > alpha


# ---- covariates -----------------------------------------------------------------------------------------------------


def test_an_order_that_follows_the_category_or_the_length_is_seen() -> None:
    rng = np.random.default_rng(7)
    category = rng.choice(["a", "b", "c", "d"], 200)
    length = rng.gamma(2.0, 100.0, 200)
    fair = rng.integers(0, 2, 200)
    assert order.order_covariates(fair, list(category), length).p > 0.001
    assert order.order_covariates(fair, list(category), length).df == 4
    by_category = np.where(category == "a", 1, fair)
    by_length = (length + rng.normal(0, 100, 200) > 200).astype(int)
    assert order.order_covariates(by_category, list(category), length).p < 0.001
    assert order.order_covariates(by_length, list(category), length).p < 0.001


def test_a_perfect_dependence_is_a_result_and_not_a_failure() -> None:
    first = [1] * 20 + [0] * 20
    test = order.order_covariates(first, ["a"] * 20 + ["b"] * 20, np.arange(40))
    assert test.statistic == pytest.approx(2 * 40 * math.log(2), rel=1e-6)


def test_rare_categories_do_not_inflate_the_statistic() -> None:
    rng = np.random.default_rng(3)
    names = [f"category {i}" for i in range(100) for _ in range(2)]
    tests = [order.order_covariates(rng.integers(0, 2, 200), names, rng.normal(size=200)) for _ in range(40)]
    assert {test.df for test in tests} == {1}
    assert sum(test.p < 0.05 for test in tests) <= 6


def test_nothing_that_varies_nothing_to_test() -> None:
    for first, category, length in (
        ([], [], []),
        ([1] * 30, ["a", "b"] * 15, range(30)),
        ([0, 1] * 15, ["a"] * 30, [5.0] * 30),
        ([0, 1], ["a", "b"], [1.0, 2.0]),
    ):
        assert math.isnan(order.order_covariates(first, category, list(length)).p)


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="first_is_reference must hold only 0 and 1"):
        order.randomization([0, 1, 2])
    with pytest.raises(ValueError, match="must have one value a pair, got 1"):
        order.order_covariates([0, 1], ["a"], [1.0, 2.0])
    with pytest.raises(ValueError, match="length must be finite"):
        order.order_covariates([0, 1], ["a", "b"], [1.0, math.inf])


def test_the_likelihood_ratio_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(9)
    category, length, first = rng.integers(0, 5, 300), rng.normal(size=300), rng.integers(0, 2, 300)
    indicators = (category[:, None] == np.arange(1, 5)).astype(float)
    design = np.column_stack([np.ones(300), indicators, length])
    fits = [sm.Logit(first, x).fit(disp=False) for x in (design, design[:, :1])]
    test = order.order_covariates(first, [int(name) for name in category], length)
    assert test.statistic == pytest.approx(2 * (fits[0].llf - fits[1].llf), abs=1e-8)
    assert test.df == 5
