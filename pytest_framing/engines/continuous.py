"""Continuous batching by transformers: conversations come and go in one running batch, and nothing is invariant."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pytest_framing.device import gpu_names
from pytest_framing.engines.engine import Completion
from pytest_framing.engines.reasoning import OPEN
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import EngineError
from pytest_framing.shapes import free_shape

if TYPE_CHECKING:
    from pytest_framing.engines.engine import BatchRequest, EngineIdentity
    from pytest_framing.shapes import BatchLimits, Shape

NAME = "transformers-continuous"


class ContinuousEngine(TransformersEngine):
    """Generation by ``generate_batch``, greedily; on a GPU it takes flash attention to be worth it.

    What shares the running batch changes from step to step, and in half precision results change with it: this engine
    promises no invariance. Conversations of one planned batch run together.
    """

    def identity(self) -> EngineIdentity:
        """Return what the engine is.

        Raises
        ------
        EngineError
            On a machine with a GPU and without flash attention.
        """
        if gpu_names() and find_spec("flash_attn") is None:
            raise EngineError(
                f"--framing-engine {NAME}: the package flash-attn is not installed, and without it planned batches "
                "are faster; install it, or leave the option out"
            )
        return replace(super().identity(), name=NAME, invariance="none", prefix_cache=False, draws_by_seed=False)

    def shape(self, tokens: int, limits: BatchLimits) -> Shape:
        """Nothing is padded."""
        return free_shape(limits)

    def run(self, request: BatchRequest) -> list[Completion]:
        """Generate for all conversations of the batch at once.

        Raises
        ------
        EngineError
            When the engine was not started.
        """
        if self._model is None:
            raise EngineError("the engine was not started")
        started = time.monotonic()
        decoding = request.decoding
        window = self.identity().window
        texts = [self.render(conversation) for conversation in request.conversations]
        tokens = self._tokenize(texts)
        # One that is too long would end every request of the batch, with a line in the log as the only sign.
        fitting = [row for row in tokens if len(row) + decoding.max_new_tokens <= window]
        results: dict[tuple[int, ...], list[Any]] = defaultdict(list)
        for result in self._model.generate_batch(fitting, max_new_tokens=decoding.max_new_tokens).values():
            results[tuple(result.prompt_ids)].append(result)
        seconds = time.monotonic() - started
        completions = []
        for text, row in zip(texts, tokens, strict=True):
            found = results[tuple(row)]
            if len(row) + decoding.max_new_tokens > window:
                message = f"a prompt of {len(row)} tokens does not fit the window of {window} with its answer"
                completions.append(Completion.failed(message, started))
            elif not found or found[0].error is not None:
                why = found[0].error if found else "it was lost"
                completions.append(Completion.failed(f"continuous batching gave no answer: {why}", started))
            else:
                new, finish = self._trim(list(found.pop(0).generated_tokens), None)
                completions.append(
                    Completion(
                        text=self._decode(new),
                        opened_reasoning=text.rstrip().endswith(OPEN),
                        finish_reason=finish,
                        prompt_tokens=len(row),
                        new_tokens=len(new),
                        started=started,
                        seconds=seconds,
                        token_ids=tuple(new),
                        rows=request.rows,
                    )
                )
        return completions
