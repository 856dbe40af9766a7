"""A small project to run the plugin in: one suite of harmless prompts, the embedded checkpoints as models."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import bitsandbytes  # noqa: F401
import matplotlib.backends.backend_svg
import matplotlib.figure  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import statsmodels.api  # noqa: F401
import torch  # noqa: F401
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

import pytest_framing.results
import pytest_framing.run  # noqa: F401
from pytest_framing.models.registry import EMBEDDED
from pytest_framing.prompt_sources import synthetic

# pytester forgets after each in-process run what was imported in it, and compiled modules cannot be imported twice:
# what a run loads, down to the model's own modules, is loaded here once.
AutoTokenizer.from_pretrained(EMBEDDED / "tiny")
AutoModelForCausalLM.from_pretrained(EMBEDDED / "tiny", device_map={"": "cpu"})

PROMPTS = 8
TEST_MODULE = """
import pytest

pytestmark = pytest.mark.framing("suite.yaml")

def test_case_is_judged(framing_case, framing_verdict):
    assert framing_verdict is not None
"""
SUITE: dict[str, Any] = {
    "suite": "small",
    "prompts": {"source": "file", "path": "prompts.jsonl"},
    "framings": {"reference": "free", "treatment": "paid"},
    "modes": ["standard"],
    "order": {"seed": 11},
    "controls": {"repeat_fraction": 0.25, "placebo": True},
    "decoding": {"max_new_tokens": 96},
    "execution": {"batch_size": 4},
    "gates": {"complete": {}, "order_randomized": {}, "invalid_rate": {}, "comparable": {}},
}
# Plugins of ours that a user's run does not have: one reorders, the other takes a second at the end of each run.
QUIET = ("-p", "no:randomly", "-p", "no:hypothesispytest")
CASES = 2 * PROMPTS + 2 * 2 + PROMPTS


@dataclass
class GateProject:
    """The project, and what a run in it left behind."""

    pytester: pytest.Pytester

    @property
    def folder(self) -> Path:
        return self.pytester.path / "suites" / "small"

    @property
    def runs(self) -> Path:
        return self.pytester.path / ".framing"

    def write_suite(self, **changes: Any) -> Path:
        path = self.folder / "suite.yaml"
        path.write_text(yaml.safe_dump({**SUITE, **changes}, sort_keys=False), encoding="utf-8")
        return path

    def write_prompts(self, count: int = PROMPTS) -> None:
        # Harmless texts of which the embedded checkpoints refuse about half, each with a word that no output may show.
        texts = [prompt.behaviour for prompt in synthetic("").prompts if not prompt.context][:: 300 // count][:count]
        lines = [json.dumps({"id": f"p{i:02d}", "text": f"{text} (gizmo)"}) for i, text in enumerate(texts)]
        (self.folder / "prompts.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def run(self, *arguments: str, model: str = "tiny") -> pytest.RunResult:
        """Run in this process, where torch is loaded once for all tests."""
        return self.pytester.runpytest_inprocess(
            "suites", "--model", model, *QUIET, "-p", "no:cacheprovider", *arguments
        )

    def run_apart(self, *arguments: str, model: str = "tiny") -> pytest.RunResult:
        """Run in a process of its own, as xdist needs it."""
        return self.pytester.runpytest_subprocess("suites", "--model", model, *QUIET, *arguments)

    def latest(self) -> Path:
        return (self.runs / "latest").resolve()

    def results(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.latest() / "results.json").read_text(encoding="utf-8"))
        return document

    def gates(self) -> dict[str, str]:
        """Status of each gate of the last run by ``name`` or ``name[scope]``."""
        return {
            gate["name"] if gate["scope"] == suite else f"{gate['name']}[{gate['scope']}]": gate["status"]
            for suite, entry in self.results()["suites"].items()
            for gate in entry["gates"]
        }

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """All lines of the ledger of one kind, of every worker."""
        return [
            json.loads(line)
            for path in sorted(self.latest().glob(f"{kind}*.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]

    def decisions(self) -> dict[str, str]:
        return {line["case_id"]: line["verdict"] for line in self.lines("verdicts")}

    def junit(self, path: str = "junit.xml") -> ElementTree.Element:
        return ElementTree.parse(self.pytester.path / path).getroot()

    def wrote_nothing(self) -> bool:
        return not self.runs.exists()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> GateProject:
    # The outer run's own options are not the inner run's.
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST")]:
        monkeypatch.delenv(name)
    made = GateProject(pytester)
    made.folder.mkdir(parents=True)
    (made.folder / "test_small.py").write_text(TEST_MODULE, encoding="utf-8")
    made.write_suite()
    made.write_prompts()
    return made
