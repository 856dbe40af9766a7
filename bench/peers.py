"""Throughput beside peers, in one run: same checkpoint, same prompts, same limit of new tokens, one thread.

``python -m bench.peers`` in an environment that also has ``inspect_ai`` and ``lm_eval`` (``pip install inspect_ai
lm_eval``); a peer that is not installed is left out. *One by one* is ``generate`` of transformers, a conversation at a
time. *Planned* are this package's batches of fixed shape, *Inspect* its provider ``hf``, *lm-evaluation-harness* its
``HFLM.generate_until``, each with batches of 8 and of 32. Methods take turns, and each keeps its fastest round.
Speed-ups are of processor seconds, which other processes change little; what a method waits for is in the seconds by
the clock beside them. Writes ``bench/results/peers.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from bench.machine import PACKAGES, machine
from pytest_framing.engines.engine import BatchRequest, Decoding, EngineOptions
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.framings import builtin_catalogue, conversation
from pytest_framing.models.registry import resolve_model
from pytest_framing.plan import plan_suite
from pytest_framing.prompt_sources import synthetic
from pytest_framing.records import PromptSet
from pytest_framing.suite import Suite

if TYPE_CHECKING:
    from pytest_framing.framings import Message
    from pytest_framing.plan import SuitePlan

RESULTS = Path(__file__).parent / "results" / "peers.json"
SIZES = (8, 32)
Conversation = Sequence["Message"]
Method = Callable[[], dict[str, str]]
"""Answers every case, and returns the texts by case id."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200, help="each is asked under two framings (default: 200)")
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    document = measure(options.prompts, options.new_tokens, options.rounds)
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    show(document)
    return 0


def measure(prompts: int, new_tokens: int, rounds: int) -> dict[str, Any]:
    engine = TransformersEngine(EngineOptions(resolve_model("tiny"), "float32"))
    engine.start()  # also takes one thread, for every method
    cases = Cases(engine, prompts)
    methods: dict[str, Method] = {"one by one": one_by_one(engine, cases, new_tokens)}
    for rows in SIZES:
        methods[f"planned, {rows}"] = planned(engine, cases, rows, new_tokens)
    peers = [name for name in ("inspect_ai", "lm_eval") if importlib.util.find_spec(name)]
    for rows in SIZES:
        if "inspect_ai" in peers:
            methods[f"Inspect hf, {rows}"] = inspect_hf(cases, rows, new_tokens)
        if "lm_eval" in peers:
            methods[f"lm-evaluation-harness hf, {rows}"] = lm_eval_hf(engine, cases, rows, new_tokens)
    best: dict[str, Timing] = {}
    texts: dict[str, dict[str, str]] = {}
    for _ in range(rounds):
        for name, method in methods.items():
            started = Timing(time.process_time(), time.perf_counter())
            texts[name] = method()
            took = Timing(time.process_time() - started.processor, time.perf_counter() - started.clock)
            best[name] = min(best.get(name, took), took)
    engine.close()
    base = best["one by one"].processor
    return {
        "machine": machine(*PACKAGES, *peers),
        "model": "tiny (float32, one thread)",
        "cases": len(cases.conversations),
        "new_tokens": new_tokens,
        "rounds": rounds,
        "methods": {
            name: {
                "processor_seconds": round(took.processor, 2),
                "clock_seconds": round(took.clock, 2),
                "speedup": round(base / took.processor, 2),
                "answers_unlike_one_by_one": sum(
                    texts[name][case].strip() != text.strip() for case, text in texts["one by one"].items()
                ),
            }
            for name, took in best.items()
        },
    }


class Timing(NamedTuple):
    """What a round took: seconds of this process on the processor, and by the clock."""

    processor: float
    clock: float


class Cases:
    """The conversations of a suite by case id, and the prompts that its plans are made of."""

    def __init__(self, engine: TransformersEngine, prompts: int) -> None:
        everything = synthetic("").prompts
        self.prompts = PromptSet("synthetic", "embedded", "", everything[:: len(everything) // prompts][:prompts])
        catalogue = builtin_catalogue()
        by_id = {prompt.id: prompt for prompt in self.prompts.prompts}
        self._counts = dict[tuple[str, str], int]()
        self._shared = dict[str, int]()
        for prompt in by_id.values():
            for name in ("free", "paid"):
                asked = conversation(prompt, catalogue.framing(name), "standard", "system", catalogue)
                self._counts[prompt.id, name] = engine.count_tokens([asked])[0]
                self._shared[name] = engine.count_shared(asked)
        self.conversations: dict[str, Conversation] = {
            case.id: conversation(
                by_id[case.prompt_id], catalogue.framing(case.framing), "standard", "system", catalogue
            )
            for case in self.plan(engine, SIZES[0]).cases
        }

    def plan(self, engine: TransformersEngine, rows: int) -> SuitePlan:
        """Plan them in batches of at most that many rows."""
        suite = Suite.model_validate(
            {
                "suite": "peers",
                "framings": {"reference": "free", "treatment": "paid"},
                "modes": ["standard"],
                "controls": {"repeat_fraction": 0, "placebo": False},
                "execution": {"batch_size": rows},
                "gates": {"complete": {}},
            }
        )
        return plan_suite(
            suite,
            self.prompts,
            lambda prompt, framing, mode: self._counts[prompt.id, framing],
            shape=engine.shape,
            shared=lambda framing, mode: self._shared[framing],
        )


def one_by_one(engine: TransformersEngine, cases: Cases, new_tokens: int) -> Method:
    """Answer by ``model.generate`` alone, as a script would."""
    model, tokenizer = engine._model, engine._tokenizer

    def answer() -> dict[str, str]:
        texts = {}
        for case, asked in cases.conversations.items():
            inputs = tokenizer(engine.render(asked), add_special_tokens=False, return_tensors="pt")
            output = model.generate(**inputs, max_new_tokens=new_tokens)
            texts[case] = str(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
        return texts

    return answer


def planned(engine: TransformersEngine, cases: Cases, rows: int, new_tokens: int) -> Method:
    """Answer by this package's engine, in the batches of its plan."""
    batches = cases.plan(engine, rows).batches

    def answer() -> dict[str, str]:
        texts: dict[str, str] = {}
        for batch in batches:
            asked = [cases.conversations[case] for case in batch.case_ids]
            completions = engine.run(
                BatchRequest(asked, batch.rows, batch.length, Decoding(new_tokens), prefix=batch.prefix)
            )
            texts.update(zip(batch.case_ids, (one.text for one in completions), strict=True))
        return texts

    return answer


def inspect_hf(cases: Cases, rows: int, new_tokens: int) -> Method:
    """Answer by Inspect's provider for transformers, with as many connections as rows."""
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig, get_model

    config = GenerateConfig(max_tokens=new_tokens, max_connections=rows)
    location = resolve_model("tiny").location
    model = get_model("hf/tiny", model_path=location, device="cpu", do_sample=False, config=config, memoize=False)
    made = {"system": ChatMessageSystem, "user": ChatMessageUser}
    asked = {
        case: [made[turn.role](content=turn.content) for turn in turns] for case, turns in cases.conversations.items()
    }

    async def ask() -> list[Any]:
        return await asyncio.gather(*(model.generate(messages) for messages in asked.values()))

    def answer() -> dict[str, str]:
        return dict(zip(asked, (output.completion for output in asyncio.run(ask())), strict=True))

    return answer


def lm_eval_hf(engine: TransformersEngine, cases: Cases, rows: int, new_tokens: int) -> Method:
    """Answer by the harness' backend for transformers, on texts that the chat template has rendered."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    location = resolve_model("tiny").location
    model = HFLM(location, device="cpu", dtype="float32", batch_size=rows, add_bos_token=False)
    # A limit in the checkpoint's own generation settings would go before the one that the harness is given.
    model.model.generation_config.max_new_tokens = None
    settings = {"until": [], "max_gen_toks": new_tokens, "do_sample": False}
    requests = [
        Instance("generate_until", {}, (engine.render(asked), settings), place)
        for place, asked in enumerate(cases.conversations.values())
    ]

    def answer() -> dict[str, str]:
        return dict(zip(cases.conversations, model.generate_until(requests, disable_tqdm=True), strict=True))

    return answer


def show(document: dict[str, Any]) -> None:
    print(f"{document['cases']} cases, at most {document['new_tokens']} new tokens, {document['model']}")
    print(f"{'':28}{'processor s':>12}{'clock s':>10}{'speed-up':>10}{'other answers':>15}")
    for name, row in document["methods"].items():
        print(
            f"{name:28}{row['processor_seconds']:12.2f}{row['clock_seconds']:10.2f}{row['speedup']:10.2f}"
            f"{row['answers_unlike_one_by_one']:15}"
        )


if __name__ == "__main__":
    sys.exit(main())
