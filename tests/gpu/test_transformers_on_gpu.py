"""What holds on a real GPU alone; every test skips where there is none."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import torch

from pytest_framing.engines.engine import BatchRequest, Conversation, Decoding, EngineOptions
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.framings import Message
from pytest_framing.models.registry import resolve_model
from training.synthetic_prompts import synthetic_prompts

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")

ASKED: list[Conversation] = [[Message("user", prompt.text)] for prompt in synthetic_prompts(0)[:64]]


@pytest.fixture(params=["bfloat16", "4bit", "8bit"])
def engine(request: pytest.FixtureRequest) -> Iterator[TransformersEngine]:
    quantization = "none" if request.param == "bfloat16" else request.param
    started = TransformersEngine(EngineOptions(resolve_model("tiny"), "bfloat16", quantization))
    started.start()
    yield started
    started.close()


def answers(engine: TransformersEngine, order: list[int], rows: int) -> dict[int, tuple[int, ...]]:
    """Token ids of each prompt, asked in that order."""
    found = {}
    for start in range(0, len(order), rows):
        places = order[start : start + rows]
        completions = engine.run(BatchRequest([ASKED[place] for place in places], rows, 512, Decoding(48)))
        assert not any(one.error for one in completions)
        found.update({place: one.token_ids for place, one in zip(places, completions, strict=True)})
    return found


def test_other_neighbours_in_another_order_change_no_token(engine: TransformersEngine) -> None:
    planned = list(range(len(ASKED)))
    shuffled = random.Random(3).sample(planned, len(planned))
    assert answers(engine, planned, 16) == answers(engine, shuffled, 16)


def test_the_weights_are_on_the_gpu_and_leave_it_when_the_engine_closes(engine: TransformersEngine) -> None:
    assert engine._model.device.type == "cuda"
    held = torch.cuda.memory_allocated()
    engine.close()
    assert torch.cuda.memory_allocated() < held


def test_a_batch_beyond_the_memory_runs_in_halves_and_says_so() -> None:
    engine = TransformersEngine(EngineOptions(resolve_model("tiny"), "bfloat16"))
    engine.start()
    try:
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 2**29) / total))
        completions = engine.run(BatchRequest(ASKED, 4096, 4096, Decoding(4)))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        engine.close()
    assert not any(one.error for one in completions)
    assert {one.rows for one in completions} < {2**power for power in range(12)}
