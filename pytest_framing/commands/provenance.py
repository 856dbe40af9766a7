"""Who works in a repository, and at which commit: asked of git where there is one, and never an error."""

from __future__ import annotations

import getpass
import subprocess
from pathlib import Path

SECONDS = 10


def author(folder: Path) -> str:
    """Return the user's name as git knows it, else that of the account; empty where neither is known."""
    named = _git(folder, "config", "user.name")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def commit(folder: Path) -> str:
    """Return the commit that is checked out; empty outside a repository, or before its first commit."""
    return _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")


def _git(folder: Path, *arguments: str) -> str:
    existing = next((one for one in (folder, *folder.parents) if one.is_dir()), Path())
    try:
        done = subprocess.run(
            ["git", "-C", str(existing), *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
