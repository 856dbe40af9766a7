"""How long a gate takes on a card that was not measured: limits of the hardware, and published speeds.

A step of decoding reads all weights once and the keys and values of every row; a prompt costs two operations a
parameter and token. With so many rows a batch no engine is faster than that; published speeds say how near real ones
come. Run it as
``python -m bench.limits``.
"""

from __future__ import annotations

from typing import NamedTuple

# transformers 4.x, plain decoding of an 8B model in bfloat16 on an H100: 33 ms a step, bound by starting kernels.
TRANSFORMERS_STEP = 0.033
# vLLM, Llama-3.1-8B on ShareGPT on an H100: output tokens a second.
VLLM_TOKENS_PER_SECOND = 6583.0


class Card(NamedTuple):
    """Bytes and 16-bit operations a second, from the data sheet."""

    bandwidth: float
    operations: float


class Model(NamedTuple):
    """Parameters, and bytes of keys and values a token, in 16 bits."""

    parameters: float
    cache_bytes: float

    @property
    def weights(self) -> float:
        """Bytes that a step reads."""
        return 2 * self.parameters


class Job(NamedTuple):
    """Cases with the tokens of prompt and answer, and the rows of a batch."""

    cases: int
    prompt: int
    answer: int
    rows: int


CARDS = {"H100": Card(3.35e12, 989e12), "H200": Card(4.8e12, 989e12)}
LLAMA_8B = Model(7.5e9, 131_072)
GATE = Job(cases=2800, prompt=300, answer=512, rows=64)


def floor_seconds(card: Card, model: Model, job: Job) -> float:
    """Return the seconds that no engine can beat with batches of that many rows: weights, keys and values, prompts."""
    weights = job.cases / job.rows * job.answer * model.weights / card.bandwidth
    held = job.prompt * job.answer + job.answer**2 / 2
    cache = job.cases * held * model.cache_bytes / card.bandwidth
    prompts = 2 * model.parameters * job.prompt * job.cases / card.operations
    return weights + cache + prompts


def transformers_seconds(job: Job) -> float:
    """Return the seconds of planned batches at the published time of a step."""
    return job.cases / job.rows * job.answer * TRANSFORMERS_STEP


def vllm_seconds(job: Job) -> float:
    """Return the seconds at vLLM's published pace."""
    return job.cases * job.answer / VLLM_TOKENS_PER_SECOND


def main() -> None:
    print(
        f"{GATE.cases} cases of {GATE.prompt} + {GATE.answer} tokens, batches of {GATE.rows}, 8B in bfloat16; computed"
    )
    for name, card in CARDS.items():
        print(f"{name}: not below {floor_seconds(card, LLAMA_8B, GATE) / 60:.1f} min")
    print(f"transformers, {1000 * TRANSFORMERS_STEP:.0f} ms a step: {transformers_seconds(GATE) / 60:.0f} min")
    print(f"vLLM, {VLLM_TOKENS_PER_SECOND:,.0f} tokens/s: {vllm_seconds(GATE) / 60:.1f} min")


if __name__ == "__main__":
    main()
