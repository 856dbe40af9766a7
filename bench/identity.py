"""Whether an answer depends on anything but its own prompt: gate runs of the same cases, each run another way.

Each way is a real ``pytest`` run: in planned order, backwards, a ``-k`` subset, two workers under both schedulers, once
more, cut off and resumed, and beside other neighbours (another seed draws other batches and slots). The digests of the
answers' tokens are compared case by case. The checkpoint has the shape of the embedded one and random weights: its best
two tokens are nearly tied, so that rounding shows in what it writes, which a trained checkpoint of this size hides.
That it does show is the control: with batches switched off the shape is another one, and in half precision answers
have to differ. With HarmBench at hand (``--prompts``, or ``../shared``) its prompts are asked, else the embedded ones.
Run it as ``python -m bench.identity``; it writes ``bench/results/identity.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.machine import machine
from pytest_framing.ledger import read_responses
from pytest_framing.models.registry import resolve_model
from pytest_framing.run_folder import find_run
from training.saving import save_checkpoint

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "identity.json"
HARMBENCH = ROOT.parent / "shared" / "data" / "harmbench" / "harmbench_behaviors_text_all.csv"
PRECISIONS = {
    "fp32": ["--framing-dtype", "float32"],
    "bf16": ["--framing-dtype", "bfloat16"],
    "nf4": ["--framing-dtype", "bfloat16", "--framing-quantization", "4bit"],
    "int8": ["--framing-dtype", "bfloat16", "--framing-quantization", "8bit"],
}
SUITE = """\
suite: identity
prompts: {source: harmbench}
framings: {reference: free, treatment: paid}
modes: [standard]
order: {conditions: bernoulli, prompts: shuffled, seed: 5}
controls: {repeat_fraction: 0, placebo: false}
execution: {mode: batched, batch_size: 16}
decoding: {max_new_tokens: NEW_TOKENS}
judge: rules
gates: {complete: {}}
"""
TEST = """\
import pytest

pytestmark = pytest.mark.framing("suite.yaml")


def test_case_is_judged(framing_case, framing_verdict):
    assert framing_verdict is not None
"""
CONTROL = "batches switched off"
BACKWARDS = """\
def pytest_collection_modifyitems(items):
    items.reverse()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=["fp32", "bf16", "nf4"])
    parser.add_argument("--new-tokens", type=int, default=24, help="limit of new tokens (default: 24)")
    parser.add_argument("--prompts", type=Path, default=HARMBENCH, help="HarmBench's file")
    options = parser.parse_args()
    matrix: dict[str, dict[str, dict[str, int]]] = {}
    for name in options.precisions:
        with tempfile.TemporaryDirectory() as place:
            bench = Bench(Path(place), PRECISIONS[name], options.new_tokens, options.prompts)
            matrix[name] = bench.compare()
        if name != "fp32" and not matrix[name][CONTROL]["differing"]:
            sys.exit(f"{name}: nothing differs with another shape either: this checkpoint shows nothing")
        for way, figures in matrix[name].items():
            print(f"{name:<5} {way:<22} {figures['differing']:>4} of {figures['cases']:>4} differ", flush=True)
        # After each precision: a bench that is cut short keeps what it measured.
        source = "harmbench" if options.prompts.is_file() else "synthetic"
        document = {**machine(), "prompts": source, "new_tokens": options.new_tokens, "differing": matrix}
        RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


class Bench:
    """One project in which the same cases run in many ways."""

    def __init__(self, folder: Path, precision: list[str], new_tokens: int, prompts: Path) -> None:
        self.folder = folder
        write_checkpoint(folder / "weights")
        self.arguments = ["--model", "tiny", "--checkpoint", "weights", "--framing-baseline", "none", *precision]
        if prompts.is_file():
            self.arguments += ["--framing-prompts", f"harmbench={prompts}"]
        suite = folder / "suites" / "identity"
        suite.mkdir(parents=True)
        (suite / "suite.yaml").write_text(SUITE.replace("NEW_TOKENS", str(new_tokens)), encoding="utf-8")
        (suite / "test_identity.py").write_text(TEST, encoding="utf-8")

    def compare(self) -> dict[str, dict[str, int]]:
        """Return, for each way, how many cases it ran and how many of them were answered otherwise."""
        planned = self.run()
        conftest = self.folder / "conftest.py"
        conftest.write_text(BACKWARDS, encoding="utf-8")
        backwards = self.run()
        conftest.unlink()
        ways = {
            "once more": self.run(),
            "backwards": backwards,
            "a -k subset": self.run("-k", "free and (a or e)"),
            "two workers": self.run("-n", "2"),
            "two workers, --dist load": self.run("-n", "2", "--dist", "load"),
            "cut off and resumed": self.resumed(),
            "other neighbours": self.run("--framing-seed", "6"),
            CONTROL: self.run("--framing-execution", "sequential"),
        }
        found = {}
        for way, answers in ways.items():
            assert answers, way
            assert way == "a -k subset" or answers.keys() == planned.keys(), way
            differing = sum(planned[case] != digest for case, digest in answers.items())
            found[way] = {"cases": len(answers), "differing": differing}
        return found

    def command(self, *arguments: str) -> list[str]:
        """Return the command of a run."""
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "suites", *self.arguments, *arguments]

    def run(self, *arguments: str) -> dict[str, str]:
        """Run the suite, and return the digest of each answer's tokens."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout[-3000:]}")
        return self.answers()

    def resumed(self) -> dict[str, str]:
        """Kill a run in its middle, and go on with it."""
        before = set((self.folder / ".framing").iterdir())
        with subprocess.Popen(
            self.command(), cwd=self.folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while process.poll() is None:
                started = [path for path in set((self.folder / ".framing").iterdir()) - before if path.is_dir()]
                if any(path.stat().st_size > 60_000 for one in started for path in one.glob("responses*.jsonl")):
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.05)
        assert process.wait() == -signal.SIGKILL, "the run ended before it could be cut off"
        return self.run("--framing-resume", "latest")

    def answers(self) -> dict[str, str]:
        """Digests by case of the newest run."""
        responses: Any = read_responses(find_run("latest", self.folder)).records
        return {one.case_id: one.tokens_digest for one in responses}


def write_checkpoint(folder: Path) -> None:
    """Write a checkpoint of the embedded one's shape with random weights."""
    import torch
    from transformers import AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM

    embedded = resolve_model("tiny").location
    torch.manual_seed(7)
    model = LlamaForCausalLM(LlamaConfig.from_pretrained(embedded, initializer_range=0.02, tie_word_embeddings=False))
    tokenizer = AutoTokenizer.from_pretrained(embedded)
    save_checkpoint(model, tokenizer, folder, GenerationConfig.from_pretrained(embedded))


def environment() -> dict[str, str]:
    """Let the runs import this tree."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    main()
