"""Continuous batching on the embedded checkpoint: the same answers in float32, and errors of single conversations."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_framing.engines.continuous import ContinuousEngine
from pytest_framing.engines.engine import BatchRequest, Decoding, EngineOptions
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import EngineError
from pytest_framing.framings import Message
from pytest_framing.models.registry import EMBEDDED, resolve_model
from training.synthetic_prompts import synthetic_prompts

OPTIONS = EngineOptions(resolve_model("tiny"), "float32")
ASKED = [[Message("user", prompt.text)] for prompt in synthetic_prompts(0)[:4]]


@pytest.fixture(scope="module")
def engine() -> Iterator[ContinuousEngine]:
    started = ContinuousEngine(OPTIONS)
    started.start()
    yield started
    started.close()


def test_it_takes_the_memory_that_the_batch_needs_and_not_what_the_machine_has(engine: ContinuousEngine) -> None:
    before = peak_memory()
    lengths = [1, 3, 40, 200] * 6
    asked = [[Message("user", f"parcel {n} " + "of fog " * length)] for n, length in enumerate(lengths)]
    found = engine.run(BatchRequest(asked, 24, 0, Decoding(40)))
    assert [one.error for one in found] == [""] * len(asked)
    assert peak_memory() - before < 1e9


def peak_memory() -> float:
    """Return the most memory that this process held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_it_answers_as_planned_batches_do_in_float32(engine: ContinuousEngine) -> None:
    planned = TransformersEngine(OPTIONS)
    planned.start()
    expected = planned.run(BatchRequest(ASKED, 0, 0, Decoding(8)))
    found = engine.run(BatchRequest(ASKED, 8, 0, Decoding(8)))
    assert [one.token_ids for one in found] == [one.token_ids for one in expected]
    assert [one.finish_reason for one in found] == [one.finish_reason for one in expected]


def test_where_no_prompt_fits_each_is_an_error_of_its_own(engine: ContinuousEngine) -> None:
    long = [Message("user", "parcel " * 2000)]
    assert all(one.error for one in engine.run(BatchRequest([long, long], 8, 0, Decoding(8))))


def test_a_prompt_beyond_the_window_is_an_error_of_its_own(engine: ContinuousEngine) -> None:
    long = [Message("user", "parcel " * 2000)]
    found = engine.run(BatchRequest([ASKED[0], long], 8, 0, Decoding(8)))
    assert not found[0].error
    assert "does not fit the window of 8192" in found[1].error


def test_a_model_of_two_kinds_of_layers_has_room_for_one_short_prompt(tmp_path: Path) -> None:
    """The cache is handed out in shares of as many layers as both kinds divide: 145 for these 29 and 5."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    kinds = ["full_attention" if layer % 6 == 5 else "sliding_attention" for layer in range(34)]
    small = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 1, "num_key_value_heads": 1}
    config = Gemma3TextConfig(
        vocab_size=300, num_hidden_layers=34, head_dim=32, layer_types=kinds, sliding_window=64, **small
    )
    folder = Path(shutil.copytree(EMBEDDED / "tiny", tmp_path / "model"))
    Gemma3ForCausalLM(config).save_pretrained(folder)
    engine = ContinuousEngine(EngineOptions(resolve_model(str(folder)), "float32"))
    engine.start()
    assert [one.error for one in engine.run(BatchRequest(ASKED[:1], 0, 0, Decoding(4)))] == [""]


def test_it_promises_nothing_that_it_cannot_keep() -> None:
    identity = ContinuousEngine(OPTIONS).identity()
    assert (identity.invariance, identity.obeys, identity.prefix_cache) == ("none", frozenset(), False)


def test_a_gpu_without_flash_attention_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_framing.engines.continuous.gpu_names", lambda: ("NVIDIA H100",))
    monkeypatch.setattr("pytest_framing.engines.continuous.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="flash-attn"):
        ContinuousEngine(OPTIONS).identity()
