from __future__ import annotations

import math

import pytest

from pytest_framing.stats import contradiction


def test_the_study_s_tables() -> None:
    pilot = contradiction.paper_table_solve(200, 36, 23, 0.021, p_decimals=3)
    assert [(table[:4], table.matches) for table in pilot] == [((16, 20, 7, 157), ("corrected",))]
    replication = contradiction.paper_table_solve(400, 23, 22, 1.0, flips_percent=2.3)
    assert [table[:4] for table in replication] == [(18, 5, 4, 373)]


def test_one_reported_result_fits_no_table_at_all() -> None:
    assert contradiction.paper_table_solve(400, 4, 5, 0.72) == ()


def test_without_a_p_value_every_table_with_the_margins_is_listed() -> None:
    tables = contradiction.paper_table_solve(10, 4, 8)
    assert [table.both for table in tables] == [2, 3, 4]
    assert all(sum(table[:4]) == 10 for table in tables)


def test_a_printed_half_may_have_been_rounded_either_way() -> None:
    # 9 of 400 are 2.25 %, printed as 2.3 by some and as 2.2 by others
    for printed in (2.2, 2.3):
        found = contradiction.paper_table_solve(400, 23, 22, flips_percent=printed)
        assert [table.free_only + table.paid_only for table in found] == [9]


def test_decisions_that_must_have_changed() -> None:
    assert contradiction.between_protocol_min_changed(108, 23) == 85
    assert contradiction.between_protocol_min_changed(5, 23) == 0
    assert contradiction.between_protocol_min_changed(5, 230, extra=200) == 25
    assert contradiction.between_protocol_min_changed(30, 230, extra=200) == 0


def test_the_rate_that_unchanged_decisions_would_give() -> None:
    assert contradiction.min_rate_if_decisions_unchanged(108, 400) == 0.27
    assert math.isnan(contradiction.min_rate_if_decisions_unchanged(0, 0))


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="free and paid must not exceed n"):
        contradiction.paper_table_solve(10, 11, 2)
    with pytest.raises(ValueError, match="refused must not exceed n, got 3 of 2"):
        contradiction.min_rate_if_decisions_unchanged(3, 2)
