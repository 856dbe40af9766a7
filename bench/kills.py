"""Kill real runs at random points, resume them, and hold that nothing is lost, run twice or decided otherwise.

``python -m bench.kills --points 1000`` writes ``bench/results/kills.json``. A run is killed at a random moment, or at a
random system call of its own that writes (``write``, ``fsync``, ``rename``, ``mkdir``, …), before the call or after
half of the bytes. Each run is a process of its own, forked from one that has imported all that a run imports, so that a
thousand of them take an hour on one core. The results keep every campaign with its seed, and what they come to
together. They are written every ten points, and ``--go-on`` adds to the last campaign; what a point draws depends on
the seed and its number alone.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import machine

RESULTS = Path(__file__).with_name("results") / "kills.json"
PROMPTS = 6
SAVE_EVERY = 10
TEST_MODULE = """
import pytest

pytestmark = pytest.mark.framing("suite.yaml")

def test_case_is_judged(framing_case, framing_verdict):
    assert framing_verdict is not None
"""
SUITE = """
suite: small
prompts: {source: file, path: prompts.jsonl}
framings: {reference: free, treatment: paid}
modes: [standard]
order: {seed: 11}
controls: {repeat_fraction: 0.25, placebo: true}
decoding: {max_new_tokens: 64}
execution: {batch_size: 4}
gates: {complete: {}, order_randomized: {}, flip_rate: {}, engine_noise: {}, invalid_rate: {}, manipulation_check: {}}
"""
ARGUMENTS = (
    "suites",
    "--model",
    "tiny",
    "-q",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "-p",
    "no:hypothesispytest",
    # It collects garbage five times over when pytest ends: a third of so short a run.
    "-p",
    "no:unraisableexception",
)
SYSTEM_CALLS = ("write", "fsync", "replace", "open", "mkdir", "symlink", "ftruncate")
MOST_RESUMES = 4
COUNTS = (
    "points",
    "killed",
    "resumes",
    "before_the_plan",
    "torn",
    "lost",
    "duplicated",
    "wrong_gates",
    "wrong_decisions",
)


@dataclass(frozen=True)
class Record:
    """What a finished run decided: the gates, and the verdict of every case."""

    gates: tuple[tuple[str, str, str], ...]
    decisions: dict[str, str]


@dataclass
class Tally:
    """What the points came to."""

    seed: int
    machine: dict[str, Any] = field(default_factory=dict)
    cases: int = 0
    seconds: float = 0.0
    points: int = 0
    killed: int = 0
    resumes: int = 0
    before_the_plan: int = 0
    torn: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong_gates: int = 0
    wrong_decisions: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every run came to the end that it would have come to uninterrupted."""
        return not (self.lost or self.duplicated or self.wrong_gates or self.wrong_decisions or self.failures)


def load(folder: Path) -> None:
    """Import what an uninterrupted run imports, which a fork has then for nothing."""
    os.environ["OMP_NUM_THREADS"] = "1"
    project, names = folder / "loading", folder / "modules"
    make_project(project)
    done = os.fork()
    if not done:
        try:
            _silent_pytest(project, ())
            names.write_text("\n".join(sys.modules), encoding="utf-8")
        finally:
            os._exit(0)
    os.waitpid(done, 0)
    for name in names.read_text(encoding="utf-8").split("\n"):
        # What a run registers under a name of its own (test modules, conftest) is not there to import.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.freeze()


def make_project(folder: Path) -> None:
    """Write a suite of harmless prompts."""
    from pytest_framing.prompt_sources import synthetic

    suite = folder / "suites" / "small"
    suite.mkdir(parents=True)
    texts = [prompt.behaviour for prompt in synthetic("").prompts if not prompt.context][:PROMPTS]
    lines = [json.dumps({"id": f"p{number:02d}", "text": text}) for number, text in enumerate(texts)]
    (suite / "prompts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (suite / "suite.yaml").write_text(SUITE, encoding="utf-8")
    (suite / "test_small.py").write_text(TEST_MODULE, encoding="utf-8")


def start(folder: Path, arguments: Sequence[str], arm: Callable[[], None] | None = None) -> int:
    """Fork a run in a folder; ``arm`` may set a trap in it. Returns its process id."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        code = _silent_pytest(folder, arguments, arm)
    finally:
        os._exit(code)


def _silent_pytest(folder: Path, arguments: Sequence[str], arm: Callable[[], None] | None = None) -> int:
    import pytest

    os.chdir(folder)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if arm is not None:
        arm()
    return int(pytest.main([*ARGUMENTS, *arguments]))


def wait(child: int) -> int:
    """Return the exit code of a run, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def trap(number: int, partial: bool, count: mmap.mmap | None = None) -> Callable[[], None]:
    """Return what lets a run die at its n-th call that writes; a ``write`` may leave half of its bytes behind.

    With 0 it dies at none. ``count`` is memory shared with the parent, which then holds the number of calls.
    """

    def arm() -> None:
        made = [0]

        def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapper(*arguments: Any, **options: Any) -> Any:
                if name == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
                    return call(*arguments, **options)
                made[0] += 1
                if count is not None:
                    count[:8] = made[0].to_bytes(8, "little")
                if made[0] == number:
                    if name == "write" and partial:
                        call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **options)

            return wrapper

        for name in SYSTEM_CALLS:
            setattr(os, name, counted(name, getattr(os, name)))

    return arm


def record_of(folder: Path) -> Record:
    """Read what a finished run decided."""
    run = (folder / ".framing" / "latest").resolve()
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    gates = tuple((gate["name"], gate["status"], gate["reason"]) for gate in results["suites"]["small"]["gates"])
    return Record(gates, {line["case_id"]: line["verdict"] for line in lines_of(run, "verdicts")})


def lines_of(run: Path, kind: str) -> list[dict[str, Any]]:
    """Return every whole line of the ledger."""
    return [json.loads(line) for path in sorted(run.glob(f"{kind}*.jsonl")) for line in whole_lines(path)]


def whole_lines(path: Path) -> list[bytes]:
    """Return the lines that have their end."""
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def written(folder: Path) -> dict[str, list[bytes]]:
    """Return the whole lines that a killed run left in its ledger, by file."""
    run = folder / ".framing" / "latest"
    return {path.name: whole_lines(path) for path in run.glob("*.jsonl")} if run.exists() else {}


def run_points(
    points: int, seed: int, folder: Path, tally: Tally | None = None, save: Callable[[Tally], None] | None = None
) -> Tally:
    """Kill and resume that many runs.

    Parameters
    ----------
    points
        Runs to kill; every second one by a system call, the others by the clock.
    seed
        Of the points.
    folder
        An empty folder to work in.
    tally
        What earlier points of the seed came to, to go on with.
    save
        Called with the tally every ten points.
    """
    load(folder)
    reference_folder = folder / "reference"
    make_project(reference_folder)
    count = mmap.mmap(-1, 8)
    began = time.monotonic()
    code = wait(start(reference_folder, (), trap(0, False, count)))
    duration = time.monotonic() - began
    if code:
        raise RuntimeError(f"the uninterrupted run ends with {code}")
    reference = record_of(reference_folder)
    calls = int.from_bytes(count[:8], "little")
    tally = tally or Tally(seed=seed)
    tally.cases = len(reference.decisions)
    tally.machine = machine("pytest", "torch", "transformers")
    while tally.points < points:
        began = time.monotonic()
        point = tally.points
        place = folder / f"point-{point}"
        make_project(place)
        _one_point(place, point, random.Random(f"{seed}-{point}"), duration, calls, reference, tally)
        shutil.rmtree(place)
        tally.seconds = round(tally.seconds + time.monotonic() - began, 1)
        if save is not None and (tally.points % SAVE_EVERY == 0 or tally.points == points):
            save(tally)
            print(f"{tally.points} of {points}", file=sys.stderr)
    return tally


def _one_point(
    place: Path, point: int, chance: random.Random, duration: float, calls: int, reference: Record, tally: Tally
) -> None:
    tally.points += 1
    code, kept = _killed_run(place, (), point, chance, duration, calls)
    tally.killed += code == -signal.SIGKILL
    for _ in range(MOST_RESUMES):
        if code != -signal.SIGKILL:
            break
        run = place / ".framing" / "latest"
        if not (run / "plan.json").exists():
            # Nothing had been generated: the user starts anew.
            tally.before_the_plan += 1
            arguments: tuple[str, ...] = ()
        else:
            arguments = ("--framing-resume", "latest")
        tally.resumes += 1
        # Resuming is killed as well now and then.
        if chance.random() < 0.25:
            code, _ = _killed_run(place, arguments, point, chance, duration, calls)
        else:
            code = wait(start(place, arguments))
    if code == -signal.SIGKILL:
        code = wait(start(place, ("--framing-resume", "latest")))
    if code:
        tally.failures.append(f"point {point}: the resumed run ends with {code}")
        return
    _check(place, point, kept, reference, tally)


def _killed_run(
    place: Path, arguments: tuple[str, ...], point: int, chance: random.Random, duration: float, calls: int
) -> tuple[int, dict[str, list[bytes]]]:
    if point % 2:
        child = start(place, arguments, trap(chance.randint(1, calls), partial=chance.random() < 0.5))
    else:
        child = start(place, arguments)
        time.sleep(chance.uniform(0, duration))
        os.kill(child, signal.SIGKILL)
    return wait(child), written(place)


def _check(place: Path, point: int, kept: dict[str, list[bytes]], reference: Record, tally: Tally) -> None:
    run = (place / ".framing" / "latest").resolve()
    found = record_of(place)
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    tally.torn += bool(results["torn_files"])
    for kind in ("responses", "verdicts"):
        counts = Counter(line["case_id"] for line in lines_of(run, kind))
        tally.duplicated += sum(count > 1 for count in counts.values())
        tally.lost += len(reference.decisions.keys() - counts.keys())
    if any(whole_lines(run / name)[: len(lines)] != lines for name, lines in kept.items() if (run / name).exists()):
        tally.lost += 1
    tally.wrong_gates += found.gates != reference.gates
    tally.wrong_decisions += found.decisions != reference.decisions


def read_campaigns(path: Path) -> list[Tally]:
    """Return the tallies of all campaigns on record."""
    document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"campaigns": []}
    return [Tally(**one) for one in document["campaigns"]]


def write_campaigns(path: Path, campaigns: Sequence[Tally]) -> None:
    """Write all campaigns, and what they come to together."""
    together = {name: sum(getattr(one, name) for one in campaigns) for name in COUNTS}
    document = {
        **together,
        "failures": [failure for one in campaigns for failure in one.failures],
        "campaigns": [asdict(one) for one in campaigns],
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Run the harness; the exit code says whether every run was sound."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--points", type=int, default=1000, help="of the campaign")
    parser.add_argument("--seed", type=int, default=20260221)
    parser.add_argument("--go-on", action="store_true", help="add to the last campaign")
    options = parser.parse_args()
    campaigns = read_campaigns(RESULTS)
    before = campaigns.pop() if options.go_on else None
    with tempfile.TemporaryDirectory() as folder:
        tally = run_points(
            options.points,
            before.seed if before else options.seed,
            Path(folder),
            before,
            lambda one: write_campaigns(RESULTS, [*campaigns, one]),
        )
    print(json.dumps(asdict(tally), indent=2))
    return 0 if tally.sound else 1


if __name__ == "__main__":
    sys.exit(main())
