"""``--framing-explain-plan``: what would run, and nothing of it runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.pytester.conftest import CASES

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_it_prints_every_batch_by_shape_and_runs_nothing(project: GateProject, workers: tuple[str, ...]) -> None:
    result = project.run_apart("--framing-explain-plan", *workers)
    assert result.ret == pytest.ExitCode.OK
    text = result.stdout.str()
    batches = re.search(rf"small: {CASES} cases in (\d+) batches", text)
    assert batches
    # What the framings have in common stands in a column of its own.
    rows = re.findall(r"^ +\d+ x \d+ +\d+ +(\d+) +(\d+) ", text, re.MULTILINE)
    assert sum(int(count) for count, _ in rows) == int(batches[1])
    assert sum(int(cases) for _, cases in rows) == CASES
    assert "answers: at most" in text
    assert not list(project.pytester.path.glob(".framing/*"))
    assert "created: " not in text, "no worker is started for it"


def test_without_a_model_there_is_nothing_to_explain(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--framing-explain-plan")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--framing-explain-plan: name a model and a suite*"])
