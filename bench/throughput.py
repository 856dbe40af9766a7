"""Planned batches and a reused context against one-by-one ``generate``, same model, prompts and tokens, in one run.

*One by one* is ``model.generate`` on one unpadded prompt after the other, as a user would write it. The token limit is
enforced for all: end-of-sequence is switched off, so that every way generates the same number of tokens. Rounds of all
ways alternate, and the figures are medians of the ratios within a round. Without a GPU everything runs on one thread
and its processor time counts, which a busy machine changes little. Run it as ``python -m bench.throughput``; it writes
``bench/results/throughput.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from bench.machine import machine
from pytest_framing.engines.engine import BatchRequest, Conversation, Decoding, EngineOptions
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.framings import Message
from pytest_framing.models.registry import EMBEDDED, ModelSpec, resolve_model
from pytest_framing.prompt_sources import synthetic
from pytest_framing.shapes import BatchLimits, bucket, fixed_shape

RESULTS = Path(__file__).parent / "results" / "throughput.json"
PREFIX_TOKENS = 2000
GOALS = {"batches of 8": 3.0, "batches of 32": 4.5, "prefix reused": 4.0}
clock = time.perf_counter if torch.cuda.is_available() else time.process_time
# 94 M parameters in the Llama architecture: more work a step, so that Python's share of it shrinks.
SMALL = {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 12}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all ways (default: 5)")
    parser.add_argument("--new-tokens", type=int, default=32, help="tokens of every answer (default: 32)")
    parser.add_argument("--small", action="store_true", help="a model of 94 M random parameters, too")
    options = parser.parse_args()
    sizes = [("tiny", resolve_model("tiny"), 64)]
    with tempfile.TemporaryDirectory() as place:
        if options.small:
            sizes.append(("small", small_model(Path(place)), 32))
        results = {
            name: measure(spec, prompts, options.rounds, options.new_tokens, "float32") for name, spec, prompts in sizes
        }
    for name, ratios in results.items():
        for way, ratio in ratios.items():
            goal = f" (goal: at least {GOALS[way]:g})" if name == "tiny" and way in GOALS else ""
            print(f"{name:<6} {way:<24} {ratio:5.2f} times one by one{goal}")
    document = {**machine(), "rounds": options.rounds, "new_tokens": options.new_tokens, "goals": GOALS, **results}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def small_model(folder: Path) -> ModelSpec:
    """Write a checkpoint of random weights with the embedded tokenizer."""
    torch.manual_seed(0)
    config = LlamaConfig.from_pretrained(EMBEDDED / "tiny")
    for key, value in SMALL.items():
        setattr(config, key, value)
    config.num_key_value_heads, config.head_dim = 12, 64
    LlamaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_text((EMBEDDED / "tiny" / name).read_text(encoding="utf-8"), encoding="utf-8")
    return ModelSpec("small", str(folder), cpu_threads=1)


def measure(spec: ModelSpec, count: int, rounds: int, new_tokens: int, dtype: str) -> dict[str, float]:
    """Return how many times as fast as one by one each way is."""
    engine = TransformersEngine(EngineOptions(spec, dtype))
    engine.start()
    engine._model.generation_config.eos_token_id = None
    engine._stops = (-1,)
    short = alike(engine)[:count]
    told = context(engine)
    long: list[Conversation] = [[*told, *conversation] for conversation in short[: count // 4]]
    decoding = Decoding(new_tokens)
    ways: dict[str, Callable[[], None]] = {
        "one by one": lambda: one_by_one(engine, short, new_tokens),
        "batches of 8": lambda: batches(engine, short, 8, decoding),
        "batches of 32": lambda: batches(engine, short, 32, decoding),
    }
    with_context: dict[str, Callable[[], None]] = {
        "one by one": lambda: one_by_one(engine, long, new_tokens),
        "prefix, no reuse": lambda: batches(engine, long, 8, decoding),
        "prefix reused": lambda: batches(engine, long, 8, decoding, reuse=True),
    }
    return {**ratios(ways, rounds), **ratios(with_context, max(2, rounds // 2))}


def alike(engine: TransformersEngine) -> list[Conversation]:
    """Return the prompts of the commonest planned length: of a whole run, most batches are full of such."""
    asked: list[Conversation] = [[Message("user", prompt.text)] for prompt in synthetic("to measure with").prompts]
    lengths = [bucket(tokens, 8) for tokens in engine.count_tokens(asked)]
    common = statistics.mode(lengths)
    return [conversation for conversation, length in zip(asked, lengths, strict=True) if length == common]


def ratios(ways: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Median over rounds of how many times as fast as the first way each other one is."""
    first, *others = ways
    found: dict[str, list[float]] = {name: [] for name in others}
    for _ in range(rounds + 1):
        seconds = {}
        for name, way in ways.items():
            started = clock()
            way()
            seconds[name] = clock() - started
        for name in others:
            found[name].append(seconds[first] / seconds[name])
    # The first round warms up.
    return {name: round(statistics.median(values[1:]), 2) for name, values in found.items()}


def context(engine: TransformersEngine) -> list[Message]:
    """Return demonstrations of about 2,000 tokens."""
    told = [Message("system", "You sort parcels.", shared=True)]
    while engine.count_tokens([[*told, Message("user", "-")]])[0] < PREFIX_TOKENS:
        told += [Message("user", f"Where does parcel {len(told)} go?", shared=True)]
        told += [Message("assistant", "To the shelf beside the door, under the window.", shared=True)]
    return told


def one_by_one(engine: TransformersEngine, conversations: list[Conversation], new_tokens: int) -> None:
    """Generate as a user would without this project."""
    tokenizer, model = engine._tokenizer, engine._model
    for conversation in conversations:
        text = engine.render(conversation)
        inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        with torch.inference_mode():
            written = model.generate(
                inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=new_tokens
            )
        tokenizer.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def batches(
    engine: TransformersEngine, conversations: list[Conversation], rows: int, decoding: Decoding, *, reuse: bool = False
) -> None:
    """Generate in planned shapes: grouped by bucket, short batches filled with copies."""
    prefix = engine.count_shared(conversations[0]) if reuse else 0
    groups: dict[int, list[Conversation]] = {}
    for conversation, tokens in zip(conversations, engine.count_tokens(conversations), strict=True):
        groups.setdefault(fixed_shape(tokens - prefix, BatchLimits(rows, 2**20)).length, []).append(conversation)
    for length, members in groups.items():
        for start in range(0, len(members), rows):
            completions = engine.run(BatchRequest(members[start : start + rows], rows, length, decoding, prefix))
            assert not any(one.error for one in completions)


if __name__ == "__main__":
    main()
