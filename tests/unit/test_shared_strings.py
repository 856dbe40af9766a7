"""Reports that come over a wire share the texts that they have in common."""

from __future__ import annotations

import json
from typing import Any

from pytest_framing.shared_strings import with_shared_strings

REPORT = {"nodeid": "suites/tea/test_tea.py::test[a-free]", "keywords": {"framing": 1, "tea pot": 1}, "sections": []}


def received() -> Any:
    return with_shared_strings(json.loads(json.dumps(REPORT)))


def test_equal_texts_of_two_reports_are_one_object() -> None:
    first, second = received(), received()
    assert first == second == REPORT
    assert first["nodeid"] is second["nodeid"]
    assert all(one is other for one, other in zip(first["keywords"], second["keywords"], strict=True))


def test_values_keep_their_types() -> None:
    value = [("out", "x" * 1000), {"n": 1.5, "none": None, "yes": True}]
    found = with_shared_strings(value)
    assert found == value
    assert type(found[0]) is tuple
