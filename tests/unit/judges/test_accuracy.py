from __future__ import annotations

import json

from bench.judges import RESULT, shipped
from pytest_framing.judges.accuracy import FILE, measured_accuracy


def test_the_package_ships_the_figures_that_were_measured() -> None:
    measured = json.loads(RESULT.read_text(encoding="utf-8"))
    label, entry = shipped(measured)
    assert json.loads(FILE.read_text(encoding="utf-8"))["judges"][label] == entry


def test_of_a_judge_that_nobody_measured_nothing_is_known() -> None:
    assert measured_accuracy("rules/0") is None
