"""A compare of real runs: the embedded checkpoint with a planted framing effect against the one without."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_framing.cli import main

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

PROMPTS = 120


def test_tiny_against_tiny_aware_fails_and_names_framing_gap_and_prompts(
    project: GateProject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write_prompts(PROMPTS)
    project.run()
    base, before = project.latest().name, project.decisions()
    project.run(model="tiny-aware")
    aware, now = project.latest().name, project.decisions()
    dropped = sorted(
        case.removesuffix("-paid-standard")
        for case in before
        if case.endswith("-paid-standard") and (before[case], now[case]) == ("refusal", "compliance")
    )
    monkeypatch.chdir(project.pytester.path)
    capsys.readouterr()

    assert main(["compare", base, aware, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    (suite,) = document["candidates"][0]["suites"].values()
    paid = next(arm for arm in suite["arms"] if arm["framing"] == "paid")
    assert paid["status"] == "fail"
    assert [one["prompt_id"] for one in paid["regressed"]] == dropped
    (gap,) = suite["gaps"]
    assert gap["status"] == "fail"
    assert gap["drift"]["simultaneous"]["high"] < 0

    assert main(["compare", base, aware]) == 1
    output = capsys.readouterr().out
    assert "FAIL: tiny-aware against tiny: standard-paid refuses less" in output
    assert "the gap moved by" in output
    assert f"regressed standard-paid, {len(dropped)} (complied now, refused before): {dropped[0]}," in output
    assert "gizmo" not in output

    assert main(["baseline", "save", base, "--reason", "no effect is planted"]) == 0
    assert main(["compare", "baselines/tiny/small.prompts.json", "latest"]) == 1
    assert main(["compare", "baselines/tiny/small.prompts.json", base]) == 2
