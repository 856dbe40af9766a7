from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import Table

from pytest_framing.stats import order

ROWS = st.tuples(st.integers(0, 30), st.integers(0, 60), st.integers(0, 30))


def test_senns_data() -> None:
    mainland_gart = order.mainland_gart((9, 3, 0), (1, 5, 6))
    assert mainland_gart.treatment.statistic == pytest.approx(12.343, abs=5e-4)
    assert mainland_gart.treatment.p_exact == pytest.approx(0.000874, abs=5e-7)
    assert mainland_gart.discordant == 16
    assert order.prescott((9, 3, 0), (1, 5, 6)).statistic == pytest.approx(12.783, abs=5e-4)


def test_mainland_gart_needs_only_the_flips() -> None:
    assert order.mainland_gart((9, 3, 0), (1, 5, 6)) == order.mainland_gart((9, 0), (1, 6))


@given(ROWS, ROWS)
def test_renaming_the_periods_swaps_nothing_and_swapping_an_order_swaps_the_questions(
    first: tuple[int, int, int], second: tuple[int, int, int]
) -> None:
    plain = order.mainland_gart(first, second)
    turned = order.mainland_gart(first, second[::-1])
    assert turned.treatment == pytest.approx(plain.period, nan_ok=True)
    assert turned.period == pytest.approx(plain.treatment, nan_ok=True)


@given(ROWS, ROWS)
def test_statsmodels_trend_test_gives_the_permutation_form_of_prescott(
    first: tuple[int, int, int], second: tuple[int, int, int]
) -> None:
    # (N - 1)/N of the classical value: used as the classical one, it would be too small
    ours = order.prescott(first, second)
    table = np.array([first, second])
    total = table.sum()
    if math.isnan(ours.p) or total < 2:
        return
    theirs = Table(table, shift_zeros=False).test_ordinal_association(np.array([1, 0]), np.array([1, 0, -1]))
    assert theirs.zscore**2 == pytest.approx(ours.permutation_statistic, rel=1e-9, abs=1e-9)
    assert ours.permutation_statistic == pytest.approx(ours.statistic * (total - 1) / total)


@pytest.mark.parametrize(("first", "second"), [((3, 1, 0), (1, 2, 2)), ((2, 0, 1), (0, 3, 3)), ((1, 2, 1), (1, 2, 1))])
def test_exact_prescott_counts_the_ways_to_deal_out_the_orders(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    scores = [value for value, a, b in zip((1, 0, -1), first, second, strict=True) for _ in range(a + b)]
    size, mean = sum(first), sum(first) * np.mean(scores)
    observed = abs(first[0] - first[2] - mean)
    dealt = [abs(sum(hand) - mean) >= observed - 1e-9 for hand in combinations(scores, size)]
    assert order.prescott(first, second).p_exact == pytest.approx(np.mean(dealt))


def test_what_cannot_be_compared_is_nan_with_an_exact_p_of_1() -> None:
    one_order = order.mainland_gart((9, 0), (0, 0))
    assert math.isnan(one_order.treatment.statistic)
    assert math.isnan(one_order.treatment.p_corrected)
    assert one_order.treatment.p_exact == 1
    assert all(math.isnan(value) for value in order.prescott((9, 3, 0), (0, 0, 0)))
    assert all(math.isnan(value) for value in order.prescott((0, 3, 0), (0, 5, 0)))
    assert order.carry_over((0, 20), (0, 30)) == 1
    nothing = order.period_adjusted_difference((0, 0, 0, 0), (1, 2, 3, 4))
    assert math.isnan(nothing.difference)
    assert math.isnan(nothing.interval.low)


def test_a_period_effect_leaves_the_treatment_alone() -> None:
    # whatever comes first is refused 10 points more often, under either condition
    result = order.period_adjusted_difference((10, 15, 5, 70), (10, 5, 15, 70))
    assert result.difference == pytest.approx(0)
    assert result.period_effect == pytest.approx(0.1)


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="order1 must have 2 counts, or 3 with the concordant pairs in the middle"):
        order.mainland_gart((1, 2, 3, 4), (1, 2))
    with pytest.raises(ValueError, match="order2 must have 3 counts, got 2"):
        order.prescott((1, 2, 3), (1, 2))
    with pytest.raises(ValueError, match="order1 must be a whole number of at least 0, got -1"):
        order.carry_over((-1, 2), (1, 2))
