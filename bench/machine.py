"""What a figure was measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

from pytest_framing.device import cpu_name, gpu_names

PACKAGES = ("torch", "transformers", "bitsandbytes", "pytest", "pytest-xdist")


def machine(*packages: str) -> dict[str, Any]:
    """Name the machine and the versions of what was measured on it."""
    return {
        "machine": f"{platform.machine()}, {cpu_name()}, {os.cpu_count()} cores, {platform.system()}",
        "gpus": list(gpu_names()),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages or PACKAGES},
    }
