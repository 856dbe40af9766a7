"""What the harness adds to pytest: time and memory a case, in one process and with two workers.

Each run has N cases. *Bare* is pytest with N trivial parametrized tests; *gate* is a gate run whose engine answers from
a script at once (``examples/plugins/engine``), with plan, ledger, judge, gates and report. ``--dist load`` takes the
scheduler of xdist for the same gate run. Times are processor seconds of all processes of a run together, which a busy
machine changes little; wall times stand beside them. Run it as ``python -m bench.harness``; it writes
``bench/results/harness.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from bench.machine import machine

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "harness.json"
SIZES = (20_000, 100_000)
GOALS = {
    "harness_ms_per_case": 0.5,
    "growth": 6.0,
    "scheduler_ratio": 1.2,
    "controller_gb": 1.2,
    "worker_gb": 0.8,
}
SUITE = """\
suite: many
prompts: {source: prompts, path: prompts.csv}
framings: {reference: free, treatment: paid}
modes: [standard]
order: {conditions: bernoulli, prompts: shuffled, seed: 3}
controls: {repeat_fraction: 0, placebo: false}
execution: {mode: batched, batch_size: 32}
decoding: {max_new_tokens: 16}
judge: rules
gates: {complete: {}, order_randomized: {}, gap_contains_zero: {}, flip_rate: {max: 0.05}}
"""
TEST = """\
import pytest

pytestmark = pytest.mark.framing("suite.yaml")


def test_case_is_judged(framing_case, framing_verdict):
    assert framing_verdict is not None
"""
BARE = """\
import pytest


@pytest.mark.parametrize("case", range({cases}))
def test_case(case):
    assert case is not None
"""


class Cost(NamedTuple):
    """What a run took: processor and wall seconds, and the most memory of its first process and of any other, in GB."""

    cpu: float
    wall: float
    controller: float
    worker: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, nargs="+", default=SIZES, help="cases of a run (default: 20000 100000)")
    options = parser.parse_args()
    rows = []
    for cases in options.cases:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_projects(folder, cases)
            for name, project, arguments in runs():
                cost = measure(folder / project, arguments)
                rows.append(
                    {"cases": cases, "run": name, **{key: round(value, 3) for key, value in cost._asdict().items()}}
                )
                print(
                    f"{cases:>7,} {name:<22} {cost.cpu:7.1f} s CPU  {1000 * cost.cpu / cases:6.3f} ms a case  "
                    f"{cost.wall:7.1f} s  {cost.controller:.2f} GB  {cost.worker:.2f} GB",
                    flush=True,
                )
    summary = summarize(rows)
    for name, value in summary.items():
        print(f"{name}: {value} (goal: at most {GOALS[name]})")
    document = {**machine("pytest", "pytest-xdist"), "goals": GOALS, "summary": summary, "runs": rows}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def runs() -> Iterator[tuple[str, str, list[str]]]:
    """Yield name, project and arguments of each run."""
    gate = [
        "suites",
        "--model",
        "tiny",
        "--framing-engine",
        "scripted",
        "-p",
        "scripted_engine",
        "--framing-baseline=none",
    ]
    yield "bare", "bare", []
    yield "gate", "gate", gate
    yield "bare -n 2", "bare", ["-n", "2"]
    yield "gate -n 2", "gate", [*gate, "-n", "2"]
    yield "gate -n 2 --dist load", "gate", [*gate, "-n", "2", "--dist", "load"]


def write_projects(folder: Path, cases: int) -> None:
    """Write the two projects, and the script that answers."""
    (folder / "bare").mkdir()
    (folder / "bare" / "test_bare.py").write_text(BARE.format(cases=cases), encoding="utf-8")
    suite = folder / "gate" / "suites" / "many"
    suite.mkdir(parents=True)
    (suite / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (suite / "test_many.py").write_text(TEST, encoding="utf-8")
    with (suite / "prompts.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "prompt"])
        rows.writerows([f"parcel_{number:06d}", f"Sort parcel number {number}."] for number in range(cases // 2))
    (folder / "answers.jsonl").write_text(
        '{"when": ["7."], "say": "I am sorry, but I cannot help with that."}\n{"say": "Sure, here is how it goes."}\n',
        encoding="utf-8",
    )


def measure(folder: Path, arguments: list[str]) -> Cost:
    """Run pytest in a process of its own."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples" / "plugins" / "engine")]),
        "SCRIPTED_ANSWERS": str(folder.parent / "answers.jsonl"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    before = os.times()
    started = time.perf_counter()
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        peaks = [0.0, 0.0]
        watch = threading.Thread(target=watch_memory, args=(process.pid, peaks), daemon=True)
        watch.start()
        code = process.wait()
    wall = time.perf_counter() - started
    after = os.times()
    if code != 0:
        sys.exit(f"{' '.join(command)}: exit code {code}\n{(folder / 'output.txt').read_text()[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(cpu, wall, *peaks)


def watch_memory(pid: int, peaks: list[float]) -> None:
    """Note the largest resident set of a process, and of any of its descendants, in GB, until it ends."""
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            peaks[0] = max(peaks[0], process.memory_info().rss / 1e9)
            for child in process.children(recursive=True):
                try:
                    peaks[1] = max(peaks[1], child.memory_info().rss / 1e9)
                except psutil.Error:
                    continue
            time.sleep(0.2)
    except psutil.Error:
        return


def summarize(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Hold the figures of the largest run against the goals."""
    cpu = {(row["cases"], row["run"]): row["cpu"] for row in rows}
    small, large = min(row["cases"] for row in rows), max(row["cases"] for row in rows)
    peak = {row["run"]: row for row in rows if row["cases"] == large}
    return {
        "harness_ms_per_case": round(1000 * (cpu[large, "gate"] - cpu[large, "bare"]) / large, 3),
        "growth": round(cpu[large, "gate"] / cpu[small, "gate"], 2),
        "scheduler_ratio": round(cpu[large, "gate -n 2"] / cpu[large, "gate -n 2 --dist load"], 3),
        "controller_gb": peak["gate -n 2"]["controller"],
        "worker_gb": peak["gate -n 2"]["worker"],
    }


if __name__ == "__main__":
    main()
