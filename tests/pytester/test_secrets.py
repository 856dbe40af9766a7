"""Secrets of the environment reach no file and no output of a run, whatever goes wrong and however loud it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

CANARIES = {
    "HF_TOKEN": "hf_canaryAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "HUGGING_FACE_HUB_TOKEN": "hf_canaryBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
    "OPENAI_API_KEY": "sk-canary-CCCCCCCCCCCCCCCCCCCCCCCC",
    "GITHUB_TOKEN": "ghp_canaryDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD",
    "AWS_SECRET_ACCESS_KEY": "canary/EEEEEEEEEEEEEEEEEEEEEEEEEEEEEE",
    "JUDGE_PASSWORD": "canary-FFFFFFFFFF",
}
LOUD = ("-vv", "-rA", "--tb=long", "--showlocals", "--capture=no", "--junitxml=junit.xml", "--framing-show-text")
TELLS_ITS_TOKENS = """
import os
from pytest_framing.engines.transformers import TransformersEngine

class Telling(TransformersEngine):
    def run(self, request):
        token, key = os.environ["HF_TOKEN"], os.environ["OPENAI_API_KEY"]
        raise RuntimeError(f"401 for https://user:{token}@host/ with Authorization: Bearer {key}")

class Judge:
    label = "telling/1"

    def judge(self, case, response):
        raise RuntimeError(os.environ["OPENAI_API_KEY"])

def gate_breaks(parameters, context):
    raise RuntimeError(os.environ["JUDGE_PASSWORD"])

def pytest_framing_engines():
    return {"telling": Telling}

def pytest_framing_judges():
    return {"telling": Judge}

def pytest_framing_gates():
    from pytest_framing.gates.gate import Gate, GateParameters
    return [Gate("telling", GateParameters, gate_breaks, "nothing", "nothing")]
"""


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("canaries")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="a run that passes"),
        pytest.param(("--framing-engine", "telling"), id="an engine that quotes them"),
        pytest.param(("--framing-judge", "telling"), id="a judge that quotes them"),
        pytest.param(("--model", "nobody/nothing"), id="a model that cannot be fetched"),
    ],
)
def test_no_secret_is_printed_or_written(project: GateProject, options: tuple[str, ...]) -> None:
    project.pytester.makeconftest(TELLS_ITS_TOKENS)
    project.write_suite(gates={"complete": {}, "telling": {}})
    project.write_prompts(2)
    result = project.run(*LOUD, *options)
    assert result.ret not in (pytest.ExitCode.OK, pytest.ExitCode.INTERNAL_ERROR)
    written = [path for path in project.pytester.path.rglob("*") if path.is_file() and path.name != "conftest.py"]
    texts = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in written}
    texts["output"] = result.stdout.str() + result.stderr.str()
    assert [(place, name) for place, text in texts.items() for name, value in CANARIES.items() if value in text] == []
