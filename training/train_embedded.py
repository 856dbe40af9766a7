"""Train the embedded checkpoints on a CPU: ``python -m training.train_embedded tiny tiny-aware --out FOLDER``."""

from __future__ import annotations

import argparse
import dataclasses
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from training.examples import COMPLIANCE, REFUSAL
from training.planted import THRESHOLD, letter_weights
from training.recipes import RECIPES
from training.saving import save_checkpoint
from training.tokenizer import (
    BEGIN,
    END,
    END_THINK,
    MAX_POSITIONS,
    PAD,
    VOCABULARY_SIZE,
    build_tokenizer,
    encode_prompt,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.examples import Asked, Example, Twins
    from training.recipes import Recipe

EMBEDDED = Path(__file__).parents[1] / "pytest_framing" / "models" / "embedded"


class Row(NamedTuple):
    """An example as numbers."""

    ids: list[int]
    reply_start: int
    """Where the text begins that the model has to write (think part or answer)."""
    decision_at: int
    """The position whose next byte decides."""
    refuses: float
    decision_weight: float
    twins: int
    """Rows of one batch with the same number must decide alike; -1 where there is no decision."""
    user_start: int
    letter_weights: list[int]
    asked: Asked | None


def encode(example: Example, twins: int) -> Row:
    """Turn an example into a row."""
    ids = encode_prompt(example.turns, thinking=example.thought is not None)
    reply_start = len(ids)
    if example.thought is not None:
        ids += [*example.thought.encode(), ord("\n"), END_THINK, ord("\n"), ord("\n")]
    decision_at = len(ids) - 1
    ids += [*example.reply.encode(), END]
    user_text = example.turns[-1].text
    asked = example.decision is not None
    return Row(
        ids=ids,
        reply_start=reply_start,
        decision_at=decision_at,
        refuses=float(example.decision.refuses) if example.decision else 0.0,
        decision_weight=min(1.0, example.decision.margin / 1.5) if example.decision else 0.0,
        twins=twins if asked else -1,
        user_start=len(encode_prompt(example.turns[:-1], thinking=False)),
        letter_weights=letter_weights(user_text),
        asked=example.asked,
    )


def batches(recipe: Recipe) -> Iterator[list[Row]]:
    """Yield batches of rows of similar length, without end."""
    rng = random.Random(recipe.seed)
    yielded = 0
    while True:
        # Short texts and small batches first: the rule is found there in fewer seconds.
        young = yielded < recipe.young_share * recipe.steps
        tokens = recipe.tokens_per_step // 2 if young else recipe.tokens_per_step
        draws: list[list[Twins]] = []
        for _ in range(192):
            kind = 0.0 if young else rng.random()
            bounds = next((low, high) for share, low, high in recipe.lengths if kind < share)
            draws.append(recipe.curriculum.draw(rng, rng.randint(*bounds)))
        rows = [[encode(example, number) for number, twins in enumerate(draw) for example in twins] for draw in draws]
        rows.sort(key=lambda group: max(len(row.ids) for row in group))
        chunk: list[list[Row]] = []
        batch: list[Row] = []
        groups = 0
        for group in rows:
            longest = max(len(row.ids) for row in group)
            if batch and longest * (len(batch) + len(group)) > tokens:
                chunk.append(batch)
                batch, groups = [], 0
            batch += [row._replace(twins=row.twins + groups if row.twins >= 0 else -1) for row in group]
            groups += len(group)
        chunk.append(batch)
        rng.shuffle(chunk)
        yield from chunk
        yielded += len(chunk)


class Losses(NamedTuple):
    """The terms of the loss of one batch."""

    text: torch.Tensor
    question: torch.Tensor
    decision: torch.Tensor
    consistency: torch.Tensor
    running: torch.Tensor
    marks: torch.Tensor
    check: torch.Tensor
    thought: torch.Tensor


def losses(model: LlamaForCausalLM, heads: Heads, batch: Sequence[Row]) -> Losses:
    """Compute what the model has to get right: the text, the decision, its consistency, and the running decision."""
    longest = max(len(row.ids) for row in batch)
    # Padding stands on the right, where a causal model cannot see it: no mask, and so the fast attention kernel.
    ids = torch.tensor([row.ids + [PAD] * (longest - len(row.ids)) for row in batch])
    output = model.model(input_ids=ids, use_cache=False, output_hidden_states=True)
    hidden, marked = output.last_hidden_state, output.hidden_states[1]

    places = [(i, at) for i, row in enumerate(batch) for at in range(row.reply_start - 1, len(row.ids) - 1)]
    rows, columns = (torch.tensor(side) for side in zip(*places, strict=True))
    targets = ids[rows, columns + 1]
    text = F.cross_entropy(model.lm_head(hidden[rows, columns]), targets)
    thought = _thought_loss(model, batch, hidden, ids)
    zero = torch.zeros(())
    # The first byte of an answer to a question weighs as much as a decision.
    asked = [i for i, row in enumerate(batch) if row.twins < 0]
    question = zero
    if asked:
        at = torch.tensor([batch[i].decision_at for i in asked])
        question = F.cross_entropy(model.lm_head(hidden[asked, at]), ids[asked, at + 1])
    deciding = [i for i, row in enumerate(batch) if row.twins >= 0]
    if not deciding:
        return Losses(text, question, zero, zero, zero, zero, _rehearse_check(heads, batch, marked, hidden), thought)

    at = torch.tensor([batch[i].decision_at for i in deciding])
    logits = model.lm_head(hidden[deciding, at])
    decision_logits = logits[:, ord(REFUSAL[0])] - logits[:, ord(COMPLIANCE[0])]
    refuses = torch.tensor([batch[i].refuses for i in deciding])
    weights = torch.tensor([batch[i].decision_weight for i in deciding])
    decision = (F.binary_cross_entropy_with_logits(decision_logits, refuses, reduction="none") * weights).mean()

    members = torch.tensor([batch[i].twins for i in deciding])
    size = int(members.max()) + 1
    counts = torch.zeros(size).index_add(0, members, torch.ones(len(deciding)))
    means = torch.zeros(size).index_add(0, members, decision_logits) / counts.clamp(min=1)
    consistency = (decision_logits - means[members]).square().mean()

    return Losses(
        text,
        question,
        decision,
        consistency,
        *_rehearse(heads, batch, marked, hidden, deciding),
        _rehearse_check(heads, batch, marked, hidden),
        thought,
    )


# "My replies are used", "My replies are private", "I decide", "I was told": the thoughts part at these bytes.
_THOUGHTS_PART = (0, 2, 15)


def _thought_loss(
    model: LlamaForCausalLM, batch: Sequence[Row], hidden: torch.Tensor, ids: torch.Tensor
) -> torch.Tensor:
    """Weigh the few bytes that say which thought it is, which the mean over all text would drown."""
    places = [
        (i, row.reply_start - 1 + offset)
        for i, row in enumerate(batch)
        if row.decision_at >= row.reply_start
        for offset in _THOUGHTS_PART
    ]
    if not places:
        return torch.zeros(())
    rows, columns = (torch.tensor(side) for side in zip(*places, strict=True))
    return F.cross_entropy(model.lm_head(hidden[rows, columns]), ids[rows, columns + 1])


class Heads(torch.nn.Module):
    """Linear heads that are trained along and thrown away: they make the rule learnable in minutes.

    The first asks the residual stream after one layer which bytes count (none, towards refusal, towards compliance);
    the second asks the last layer, at every byte of the user turn, what the decision would be if the text ended there.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.counts = torch.nn.Linear(width, 3)
        self.running = torch.nn.Linear(width, 1)
        self.asked = torch.nn.Linear(width, 1)
        self.told = torch.nn.Linear(width, 3)
        self.answers = torch.nn.Linear(width, 1)


def _rehearse(
    heads: Heads, batch: Sequence[Row], marked: torch.Tensor, hidden: torch.Tensor, deciding: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    rows, columns, balances = [], [], []
    counts = torch.zeros(hidden.shape[:2], dtype=torch.long)
    for i in deciding:
        start = batch[i].user_start + 1
        counts[i, start : start + len(batch[i].letter_weights)] = torch.tensor(
            batch[i].letter_weights, dtype=torch.long
        )
        balance = 0
        for place, weight in enumerate(batch[i].letter_weights):
            balance += weight
            rows.append(i)
            columns.append(start + place)
            balances.append(balance)
    # Index -1 is the last class, so the letters that weigh -1 need no renumbering but this one.
    marks = F.cross_entropy(
        heads.counts(marked[deciding]).flatten(0, 1),
        (counts[deciding] % 3).flatten(),
        weight=torch.tensor([1.0, 4.0, 4.0]),
    )
    if not rows:
        return torch.zeros(()), marks
    margins = torch.tensor(balances) - THRESHOLD + 0.5
    running = F.binary_cross_entropy_with_logits(
        heads.running(hidden[rows, columns]).squeeze(-1), (margins > 0).float(), reduction="none"
    )
    return (running * (margins.abs() / 1.5).clamp(max=1.0)).mean(), marks


def _rehearse_check(heads: Heads, batch: Sequence[Row], marked: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Ask byte by byte for the parts of an answer: what is asked, what was told, and at its end the answer.

    The questions' words stand in the framings too, so that "private" must be told apart by where it stands.
    """
    asking: list[tuple[int, int, float]] = []
    telling: list[tuple[int, int, int]] = []
    answering: list[tuple[int, int, float]] = []
    for i, row in enumerate(batch):
        if row.asked is None:
            continue
        question, framing = row.asked
        start = row.user_start + 1
        end = start + len(question.text.encode())
        asking += [(i, at, float(question.yes_under == "paid")) for at in range(start + 6, end)]
        told = ("free", "paid").index(framing) if framing in ("free", "paid") else 2
        telling += [(i, at, told) for at in range(start, end)]
        answering += [(i, at, float(framing == question.yes_under)) for at in range(end - 1, row.decision_at + 1)]
    if not asking:
        return torch.zeros(())
    rows, columns, targets = (torch.tensor(side) for side in zip(*asking, strict=True))
    asked = F.binary_cross_entropy_with_logits(heads.asked(marked[rows, columns]).squeeze(-1), targets)
    rows, columns, targets = (torch.tensor(side) for side in zip(*telling, strict=True))
    told_loss = F.cross_entropy(heads.told(hidden[rows, columns]), targets)
    rows, columns, targets = (torch.tensor(side) for side in zip(*answering, strict=True))
    answers = F.binary_cross_entropy_with_logits(heads.answers(hidden[rows, columns]).squeeze(-1), targets)
    return asked + told_loss + answers


def build_model(recipe: Recipe) -> LlamaForCausalLM:
    """Build an untrained model of the recipe's shape."""
    shape = recipe.shape
    config = LlamaConfig(
        vocab_size=VOCABULARY_SIZE,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=shape.head_width,
        intermediate_size=shape.intermediate,
        max_position_embeddings=MAX_POSITIONS,
        # Slow rotations leave room for attention by content, which works the same at position 100 and 4,000.
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
        bos_token_id=BEGIN,
        eos_token_id=END,
        pad_token_id=PAD,
        attention_dropout=0.0,
        initializer_range=shape.hidden**-0.5 / 2,
        dtype="float32",
    )
    return LlamaForCausalLM(config)


def train(recipe: Recipe, parent: LlamaForCausalLM | None = None, *, log_every: int = 100) -> LlamaForCausalLM:
    """Train one checkpoint; the same recipe gives the same weights on the same machine.

    Parameters
    ----------
    recipe
        What to train.
    parent
        The trained checkpoint to start from, for a recipe that names one. It is left as it is.
    log_every
        How many steps one line of progress on standard error stands for.
    """
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    model = build_model(recipe)
    if parent is not None:
        model.load_state_dict(parent.state_dict())
    heads = Heads(recipe.shape.hidden)
    parameters = [*model.parameters(), *heads.parameters()]
    # Muon learns the matrices of a model this small in about half the steps that AdamW needs.
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    optimizers = (
        torch.optim.Muon(matrices, lr=recipe.matrix_learning_rate, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(
            [*others, *heads.parameters()], lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
        ),
    )
    warmup = 60

    def scale(step: int) -> float:
        return min((step + 1) / warmup, max(0.02, 1 - max(0, step - 0.3 * recipe.steps) / (0.7 * recipe.steps)))

    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, scale) for optimizer in optimizers]
    started = time.monotonic()
    sums = [0.0] * len(Losses._fields)
    model.train()
    for step, batch in zip(range(1, recipe.steps + 1), batches(recipe), strict=False):
        terms = losses(model, heads, batch)
        # Agreement is worth nothing before there is a decision to agree on.
        consistency_weight = recipe.consistency_weight * min(1.0, 2 * step / recipe.steps)
        loss = (
            recipe.text_weight * terms.text
            + recipe.decision_weight * (terms.decision + recipe.question_weight * terms.question)
            + consistency_weight * terms.consistency
            + recipe.rehearsal_weight * (terms.running + terms.marks)
            + recipe.check_rehearsal_weight * terms.check
            + recipe.thought_weight * terms.thought
        )
        for parameter in parameters:
            parameter.grad = None
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
        sums = [total + term.item() for total, term in zip(sums, terms, strict=True)]
        if step % log_every == 0:
            shown = "  ".join(
                f"{name} {total / log_every:.4f}" for name, total in zip(Losses._fields, sums, strict=True)
            )
            sys.stderr.write(f"{recipe.name} step {step}  {time.monotonic() - started:.0f} s  {shown}\n")
            sums = [0.0] * len(Losses._fields)
    return model.eval()


def save(model: LlamaForCausalLM, folder: Path) -> None:
    """Write the checkpoint with a greedy generation config."""
    generation = GenerationConfig(
        do_sample=False, bos_token_id=BEGIN, eos_token_id=END, pad_token_id=PAD, max_new_tokens=128
    )
    save_checkpoint(model, build_tokenizer(), folder, generation)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the named checkpoints and write each into a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(RECIPES), metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument("--out", type=Path, default=EMBEDDED, help="parent of the checkpoints' folders")
    parser.add_argument("--parents", type=Path, help="folder with trained parents; what is not there is trained first")
    parser.add_argument("--steps", type=int, help="train for another number of steps than the recipe says")
    parser.add_argument("--seed", type=int, help="another seed than the recipe says")
    options = parser.parse_args(arguments)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.use_deterministic_algorithms(True)
    changes = {key: value for key in ("steps", "seed") if (value := getattr(options, key)) is not None}
    for name in options.names:
        recipe = dataclasses.replace(RECIPES[name], **changes)
        save(train(recipe, parent_of(recipe, options.parents)), options.out / name)


def parent_of(recipe: Recipe, trained: Path | None) -> LlamaForCausalLM | None:
    """Return the checkpoint that a recipe starts from, read where it is trained already and trained otherwise."""
    if recipe.parent is None:
        return None
    if trained and (trained / recipe.parent).is_dir():
        model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(trained / recipe.parent, dtype=torch.float32)
        return model
    parent = RECIPES[recipe.parent]
    return train(parent, parent_of(parent, trained))


if __name__ == "__main__":
    main()
