"""Measuring how fast batches of growing size run, and proposing one: it becomes part of the plan."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING

from pytest_framing.engines.engine import BatchRequest, Decoding
from pytest_framing.errors import EngineError
from pytest_framing.framings import builtin_catalogue, conversation
from pytest_framing.prompt_sources import synthetic
from pytest_framing.records import STANDARD_MODE
from pytest_framing.shapes import BatchLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_framing.engines.engine import Conversation, Engine

# Beyond this a larger batch costs memory and gains next to nothing.
ENOUGH = 0.95
_FRAMINGS = ("free", "paid")


@dataclass(frozen=True)
class BatchSpeed:
    """One batch size: rows, the planned length in tokens, and the fastest of its batches in seconds.

    ``fits`` is false where the device had no memory for it.
    """

    rows: int
    length: int
    seconds: float
    new_tokens: int
    fits: bool

    @property
    def cases_per_second(self) -> float:
        """Rows that are done in a second."""
        return self.rows / self.seconds if self.fits and self.seconds > 0 else 0.0


def measure_batches(
    engine: Engine, sizes: Sequence[int], max_new_tokens: int, placement: str, repeats: int
) -> Iterator[BatchSpeed]:
    """Time batches of each size on a started engine, smallest first, until one does not fit.

    Parameters
    ----------
    engine
        Started.
    sizes
        Rows, rising.
    max_new_tokens
        Limit of new tokens.
    placement
        Where the framing text goes, as in a suite.
    repeats
        Batches of each size that are timed, after one that is not.

    Raises
    ------
    EngineError
        When a batch cannot be answered for another reason than memory.
    """
    conversations = _conversations(placement)
    tokens = max(engine.count_tokens(conversations))
    for rows in sizes:
        shape = engine.shape(tokens, BatchLimits(rows, rows * tokens * 2))
        request = BatchRequest(
            list(islice(cycle(conversations), shape.rows)), shape.rows, shape.length, Decoding(max_new_tokens)
        )
        best, new_tokens, fits = float("inf"), 0, True
        for _ in range(repeats + 1):
            started = time.perf_counter()
            completions = engine.run(request)
            seconds = time.perf_counter() - started
            fits = all(not one.error and one.rows in (0, shape.rows) for one in completions)
            if not fits:
                break
            # The first batch of a shape pays for what later ones find ready.
            best = min(best, seconds) if new_tokens else float("inf")
            new_tokens = max(1, sum(one.new_tokens for one in completions))
        yield BatchSpeed(shape.rows, shape.length, best if fits else 0.0, new_tokens, fits)
        if not fits:
            return


def propose(speeds: Sequence[BatchSpeed]) -> BatchSpeed:
    """Return the smallest batch that is nearly as fast as the fastest.

    Raises
    ------
    EngineError
        When not even the smallest fits.
    """
    fastest = max((one.cases_per_second for one in speeds), default=0.0)
    if fastest == 0:
        raise EngineError("not even the smallest batch fits the device's memory; use --quantization or a larger device")
    return next(one for one in speeds if one.cases_per_second >= ENOUGH * fastest)


def _conversations(placement: str) -> list[Conversation]:
    """Pairs of the embedded, harmless prompts, as a gate run asks them."""
    catalogue = builtin_catalogue()
    prompts = synthetic("to measure with").prompts
    return [
        conversation(prompt, catalogue.framing(name), STANDARD_MODE, placement, catalogue)
        for prompt in prompts
        for name in _FRAMINGS
    ]
