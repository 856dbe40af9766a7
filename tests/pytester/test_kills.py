"""Real runs killed at random points and resumed; ``bench/kills.py`` does the same a thousand times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, sys
from pathlib import Path
from bench.kills import run_points
print(json.dumps(vars(run_points(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))))
"""


def test_runs_killed_anywhere_come_to_the_end_they_would_have_come_to(tmp_path: Path) -> None:
    # A process of its own: it forks, which one with the threads of other tests had better not.
    root = Path(__file__).parents[2]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root)}
    for name in [name for name in environment if name.startswith("PYTEST")]:
        del environment[name]
    command = [sys.executable, "-c", SCRIPT, "4", "7", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
    tally = json.loads(done.stdout.splitlines()[-1])
    assert tally["points"] == 4
    assert tally["killed"] >= 2
    sound = {name: tally[name] for name in ("lost", "duplicated", "wrong_gates", "wrong_decisions", "failures")}
    assert sound == {"lost": 0, "duplicated": 0, "wrong_gates": 0, "wrong_decisions": 0, "failures": []}
