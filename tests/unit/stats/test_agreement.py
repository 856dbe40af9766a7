from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats import inter_rater

from pytest_framing.stats import agreement

TABLES = st.tuples(*[st.integers(0, 60)] * 4).map(lambda cells: [[cells[0], cells[1]], [cells[2], cells[3]]])


@given(TABLES)
def test_two_judges_by_their_definitions(table: list[list[int]]) -> None:
    (a, b), (c, d) = table
    n = a + b + c + d
    assume(n > 1)
    observed = (a + d) / n
    rows, columns = ((a + b) / n, (c + d) / n), ((a + c) / n, (b + d) / n)
    chance = rows[0] * columns[0] + rows[1] * columns[1]
    if chance < 1:
        assert agreement.kappa(table).estimate == pytest.approx((observed - chance) / (1 - chance))
    share = (rows[0] + columns[0]) / 2
    chance = 2 * share * (1 - share)
    assert agreement.gwet_ac1(table).estimate == pytest.approx((observed - chance) / (1 - chance))
    assert agreement.pabak(table).estimate == pytest.approx(2 * observed - 1)


def test_kappa_falls_when_refusals_are_rare_and_ac1_and_pabak_show_it() -> None:
    table = [[2, 4], [4, 190]]
    assert agreement.kappa(table).estimate < 0.35
    assert agreement.gwet_ac1(table).estimate > 0.9
    assert agreement.pabak(table).estimate > 0.9


def test_perfect_agreement() -> None:
    for function in (agreement.kappa, agreement.gwet_ac1, agreement.pabak):
        result = function([[30, 0], [0, 70]])
        assert result.estimate == pytest.approx(1)
        assert result.se == pytest.approx(0, abs=1e-9)


def test_one_verdict_throughout_says_nothing_about_kappa() -> None:
    assert all(math.isnan(value) for value in agreement.kappa([[0, 0], [0, 50]]))
    assert agreement.gwet_ac1([[0, 0], [0, 50]]).estimate == 1
    assert math.isnan(agreement.fleiss_kappa([[0, 3], [0, 3]]).estimate)
    assert math.isnan(agreement.krippendorff_alpha([[1, 1, 1], [1, 1, 1]]).estimate)


def test_nothing_judged() -> None:
    for function in (agreement.kappa, agreement.gwet_ac1, agreement.pabak):
        assert all(math.isnan(value) for value in function([[0, 0], [0, 0]]))
    assert all(math.isnan(value) for value in agreement.krippendorff_alpha([[], []]))
    assert all(math.isnan(value) for value in agreement.krippendorff_alpha([]))
    assert all(math.isnan(value) for value in agreement.krippendorff_alpha([[1, None], [None, 1]]))


def many_judges(seed: int, items: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([rng.multinomial(5, rng.dirichlet([0.4, 0.4, 0.8])) for _ in range(items)])


def test_fleiss_agrees_with_statsmodels() -> None:
    counts = many_judges(1, 80)
    assert agreement.fleiss_kappa(counts).estimate == pytest.approx(inter_rater.fleiss_kappa(counts))


def test_the_linearised_standard_errors_are_those_of_repeated_sampling() -> None:
    fleiss = [agreement.fleiss_kappa(many_judges(seed, 100)) for seed in range(150)]
    assert np.mean([result.se for result in fleiss]) == pytest.approx(np.std([r.estimate for r in fleiss]), rel=0.15)
    rng = np.random.default_rng(3)
    ac1 = [agreement.gwet_ac1(rng.multinomial(200, [0.1, 0.06, 0.04, 0.8]).reshape(2, 2)) for _ in range(300)]
    assert np.mean([result.se for result in ac1]) == pytest.approx(np.std([r.estimate for r in ac1]), rel=0.15)


def test_alpha_of_complete_data_is_near_fleiss_and_takes_any_labels() -> None:
    counts = many_judges(2, 60)
    names = ("refusal", "partial", "compliance")
    columns = [[name for name, count in zip(names, row, strict=True) for _ in range(count)] for row in counts]
    alpha = agreement.krippendorff_alpha(list(zip(*columns, strict=True)))
    kappa = agreement.fleiss_kappa(counts)
    n = 60 * 5
    assert 1 - alpha.estimate == pytest.approx((1 - kappa.estimate) * (n - 1) / n)
    assert alpha.se == pytest.approx(kappa.se, rel=0.1)


def test_nan_is_a_missing_verdict_like_none() -> None:
    some = agreement.krippendorff_alpha([[1, 2, None, 1], [1, 2, 2, 2]])
    same = agreement.krippendorff_alpha([[1.0, 2.0, math.nan, 1.0], [1.0, 2.0, 2.0, 2.0]])
    assert some == same
    assert not math.isnan(some.se)


def test_a_single_item_has_no_standard_error() -> None:
    assert math.isnan(agreement.gwet_ac1([[1, 0], [0, 0]]).se)
    assert math.isnan(agreement.fleiss_kappa([[2, 1]]).se)


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="table must be square with at least two verdicts"):
        agreement.kappa([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(ValueError, match="same number of judges in each row"):
        agreement.fleiss_kappa([[1, 2], [1, 1]])
    with pytest.raises(ValueError, match="same number of items for every judge"):
        agreement.krippendorff_alpha([[1, 2], [1]])
