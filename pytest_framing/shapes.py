"""The fixed shapes that batches run in: what makes a result depend on its own prompt alone."""

from __future__ import annotations

from typing import NamedTuple

from pytest_framing.errors import PromptError

LONGEST = 2**18


def _lengths(an_octave: int) -> tuple[int, ...]:
    """Padded lengths in tokens: so many to an octave, where that is at least 8 tokens apart."""
    steps = {2**power * part // an_octave for power in range(4, 18) for part in range(an_octave, 2 * an_octave)}
    return (*sorted(step for step in steps if step % 8 == 0), LONGEST)


# Each length has a last batch that is filled with copies: the more rows a batch has, the more that costs, and the less
# weighs what rows are padded. For HarmBench the shipped suite plans 113 batches of 32 rows and 60 of 64 with these, and
# 142 and 104 with eight lengths to an octave throughout.
_FEW_ROWS, _SOME_ROWS = 16, 32
_FINE, _MIDDLE, _COARSE = _lengths(8), _lengths(4), _lengths(2)


class Shape(NamedTuple):
    """Rows × padded length in tokens; a length of 0 says that the engine pads nothing."""

    rows: int
    length: int


class BatchLimits(NamedTuple):
    """What bounds a batch: rows, and rows × padded length in tokens."""

    rows: int
    tokens: int


def buckets(rows: int) -> tuple[int, ...]:
    """Return the padded lengths for batches of at most so many rows, in tokens, ascending."""
    return _FINE if rows <= _FEW_ROWS else _MIDDLE if rows <= _SOME_ROWS else _COARSE


def bucket(length: int, rows: int) -> int:
    """Return the padded length for a prompt of ``length`` tokens in batches of at most ``rows``.

    Raises
    ------
    PromptError
        When no model could take it.
    """
    for size in buckets(rows):
        if length <= size:
            return size
    raise PromptError(f"a prompt of {length} tokens is longer than the longest bucket ({LONGEST})")


def fixed_shape(tokens: int, limits: BatchLimits) -> Shape:
    """Return the shape for a pair whose longer prompt has ``tokens``: its bucket, and as many rows as the limits allow.

    Rows are even and at least two: both members of a pair share a batch. Each row has a place of padding at least: a
    batch in which none has any is computed without a mask, by other kernels, and whether it is would depend on all of
    its rows.

    Raises
    ------
    PromptError
        When no model could take it.
    """
    length = bucket(tokens + 1, limits.rows)
    fitting = min(limits.rows, limits.tokens // length)
    return Shape(max(2, fitting // 2 * 2), length)


def free_shape(limits: BatchLimits) -> Shape:
    """Return the shape for an engine that schedules by itself: the limit of rows, whatever their lengths."""
    return Shape(limits.rows, 0)
