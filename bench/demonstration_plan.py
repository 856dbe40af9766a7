"""What it takes to plan the full profile of ``suites/mixed_demonstrations``: time and memory.

1,404 nonsense queries in the layouts of HarmBench (200), SORRY-Bench (450) and WildGuardTest (754) meet the published
grid of demonstrations, drawn from the embedded pools, on the tokenizer of an embedded checkpoint. Measured in a process
of its own: everything up to the written ``plan.json``, imports included. On a busy machine the processor seconds are
those of the plan, and the wall seconds are not. Run it as ``python -m bench.demonstration_plan``;
it writes ``bench/results/demonstration_plan.json``.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import machine

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "demonstration_plan.json"
GOALS = {"cases": 150_000, "seconds": 60.0, "gb": 1.5}
SUITE = ROOT / "suites" / "mixed_demonstrations" / "suite.yaml"


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_queries(folder)
        run = subprocess.run(
            [sys.executable, "-m", "bench.demonstration_plan", str(folder)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
    measured = json.loads(run.stdout.splitlines()[-1])
    for name, value in measured.items():
        print(f"{name}: {value}" + (f" (goal: {GOALS[name]:,})" if name in GOALS else ""))
    document = {**machine("transformers", "tokenizers"), "goals": GOALS, "measured": measured}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def write_queries(folder: Path) -> None:
    """Write the three sources; every query has a text of its own."""
    words = ["basket", "lantern", "river", "button", "garden", "signal", "copper", "window"]

    def text(number: int) -> str:
        return (
            f"Describe {words[number % 8]} number {number} of the {words[number // 8 % 8]} in {number % 17} sentences."
        )

    with (folder / "harmbench.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Behavior", "BehaviorID", "FunctionalCategory", "SemanticCategory", "Tags", "ContextString"])
        rows.writerows([text(n), f"behaviour_{n}", "standard", "nonsense", "", ""] for n in range(200))
    lines = [{"question_id": n, "category": str(n % 45), "turns": [text(1000 + n)]} for n in range(450)]
    (folder / "sorrybench.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with (folder / "wildguardtest.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["prompt", "adversarial", "prompt_harm_label", "subcategory"])
        rows.writerows([text(5000 + n), "False", "harmful", "nonsense"] for n in range(754))


def plan(folder: Path) -> dict[str, float]:
    """Plan the suite in this process, and write the plan."""
    started, cpu = time.perf_counter(), time.process_time()
    from pytest_framing.extensions import Extensions
    from pytest_framing.run import prepare
    from pytest_framing.run_folder import write_plan
    from pytest_framing.settings import PromptChoice, Settings

    sources = {"harmbench": "harmbench.csv", "sorrybench": "sorrybench.jsonl", "wildguardtest": "wildguardtest.csv"}
    settings = Settings(
        model="tiny-diluting",
        root=folder,
        profile="full",
        baseline="none",
        prompts=tuple(PromptChoice(source, str(folder / name)) for source, name in sources.items()),
    )
    prepared = prepare(settings, [SUITE], Extensions(), "bench")
    planned = time.perf_counter() - started
    write_plan(folder, prepared.record)
    suite = prepared.record.plan.suites[0]
    answers = dict.fromkeys(suite.contexts, 0)
    for case in suite.cases:
        if case.role == "single" and case.mode in answers:
            answers[case.mode] += 1
    return {
        "cases": len(suite.cases),
        "contexts": len(suite.contexts),
        "answers_a_condition": 2 * min(answers.values()),
        "batches": len(suite.batches),
        "seconds": round(time.perf_counter() - started, 1),
        "seconds_before_writing": round(planned, 1),
        "processor_seconds": round(time.process_time() - cpu, 1),
        "gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
        "plan_mb": round((folder / "plan.json").stat().st_size / 1e6, 1),
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(plan(Path(sys.argv[1]))))
    else:
        main()
