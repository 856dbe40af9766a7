"""A disk that is full: a plain error that names the file, and a run that goes on once there is room."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_framing.ledger import read_responses

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

FULL = os.strerror(errno.ENOSPC)


class Disk:
    """Takes a number of bytes in files of the project, and then says that it is full, after half of a write."""

    def __init__(self, folder: Path, room: int) -> None:
        self.folder, self.room, self.write = str(folder), room, os.write

    def __call__(self, descriptor: int, content: Any) -> int:
        try:
            name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        except OSError:
            name = ""
        if ".jsonl" not in name or not name.startswith(self.folder):
            return self.write(descriptor, content)
        if self.room <= 0:
            raise OSError(errno.ENOSPC, FULL)
        self.room -= len(content)
        return self.write(descriptor, content if self.room >= 0 else content[: len(content) // 2])


@pytest.mark.parametrize("room", [0, 700, 3000, 6000])
def test_the_ledger_does_not_fit(project: GateProject, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    project.write_suite(gates={"complete": {}, "flip_rate": {}})
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", Disk(project.pytester.path, room))
        full = project.run()
    assert full.ret == pytest.ExitCode.TESTS_FAILED
    full.stdout.fnmatch_lines(["*.jsonl: cannot be written: *"])
    full.stdout.no_fnmatch_line("*Traceback*")
    kept = {one.case_id: one for one in read_responses(project.latest()).records}

    assert project.run("--framing-resume", "latest").ret == pytest.ExitCode.OK
    assert project.gates() == {"complete": "pass", "flip_rate[standard]": "pass"}
    responses = read_responses(project.latest()).records
    assert len(responses) == len({one.case_id for one in responses})
    assert {one.case_id: one for one in responses if one.case_id in kept} == kept


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system is mounted by root alone")
def test_a_file_system_that_is_full(project: GateProject, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("small")
    if project.pytester.run("mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", place).ret != 0:
        pytest.skip("no file system can be mounted here")
    try:
        full = project.run("--framing-out", str(place))
        assert full.ret not in (pytest.ExitCode.OK, pytest.ExitCode.INTERNAL_ERROR)
        assert f"cannot be written: {FULL}" in full.stdout.str() + full.stderr.str()
        project.pytester.run("mount", "-o", "remount,size=8m", place)
        again = project.run("--framing-out", str(place), "--framing-resume", "latest")
        assert again.ret == pytest.ExitCode.OK
    finally:
        project.pytester.run("umount", place)
