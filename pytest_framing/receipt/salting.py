"""Salted digests: a receipt may be shown to anybody, and no text can be guessed by its digest."""

from __future__ import annotations

import hmac
import re
from typing import Any

from pytest_framing.records import text_digest

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LONGEST_NAME = 80
"""What is longer, or has more than one line, is a text and no name."""


def salted(salt: str, digest: str) -> str:
    """Return the digest of a digest under the salt of a run: HMAC-SHA-256, as ``hmac-sha256:<64 hex digits>``."""
    return f"hmac-sha256:{hmac.new(salt.encode('ascii'), digest.encode('ascii'), 'sha256').hexdigest()}"


def salted_text(salt: str, text: str) -> str:
    """Return the salted digest of a text."""
    return salted(salt, text_digest(text))


def without_texts(salt: str, value: Any) -> Any:
    """Return a JSON value in which every digest is salted, and a salted digest stands for every text."""
    if isinstance(value, dict):
        return {str(name): without_texts(salt, one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_texts(salt, one) for one in value]
    if not isinstance(value, str):
        return value
    if DIGEST.fullmatch(value):
        return salted(salt, value)
    return value if len(value) <= LONGEST_NAME and value.isprintable() else salted_text(salt, value)
