"""Fuzz every reader for some minutes of processor time: ``python -m bench.fuzz --minutes 10``.

Each reader runs under atheris (libFuzzer) in a process of its own, in turns; what a turn found worth keeping stays in
``--corpus`` for the next. Figures go to ``bench/results/fuzz.json``, and add up with ``--go-on``. An exception that is
not ours ends everything: the input that brought it about is kept, and ``--replay FILE`` shows its traceback.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results" / "fuzz.json"
NAMES = (
    "suite", "prompts", "import", "ledger", "plan", "baseline", "record", "pool", "calibration", "review", "inspect",
)  # fmt: skip
TURN_SECONDS = 60
LONGEST_INPUT = 8192


def child(name: str, corpus: Path, seconds: int) -> None:
    """Fuzz one reader; libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["pytest_framing", "yaml"]):
        from bench.fuzz.readers import read_one, readers

        if name == "inspect":
            # Imported by its reader when it is asked, which would be too late to be seen.
            import pytest_framing.inspect_interop.import_logs  # noqa: F401

    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    reader = readers(folder)[name]
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(reader.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    arguments = [f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", "-print_final_stats=1", "-timeout=30"]
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-artifact_prefix={corpus.parent}/{name}-", *arguments],
        lambda data: read_one(reader, data, folder),
    )
    atheris.Fuzz()


def turn(name: str, corpus: Path, seconds: int) -> dict[str, Any]:
    """Run a turn of one reader, and return its figures."""
    command = [sys.executable, "-m", "bench.fuzz", "--child", name, "--corpus", str(corpus), "--seconds", str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{name}: {output[-6000:]}")
    executed = re.search(r"stat::number_of_executed_units: (\d+)", output)
    covered = re.findall(r"cov: (\d+)", output)
    return {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "inputs": int(executed[1]) if executed else 0,
        "coverage": int(covered[-1]) if covered else 0,
    }


def main() -> None:
    """Fuzz all readers in turns until each has had its time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10.0, help="processor time of each reader")
    parser.add_argument("--reader", action="append", choices=NAMES, help="this one alone")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"), help="where inputs worth keeping stay")
    parser.add_argument("--go-on", action="store_true", help="add to the figures that there are")
    parser.add_argument("--replay", type=Path, help="an input that brought about an exception (with --reader)")
    parser.add_argument("--child", choices=NAMES, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=int, default=TURN_SECONDS, help="of a turn")
    options = parser.parse_args()
    if options.child:
        child(options.child, options.corpus, options.seconds)
        return
    if options.replay:
        from bench.fuzz.readers import read_one, readers

        with tempfile.TemporaryDirectory() as folder:
            read_one(readers(Path(folder))[options.reader[0]], options.replay.read_bytes(), Path(folder))
        return
    figures = json.loads(RESULTS.read_text(encoding="utf-8")) if options.go_on else {"readers": {}}
    figures["machine"] = (
        f"{platform.machine()}, Python {platform.python_version()}, atheris {importlib.metadata.version('atheris')}"
    )
    options.corpus.mkdir(exist_ok=True)
    of = figures["readers"]
    names = options.reader or NAMES
    for name in names:
        of.setdefault(name, {"cpu_seconds": 0.0, "inputs": 0, "coverage": 0, "unexpected": 0})
    while waiting := [name for name in names if of[name]["cpu_seconds"] < 60 * options.minutes]:
        for name in waiting:
            found = turn(name, options.corpus / name, options.seconds)
            of[name]["cpu_seconds"] = round(of[name]["cpu_seconds"] + found["cpu_seconds"], 1)
            of[name]["inputs"] += found["inputs"]
            of[name]["coverage"] = max(of[name]["coverage"], found["coverage"])
            RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, one in of.items():
        print(f"{name:10} {one['cpu_seconds'] / 60:6.1f} min {one['inputs']:9,} inputs {one['coverage']:6,} edges")


if __name__ == "__main__":
    main()
