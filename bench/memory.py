"""Memory of a long run: ``python -m bench.memory --cases 20000`` runs ``tiny`` and follows its size.

Answers are a few tokens long, so that what grows with a case is the harness and not the model. *Resident* is what the
system gives the process; *held* is what is left when the C library has handed back what was freed (``malloc_trim``):
tensors of a CPU come and go in it, and it keeps their room. The first fifth of the run is its warm-up; growth is the
slope of a line through the rest. What pytest itself keeps of each report is measured beside it, in a run of as many
trivial tests. It writes ``bench/results/memory.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import BARE, TEST
from bench.machine import machine

RESULTS = Path(__file__).with_name("results") / "memory.json"
SUITE = """\
suite: long
prompts: {source: prompts, path: prompts.csv}
framings: {reference: free, treatment: paid}
modes: [standard]
order: {seed: 3}
controls: {repeat_fraction: 0, placebo: false}
execution: {batch_size: 64}
decoding: {max_new_tokens: 4}
gates: {complete: {}, order_randomized: {}, flip_rate: {max: 1}}
"""
WARM_UP = 0.2
SAMPLES = 40
GOAL_MB_PER_1000 = 5.0


def write_project(folder: Path, cases: int) -> None:
    """Write a suite of that many cases, and as many trivial tests."""
    suite = folder / "suites" / "long"
    suite.mkdir(parents=True)
    with (suite / "prompts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows([f"p{number:05d}", f"Describe teapot {number}."] for number in range(cases // 2))
    (suite / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (suite / "test_long.py").write_text(TEST, encoding="utf-8")
    bare = folder / "bare"
    bare.mkdir()
    (bare / "test_bare.py").write_text(BARE.format(cases=cases), encoding="utf-8")


def follow(folder: Path, arguments: list[str], cases: int) -> dict[str, Any]:
    """Run pytest, which notes its own size every so many cases."""
    notes = folder / "notes"
    notes.unlink(missing_ok=True)
    (folder / "conftest.py").write_text(NOTING.format(path=str(notes), every=cases // SAMPLES), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    began = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-3000:])
    samples = [[float(part) for part in line.split()] for line in notes.read_text(encoding="utf-8").splitlines()]
    # The gates load what draws the report: that is no growth of the cases.
    count, resident, held = np.array([one for one in samples if WARM_UP * cases <= one[0] <= cases]).T
    return {
        "cases": cases,
        "seconds": round(time.monotonic() - began),
        "held_mb_after_warm_up": round(float(held[0]), 1),
        "held_mb_at_the_last_case": round(float(held[-1]), 1),
        "held_mb_per_1000_cases": round(1000 * float(np.polyfit(count, held, 1)[0]), 2),
        "most_resident_mb": round(float(resident.max()), 1),
        "samples": [[int(one[0]), round(one[1], 1), round(one[2], 1)] for one in samples],
    }


NOTING = """
import ctypes, gc

C = ctypes.CDLL("libc.so.6")
CASES = [0]

def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

def pytest_runtest_logfinish(nodeid, location):
    CASES[0] += 1
    if CASES[0] % {every} == 0:
        resident = megabytes()
        gc.collect()
        C.malloc_trim(0)
        with open({path!r}, "a") as file:
            file.write(f"{{CASES[0]}} {{resident}} {{megabytes()}}\\n")
"""


def main() -> int:
    """Measure, and write the figures; the exit code says whether the run stayed flat."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=20_000)
    cases = parser.parse_args().cases
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_project(folder, cases)
        bare = follow(folder, ["bare"], cases)
        gate = follow(folder, ["suites", "--model", "tiny", "--framing-baseline", "none"], cases)
    own = round(gate["held_mb_per_1000_cases"] - bare["held_mb_per_1000_cases"], 2)
    document = {
        **machine("torch", "transformers", "pytest"),
        "goal_mb_per_1000_cases": GOAL_MB_PER_1000,
        "own_mb_per_1000_cases": own,
        "gate": gate,
        "bare": bare,
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    for name, run in (("gate", gate), ("bare", bare)):
        print(
            f"{name}: {run['held_mb_after_warm_up']} MB held after warm-up, "
            f"{run['held_mb_at_the_last_case']} MB at the last case, {run['held_mb_per_1000_cases']} MB a thousand "
            f"cases; {run['most_resident_mb']} MB resident at most, {run['seconds']} s"
        )
    return 0 if own < GOAL_MB_PER_1000 else 1


if __name__ == "__main__":
    sys.exit(main())
