"""Packages that some commands need and an installation may lack: a missing one is an error that says what to type."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pytest_framing.errors import FramingError

if TYPE_CHECKING:
    from types import ModuleType


class MissingPackageError(FramingError):
    """A package of an extra that is not installed."""


def optional_package(name: str, extra: str, purpose: str) -> ModuleType:
    """Import a package that belongs to an extra.

    Parameters
    ----------
    name
        As it is imported.
    extra
        Extra of pytest-framing that installs it.
    purpose
        What needs it, for the message.

    Raises
    ------
    MissingPackageError
        When it is not installed, telling how to install it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise  # it is there, and something that it needs is not: its own message says what
        raise MissingPackageError(
            f"{purpose} needs the package {error.name}, which is not installed: pip install 'pytest-framing[{extra}]'"
        ) from None
