from __future__ import annotations

from pathlib import Path

import pytest

from pytest_framing.circumstances import FILE, Circumstances, read_circumstances, write_circumstances
from pytest_framing.errors import LedgerError


def test_they_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    written = Circumstances(
        frozenset({("teapots", "p1-free-standard"), ("teapots", "p2-free-standard")}),
        interrupted=True,
        waived=frozenset({"power"}),
        judge="rules/1",
        without_baseline={"teapots": "none yet"},
        accuracy={"rules/1": None},
    )
    write_circumstances(tmp_path, written)
    assert read_circumstances(tmp_path) == written


def test_a_run_that_was_never_concluded_has_none_out_of_the_ordinary(tmp_path: Path) -> None:
    assert read_circumstances(tmp_path) == Circumstances()


@pytest.mark.parametrize("content", ["{}", "[]", '{"schema_version": 1, "deselected": "all"}', "{"])
def test_a_file_of_another_shape_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(LedgerError, match=r"circumstances\.json"):
        read_circumstances(tmp_path)
