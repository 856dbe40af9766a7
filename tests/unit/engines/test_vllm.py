"""The vLLM engine without vLLM: what it asks, and what it makes of the answers. bench/vllm_cpu.py runs the real one."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_framing.engines import vllm as module
from pytest_framing.engines.engine import BatchRequest, Completion, Decoding, EngineOptions
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.engines.vllm import VLLMEngine
from pytest_framing.errors import EngineError, SettingsError
from pytest_framing.framings import Message
from pytest_framing.models.registry import resolve_model
from pytest_framing.optional_packages import MissingPackageError
from pytest_framing.shapes import BatchLimits

GREEDY = Decoding(max_new_tokens=16)
ASKED = [[Message("user", f"question {number}")] for number in range(3)]
END = 261


def options(**settings: str) -> EngineOptions:
    return EngineOptions(resolve_model("tiny"), "float32", settings=settings)


@dataclass
class ScriptedCore:
    """Stands for vLLM's ``LLMEngine``: each step gives every request one more token of its script, last one first."""

    script: Callable[[str], str]
    decode: Callable[[list[int]], str]
    encode: Callable[[str], list[int]]
    model_config: Any = field(default_factory=lambda: SimpleNamespace(max_model_len=120))
    pause: float = 0.0
    waiting: dict[str, tuple[list[int], list[int], int]] = field(default_factory=dict)
    requests: list[tuple[Any, Any]] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)

    def add_request(self, name: str, prompt: Any, parameters: Any) -> None:
        self.requests.append((prompt, parameters))
        answer = [*self.encode(self.script(self.decode(prompt["prompt_token_ids"]))), END]
        self.waiting[name] = (answer, [], parameters.max_tokens)

    def step(self) -> list[Any]:
        time.sleep(self.pause)
        outputs = []
        for name, (answer, new, limit) in reversed(list(self.waiting.items())):
            new.append(answer[len(new)])
            reason = "stop" if new[-1] == END else "length" if len(new) == limit else None
            steps = [
                {1: SimpleNamespace(logprob=-2.0), 2: SimpleNamespace(logprob=-1.0 / n)} for n in range(1, len(new) + 1)
            ]
            output = SimpleNamespace(token_ids=list(new), finish_reason=reason, logprobs=steps)
            outputs.append(SimpleNamespace(request_id=name, outputs=[output], finished=reason is not None))
        for one in outputs:
            if one.finished:
                del self.waiting[one.request_id]
        return outputs

    def abort_request(self, names: list[str]) -> None:
        self.aborted += names


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> tuple[VLLMEngine, ScriptedCore]:
    fake = ModuleType("vllm")
    fake.SamplingParams = SimpleNamespace  # type: ignore[attr-defined]
    fake.__spec__ = importlib.util.spec_from_loader("vllm", loader=None)
    monkeypatch.setitem(sys.modules, "vllm", fake)
    engine = VLLMEngine(options())
    tokenizer = engine._tokenizer
    scripted = ScriptedCore(
        lambda prompt: f"You asked {prompt[prompt.index('question') :][:10]}",
        lambda tokens: str(tokenizer.decode(tokens, skip_special_tokens=True)),
        lambda text: engine._tokenize([text])[0],
    )
    engine._llm = SimpleNamespace(llm_engine=scripted)
    return engine, scripted


def run(
    engine: VLLMEngine, asked: list[list[Message]] = ASKED, decoding: Decoding = GREEDY, rows: int = 4
) -> list[Completion]:
    return engine.run(BatchRequest(asked, rows, 0, decoding, seeds=tuple(range(10, 10 + len(asked)))))


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed here")
def test_without_vllm_the_error_says_what_to_install() -> None:
    with pytest.raises(
        MissingPackageError, match=r"--framing-engine vllm needs .* pip install 'pytest-framing\[vllm\]'"
    ):
        VLLMEngine(options())


def test_int8_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(SettingsError, match="8bit: vLLM does not quantize to int8"):
        VLLMEngine(EngineOptions(resolve_model("tiny"), "float32", "8bit"))


def test_answers_come_back_in_their_places_without_the_token_that_ended_them(
    core: tuple[VLLMEngine, ScriptedCore],
) -> None:
    engine, _ = core
    completions = run(engine, decoding=Decoding(max_new_tokens=40))
    assert [one.text for one in completions] == [f"You asked question {number}" for number in range(3)]
    assert {one.finish_reason for one in completions} == {"stop"}
    assert all(len(one.token_ids) == one.new_tokens and END not in one.token_ids for one in completions)


def test_an_answer_at_the_limit_is_cut(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    completions = run(core[0])
    assert {(one.text, one.finish_reason, one.new_tokens) for one in completions} == {
        ("You asked questi", "length", 16)
    }


def test_the_margin_is_the_smallest_of_the_answer(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    assert {one.margin for one in run(core[0])} == {1.0}


def test_both_engines_ask_the_same_tokens(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    engine, scripted = core
    run(engine)
    reference = TransformersEngine(EngineOptions(resolve_model("tiny"), "float32"))
    assert [len(prompt["prompt_token_ids"]) for prompt, _ in scripted.requests] == reference.count_tokens(ASKED)
    assert {tuple(parameters.stop_token_ids) for _, parameters in scripted.requests} == {(END,)}


def test_batches_share_no_cache_and_their_rows_do(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    engine, scripted = core
    run(engine)
    run(engine)
    salts = [prompt["cache_salt"] for prompt, _ in scripted.requests]
    assert len(set(salts[:3])) == len(set(salts[3:])) == 1
    assert salts[0] != salts[3]


def test_a_sampled_case_has_its_own_seed_and_a_greedy_one_none(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    engine, scripted = core
    run(engine, decoding=Decoding(max_new_tokens=4, temperature=0.5))
    assert [parameters.seed for _, parameters in scripted.requests] == [10, 11, 12]
    run(engine)
    assert [parameters.seed for _, parameters in scripted.requests[3:]] == [None] * 3


def test_a_prompt_that_does_not_fit_is_an_error_of_its_own(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    engine, scripted = core
    completions = run(engine, [ASKED[0], [Message("user", "parcel " * 40)], ASKED[1]])
    assert [bool(one.error) for one in completions] == [False, True, False]
    assert "do not fit the window of 120" in completions[1].error
    assert len(scripted.requests) == 2


def test_what_a_deadline_leaves_unfinished_is_a_timeout(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    engine, scripted = core
    scripted.pause = 0.03
    completions = run(engine, decoding=Decoding(max_new_tokens=100, deadline=0.1))
    assert {one.finish_reason for one in completions} == {"timeout"}
    assert len(scripted.aborted) == 3


def test_reasoning_has_its_own_limit(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    engine, scripted = core
    scripted.script = lambda prompt: "<think>a</think>one two three"
    (one, *_) = run(engine, decoding=Decoding(max_new_tokens=40, max_answer_tokens=3))
    assert one.text.endswith("</think>one")
    assert one.finish_reason == "length"


def test_nothing_is_padded(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    assert core[0].shape(500, BatchLimits(256, 1024)) == (256, 0)


@pytest.mark.parametrize(
    ("asked", "gpus", "invariance"), [("", (), "none"), ("0", (), "none"), ("1", ("H200",), "kernel")]
)
def test_it_promises_invariance_in_batch_invariant_mode_alone(
    core: tuple[VLLMEngine, ScriptedCore],
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    gpus: tuple[str, ...],
    invariance: str,
) -> None:
    monkeypatch.setenv("VLLM_BATCH_INVARIANT", asked)
    monkeypatch.setattr(module, "gpu_names", lambda: gpus)
    identity = core[0].identity()
    assert identity.invariance == invariance
    assert identity.name == "vllm"


def test_batch_invariant_mode_needs_a_gpu(
    core: tuple[VLLMEngine, ScriptedCore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "gpu_names", tuple)
    with pytest.raises(EngineError, match="NVIDIA GPUs alone"):
        VLLMEngine(options(batch_invariant="true")).identity()


def test_settings_that_may_change_a_result_are_on_record(core: tuple[VLLMEngine, ScriptedCore]) -> None:
    libraries = VLLMEngine(options(tensor_parallel_size="2", max_model_len="4096")).identity().libraries
    assert libraries["vllm.tensor_parallel_size"] == "2"
    assert libraries["vllm.max_model_len"] == "4096"
    assert libraries.keys() >= {"torch", "transformers"}
