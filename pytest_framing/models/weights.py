"""The digest that says which weights were gated."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

from pytest_framing.records import text_digest

if TYPE_CHECKING:
    from pathlib import Path


@cache
def folder_digest(folder: Path) -> str:
    """Digest of config and weights of a checkpoint folder (``config.json`` and every ``*.safetensors``)."""
    parts = []
    for path in sorted((folder / "config.json", *folder.glob("*.safetensors"))):
        with path.open("rb") as file:
            parts.append(f"{path.name}={hashlib.file_digest(file, 'sha256').hexdigest()}")
    return text_digest(*parts)
