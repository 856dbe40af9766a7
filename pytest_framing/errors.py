"""Errors that a user can act on: what was wrong, where, and what to do next."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

SHORTEST_SECRET = 8
_SECRET_NAME = re.compile(r"TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_USER_OF_ADDRESS = re.compile(r"(\w://)[^/@\s]+@")


class FramingError(Exception):
    """Bad input or a broken environment, told in words for the person who started the run.

    The plugin turns it into one error line and exit code 4; the command line into exit code 3.
    """

    @classmethod
    def at(cls, path: Path | str, line: int | None, message: str) -> Self:
        """Name the place that has to be mended: ``file:line: message``."""
        where = f"{path}:{line}" if line else f"{path}"
        return cls(f"{where}: {message}")


def place(path: Path, root: Path) -> str:
    """Name a path as people do who stand in the root folder: relative to it, where it lies below."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def first_line(error: BaseException) -> str:
    """Kind and first line of an error of somebody else's, for a message of one line, without secrets."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {without_secrets(lines[0])[:300]}" if lines else type(error).__name__


def without_secrets(text: str) -> str:
    """Take tokens and keys out of a text: libraries quote addresses and headers in what they raise.

    A secret is the value of an environment variable whose name says so, or the user part of an address.
    """
    for name, value in os.environ.items():
        if len(value) >= SHORTEST_SECRET and _SECRET_NAME.search(name):
            text = text.replace(value, f"[{name}]")
    return _USER_OF_ADDRESS.sub(r"\1[...]@", text)


class SettingsError(FramingError):
    """An option, ini value or environment variable that cannot be used."""


class SuiteError(FramingError):
    """A suite file with a typo, an unknown key or a value out of range."""


class PromptError(FramingError):
    """A prompt source that is missing, malformed or ambiguous."""


class PromptsNotAtHandError(PromptError):
    """Prompts that no way of getting them led to; the message tells how to get them."""


class CheckpointError(FramingError):
    """A model that is unknown, or a checkpoint folder that cannot be loaded safely."""


class EngineError(FramingError):
    """An engine that could not start, or a request that it could not serve."""


class ImportedFileError(FramingError):
    """A file of responses or verdicts that cannot be imported."""


class JudgeError(FramingError):
    """A judge that broke on an answer."""


class LedgerError(FramingError):
    """A run folder whose records are damaged or do not belong to the plan."""


class ReceiptError(FramingError):
    """A receipt that cannot be read."""


class SignatureError(FramingError):
    """A key or an envelope that cannot be read."""


class WrongSignatureError(SignatureError):
    """A signature that was not made with the key at hand, or not on what it stands on."""


class BaselineError(FramingError):
    """A baseline that cannot be read, or that was made under another protocol."""


class OutputError(FramingError):
    """A folder or file that cannot be written."""
