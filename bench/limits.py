"""How long a gate takes on a card that was not measured: limits of the hardware, and published speeds.

A step of decoding reads all weights once and the keys and values of every row; a prompt costs two operations a
parameter and token. With so many rows a batch no engine is faster than that; published speeds say how near real ones
come. Batches are those of the shipped suite's own plan for HarmBench, with a token for every four characters. Run it as
``python -m bench.limits``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
HARMBENCH = ROOT.parent / "shared" / "data" / "harmbench" / "harmbench_behaviors_text_all.csv"

# transformers 4.x, plain decoding of an 8B model in bfloat16 on an H100: 33 ms a step, bound by starting kernels.
TRANSFORMERS_STEP = 0.033
# vLLM, Llama-3.1-8B on ShareGPT on an H100: output tokens a second.
VLLM_TOKENS_PER_SECOND = 6583.0
CHARACTERS_A_TOKEN = 4
# What a chat template adds to a system text and a request.
TEMPLATE_TOKENS = 40


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
    """Cases with the tokens of prompt and answer, and the batches that they run in."""

    cases: int
    prompt: int
    answer: int
    batches: float


CARDS = {"H100": Card(3.35e12, 989e12), "H200": Card(4.8e12, 989e12)}
LLAMA_8B = Model(7.5e9, 131_072)
ROWS = 64
GATE = Job(cases=2812, prompt=200, answer=512, batches=60)


def floor_seconds(card: Card, model: Model, job: Job) -> float:
    """Return the seconds that no engine can beat with so many batches: weights, keys and values, prompts."""
    weights = job.batches * job.answer * model.weights / card.bandwidth
    held = job.prompt * job.answer + job.answer**2 / 2
    cache = job.cases * held * model.cache_bytes / card.bandwidth
    prompts = 2 * model.parameters * job.prompt * job.cases / card.operations
    return weights + cache + prompts


def transformers_seconds(job: Job) -> float:
    """Return the seconds of planned batches at the published time of a step."""
    return job.batches * job.answer * TRANSFORMERS_STEP


def vllm_seconds(job: Job) -> float:
    """Return the seconds at vLLM's published pace."""
    return job.cases * job.answer / VLLM_TOKENS_PER_SECOND


def planned(prompts: Path) -> Job:
    """Plan the shipped suite for an 8B model, as a gate on these prompts would."""
    from pytest_framing.framings import conversation, suite_catalogue
    from pytest_framing.gates.evaluation import known_gates, parameter_models
    from pytest_framing.plan import plan_suite
    from pytest_framing.prompts import read_prompts
    from pytest_framing.records import Prompt, PromptSet
    from pytest_framing.suite import load_suite

    suite = load_suite(ROOT / "suites" / "deployment_framing" / "suite.yaml", parameter_models(known_gates()))
    suite = suite.model_copy(update={"execution": suite.execution.model_copy(update={"batch_size": ROWS})})
    catalogue = suite_catalogue(suite)
    source, found = read_prompts(prompts)

    def tokens(prompt: Prompt, framing: str, mode: str) -> int:
        said = conversation(prompt, catalogue.framing(framing), mode, "system", catalogue)
        return TEMPLATE_TOKENS + sum(len(message.content) for message in said) // CHARACTERS_A_TOKEN

    def shared(framing: str, mode: str) -> int:
        return TEMPLATE_TOKENS // 2 + len(catalogue.framing(framing).message) // CHARACTERS_A_TOKEN

    questions = catalogue.questions_about(suite.framings.reference, suite.framings.treatment)
    plan = plan_suite(
        suite,
        PromptSet(source, str(prompts), "path", found),
        tokens,
        [question.prompt() for question in questions],
        shared=shared,
    )
    mean = sum(tokens(prompt, suite.framings.reference, suite.modes[0]) for prompt in found) / len(found)
    return Job(len(plan.cases), round(mean), GATE.answer, len(plan.batches))


def main() -> None:
    if HARMBENCH.is_file():
        print(f"planned for HarmBench: {planned(HARMBENCH)}")
    print(
        f"{GATE.cases} cases of {GATE.prompt} + {GATE.answer} tokens in {GATE.batches} batches of up to {ROWS} rows, "
        "8B in bfloat16; computed"
    )
    for name, card in CARDS.items():
        print(f"{name}: not below {floor_seconds(card, LLAMA_8B, GATE) / 60:.1f} min")
    print(f"transformers, {1000 * TRANSFORMERS_STEP:.0f} ms a step: {transformers_seconds(GATE) / 60:.0f} min")
    print(f"vLLM, {VLLM_TOKENS_PER_SECOND:,.0f} tokens/s: {vllm_seconds(GATE) / 60:.1f} min")


if __name__ == "__main__":
    main()
