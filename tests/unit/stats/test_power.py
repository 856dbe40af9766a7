from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_framing.stats import paired, power, score

TESTS = ("exact", "mid_p", "uncorrected", "corrected")


def trinomial(n: int, psi: float, delta: float) -> dict[tuple[int, int], float]:
    """Probability of every table of discordant counts."""
    cells = [(psi + delta) / 2, (psi - delta) / 2, 1 - psi]
    law = stats.multinomial(n, cells)
    return {(b, c): float(law.pmf([b, c, n - b - c])) for b, c in product(range(n + 1), repeat=2) if b + c <= n}


@pytest.mark.parametrize(("psi", "delta"), [(0.4, 0.3), (0.4, 0.0), (0.2, -0.2), (1.0, 0.5)])
def test_mcnemar_power_is_the_sum_over_all_tables(psi: float, delta: float) -> None:
    tables = trinomial(18, psi, delta)
    for name, field in zip(TESTS, ("p_exact", "p_mid", "p", "p_corrected"), strict=True):
        expected = sum(weight for (b, c), weight in tables.items() if getattr(paired.mcnemar(b, c), field) <= 0.05)
        assert power.mcnemar_power(18, psi, delta, test=name) == pytest.approx(expected, abs=1e-12)  # type: ignore[arg-type]  # the four literals


@pytest.mark.parametrize(
    ("n", "psi", "delta", "margin"), [(40, 0.1, 0.0, 0.15), (40, 0.3, -0.1, 0.3), (30, 0.0, 0.0, 0.1)]
)
def test_equivalence_power_is_the_sum_over_all_tables(n: int, psi: float, delta: float, margin: float) -> None:
    expected = sum(
        weight for (b, c), weight in trinomial(n, psi, delta).items() if paired.equivalence(b, c, n, margin).equivalent
    )
    assert power.equivalence_power(n, psi, delta, margin) == pytest.approx(expected, abs=1e-12)


@given(st.integers(1, 60), st.floats(0.01, 0.9))
def test_the_score_rises_with_b_at_a_given_number_of_flips(n: int, delta: float) -> None:
    # this is what lets a bisection stand for an enumeration
    for flips in range(n + 1):
        b = np.arange(flips + 1)
        assert (np.diff(score.tango_scores(b, flips - b, n, delta)) > 0).all()


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300), st.floats(-0.99, 0.99).filter(bool))
def test_the_score_of_many_tables_is_the_score_of_each(rest: int, b: int, c: int, delta: float) -> None:
    n = b + c + rest
    many = score.tango_scores(np.array([b, c]), np.array([c, b]), n, delta)
    assert many == pytest.approx([paired.tango_score(b, c, n, delta), paired.tango_score(c, b, n, delta)])


def test_tango_keeps_its_level_where_wald_does_not() -> None:
    # at nominal 5 %: n = 200, psi = 0.06, a true difference of the margin, 0.05
    n, psi, margin = 200, 0.06, 0.05
    z = stats.norm.isf(0.05)
    flips = stats.binom.pmf(np.arange(n + 1), n, psi)
    wald = 0.0
    for d in range(60):
        b = np.arange(d + 1)
        difference = (2 * b - d) / n
        se = np.sqrt(np.maximum(d / n - difference**2, 0) / n)
        inside = (difference + z * se < margin) & (difference - z * se > -margin)
        wald += flips[d] * float(stats.binom.pmf(b, d, (psi + margin) / (2 * psi)) @ inside)
    assert wald == pytest.approx(0.092, abs=5e-4)
    assert power.equivalence_power(n, psi, margin, margin) == pytest.approx(0.039, abs=5e-4)


@given(st.floats(0.02, 0.5), st.floats(0.0, 1.0), st.integers(10, 400))
@settings(max_examples=50)
def test_power_does_not_depend_on_the_direction(psi: float, share: float, n: int) -> None:
    delta = psi * share
    assert power.mcnemar_power(n, psi, delta) == pytest.approx(power.mcnemar_power(n, psi, -delta), abs=1e-12)
    assert power.equivalence_power(n, psi, delta, 0.1) == pytest.approx(
        power.equivalence_power(n, psi, -delta, 0.1), abs=1e-12
    )


@pytest.mark.parametrize("test", ["exact", "corrected"])
def test_the_cautious_tests_keep_their_level(test: str) -> None:
    for n, psi in product((20, 100, 400), (0.02, 0.1, 0.5)):
        assert power.mcnemar_power(n, psi, 0.0, 0.05, test) <= 0.05  # type: ignore[arg-type]  # two of the four literals


@pytest.mark.parametrize(("psi", "gap"), [(0.02, 0.0198), (0.05, 0.0312), (0.10, 0.0442), (0.15, 0.0541)])
def test_smallest_gap_that_400_pairs_detect(psi: float, gap: float) -> None:
    assert power.minimum_detectable_effect(400, psi) == pytest.approx(gap, abs=5e-5)


@given(st.integers(20, 3000), st.floats(0.01, 1.0), st.floats(0.2, 0.99), st.sampled_from([0.001, 0.05, 0.2]))
def test_the_detectable_gap_has_the_power_that_was_asked_for(n: int, psi: float, target: float, alpha: float) -> None:
    delta = power.minimum_detectable_effect(n, psi, alpha, target)
    if math.isnan(delta):
        assert power.connor_power(n, psi, psi * (1 - 1e-9), alpha) < target
    elif delta**2 < psi:
        assert power.connor_power(n, psi, delta, alpha) == pytest.approx(target, abs=1e-6)
        assert power.sample_size(psi, delta, alpha, target) == pytest.approx(n, rel=1e-6)


def test_a_gap_that_even_one_way_flips_do_not_reach_is_nan() -> None:
    assert math.isnan(power.minimum_detectable_effect(200, 0.02))
    assert math.isnan(power.minimum_detectable_effect(200, 0.0))
    assert math.isnan(power.minimum_detectable_effect(0, 0.1))


def test_connor_is_close_to_the_enumeration() -> None:
    n = math.ceil(power.sample_size(0.15, 0.08))
    assert power.mcnemar_power(n, 0.15, 0.08) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("psi", [0.0, 0.02, 0.15])
@pytest.mark.parametrize("margin", [0.02, 0.05])
def test_pairs_to_settle_is_enough_and_barely(psi: float, margin: float) -> None:
    n = power.pairs_to_settle(psi, margin)
    assert power.equivalence_power(n, psi, 0.0, margin) >= 0.8
    assert all(power.equivalence_power(n - back, psi, 0.0, margin) < 0.8 for back in range(1, 9))
    assert n >= power.pairs_without_flips(margin)


def test_pairs_to_settle_grows_as_the_difference_nears_the_margin() -> None:
    needed = [power.pairs_to_settle(0.05, 0.05, delta) for delta in (0.0, 0.02, 0.04)]
    assert needed == sorted(needed)
    assert math.isnan(power.pairs_to_settle(0.06, 0.05, 0.05))  # it is not so, and no number shows it
    assert math.isnan(power.pairs_to_settle(0.5, 0.05, 0.04999))  # more than anyone runs


def test_what_cannot_be_computed_is_nan() -> None:
    assert math.isnan(power.sample_size(0.1, 0.0))
    assert math.isnan(power.connor_power(0, 0.1, 0.05))
    assert math.isnan(power.connor_power(100, 0.0, 0.0))
    assert math.isnan(power.mcnemar_power(0, 0.1, 0.05))
    assert math.isnan(power.equivalence_power(0, 0.1, 0.0, 0.05))
    assert math.isnan(power.equivalence_sample_size(0.1, 0.05, 0.05))
    assert math.isnan(power.noninferiority_sample_size(0.1, 0.05, 0.05))
    assert power.mcnemar_power(100, 0.0, 0.0) == 0  # this can: without flips nothing is ever rejected


def test_a_large_run_is_no_longer_to_reckon() -> None:
    assert power.mcnemar_power(2_000_000, 0.1, 0.0) == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power.sample_size(0.05, 0.1), "[|]delta[|] must not exceed psi, got psi=0.05, delta=0.1"),
        (lambda: power.sample_size(0.1, 0.05, power=80), r"power must lie in \(0, 1\), got 80"),
        (lambda: power.sample_size(0.1, 0.05, method="cohen"), "method must be 'connor' or 'miettinen', got 'cohen'"),  # type: ignore[arg-type]  # on purpose
        (lambda: power.sample_size(0.1, 0.05, sides=3), "sides must be 1 or 2, got 3"),  # type: ignore[arg-type]  # on purpose
        (lambda: power.mcnemar_power(100, 0.1, 0.05, test="wald"), "test must be exact, mid_p, uncorrected or"),  # type: ignore[arg-type]  # on purpose
        (lambda: power.equivalence_power(100, 0.1, 0.0, 1.5), r"margin must lie in \(0, 1\), got 1.5"),
        (lambda: power.minimum_detectable_effect(-5, 0.1), "n must be a whole number"),
    ],
)
def test_nonsense_is_named(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=message):
        call()
