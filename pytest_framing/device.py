"""The hardware of a run, named and shared out without opening it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"


def device() -> dict[str, Any]:
    """Name the hardware without touching it: asking torch would open every GPU in the process that only plans."""
    return {
        "machine": platform.machine(),
        "cpu": cpu_name(),
        "system": platform.system(),
        "python": platform.python_version(),
        "gpus": list(gpu_names()),
    }


@cache
def cpu_name() -> str:
    """Return the processor's model name: kernels differ between processors, and with them the last bits of results."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


@cache
def gpu_names() -> tuple[str, ...]:
    """Return the name of each NVIDIA GPU of the machine, in the driver's order; empty without a driver."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    try:
        answer = subprocess.run(
            [command, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in answer.stdout.splitlines() if line.strip())


def gpu_of_worker(worker: str, visible: str | None, count: int) -> str | None:
    """Choose the one GPU of an xdist worker, in turn over those that the process may see.

    Parameters
    ----------
    worker
        Worker id, ``gw0``, ``gw1``, …
    visible
        Value of ``CUDA_VISIBLE_DEVICES``, or ``None`` when unset.
    count
        GPUs of the machine.

    Returns
    -------
    str or None
        New value of ``CUDA_VISIBLE_DEVICES``; ``None`` leaves it alone, where there is no GPU to share out.
    """
    number = re.fullmatch(r"gw(\d+)", worker)
    devices = (
        [str(index) for index in range(count)] if visible is None else [d for d in visible.split(",") if d.strip()]
    )
    if number is None or not devices or count == 0:
        return None
    return devices[int(number[1]) % len(devices)].strip()


def pin_worker(worker: str) -> None:
    """Pin this worker process to its GPU; to be called before anything imports torch."""
    chosen = gpu_of_worker(worker, os.environ.get(VISIBLE), len(gpu_names()))
    if chosen is not None:
        os.environ[VISIBLE] = chosen
