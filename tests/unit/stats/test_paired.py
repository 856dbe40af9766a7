from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats import contingency_tables

from pytest_framing.stats import paired

LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99, 0.999])


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int]:
    """Discordant counts and the number of pairs."""
    b, c, rest = draw(st.integers(0, 300)), draw(st.integers(0, 300)), draw(st.integers(0, 2000))
    assume(b + c + rest > 0)
    return b, c, b + c + rest


# ---- Tango ----------------------------------------------------------------------------------------------------------


@given(tables(), LEVELS)
def test_tango_encloses_the_estimate_and_is_never_of_zero_width(table: tuple[int, int, int], level: float) -> None:
    b, c, n = table
    low, high = paired.tango_interval(b, c, n, level)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert high - low > 1e-4


@given(tables(), LEVELS, st.integers(2, 20))
def test_the_same_rates_in_more_pairs_give_a_narrower_interval(
    table: tuple[int, int, int], level: float, times: int
) -> None:
    b, c, n = table
    few_low, few_high = paired.tango_interval(b, c, n, level)
    low, high = paired.tango_interval(times * b, times * c, times * n, level)
    assert high - low < few_high - few_low


@given(tables(), LEVELS)
def test_tango_limits_are_where_the_score_statistic_is_z(table: tuple[int, int, int], level: float) -> None:
    b, c, n = table
    z = stats.norm.isf((1 - level) / 2)
    low, high = paired.tango_interval(b, c, n, level)
    assert (low == -1) == (c == n)
    assert (high == 1) == (b == n)
    if c != n:
        assert paired.tango_score(b, c, n, low) == pytest.approx(z, abs=1e-6)
    if b != n:
        assert paired.tango_score(b, c, n, high) == pytest.approx(-z, abs=1e-6)


@given(tables(), LEVELS)
def test_swapping_the_conditions_mirrors_the_interval(table: tuple[int, int, int], level: float) -> None:
    b, c, n = table
    low, high = paired.tango_interval(b, c, n, level)
    assert paired.tango_interval(c, b, n, level) == (-high, -low)


@given(tables())
def test_score_at_zero_squared_is_mcnemar(table: tuple[int, int, int]) -> None:
    b, c, n = table
    assert paired.tango_score(b, c, n, 0.0) ** 2 == pytest.approx(paired.mcnemar(b, c).statistic, rel=1e-9, abs=1e-12)


@given(tables(), st.floats(-0.999, 0.998))
def test_score_falls_with_the_hypothesised_difference(table: tuple[int, int, int], delta: float) -> None:
    b, c, n = table
    assume(b + c > 0)
    assert paired.tango_score(b, c, n, delta + 1e-3) < paired.tango_score(b, c, n, delta)


@pytest.mark.parametrize("n", [1, 2, 52, 200, 10**6, 10**12])
def test_without_a_flip_the_limits_have_a_closed_form(n: int) -> None:
    z = stats.norm.isf(0.025)
    limit = z * z / (n + z * z)
    assert paired.tango_interval(0, 0, n) == pytest.approx((-limit, limit), rel=1e-12)


def test_without_a_flip_200_pairs_leave_the_limits_of_the_specification() -> None:
    assert paired.tango_interval(0, 0, 200) == pytest.approx((-0.018845, 0.018845), abs=5e-7)


@pytest.mark.parametrize("n", [1, 3, 50, 10_000])
def test_limits_of_one_way_tables(n: int) -> None:
    z2 = stats.norm.isf(0.025) ** 2
    assert paired.tango_interval(n, 0, n) == pytest.approx(((n - z2) / (n + z2), 1), abs=1e-12)
    assert paired.tango_interval(0, n, n) == pytest.approx((-1, -(n - z2) / (n + z2)), abs=1e-12)


def test_the_score_where_its_variance_is_zero() -> None:
    assert paired.tango_score(0, 0, 10, 0.0) == 0
    assert paired.tango_score(10, 0, 10, 1.0) == 0
    assert paired.tango_score(9, 0, 10, 1.0) == -math.inf
    assert paired.tango_score(0, 9, 10, -1.0) == math.inf


def test_an_extreme_confidence_still_gives_an_interval() -> None:
    low, high = paired.tango_interval(3, 1, 40, 1 - 1e-12)
    assert -1 < low < 0.05 < high < 1
    low, high = paired.tango_interval(3, 1, 40, 1e-6)
    assert low == pytest.approx(0.05, abs=1e-5)
    assert low < high


# ---- the second opinions --------------------------------------------------------------------------------------------


@given(st.tuples(*[st.integers(0, 400)] * 4), LEVELS)
def test_every_interval_encloses_the_estimate(cells: tuple[int, int, int, int], level: float) -> None:
    a, b, c, d = cells
    n = sum(cells)
    assume(n > 0)
    intervals = [
        paired.newcombe_interval(a, b, c, d, level),
        paired.wald_interval(b, c, n, level),
    ]
    for low, high in intervals:
        assert -1 <= low <= (b - c) / n + 1e-12
        assert (b - c) / n - 1e-12 <= high <= 1


@pytest.mark.parametrize("scale", [65, 5_000, 1_000_000])
def test_newcombe_does_not_overflow_on_numpys_fixed_width_integers(scale: int) -> None:
    # 18/5/4/373 of the study, times 65: n = 26,000; in 32 bits the margin product wraps near n = 1300
    cells = [cell * scale for cell in (18, 5, 4, 373)]
    exact = paired.newcombe_interval(*cells)
    fixed = paired.newcombe_interval(*np.array(cells, dtype=np.int32))
    assert fixed == exact
    # phi does not change with the scale, and with n the interval nears the Wald interval
    assert exact == pytest.approx(paired.wald_interval(cells[1], cells[2], sum(cells)), abs=5 / sum(cells))


def test_newcombe_near_the_first_overflow() -> None:
    low, high = paired.newcombe_interval(50, 20, 30, 1200)
    assert low == pytest.approx(paired.tango_interval(20, 30, 1300).low, abs=3e-4)
    assert high == pytest.approx(paired.tango_interval(20, 30, 1300).high, abs=3e-4)


def test_wald_has_no_width_without_flips_which_is_why_it_decides_nothing() -> None:
    assert paired.wald_interval(0, 0, 200) == (0, 0)


# ---- McNemar --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_every_p_is_a_probability_whichever_condition_comes_first(b: int, c: int) -> None:
    test, turned = paired.mcnemar(b, c), paired.mcnemar(c, b)
    values = (test.p, test.p_corrected, test.p_exact, test.p_mid)
    assert all(0 <= p <= 1 for p in values)
    assert values == pytest.approx((turned.p, turned.p_corrected, turned.p_exact, turned.p_mid), abs=1e-12)


def test_without_a_flip_every_p_is_1() -> None:
    # statsmodels: inf and 0 with correction, NaN without; a textbook mid-p: 0.5
    assert paired.mcnemar(0, 0) == (0, 0, 1, 1, 1, 1)


@given(st.integers(1, 2000))
def test_as_many_flips_either_way_are_no_evidence(flips: int) -> None:
    # statsmodels' corrected statistic is 1 / (b + c) here
    assert paired.mcnemar(flips, flips) == (0, 0, 1, 1, 1, 1)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_agrees_with_statsmodels_where_that_is_right(b: int, c: int) -> None:
    assume(b != c)
    ours = paired.mcnemar(b, c)
    table = [[10, b], [c, 10]]
    plain = contingency_tables.mcnemar(table, exact=False, correction=False)
    corrected = contingency_tables.mcnemar(table, exact=False, correction=True)
    assert (ours.statistic, ours.p) == pytest.approx((plain.statistic, plain.pvalue))
    assert (ours.corrected_statistic, ours.p_corrected) == pytest.approx((corrected.statistic, corrected.pvalue))
    assert ours.p_exact == pytest.approx(contingency_tables.mcnemar(table, exact=True).pvalue)
    assert ours.p_mid < ours.p_exact
    assert ours.p_mid == pytest.approx(ours.p_exact - stats.binom.pmf(min(b, c), b + c, 0.5), abs=1e-12)
    assert ours == paired.mcnemar(c, b)


def test_the_study_used_the_corrected_statistic_for_its_pilot() -> None:
    pilot = paired.mcnemar(20, 7)
    assert pilot.corrected_statistic == pytest.approx(5.3333, abs=5e-5)
    assert pilot.p_corrected == pytest.approx(0.02092, abs=5e-6)


# ---- equivalence and non-inferiority --------------------------------------------------------------------------------


@given(tables(), st.floats(0.005, 0.5), st.sampled_from([0.01, 0.05, 0.1]))
def test_equivalence_is_its_p_and_its_interval(table: tuple[int, int, int], margin: float, alpha: float) -> None:
    result = paired.equivalence(*table, margin, alpha)
    assert result.interval == paired.tango_interval(*table, 1 - 2 * alpha)
    assume(abs(result.p - alpha) > 1e-9)
    assert result.equivalent == (result.p < alpha)
    assert result.equivalent == (-margin < result.interval.low and result.interval.high < margin)


@pytest.mark.parametrize(("margin", "fewest"), [(0.05, 52), (0.03, 88), (0.02, 133), (0.01, 268)])
def test_pairs_without_a_flip_that_show_equivalence(margin: float, fewest: int) -> None:
    assert paired.equivalence(0, 0, fewest, margin).equivalent
    assert not paired.equivalence(0, 0, fewest - 1, margin).equivalent


@given(tables(), st.floats(0.005, 0.5))
def test_noninferiority_is_one_side_of_equivalence(table: tuple[int, int, int], margin: float) -> None:
    b, c, n = table
    one, other = paired.noninferiority(b, c, n, margin), paired.noninferiority(c, b, n, margin)
    assert max(one.p, other.p) == pytest.approx(paired.equivalence(b, c, n, margin).p, abs=1e-12)


def test_noninferiority_looks_for_a_loss_of_condition_2() -> None:
    assert paired.noninferiority(b=0, c=30, n=400, margin=0.02).noninferior  # the candidate refuses more
    assert not paired.noninferiority(b=30, c=0, n=400, margin=0.02).noninferior
    assert not paired.noninferiority(b=3, c=3, n=40, margin=0.02).noninferior  # too few to say


# ---- nothing to compute, and nonsense -------------------------------------------------------------------------------


def test_without_a_pair_everything_is_nan_and_nothing_is_shown() -> None:
    intervals = [
        paired.tango_interval(0, 0, 0),
        paired.newcombe_interval(0, 0, 0, 0),
        paired.wald_interval(0, 0, 0),
        paired.agresti_min_interval(0, 0, 0),
        paired.bonett_price_interval(0, 0, 0),
        paired.worst_case_gap(0, 0, 0, 0),
        paired.equivalence(0, 0, 0, 0.05).interval,
    ]
    assert all(math.isnan(limit) for interval in intervals for limit in interval)
    assert math.isnan(paired.tango_score(0, 0, 0, 0.1))
    equivalence, noninferiority = paired.equivalence(0, 0, 0, 0.05), paired.noninferiority(0, 0, 0, 0.05)
    assert math.isnan(equivalence.p)
    assert not equivalence.equivalent
    assert math.isnan(noninferiority.p)
    assert not noninferiority.noninferior


def test_worst_case_counts_invalid_pairs_against_and_for() -> None:
    assert paired.worst_case_gap(5, 4, 390, 10) == ((5 - 4 - 10) / 400, (5 - 4 + 10) / 400)
    assert paired.worst_case_gap(5, 4, 400, 0) == (1 / 400, 1 / 400)
    assert paired.worst_case_gap(0, 0, 0, 7) == (-1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, 10), "b must be a whole number of at least 0, got -1"),
        ((0, 1.5, 10), "c must be a whole number of at least 0, got 1.5"),
        ((0, 0, math.nan), "n must be a whole number of at least 0, got nan"),
        ((6, 5, 10), "b [+] c must not exceed n, got b=6, c=5, n=10"),
        ((1, 1, 10, 95), r"confidence must lie in \(0, 1\), got 95"),
        ((1, 1, 10, 1.0), r"confidence must lie in \(0, 1\), got 1.0"),
    ],
)
def test_nonsense_is_named(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired.tango_interval(*arguments)


def test_a_margin_of_nothing_and_alphas_that_cannot_be_are_named() -> None:
    with pytest.raises(ValueError, match="margin must be above 0: no sample"):
        paired.equivalence(1, 1, 10, 0.0)
    with pytest.raises(ValueError, match=r"margin must lie in \[0, 1\], got 5"):
        paired.noninferiority(1, 1, 10, 5)
    with pytest.raises(ValueError, match=r"alpha must lie in \(0, 0.5\), got 0.5"):
        paired.equivalence(1, 1, 10, 0.1, 0.5)
    with pytest.raises(ValueError, match=r"alpha must lie in \(0, 1\), got 5"):
        paired.noninferiority(1, 1, 10, 0.1, 5)
    with pytest.raises(ValueError, match="delta must lie in"):
        paired.tango_score(1, 1, 10, 1.5)
