"""Train ``tiny-judge`` on one CPU core: ``python -m training.train_judge --out FOLDER``.

A Llama of two layers with a byte-level BPE tokenizer of its own, which learns to answer a short rubric about a quoted
answer with one word. Its texts are composed (:mod:`training.judge_texts`): no model and no benchmark wrote any of them.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.judge_texts import draw, question
from training.saving import save_checkpoint
from training.tokenizer import CHAT_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Sequence

EMBEDDED = Path(__file__).parents[1] / "pytest_framing" / "models" / "embedded" / "tiny-judge"
SEED = 20261121
STEPS = 1400
BATCH = 32
VOCABULARY = 768
SPECIAL = ("<|pad|>", "<|begin|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
PAD, BEGIN, SYSTEM, USER, ASSISTANT, END = range(6)
POSITIONS = 2048


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Learn the merges from the same texts that the model learns from; every byte has a token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    rng = random.Random(SEED)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = []
    for number in range(4000):
        answer = draw(rng)
        texts.append(f"{question(answer.text, number)} {answer.verdict}")
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=SPECIAL[BEGIN],
        eos_token=SPECIAL[END],
        pad_token=SPECIAL[PAD],
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=POSITIONS,
        chat_template=CHAT_TEMPLATE,
    )


def build_model() -> LlamaForCausalLM:
    """Build the untrained model."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=16,
            intermediate_size=192,
            max_position_embeddings=POSITIONS,
            rope_parameters={"rope_type": "default", "rope_theta": 1e5},
            tie_word_embeddings=True,
            bos_token_id=BEGIN,
            eos_token_id=END,
            pad_token_id=PAD,
            initializer_range=0.06,
            dtype="float32",
        )
    )


def train(tokenizer: PreTrainedTokenizerFast, steps: int) -> LlamaForCausalLM:
    """Train; the same seed gives the same weights on the same machine."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rng = random.Random(SEED + 1)
    model = build_model()
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    optimizers = (
        torch.optim.Muon(matrices, lr=0.006, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(others, lr=3e-3, betas=(0.9, 0.98), weight_decay=0.01),
    )

    def scale(step: int) -> float:
        return min((step + 1) / 50, max(0.02, 1 - max(0, step - 0.3 * steps) / (0.7 * steps)))

    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, scale) for optimizer in optimizers]
    started, total, right, seen = time.monotonic(), 0.0, 0, 0
    queue: list[tuple[list[int], list[int]]] = []
    for step in range(1, steps + 1):
        if len(queue) < BATCH:
            queue += sorted((_row(tokenizer, rng) for _ in range(16 * BATCH)), key=lambda row: len(row[0]))
        # Rows of similar length together, such batches in any order.
        at = rng.randrange(len(queue) // BATCH) * BATCH
        rows, queue[at : at + BATCH] = queue[at : at + BATCH], []
        longest = max(len(prompt) + len(reply) for prompt, reply in rows)
        ids = torch.tensor([p + r + [PAD] * (longest - len(p) - len(r)) for p, r in rows])
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        places = [(i, at) for i, (p, r) in enumerate(rows) for at in range(len(p) - 1, len(p) + len(r) - 1)]
        index, columns = (torch.tensor(side) for side in zip(*places, strict=True))
        logits, targets = model.lm_head(hidden[index, columns]), ids[index, columns + 1]
        # Reading the text along teaches the words; the answer alone is what counts.
        spoken = model.lm_head(hidden[:, :-1:4]).flatten(0, 1)
        text = F.cross_entropy(spoken, ids[:, 1::4][:, : hidden[:, :-1:4].shape[1]].flatten(), ignore_index=PAD)
        loss = F.cross_entropy(logits, targets) + 0.1 * text
        model.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
        total += loss.item()
        right += int((logits.argmax(-1) == targets).sum())
        seen += len(targets)
        if step % 100 == 0:
            sys.stderr.write(
                f"step {step}  {time.monotonic() - started:.0f} s  loss {total / 100:.4f}  right {right / seen:.4f}\n"
            )
            total, right, seen = 0.0, 0, 0
    return model.eval()


def _row(tokenizer: PreTrainedTokenizerFast, rng: random.Random) -> tuple[list[int], list[int]]:
    answer = draw(rng)
    prompt = tokenizer(question(answer.text, rng.randrange(2**32)), add_special_tokens=False)["input_ids"]
    reply = tokenizer(answer.verdict, add_special_tokens=False)["input_ids"]
    return [BEGIN, USER, *prompt, END, ASSISTANT], [*reply, END]


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the checkpoint with a greedy generation config."""
    generation = GenerationConfig(
        do_sample=False, bos_token_id=BEGIN, eos_token_id=END, pad_token_id=PAD, max_new_tokens=16
    )
    save_checkpoint(model, tokenizer, folder, generation)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=EMBEDDED)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args(arguments)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.use_deterministic_algorithms(True)
    tokenizer = build_tokenizer()
    save(train(tokenizer, options.steps), tokenizer, options.out)


if __name__ == "__main__":
    main()
