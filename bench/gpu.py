"""Models of 7 and 8 billion random parameters on a GPU: speed against one by one and the card's limits, and identity.

Builds Llama-3.1-8B's and Qwen2.5-7B's shapes with random weights on the card, and measures one-by-one ``generate``,
planned batches of 8, 32 and 128 rows, a reused context of 2,000 tokens, 4-bit and 8-bit weights, and whether an answer
in bfloat16 depends on its neighbours. Run it as ``python -m bench.gpu``; it writes ``bench/results/gpu.json``, or to
``$OUT`` where that is set. ``--shape micro --device cpu`` tries the script itself without a GPU, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PretrainedConfig, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from bench.machine import machine
from pytest_framing.engines.engine import BatchRequest, Conversation, Decoding, EngineOptions
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.framings import Message
from pytest_framing.models.registry import EMBEDDED, ModelSpec
from pytest_framing.prompt_sources import synthetic

RESULTS = Path(os.environ.get("OUT", Path(__file__).parent / "results")) / "gpu.json"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
SHAPES: dict[str, tuple[type[PretrainedConfig], type[PreTrainedModel], dict[str, int]]] = {
    "llama-3.1-8b": (
        LlamaConfig,
        LlamaForCausalLM,
        {
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "vocab_size": 128_256,
        },
    ),
    "qwen2.5-7b": (
        Qwen2Config,
        Qwen2ForCausalLM,
        {
            "hidden_size": 3584,
            "intermediate_size": 18944,
            "num_hidden_layers": 28,
            "num_attention_heads": 28,
            "num_key_value_heads": 4,
            "vocab_size": 152_064,
        },
    ),
    "micro": (
        LlamaConfig,
        LlamaForCausalLM,
        {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "vocab_size": 512,
        },
    ),
}
# Bytes a second that the memory of a card moves, from its data sheet.
BANDWIDTH = {"H100 PCIe": 2.0e12, "H100": 3.35e12, "H200": 4.8e12, "A100": 2.0e12}
GOALS = {"batches_of_128_times_one_by_one": 15.0, "extrapolated_seconds_800_x_512": 65.0}
LENGTH = 320


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, nargs="+", default=["llama-3.1-8b", "qwen2.5-7b"])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--new-tokens", type=int, default=128, help="tokens of every answer (default: 128)")
    parser.add_argument("--quantizations", nargs="*", choices=("4bit", "8bit"), default=["4bit", "8bit"])
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error("no CUDA device; --shape micro --device cpu tries the script itself")
    results = {}
    for name in options.shape:
        with tempfile.TemporaryDirectory() as place:
            results[name] = measure(name, Path(place), options)
        print(json.dumps({name: results[name]}, indent=2), flush=True)
    if options.device.startswith("cuda"):
        document = {**machine(), "new_tokens": options.new_tokens, "goals": GOALS, **results}
        RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def measure(name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return every figure of one shape."""
    model = random_model(name, options.device)
    weights = sum(one.numel() * one.element_size() for one in model.parameters())
    engine = engine_around(model, folder)
    figures: dict[str, Any] = {"weight_gb": round(weights / 1e9, 2)}
    alone = seconds_of(partial(one_by_one, engine, asked(2), options.new_tokens)) / 2
    figures["one_by_one_seconds_per_case"] = round(alone, 3)
    figures["one_by_one_tokens_per_second"] = round(options.new_tokens / alone, 1)
    floor = bandwidth()
    if floor:
        # Each step reads all weights once, however many rows share it.
        figures["floor_of_a_step_ms"] = round(1000 * weights / floor, 2)
        figures["one_by_one_step_ms"] = round(1000 * alone / options.new_tokens, 2)
    for rows in (8, 32, 128):
        seconds = seconds_of(partial(run, engine, asked(rows), rows, options.new_tokens))
        figures[f"batches_of_{rows}_times_one_by_one"] = round(alone * rows / seconds, 1)
        figures[f"batches_of_{rows}_tokens_per_second"] = round(rows * options.new_tokens / seconds, 1)
        figures["extrapolated_seconds_800_x_512"] = round(800 / rows * seconds * 512 / options.new_tokens, 1)
    figures["prefix_reuse_times_no_reuse"] = prefix_reuse(engine, options.new_tokens)
    figures["differing_with_other_neighbours"] = neighbours(engine, rows=32, batches=2)
    if options.quantizations and options.device.startswith("cuda"):
        model.save_pretrained(folder)
    engine.close()
    del model
    if options.device.startswith("cuda"):
        torch.cuda.empty_cache()
        for quantization in options.quantizations:
            figures[quantization] = quantized(folder, quantization, options.new_tokens)
    return figures


def random_model(name: str, device: str) -> PreTrainedModel:
    """Build the shape on the device, in bfloat16."""
    config_type, model_type, sizes = SHAPES[name]
    config = config_type(**sizes, max_position_embeddings=8192, tie_word_embeddings=False)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            return model_type(config).eval()
    finally:
        torch.set_default_dtype(torch.float32)


def engine_around(model: PreTrainedModel, folder: Path) -> TransformersEngine:
    """Return a started engine of a model that is built already, with the embedded tokenizer."""
    for name in TOKENIZER:
        (folder / name).write_text((EMBEDDED / "tiny" / name).read_text(encoding="utf-8"), encoding="utf-8")
    model.config.save_pretrained(folder)
    engine = TransformersEngine(EngineOptions(ModelSpec(folder.name, str(folder)), "bfloat16"))
    engine.adopt(model)
    model.generation_config.eos_token_id = None
    engine._stops = (-1,)
    return engine


def asked(count: int) -> list[Conversation]:
    """Return that many different conversations."""
    prompts = synthetic("to measure with").prompts
    return [[Message("user", f"{number}: {prompts[number % len(prompts)].text}"[:250])] for number in range(count)]


def one_by_one(engine: TransformersEngine, conversations: list[Conversation], new_tokens: int) -> None:
    """Generate as a script does that does not know this project."""
    for conversation in conversations:
        text = engine.render(conversation)
        inputs = engine._tokenizer(text, return_tensors="pt", add_special_tokens=False).to(engine._model.device)
        with torch.inference_mode():
            engine._model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=new_tokens
            )


def run(engine: TransformersEngine, conversations: list[Conversation], rows: int, new_tokens: int) -> list[str]:
    """Generate one batch, and return its answers' texts."""
    completions = engine.run(BatchRequest(conversations, rows, LENGTH, Decoding(new_tokens)))
    assert not any(one.error for one in completions), completions[0].error
    assert all(one.rows == (rows or 1) for one in completions), "the card has no memory for this batch"
    return [str(one.token_ids) for one in completions]


def seconds_of(work: Callable[[], object], times: int = 2) -> float:
    """Return the seconds of the fastest of some runs, after one to warm up."""
    work()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def prefix_reuse(engine: TransformersEngine, new_tokens: int) -> float:
    """How many times as fast 8 rows behind 2,000 shared tokens are when these are computed once."""
    told = [Message("system", "You sort parcels. " * 110, shared=True)]
    conversations: list[Conversation] = [[*told, *conversation] for conversation in asked(8)]
    prefix = engine.count_shared(conversations[0])
    whole = BatchRequest(conversations, 8, prefix + LENGTH, Decoding(new_tokens))
    reused = BatchRequest(conversations, 8, LENGTH, Decoding(new_tokens), prefix)
    for request in (whole, reused):
        assert all(not one.error and one.rows == 8 for one in engine.run(request))
    return round(seconds_of(partial(engine.run, whole)) / seconds_of(partial(engine.run, reused)), 2)


def neighbours(engine: TransformersEngine, rows: int, batches: int) -> str:
    """Count the answers in which other neighbours, in another order, changed a token."""
    conversations = asked(rows * batches)
    shuffled = list(range(len(conversations)))
    random.Random(1).shuffle(shuffled)
    first, second = (
        dict(
            pair
            for start in range(0, len(order), rows)
            for pair in zip(
                order[start : start + rows],
                run(engine, [conversations[one] for one in order[start : start + rows]], rows, 64),
                strict=True,
            )
        )
        for order in (list(range(len(conversations))), shuffled)
    )
    differing = sum(first[one] != second[one] for one in first)
    return f"{differing} of {len(first)}"


def quantized(folder: Path, quantization: str, new_tokens: int) -> dict[str, Any]:
    """Measure quantized weights, loaded from the folder as the engine loads a checkpoint."""
    engine = TransformersEngine(EngineOptions(ModelSpec(folder.name, str(folder)), "bfloat16", quantization))
    engine.start()
    engine._model.generation_config.eos_token_id = None
    engine._stops = (-1,)
    seconds = seconds_of(partial(run, engine, asked(32), 32, new_tokens))
    figures = {
        "batches_of_32_tokens_per_second": round(32 * new_tokens / seconds, 1),
        "differing_with_other_neighbours": neighbours(engine, rows=32, batches=2),
        "memory_gb": round(torch.cuda.memory_allocated() / 1e9, 2),
    }
    engine.close()
    return figures


def bandwidth() -> float:
    """Bytes a second of the card's memory; 0 for a card that is not in the table."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return next((speed for card, speed in BANDWIDTH.items() if card in name), 0.0)


if __name__ == "__main__":
    main()
