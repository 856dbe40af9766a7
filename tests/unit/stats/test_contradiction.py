from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def enumerated_min_changed(x1: int, n1: int, x2: int, n2: int, shared: int) -> int:
    """Fewest changes over every way in which the two runs may have decided; the shared prompts come first."""
    firsts = [run[:shared] for run in product((0, 1), repeat=n1) if sum(run) == x1]
    seconds = [run[:shared] for run in product((0, 1), repeat=n2) if sum(run) == x2]
    return min(sum(a != b for a, b in zip(one, other, strict=True)) for one in firsts for other in seconds)


@st.composite
def overlapping_totals(draw: st.DrawFn) -> tuple[int, int, int, int, int]:
    n1, n2 = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    return draw(st.integers(0, n1)), n1, draw(st.integers(0, n2)), n2, draw(st.integers(0, min(n1, n2)))


@given(overlapping_totals())
def test_the_bound_from_totals_is_what_enumeration_finds(totals: tuple[int, int, int, int, int]) -> None:
    assert contradiction.min_changed(*totals) == enumerated_min_changed(*totals)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.data())
def test_a_run_inside_a_larger_one_is_the_bound_with_all_its_prompts_shared(
    x1: int, others: int, extra: int, data: st.DataObject
) -> None:
    n1 = x1 + others
    x2 = data.draw(st.integers(0, n1 + extra))
    expected = contradiction.between_protocol_min_changed(x1, x2, extra)
    assert contradiction.min_changed(x1, n1, x2, n1 + extra, n1) == expected
    assert contradiction.min_changed(x2, n1 + extra, x1, n1, n1) == expected


def test_a_partial_overlap_binds_less_than_a_full_one() -> None:
    assert contradiction.min_changed(100, 100, 0, 100, 100) == 100
    assert contradiction.min_changed(100, 100, 0, 100, 40) == 40
    assert contradiction.min_changed(60, 100, 0, 100, 40) == 0
    assert contradiction.min_changed(70, 100, 0, 100, 40) == 10
    assert contradiction.min_changed(100, 100, 0, 100, 0) == 0


def test_full_decisions_say_exactly_what_changed() -> None:
    first = {"a": True, "b": True, "c": False, "d": False, "alone": True}
    second = {"a": True, "b": False, "c": True, "d": True, "other": True}
    changes = contradiction.changed_decisions(first, second)
    assert changes == (4, 1, 2)
    assert changes.changed == 3


def test_runs_without_a_shared_prompt_changed_nothing() -> None:
    assert contradiction.changed_decisions({"a": True}, {"b": False}) == (0, 0, 0)


@given(st.dictionaries(st.integers(0, 7), st.booleans()), st.dictionaries(st.integers(0, 7), st.booleans()))
def test_totals_never_claim_more_changes_than_there_were(first: dict[int, bool], second: dict[int, bool]) -> None:
    changes = contradiction.changed_decisions(first, second)
    totals = (sum(first.values()), len(first), sum(second.values()), len(second))
    assert contradiction.min_changed(*totals, changes.shared) <= changes.changed <= changes.shared


def test_the_rate_that_unchanged_decisions_would_give() -> None:
    assert contradiction.min_rate_if_decisions_unchanged(108, 400) == 0.27
    assert math.isnan(contradiction.min_rate_if_decisions_unchanged(0, 0))


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="free and paid must not exceed n"):
        contradiction.paper_table_solve(10, 11, 2)
    with pytest.raises(ValueError, match="x2 must not exceed n2, got 3 of 2"):
        contradiction.min_changed(1, 2, 3, 2, 1)
    with pytest.raises(ValueError, match="shared must not exceed n1, got 3 of 2"):
        contradiction.min_changed(1, 2, 3, 4, 3)
    with pytest.raises(ValueError, match="refused must not exceed n, got 3 of 2"):
        contradiction.min_rate_if_decisions_unchanged(3, 2)
