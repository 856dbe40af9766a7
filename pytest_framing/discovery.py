"""Which suites a command line means: a suite is a folder with a ``suite.yaml``."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.suite import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def find_suites(
    arguments: Iterable[str], invocation_dir: Path, ignored: Sequence[str] = (), ignored_globs: Sequence[str] = ()
) -> list[Path]:
    """Find the suite files below the paths of a pytest command line.

    The plan has to exist before workers collect anything, so suites are found by their files and not by their tests.

    Parameters
    ----------
    arguments
        Paths and node ids as pytest got them.
    invocation_dir
        Relative paths are relative to it.
    ignored, ignored_globs
        Values of ``--ignore`` and ``--ignore-glob``.

    Returns
    -------
    list of Path
        Resolved, each once, sorted.
    """
    skipped = [Path(invocation_dir, path).resolve() for path in ignored]
    globs = [str(Path(invocation_dir, pattern)) for pattern in ignored_globs]
    found: set[Path] = set()
    for argument in arguments:
        path = Path(invocation_dir, argument.split("::", 1)[0]).resolve()
        if path.is_dir():
            found.update(_below(path))
        elif path.is_file() and (path.parent / FILE_NAME).is_file():
            found.add(path.parent / FILE_NAME)
    return sorted(
        path
        for path in found
        if not any(path.is_relative_to(skip) for skip in skipped)
        and not any(fnmatch.fnmatch(str(place), pattern) for pattern in globs for place in (path, path.parent))
    )


def named_suites(arguments: Iterable[str], invocation_dir: Path) -> frozenset[Path]:
    """Return the suite files that a command line asks for by name: by their folder, or by a file or test in it."""
    paths = (Path(invocation_dir, argument.split("::", 1)[0]).resolve() for argument in arguments)
    folders = (path if path.is_dir() else path.parent for path in paths)
    return frozenset(folder / FILE_NAME for folder in folders if (folder / FILE_NAME).is_file())


def _below(folder: Path) -> Iterable[Path]:
    for parent, folders, files in os.walk(folder):
        # What pytest never collects from holds no suites either: environments, caches, checkouts of version control.
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name not in ("node_modules", "venv", "build", "dist", "__pycache__")
            and not Path(parent, name, "pyvenv.cfg").exists()
        ]
        if FILE_NAME in files:
            yield Path(parent, FILE_NAME)
