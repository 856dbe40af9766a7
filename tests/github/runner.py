"""What GitHub's runner does around a step, as far as scripts can tell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.github.workflows import ACTION, ROOT, read, steps


@dataclass
class Step:
    """What a step left behind."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str

    @property
    def commands(self) -> list[str]:
        """Lines that the runner obeys: those that begin with ``::`` and stand outside of ``stop-commands``."""
        found, token = [], ""
        for line in self.log.splitlines():
            if token:
                token = "" if line == f"::{token}::" else token
            elif stop := re.fullmatch(r"::stop-commands::(\w+)", line):
                token = stop[1]
            elif line.lstrip().startswith("::"):
                found.append(line)
        assert not token, "the runner was told to obey nothing, and never told to go on"
        return found


@dataclass
class Runner:
    """Runs scripts with the files and variables of a step in a folder of its own."""

    folder: Path
    workspace: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, script: str, **environment: str) -> Step:
        """Run a script of ``.github/scripts`` with the environment of a step alone."""
        temp = self.folder / "temp"
        temp.mkdir(parents=True, exist_ok=True)
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")}
        for path in files.values():
            path.write_text("", encoding="utf-8")
        path = ROOT / ".github" / "scripts" / script
        done = subprocess.run(
            [sys.executable, str(path)] if path.suffix == ".py" else [str(path)],
            cwd=self.workspace,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "HF_HUB_OFFLINE": "1",
                "GITHUB_ACTIONS": "true",
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_ACTION_PATH": str(ROOT),
                "RUNNER_TEMP": str(temp),
                "PYTHON": sys.executable,
                **{name: str(path) for name, path in files.items()},
                **self.environment,
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        # The files hold one NAME=VALUE a line: a value with a line break in it would set another output.
        lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        return Step(done.returncode, done.stdout, outputs, files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"))


def inputs(**given: str) -> dict[str, str]:
    """Environment of the action's scripts: the defaults of its inputs, and what a user gave."""
    defaults = {name: entry.get("default", "") for name, entry in read(ACTION)["inputs"].items()}
    values = defaults | {name.replace("_", "-"): value for name, value in given.items()}
    return {
        name: values[match[1]]
        for step in steps(ACTION)
        for name, text in step.get("env", {}).items()
        if (match := re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", text))
    }
