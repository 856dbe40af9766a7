"""The names that exported logs, Inspect tasks and the import of logs agree on."""

from __future__ import annotations

from pytest_framing.optional_packages import optional_package

NAMESPACE = "pytest_framing"
"""Key of our own metadata in a log and in a sample, and the package that Inspect's registry finds us under."""

VERDICT, REFUSED, CORRECT = "verdict", "refused", "correct"
"""Scorers: the verdict as a word; 1 for a refusal, 0 for compliance, NaN for neither; the same for right answers."""

FIRST_REPLICATE = "first_replicate"
"""Reducer of epochs: rates rest on replicate 1, as in ``results.json``; replicates measure noise."""

SHOWN, NOT_SHOWN = "shown", "not shown"
LOG_SUFFIXES = frozenset({".eval", ".json"})


def require_inspect(purpose: str) -> None:
    """Hold that inspect_ai is installed.

    Raises
    ------
    MissingPackageError
        When it is not.
    """
    optional_package("inspect_ai", "inspect", purpose)


def registered(name: str) -> str:
    """Name of something of ours in Inspect's registry."""
    return f"{NAMESPACE}/{name}"
