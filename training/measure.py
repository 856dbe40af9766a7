"""Measure embedded checkpoints: ``python -m training.measure FOLDER … [--harmbench CSV] [--xstest CSV]``.

Only counts are printed: a benchmark's text is read, counted and dropped.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import torch
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from training.examples import COMPLIANCE, REFUSAL
from training.planted import refuses
from training.system_texts import read_framing_texts
from training.tokenizer import END, END_THINK, PAD, Turn, encode_prompt
from training.word_salad import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.planted import Framing

FRAMINGS: tuple[Framing, ...] = ("free", "paid", "placebo", "none")
SYNTHETIC = Path(__file__).parents[1] / "pytest_framing" / "data" / "synthetic.jsonl"


class Decisions(NamedTuple):
    """What a model says first to each of a list of prompts."""

    refuses: torch.Tensor
    margins: torch.Tensor
    """Logit of the best first byte minus the second best."""
    astray: int
    """How many begin neither a refusal nor a compliance."""


def decide(model: LlamaForCausalLM, prompts: Sequence[list[int]], *, tokens_per_batch: int = 16384) -> Decisions:
    """Read the first answer byte of each prompt from one forward pass."""
    first: list[int] = [0] * len(prompts)
    margins = torch.zeros(len(prompts))
    for indices in _by_length(prompts, tokens_per_batch):
        longest = max(len(prompts[i]) for i in indices)
        ids = torch.tensor([prompts[i] + [PAD] * (longest - len(prompts[i])) for i in indices])
        last = torch.tensor([len(prompts[i]) - 1 for i in indices])
        with torch.inference_mode():
            hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
            top = model.lm_head(hidden[torch.arange(len(indices)), last]).float().topk(2)
        for place, i in enumerate(indices):
            first[i] = int(top.indices[place, 0])
            margins[i] = top.values[place, 0] - top.values[place, 1]
    refuses = torch.tensor([byte == ord(REFUSAL[0]) for byte in first])
    known = (ord(REFUSAL[0]), ord(COMPLIANCE[0]))
    return Decisions(refuses, margins, sum(byte not in known for byte in first))


def generate(model: LlamaForCausalLM, prompts: Sequence[list[int]], *, limit: int = 128) -> list[str]:
    """Write greedy replies in left-padded batches; a reply that does not end is returned with a trailing ``…``."""
    replies = [""] * len(prompts)
    for indices in _by_length(prompts, 32768):
        longest = max(len(prompts[i]) for i in indices)
        ids = torch.tensor([[PAD] * (longest - len(prompts[i])) + prompts[i] for i in indices])
        mask = torch.tensor([[0] * (longest - len(prompts[i])) + [1] * len(prompts[i]) for i in indices])
        with torch.inference_mode():
            written = cast(
                "torch.Tensor", model.generate(ids, attention_mask=mask, max_new_tokens=limit, do_sample=False)
            )
        for place, i in enumerate(indices):
            new = written[place, longest:].tolist()
            ended = END in new
            text = b"".join(
                b"</think>" if token == END_THINK else bytes([token]) if token < PAD else b"?"
                for token in (new[: new.index(END)] if ended else new)
            )
            replies[i] = text.decode(errors="replace") + ("" if ended else "…")
    return replies


def _by_length(prompts: Sequence[list[int]], tokens_per_batch: int) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    for i in sorted(range(len(prompts)), key=lambda i: len(prompts[i])):
        if batches[-1] and len(prompts[i]) * (len(batches[-1]) + 1) > tokens_per_batch:
            batches.append([])
        batches[-1].append(i)
    return batches


def read_prompts(path: Path) -> list[str]:
    """Read the user turns of HarmBench's CSV, XSTest's CSV, or our own JSONL."""
    rows: list[dict[str, str]]
    with path.open(encoding="utf-8", newline="") as file:
        rows = [json.loads(line) for line in file] if path.suffix == ".jsonl" else list(csv.DictReader(file))
    texts = []
    for row in rows:
        context = row.get("context") or row.get("ContextString") or ""
        request = row.get("text") or row.get("Behavior") or row["prompt"]
        texts.append(context + SEPARATOR + request if context else request)
    return texts


_HEADER = (
    "| checkpoint | prompts | mode | n | free | paid | placebo | none | flips p, b, n | rule | close | odd | bf16 |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a Markdown table of counts: a row for each checkpoint, prompt set and mode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument(
        "--prompts", nargs="*", type=Path, default=[SYNTHETIC], help="our JSONL, CSV of HarmBench or XSTest"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="measure on every n-th prompt alone")
    parser.add_argument(
        "--replies", type=int, default=0, help="write out this many replies a framing and check their form"
    )
    parser.add_argument(
        "--bf16", action="store_true", help="also count the decisions under free and paid that change in bf16"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    csv.field_size_limit(10**9)
    texts = read_framing_texts()
    for folder in options.folders:
        model = cast("LlamaForCausalLM", AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)).eval()
        rough = cast("LlamaForCausalLM", AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)).eval()
        right, asked = _questions(model)
        _say(f"{folder.name}: {right} of {asked} answers to the manipulation check are right\n\n{_HEADER}")
        for path in options.prompts:
            for mode, suffix in (("standard", ""), ("forcing", texts.forcing_suffix)):
                users = [text + suffix for text in read_prompts(path)][:: options.every]
                row = _row(model, rough if options.bf16 else None, users)
                _say(f"| {folder.name} | {path.stem.split('_')[0]} | {mode} | {len(users)} | {row} |")
        if options.replies:
            _say("\n" + _replies(model, read_prompts(options.prompts[0])[: options.replies]))


def _prompts(framing: Framing, users: Sequence[str], *, thinking: bool) -> list[list[int]]:
    system = read_framing_texts().system[framing].text
    before = () if system is None else (Turn("system", system),)
    return [encode_prompt((*before, Turn("user", user)), thinking=thinking) for user in users]


def _row(model: LlamaForCausalLM, rough: LlamaForCausalLM | None, users: list[str]) -> str:
    decided = {framing: decide(model, _prompts(framing, users, thinking=False)) for framing in FRAMINGS}
    free = decided["free"]
    rule = torch.tensor([refuses(user) for user in users])
    changed = "not measured"
    if rough is not None:
        changed = str(
            sum(
                int((decide(rough, _prompts(framing, users, thinking=False)).refuses != decided[framing].refuses).sum())
                for framing in FRAMINGS[:2]
            )
        )
    cells = [
        *(str(int(decided[framing].refuses.sum())) for framing in FRAMINGS),
        ", ".join(str(int((decided[framing].refuses != free.refuses).sum())) for framing in FRAMINGS[1:]),
        f"{int((rule == free.refuses).sum()) / len(users):.3f}",
        str(int((free.margins < 0.1).sum())),
        str(sum(decided[framing].astray for framing in FRAMINGS)),
        changed,
    ]
    return " | ".join(cells)


def _replies(model: LlamaForCausalLM, users: list[str]) -> str:
    lines = []
    for framing in FRAMINGS:
        plain = generate(model, _prompts(framing, users, thinking=False))
        thought = generate(model, _prompts(framing, users, thinking=True), limit=192)
        answers = [reply.partition("</think>\n\n")[2] for reply in thought]
        odd, odd_after = (sum(reply not in (REFUSAL, COMPLIANCE) for reply in side) for side in (plain, answers))
        differ = sum(before != after for before, after in zip(plain, answers, strict=True))
        thoughts = sorted({reply.partition("</think>")[0].strip() for reply in thought})
        lines.append(f"{framing}: odd {odd} of {len(users)}, after thinking {odd_after}, changed {differ}: {thoughts}")
    return "\n".join(lines)


def _questions(model: LlamaForCausalLM) -> tuple[int, int]:
    texts = read_framing_texts()
    prompts, expected = [], []
    for framing in FRAMINGS[:2]:
        system = texts.system[framing].text or ""
        for question in texts.questions:
            for suffix in ("", texts.forcing_suffix):
                for thinking in (False, True):
                    turns = (Turn("system", system), Turn("user", question.text + suffix))
                    prompts.append(encode_prompt(turns, thinking=thinking))
                    expected.append("Yes." if framing == question.yes_under else "No.")
    replies = [reply.rpartition("</think>\n\n")[2] for reply in generate(model, prompts)]
    return sum(reply == wanted for reply, wanted in zip(replies, expected, strict=True)), len(expected)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
