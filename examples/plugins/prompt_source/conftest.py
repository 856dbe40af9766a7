"""Prompts from a database: ``prompts: {source: prompt_bank}`` reads the active rows of a SQLite file.

``PROMPT_BANK`` names the file. Its table ``prompts`` has ``id``, ``text``, ``category`` and ``active``.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.errors import PromptError, PromptsNotAtHandError
from pytest_framing.records import Prompt, PromptSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = "PROMPT_BANK"
QUERY = "SELECT id, text, category FROM prompts WHERE active ORDER BY id"


def read_prompt_bank() -> PromptSet:
    """Return the active prompts, in an order that does not depend on the database.

    Raises
    ------
    PromptsNotAtHandError
        When no file is named or it is not there: a suite with ``required: false`` is then skipped visibly.
    PromptError
        When the file cannot be read; nothing is generated.
    """
    path = Path(os.environ.get(VARIABLE, ""))
    if not path.is_file():
        raise PromptsNotAtHandError(f"the prompt bank is not at hand; set {VARIABLE} to its file")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as bank:
            rows = bank.execute(QUERY).fetchall()
            revision = bank.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise PromptError(f"{path}: cannot be read as a prompt bank ({error})") from error
    if not rows:
        raise PromptError(f"{path}: no active prompt")
    return PromptSet(
        source="prompt_bank",  # baselines are filed under it
        origin=str(path),
        resolution=f"{VARIABLE} names {path.name}",
        prompts=tuple(Prompt(id=name, behaviour=text, semantic_category=category) for name, text, category in rows),
        revision=str(revision),
    )


def pytest_framing_prompt_sources() -> Mapping[str, Callable[[], PromptSet]]:
    """Make it known as ``prompts: {source: prompt_bank}``."""
    return {"prompt_bank": read_prompt_bank}
