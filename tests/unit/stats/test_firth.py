from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_framing.stats import firth


@given(st.integers(0, 40), st.integers(1, 40))
def test_of_a_constant_alone_it_adds_half_a_success_and_half_a_failure(hits: int, more: int) -> None:
    n = hits + more
    result = firth.firth_logit(np.ones((n, 1)), [1] * hits + [0] * more)
    assert result.converged
    assert result.coefficients[0] == pytest.approx(math.log((hits + 0.5) / (more + 0.5)), abs=1e-8)


@given(st.tuples(*[st.integers(0, 12)] * 4).filter(lambda cells: cells[0] + cells[1] > 0 and cells[2] + cells[3] > 0))
def test_of_a_two_by_two_table_it_adds_half_to_every_cell(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    x = np.column_stack([np.ones(sum(cells)), [1] * (a + b) + [0] * (c + d)])
    result = firth.firth_logit(x, [1] * a + [0] * b + [1] * c + [0] * d)
    odds_ratio = (a + 0.5) * (d + 0.5) / ((b + 0.5) * (c + 0.5))
    assert result.converged
    assert result.coefficients[1] == pytest.approx(math.log(odds_ratio), abs=1e-7)


def test_a_coefficient_held_at_zero_stays_there_and_costs_likelihood() -> None:
    rng = np.random.default_rng(6)
    x = np.column_stack([np.ones(60), rng.normal(size=60), rng.normal(size=60)])
    y = (rng.random(60) < 1 / (1 + np.exp(-x[:, 1]))).astype(int)
    full, held = firth.firth_logit(x, y), firth.firth_logit(x, y, [1])
    assert held.coefficients[1] == 0
    assert held.se[1] == 0
    assert held.penalised_loglik < full.penalised_loglik


def test_the_likelihood_ratio_does_not_depend_on_the_units() -> None:
    rng = np.random.default_rng(6)
    x = np.column_stack([np.ones(40), rng.normal(size=40)])
    y = rng.integers(0, 2, 40)
    ratios = [
        firth.firth_logit(x * [1, unit], y).penalised_loglik - firth.firth_logit(x * [1, unit], y, [1]).penalised_loglik
        for unit in (1, 100)
    ]
    assert ratios[0] == pytest.approx(ratios[1], abs=1e-8)


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 4, 16]), st.sampled_from([0, 8]), st.integers(0, 1)), min_size=4, max_size=15
    )
)
@settings(max_examples=25)
def test_a_restricted_fit_is_never_the_better_one(rows: list[tuple[int, int, int]]) -> None:
    # with few distinct rows the penalised likelihood can have two tops, and one climb finds the lower
    harmful, benign, y = (np.array(column) for column in zip(*rows, strict=True))
    x = np.column_stack([np.ones(len(rows)), harmful, benign])
    full, total = (
        firth.firth_logit(x, y),
        firth.firth_logit(np.column_stack([x[:, 0], x[:, 1] + x[:, 2], x[:, 2]]), y, [2]),
    )
    if full.converged:
        assert total.penalised_loglik <= full.penalised_loglik + 1e-8


def test_with_everything_held_there_is_nothing_to_fit() -> None:
    result = firth.firth_logit(np.ones((4, 1)), [0, 1, 1, 1], [0])
    assert result.coefficients[0] == 0
    assert result.se[0] == 0
    assert result.penalised_loglik == pytest.approx(-4 * math.log(2) + math.log(1) / 2)


def test_a_design_without_full_rank_is_nan() -> None:
    result = firth.firth_logit(np.ones((5, 2)), [0, 1, 0, 1, 1])
    assert not result.converged
    assert all(math.isnan(value) for value in (*result.coefficients, *result.se))


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="design must have one row an outcome"):
        firth.firth_logit(np.ones((3, 1)), [0, 1])
