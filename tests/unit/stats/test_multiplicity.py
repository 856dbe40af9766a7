from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from pytest_framing.stats import multiplicity


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_by_its_definition(p_values: list[float]) -> None:
    m = len(p_values)
    adjusted = multiplicity.holm(p_values)
    running = 0.0
    for rank, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (m - rank) * p_values[i]))
        assert adjusted[i] == pytest.approx(running)


def test_a_test_that_could_not_be_computed_stays_nan_and_counts() -> None:
    adjusted = multiplicity.holm([0.01, math.nan, 0.04])
    assert adjusted[0] == pytest.approx(0.03)
    assert math.isnan(adjusted[1])
    assert adjusted[2] == pytest.approx(0.08)


def test_holm_agrees_with_statsmodels() -> None:
    p_values = [0.2, 0.001, 0.04, 0.04, 0.9, 0.012]
    assert multiplicity.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_an_empty_family() -> None:
    assert multiplicity.holm([]) == ()


def test_bonferroni() -> None:
    assert multiplicity.bonferroni_confidence(0.95, 1) == 0.95
    assert multiplicity.bonferroni_confidence(0.95, 2) == pytest.approx(0.975)


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match=r"numbers in \[0, 1\]"):
        multiplicity.holm([0.5, 1.2])
    with pytest.raises(ValueError, match="m must be at least 1"):
        multiplicity.bonferroni_confidence(0.95, 0)
