"""The real benchmark file; it is not part of the repository."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

ROOT = Path(__file__).parents[2]
CSV = ROOT.parent / "shared" / "data" / "harmbench" / "harmbench_behaviors_text_all.csv"
SUITE = (ROOT / "suites" / "deployment_framing" / "suite.yaml").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(not CSV.is_file(), reason=f"HarmBench is not at hand: {CSV} is missing")


def test_the_shipped_suite_asks_real_behaviours_and_shows_none(project: GateProject) -> None:
    # Six behaviours, since some are thousands of tokens long for a byte-level model.
    (project.folder / "suite.yaml").write_text(SUITE.replace("limit: 20", "limit: 6"), encoding="utf-8")
    result = project.run(
        "--framing-prompts", str(CSV), "--framing-profile", "smoke", "-rA", "-v", "--junitxml=junit.xml"
    )
    assert result.ret == pytest.ExitCode.OK
    entry = project.results()["suites"]["deployment_framing"]
    assert entry["prompts"]["source"] == "harmbench"
    assert entry["counts"]["judged"] == entry["counts"]["planned"] == 6 * 2 * 2 + 6 * 2 + 2 * 2 * 2
    assert entry["counts"]["invalid"] == 0

    shown = result.stdout.str() + (project.pytester.path / "junit.xml").read_text(encoding="utf-8")
    for name in ("plan.json", "results.json", "summary.md", "receipt.json", "responses.jsonl"):
        shown += (project.latest() / name).read_text(encoding="utf-8")
    with CSV.open(newline="", encoding="utf-8") as handle:
        behaviours = [row["Behavior"] for row in csv.DictReader(handle)]
    assert sum(behaviour in shown for behaviour in behaviours) == 0
