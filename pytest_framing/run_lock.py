"""Who may write into a run folder: one session at a time, and none while a worker of a dead one still does."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_framing.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSION, WORKERS = ".session.lock", ".workers.lock"
# A worker whose controller was killed ends after the case at hand, which may take this long.
ORPHANS_SECONDS = 60.0
CHANGE_SECONDS = 60.0


@dataclass
class RunLock:
    """A lock on a run folder, held until it is released or the process ends, however it ends."""

    descriptor: int

    def release(self) -> None:
        """Let go of the folder."""
        os.close(self.descriptor)


def lock_session(folder: Path) -> RunLock:
    """Take a run folder for a session, once the workers of an earlier one are gone.

    Raises
    ------
    OutputError
        When another session holds it, or workers do not end.
    """
    session = _lock(folder / SESSION, fcntl.LOCK_EX, 0.0)
    if session is None:
        raise OutputError(f"{folder}: another session runs in this folder; wait for its end, or stop it")
    workers = _lock(folder / WORKERS, fcntl.LOCK_EX, ORPHANS_SECONDS)
    if workers is None:
        session.release()
        raise OutputError(f"{folder}: workers of an earlier session still write into this folder; stop them first")
    workers.release()
    return session


def lock_worker(folder: Path) -> RunLock | None:
    """Say that a worker writes into the folder; ``None`` where locks are not to be had."""
    return _lock(folder / WORKERS, fcntl.LOCK_SH, 0.0)


@contextmanager
def folder_alone(folder: Path) -> Iterator[None]:
    """Let one process at a time read, change and write what lies in a folder; the others wait.

    The folder itself is locked, so that nothing is left in it.

    Raises
    ------
    OutputError
        When the folder is not there, or another process does not let go of it.
    """
    lock = _lock(folder, fcntl.LOCK_EX, CHANGE_SECONDS, os.O_RDONLY)
    if lock is None:
        raise OutputError(f"{folder}: another process is writing there and does not end; try again")
    try:
        yield
    finally:
        lock.release()


def _lock(path: Path, kind: int, patience: float, mode: int = os.O_RDWR | os.O_CREAT) -> RunLock | None:
    try:
        descriptor = os.open(path, mode, 0o666)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                # A file system without such locks: two sessions in one folder are then for its user to avoid.
                return RunLock(descriptor)
            if time.monotonic() >= end:
                os.close(descriptor)
                return None
            time.sleep(0.05)
        else:
            return RunLock(descriptor)
