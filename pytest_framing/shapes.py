"""The fixed shapes that batches run in: what makes a result depend on its own prompt alone."""

from __future__ import annotations

from typing import NamedTuple

from pytest_framing.errors import PromptError

# Padded lengths in tokens: powers of two, and half way between them. Each length has a last batch that is filled with
# copies, so that few lengths pay with padding and many pay with copies: the shipped suite on HarmBench at 64 rows takes
# 60 batches with these, 104 with eight lengths to an octave (and computes more prompt tokens there, too), 55 with one.
BUCKETS: tuple[int, ...] = (16, 24, *(size * 2**power for power in range(13) for size in (32, 48)), 262_144)


class Shape(NamedTuple):
    """Rows × padded length in tokens; a length of 0 says that the engine pads nothing."""

    rows: int
    length: int


class BatchLimits(NamedTuple):
    """What bounds a batch: rows, and rows × padded length in tokens."""

    rows: int
    tokens: int


def bucket(length: int) -> int:
    """Return the padded length for a prompt of ``length`` tokens.

    Raises
    ------
    PromptError
        When no model could take it.
    """
    for size in BUCKETS:
        if length <= size:
            return size
    raise PromptError(f"a prompt of {length} tokens is longer than the longest bucket ({BUCKETS[-1]})")


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
    length = bucket(tokens + 1)
    fitting = min(limits.rows, limits.tokens // length)
    return Shape(max(2, fitting // 2 * 2), length)


def free_shape(limits: BatchLimits) -> Shape:
    """Return the shape for an engine that schedules by itself: the limit of rows, whatever their lengths."""
    return Shape(limits.rows, 0)
