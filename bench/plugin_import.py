"""What the plugin costs a project that has it installed and does not use it.

Starts pytest on one trivial test in an empty project, with the plugin and with ``-p no:framing``, in turn, each in a
process of its own, and takes the median of the paired differences. Also times the bare import of the plugin in a
process that has imported pytest already. Run it as ``python -m bench.plugin_import``; it writes
``bench/results/plugin_import.json``.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "plugin_import.json"
GOAL_MS = 50.0
IMPORT = "import time, pytest; t = time.perf_counter(); import pytest_framing.plugin; print(time.perf_counter() - t)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15, help="paired starts (default: 15)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "test_trivial.py").write_text("def test_trivial():\n    pass\n", encoding="utf-8")
        for warm_up in ((), ("-p", "no:framing")):
            start_pytest(project, *warm_up)
        differences = []
        plain = []
        for _ in range(options.pairs):
            without = start_pytest(project, "-p", "no:framing")
            plain.append(1000 * without)
            differences.append(1000 * (start_pytest(project) - without))
    imports = [
        1000 * float(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout)
        for _ in range(options.pairs)
    ]
    results = {
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "pairs": options.pairs,
        "pytest_without_plugin_ms": round(statistics.median(plain), 1),
        "added_by_plugin_ms": round(statistics.median(differences), 1),
        "import_of_plugin_ms": round(statistics.median(imports), 1),
        "goal_ms": GOAL_MS,
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


def start_pytest(project: Path, *arguments: str) -> float:
    """Return the seconds of one pytest run in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    started = time.perf_counter()
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
