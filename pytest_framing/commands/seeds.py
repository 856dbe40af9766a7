"""Seeds of the commands that ask a model: given, drawn, or those of an earlier call whose findings stay."""

from __future__ import annotations

import secrets

from pytest_framing.errors import SettingsError


def given_or_drawn(given: int | None) -> int:
    """Return the seed of ``--seed``, or a fresh one."""
    return given if given is not None else secrets.randbelow(2**53)


def settled(given: int | None, seed: int, earlier: int | None, why: str) -> int:
    """Return the seed to go on with: that of an earlier call, where there was one.

    Parameters
    ----------
    given
        What ``--seed`` says.
    seed
        What :func:`given_or_drawn` made of it.
    earlier
        The seed on record.
    why
        What the error says of the seed on record, and of the ways out.

    Raises
    ------
    SettingsError
        When another seed was given than the one on record.
    """
    if earlier is None or earlier == seed:
        return seed
    if given is not None:
        raise SettingsError(f"--seed {given}: {why}")
    return earlier
