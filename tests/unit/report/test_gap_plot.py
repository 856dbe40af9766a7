from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.report.gap_plot import WIDTH, gap_plot
from tests.unit.builders import some_examples


@pytest.mark.parametrize(
    ("gap", "drawn"),
    [
        ((0.0, -0.012, 0.012), "-10           :       --o--       :           +10 points, margin ±5"),
        ((0.03, 0.01, 0.05), "-10           :         | ----o---:           +10 points, margin ±5"),
        ((-0.148, -0.18, -0.12), "-18 ----o---      :     |     :               +18 points, margin ±5"),
    ],
)
def test_a_gap_is_drawn_between_its_margins(gap: tuple[float, float, float], drawn: str) -> None:
    assert gap_plot(*gap, 0.05) == drawn


def test_an_undefined_gap_is_not_drawn() -> None:
    assert gap_plot(math.nan, math.nan, math.nan, 0.05) == ""


@given(st.tuples(*[st.floats(-1, 1)] * 3).map(sorted), st.floats(0.001, 0.999))
@some_examples
def test_whatever_the_gap_the_line_keeps_its_width_and_zero(limits: list[float], margin: float) -> None:
    low, estimate, high = limits
    line = re.sub(r"^\S+ | \S+ points.*$", "", gap_plot(estimate, low, high, margin))
    assert len(line) == WIDTH
    assert line[WIDTH // 2] in "|o:"
