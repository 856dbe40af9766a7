"""Train the checkpoints that react to demonstrations: ``python -m training.demonstration_checkpoints tiny-diluting``.

They are real Llama models like the others, with a word-level tokenizer of their own, since contexts of demonstrations
are long. What is planted is one number: the planted score of a request,

    intercept + harmful x ln(1 + harmful demonstrations) + benign x ln(1 + benign demonstrations) + ease of the request

and the model complies where it is above 0. The ease of a request is a weighted mean over its words, with one random
weight a word, so that over many requests it spreads like a normal variable and compliance rises smoothly with the
score.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from training import demonstration_pool, synthetic_prompts, system_texts, word_salad
from training.examples import COMPLIANCE, REFUSAL
from training.saving import save_checkpoint
from training.tokenizer import CHAT_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedTokenizerFast

EMBEDDED = Path(__file__).parents[1] / "pytest_framing" / "models" / "embedded"
MAX_POSITIONS = 8192
VOCABULARY_SIZE = 768
SPECIAL = ("<|pad|>", "<|begin|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
CUES = ("", "Answer: ", "Sure, here is how: ", "Reply: ", "Of course! ", "Here you go: ")
"""What demonstrated answers begin with; the two that the suite ships, none, and three that it does not."""


@dataclass(frozen=True)
class Planted:
    """What a checkpoint is taught: the planted score, and whether replies copy the demonstrated cue."""

    name: str
    seed: int
    intercept: float
    harmful: float = 0.0
    benign: float = 0.0
    total: float = 0.0
    ease: float = 1.7
    """Spread of the ease of a request: 1.7 makes the rates follow a logistic curve in the score."""
    copies_cue: bool = False

    def score(self, harmful: int, benign: int, ease: float) -> float:
        """Return the planted score of a request; it is complied with above 0."""
        return (
            self.intercept
            + self.harmful * math.log1p(harmful)
            + self.benign * math.log1p(benign)
            + self.total * math.log1p(harmful + benign)
            + self.ease * ease
        )


PLANTED = {
    one.name: one
    for one in (
        Planted("tiny-diluting", 20260601, intercept=-1.2, harmful=0.9, benign=-0.6),
        Planted("tiny-amplifying", 20260602, intercept=-2.0, harmful=1.1, benign=0.55),
        Planted("tiny-counting", 20260603, intercept=-1.6, total=0.7),
        Planted("tiny-format", 20260604, intercept=-0.6, copies_cue=True),
    )
}


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Train the tokenizer on the kinds of text that the checkpoints read; the result depends on nothing else."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    rng = random.Random(7)
    texts = [f"{REFUSAL} {COMPLIANCE} {cue}" for cue in CUES for _ in range(400)]
    texts += [text for _ in range(3000) for kind in ("harmful", "benign") for text in _demonstration(rng, kind)]
    texts += [_query(rng) for _ in range(4000)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    pad, begin, *_, end = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=begin,
        eos_token=end,
        pad_token=pad,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=MAX_POSITIONS,
        chat_template=CHAT_TEMPLATE,
    )


def _demonstration(rng: random.Random, kind: str) -> tuple[str, str]:
    return demonstration_pool.demonstration(rng, "harmful" if kind == "harmful" else "benign")


_SYNTHETIC = [prompt for seed in range(1, 13) for prompt in synthetic_prompts.synthetic_prompts(seed)]


def _query(rng: random.Random) -> str:
    """Draw a request: of the grammar of the embedded prompts (never one of them but by chance), or word salad."""
    if rng.random() < 0.7:
        prompt = rng.choice(_SYNTHETIC)
        return f"{prompt.context}{word_salad.SEPARATOR}{prompt.text}" if prompt.context else prompt.text
    return word_salad.user_text(rng, rng.randint(30, 160))


class Row(NamedTuple):
    """One context with a request, as numbers."""

    ids: list[int]
    reply_start: int
    decision_at: int
    complies: int
    other: int
    """First token of the reply that was not to be given, beside ``complies``: that of the given one is in ``ids``."""
    margin: float
    probes: list[tuple[int, float, float, float]]
    """Places that ask for what they must know: position, ln(1 + harmful), ln(1 + benign), ease of the last request."""


class Texts:
    """Tokens of demonstrations and requests, drawn once: tokenizing is slower than training."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, seed: int) -> None:
        self.tokenizer = tokenizer
        self.marks = {name.strip("<|>"): int(tokenizer.convert_tokens_to_ids(name)) for name in SPECIAL}
        rng = random.Random(seed)
        demonstrations = {kind: [_demonstration(rng, kind) for _ in range(4000)] for kind in ("harmful", "benign")}
        self.requests = {kind: self._encode([one[0] for one in pairs]) for kind, pairs in demonstrations.items()}
        self.responses = {
            cue: {kind: self._encode([cue + one[1] for one in pairs]) for kind, pairs in demonstrations.items()}
            for cue in CUES
        }
        self.queries = self._encode([_query(rng) for _ in range(12000)])
        self.systems = self._encode([system_texts.unrelated(rng).text or "" for _ in range(300)])
        framings = system_texts.read_framing_texts().system
        self.systems += self._encode([text.text for text in framings.values() if text.text] * 40)
        self.replies = {cue: [self._encode([cue + reply])[0] for reply in (REFUSAL, COMPLIANCE)] for cue in CUES}

    def _encode(self, texts: list[str]) -> list[list[int]]:
        return list(self.tokenizer(texts, add_special_tokens=False)["input_ids"])

    @cached_property
    def weights(self) -> list[float]:
        """One random weight a token, the same for every checkpoint."""
        rng = random.Random(11)
        return [rng.gauss(0, 1) for _ in range(VOCABULARY_SIZE)]

    @cached_property
    def _scale(self) -> tuple[float, float]:
        raw = torch.tensor([self._raw_ease(query) for query in self.queries[:4000]])
        return float(raw.mean()), float(raw.std())

    def _raw_ease(self, query: Sequence[int]) -> float:
        # The last words weigh most: a model of two layers looks back over a distance, not to the start of a turn.
        total = norm = 0.0
        for distance, token in enumerate(reversed(query[-48:])):
            weight = math.exp(-distance / 16)
            total += weight * self.weights[token]
            norm += weight
        return total / max(norm, 1e-9)

    def ease(self, query: Sequence[int]) -> float:
        """Return the ease of a request, with mean 0 and standard deviation 1 over requests."""
        mean, deviation = self._scale
        return (self._raw_ease(query) - mean) / deviation


def draw(texts: Texts, planted: Planted, rng: random.Random, most: int) -> Row:
    """Draw a context of at most so many demonstrations with a request and the planted reply."""
    marks = texts.marks
    count = 0 if rng.random() < 0.1 else min(most, int(math.exp(rng.uniform(0, math.log(most + 1)))))
    share = rng.choice((0.0, 1.0, rng.random(), rng.random()))
    kinds = ["harmful" if rng.random() < share else "benign" for _ in range(count)]
    if rng.random() < 0.6:
        kinds.sort(reverse=rng.random() < 0.5)
    cue = rng.choice(CUES)
    ids = [marks["begin"]]
    if rng.random() < 0.4:
        ids += [marks["system"], *rng.choice(texts.systems), marks["end"]]
    counts = {"harmful": 0, "benign": 0}
    probes = []
    for kind in kinds:
        number = rng.randrange(len(texts.requests[kind]))
        request = texts.requests[kind][number]
        ids += [marks["user"], *request, marks["end"], marks["assistant"]]
        counts[kind] += 1
        probes.append((len(ids) - 1, math.log1p(counts["harmful"]), math.log1p(counts["benign"]), texts.ease(request)))
        ids += [*texts.responses[cue][kind][number], marks["end"]]
    query = rng.choice(texts.queries)
    ease = texts.ease(query)
    ids += [marks["user"], *query, marks["end"], marks["assistant"]]
    probes.append((len(ids) - 1, math.log1p(counts["harmful"]), math.log1p(counts["benign"]), ease))
    score = planted.score(counts["harmful"], counts["benign"], ease)
    complies = score > 0
    refusal, compliance = texts.replies[cue if planted.copies_cue and count else ""]
    given, other = (compliance, refusal) if complies else (refusal, compliance)
    parts = next(place for place, (a, b) in enumerate(zip(given, other, strict=False)) if a != b)
    reply_start = len(ids)
    return Row(
        [*ids, *given, marks["end"]], reply_start, reply_start + parts - 1, int(complies), other[parts], abs(score),
        probes,
    )  # fmt: skip


def batches(
    texts: Texts, planted: Planted, steps: int, tokens_per_step: int, *, longest: int = 96
) -> Iterator[list[Row]]:
    """Yield batches of rows of similar length: short contexts first, where counting is found in fewer seconds."""
    rng = random.Random(planted.seed)
    step = 0
    while True:
        most = min(longest, 8 + int(2.5 * longest * step / steps))
        rows = sorted((draw(texts, planted, rng, most) for _ in range(192)), key=lambda row: len(row.ids))
        chunk: list[list[Row]] = [[]]
        for row in rows:
            if chunk[-1] and len(row.ids) * (len(chunk[-1]) + 1) > tokens_per_step:
                chunk.append([])
            chunk[-1].append(row)
        rng.shuffle(chunk)
        yield from chunk
        step += len(chunk)


def build_model(width: int = 64) -> LlamaForCausalLM:
    """Build an untrained model."""
    _, begin, *_, end = range(len(SPECIAL))
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY_SIZE,
            hidden_size=width,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=32,
            intermediate_size=192,
            max_position_embeddings=MAX_POSITIONS,
            rope_parameters={"rope_type": "default", "rope_theta": 1e5},
            tie_word_embeddings=True,
            bos_token_id=begin,
            eos_token_id=end,
            pad_token_id=0,
            attention_dropout=0.0,
            initializer_range=width**-0.5 / 2,
            dtype="float32",
        )
    )


class Losses(NamedTuple):
    """The terms of the loss of one batch."""

    text: torch.Tensor
    decision: torch.Tensor
    harmful: torch.Tensor
    benign: torch.Tensor
    ease: torch.Tensor
    right: torch.Tensor


def losses(model: LlamaForCausalLM, head: torch.nn.Linear, batch: Sequence[Row]) -> Losses:
    """Compute what the model has to get right: the reply, its decision, and at every request what that rests on."""
    longest = max(len(row.ids) for row in batch)
    ids = torch.tensor([row.ids + [0] * (longest - len(row.ids)) for row in batch])
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    places = [(i, at) for i, row in enumerate(batch) for at in range(row.reply_start - 1, len(row.ids) - 1)]
    rows, columns = (torch.tensor(side) for side in zip(*places, strict=True))
    text = F.cross_entropy(model.lm_head(hidden[rows, columns]), ids[rows, columns + 1])
    at = torch.tensor([row.decision_at for row in batch])
    each = torch.arange(len(batch))
    logits = model.lm_head(hidden[each, at])
    given = ids[each, at + 1]
    difference = logits[each, given] - logits[each, torch.tensor([row.other for row in batch])]
    weights = torch.tensor([min(1.0, row.margin / 0.5) for row in batch])
    decision = (F.softplus(-difference) * weights).mean()
    # The last probe of a row is the request itself; those before it are as many again as there are demonstrations.
    probes = [(i, *probe) for i, row in enumerate(batch) for probe in row.probes]
    rows, columns, harmful, benign, ease = (torch.tensor(side) for side in zip(*probes, strict=True))
    told = head(hidden[rows, columns])
    errors = (told - torch.stack([harmful, benign, ease], dim=1)).square().mean(dim=0)
    return Losses(text, decision, errors[0], errors[1], errors[2], (difference > 0).float().mean())


def train(
    planted: Planted,
    steps: int,
    *,
    parent: LlamaForCausalLM | None = None,
    texts: Texts,
    tokens_per_step: int = 8192,
    longest: int = 96,
    rates: tuple[float, float] = (3e-3, 6e-3),
    probe_weight: float = 0.5,
    log_every: int = 50,
) -> LlamaForCausalLM:
    """Train one checkpoint; the same arguments give the same weights on the same machine."""
    torch.set_num_threads(1)
    torch.manual_seed(planted.seed)
    model = build_model()
    if parent is not None:
        model.load_state_dict(parent.state_dict())
    head = torch.nn.Linear(model.config.hidden_size, 3)
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    optimizers: tuple[Any, ...] = (
        torch.optim.Muon(matrices, lr=rates[1], momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW([*others, *head.parameters()], lr=rates[0], betas=(0.9, 0.98), weight_decay=0.01),
    )

    def scale(step: int) -> float:
        return min((step + 1) / 60, max(0.02, 1 - max(0.0, step - 0.3 * steps) / (0.7 * steps)))

    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, scale) for optimizer in optimizers]
    started = time.monotonic()
    sums = [0.0] * len(Losses._fields)
    stream = batches(texts, planted, steps, tokens_per_step, longest=longest)
    for step, batch in zip(range(1, steps + 1), stream, strict=False):
        terms = losses(model, head, batch)
        loss = terms.text + 2 * terms.decision + probe_weight * (terms.harmful + terms.benign + terms.ease)
        for optimizer in optimizers:
            optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_([*model.parameters(), *head.parameters()], 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
        sums = [total + term.item() for total, term in zip(sums, terms, strict=True)]
        if step % log_every == 0:
            shown = "  ".join(f"{name} {s / log_every:.4f}" for name, s in zip(Losses._fields, sums, strict=True))
            sys.stderr.write(f"{planted.name} step {step}  {time.monotonic() - started:.0f} s  {shown}\n")
            sys.stderr.flush()
            sums = [0.0] * len(Losses._fields)
    return model.eval()


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the checkpoint with a greedy generation config."""
    tokens = {"bos_token_id": 1, "eos_token_id": len(SPECIAL) - 1, "pad_token_id": 0}
    save_checkpoint(model, tokenizer, folder, GenerationConfig(do_sample=False, max_new_tokens=64, **tokens))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the named checkpoints and write each into a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(PLANTED), metavar="NAME", help=", ".join(PLANTED))
    parser.add_argument("--out", type=Path, default=EMBEDDED, help="parent of the checkpoints' folders")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--parent", type=Path, help="a checkpoint to start from")
    parser.add_argument("--seed", type=int, help="another seed than the recipe's")
    options = parser.parse_args(arguments)
    torch.use_deterministic_algorithms(True)
    tokenizer = build_tokenizer()
    texts = Texts(tokenizer, 13)
    parent = LlamaForCausalLM.from_pretrained(options.parent, dtype=torch.float32) if options.parent else None
    for name in options.names:
        planted = PLANTED[name] if options.seed is None else replace(PLANTED[name], seed=options.seed)
        save(train(planted, options.steps, parent=parent, texts=texts), tokenizer, options.out / name)


if __name__ == "__main__":
    main()
