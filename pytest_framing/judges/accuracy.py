"""How well a judge agrees with people: what was measured of it, by its label, shipped with the package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("accuracy.json")
"""Written by ``python -m bench.judges``."""


def measured_accuracy(label: str) -> dict[str, Any] | None:
    """Return agreement, kappa, sensitivity and specificity of a judge by data set, with 95 % Wilson intervals.

    Parameters
    ----------
    label
        Name and version, as in every verdict.

    Returns
    -------
    dict or None
        ``None`` where nothing was measured of this very version.
    """
    found: dict[str, Any] | None = _measured().get(label)
    return found


@cache
def _measured() -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["judges"]
    return document
