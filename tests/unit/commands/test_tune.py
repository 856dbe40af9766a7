"""``framing tune``: it measures real batches and proposes the smallest that is nearly as fast as the fastest."""

from __future__ import annotations

import json
import re

import pytest

from pytest_framing.cli import main
from pytest_framing.errors import EngineError
from pytest_framing.tuning import BatchSpeed, propose

ARGUMENTS = ["tune", "--model", "tiny", "--new-tokens", "2", "--largest", "4", "--repeats", "1"]


def speed(rows: int, seconds: float, *, fits: bool = True) -> BatchSpeed:
    """Return the measurement of one size."""
    return BatchSpeed(rows, 64, seconds, 10, fits)


def test_the_smallest_batch_that_is_nearly_as_fast_is_proposed() -> None:
    speeds = [speed(2, 1.0), speed(4, 1.0), speed(8, 1.0), speed(16, 1.95), speed(32, 4.0)]
    assert propose(speeds).rows == 8


def test_a_batch_that_does_not_fit_is_not_proposed() -> None:
    assert propose([speed(2, 1.0), speed(4, 0.0, fits=False)]).rows == 2
    with pytest.raises(EngineError, match="not even the smallest"):
        propose([speed(2, 0.0, fits=False)])


def test_it_prints_a_line_a_size_and_a_line_for_the_suite(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(ARGUMENTS) == 0
    text = capsys.readouterr().out
    assert re.findall(r"^ +(\d+) +\d+ +[\d.]+ ", text, re.MULTILINE) == ["2", "4"]
    assert re.search(r"proposed: execution: \{batch_size: [24]\}", text)


def test_as_json_it_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ARGUMENTS, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["rows"] for one in document["sizes"]] == [2, 4]
    assert document["batch_size"] in (2, 4)


def test_an_unknown_model_is_one_plain_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--model", "tinny"]) == 3
    assert "did you mean 'tiny'" in capsys.readouterr().err
