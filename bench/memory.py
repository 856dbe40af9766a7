"""Memory of a long run: ``python -m bench.memory --cases 20000`` runs ``tiny`` and follows its resident size.

Answers are a few tokens long, so that what grows with a case is the harness and not the model. The first fifth of the
run is its warm-up; growth is the slope of a line through the rest, a thousand cases. What pytest itself keeps of each
report is measured beside it, in a run of as many trivial tests. It writes ``bench/results/memory.json``.
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
import psutil

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
WARM_UP, LAST = 0.2, 0.99
EVERY_SECONDS = 0.5
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
    """Run pytest and sample cases done (from its progress file) and resident megabytes."""
    (folder / "done").unlink(missing_ok=True)
    (folder / "conftest.py").write_text(COUNTING.format(path=str(folder / "done")), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    began = time.monotonic()
    samples: list[tuple[int, float]] = []
    with (folder / "output").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        own = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                done = (folder / "done").stat().st_size
                samples.append((done, own.memory_info().rss / 1e6))
            except (OSError, psutil.Error):
                pass
            time.sleep(EVERY_SECONDS)
    if process.returncode:
        sys.exit((folder / "output").read_text(encoding="utf-8")[-3000:])
    # The gates load what draws the report: that is no growth of the cases.
    kept = [(done, size) for done, size in samples if WARM_UP * cases < done < LAST * cases]
    done, size = np.array(kept).T
    slope = float(np.polyfit(done, size, 1)[0])
    points = np.linspace(0, len(samples) - 1, min(60, len(samples))).astype(int)
    return {
        "cases": cases,
        "seconds": round(time.monotonic() - began),
        "mb_after_warm_up": round(float(size[0]), 1),
        "mb_at_the_last_case": round(float(size[-1]), 1),
        "mb_per_1000_cases": round(1000 * slope, 2),
        "samples": [[samples[point][0], round(samples[point][1], 1)] for point in points],
    }


COUNTING = """
import os

DONE = os.open({path!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC)

def pytest_runtest_logfinish(nodeid, location):
    os.write(DONE, b".")
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
    own = round(gate["mb_per_1000_cases"] - bare["mb_per_1000_cases"], 2)
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
            f"{name}: {run['mb_after_warm_up']} MB after warm-up, {run['mb_at_the_last_case']} MB at the last case, "
            f"{run['mb_per_1000_cases']} MB a thousand cases, {run['seconds']} s"
        )
    return 0 if own < GOAL_MB_PER_1000 else 1


if __name__ == "__main__":
    sys.exit(main())
