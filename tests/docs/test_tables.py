"""The tables of what the plugin stands against: each row names its test, and the test is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import DOCS, ROOT
from tests.pytester.test_ways_to_no_pass import NO_PASS

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[([^]]+)\])?`")
TABLES = [DOCS / "explanation" / "accidental-passes.md", ROOT / "SECURITY.md"]


def rows(page: str) -> Iterator[tuple[str, str]]:
    """Yield what each row is about and what it names as its test, of the tables whose last column is that."""
    header = ""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            header = ""
        elif not header:
            header = cells[-1]
        elif header == "test" and not set(line) <= set("|-"):
            yield cells[0], cells[-1]


ROWS = [pytest.param(tests, id=what) for page in TABLES for what, tests in rows(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("named", ROWS)
def test_each_row_has_its_test(named: str) -> None:
    found = NAMED.findall(named)
    assert found, f"no test in {named!r}"
    for path, function, case in found:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert function in {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
        assert case in text


def test_there_are_rows() -> None:
    assert len(ROWS) > 60


def test_each_way_that_is_tried_stands_in_the_table() -> None:
    page = TABLES[0].read_text(encoding="utf-8")
    assert [way.__name__ for way in NO_PASS if f"[{way.__name__}]" not in page] == []
