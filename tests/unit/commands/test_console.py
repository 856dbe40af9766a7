"""What a command does when nobody can read what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

FULL = Path("/dev/full")
LIST = [sys.executable, "-m", "pytest_framing.cli", "baseline", "list"]


@pytest.mark.parametrize("buffered", [True, False], ids=["held back", "line by line"])
def test_a_reader_who_has_seen_enough_changes_nothing(buffered: bool) -> None:
    """As in ``framing baseline list | head -1``: no traceback, and the exit code of the command."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONUNBUFFERED": "" if buffered else "1"}
    ended = subprocess.run(LIST, cwd=ROOT, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_output_that_finds_a_full_disk_is_an_error() -> None:
    with FULL.open("w", encoding="utf-8") as full:
        ended = subprocess.run(LIST, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 3
    assert ended.stderr == "framing: standard output: No space left on device\n"
