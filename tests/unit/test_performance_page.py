"""The performance page says what was measured."""

from __future__ import annotations

from bench.page import PAGE, with_tables


def test_every_table_is_made_from_the_committed_results() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), "run: python -m bench.page"
