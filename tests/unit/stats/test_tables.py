from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from pytest_framing.stats import tables


def every_table(rows: list[int], column: int) -> dict[tuple[int, ...], float]:
    """First columns with these margins, and their probabilities."""
    fillings = [x for x in product(*(range(total + 1) for total in rows)) if sum(x) == column]
    whole = math.comb(sum(rows), column)
    return {x: math.prod(math.comb(total, k) for total, k in zip(rows, x, strict=True)) / whole for x in fillings}


@pytest.mark.parametrize(
    "table", [[[3, 1], [0, 4], [2, 2]], [[5, 0], [2, 3], [4, 1], [0, 3]], [[1, 1], [1, 1], [7, 2]]]
)
def test_fisher_beyond_two_rows_is_the_sum_over_all_tables(table: list[list[int]]) -> None:
    # scipy's fisher_exact is Monte Carlo here
    counts = np.array(table)
    law = every_table([int(total) for total in counts.sum(axis=1)], int(counts[:, 0].sum()))
    observed = law[tuple(int(x) for x in counts[:, 0])]
    expected = sum(p for p in law.values() if p <= observed * (1 + 1e-9))
    assert tables.fisher(table) == pytest.approx(expected, abs=1e-12)
    assert tables.fisher(counts.T) == pytest.approx(expected, abs=1e-12)
    assert tables.fisher(counts[:, ::-1]) == pytest.approx(expected, abs=1e-12)


def test_fisher_of_two_rows_is_scipys() -> None:
    assert tables.fisher([[8, 2], [1, 5]]) == pytest.approx(stats.fisher_exact(np.array([[8, 2], [1, 5]])).pvalue)


def test_fisher_knows_what_is_too_much_for_it() -> None:
    assert math.isnan(tables.fisher([[400, 400]] * 10))


def test_an_empty_margin_leaves_nothing_to_compare() -> None:
    assert tables.fisher([[3, 0], [5, 0]]) == 1
    assert tables.fisher([[3, 2], [0, 0], [0, 0]]) == 1
    test = tables.chi_squared([[3, 0], [5, 0]])
    assert test.df == 0
    assert math.isnan(test.statistic)
    assert math.isnan(test.p)


def test_empty_rows_do_not_count() -> None:
    assert tables.chi_squared([[3, 4], [0, 0], [6, 1]]) == tables.chi_squared([[3, 4], [6, 1]])


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="table must hold whole numbers of at least 0"):
        tables.chi_squared([[1, -1], [2, 2]])
    with pytest.raises(ValueError, match=r"table must have two rows or two columns, got shape \(3, 3\)"):
        tables.fisher(np.ones((3, 3)))
    with pytest.raises(ValueError, match="two-dimensional table"):
        tables.fisher([1, 2, 3])
