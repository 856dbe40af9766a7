"""Continuous batching by transformers: conversations come and go in one running batch, and nothing is invariant."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pytest_framing.device import gpu_names
from pytest_framing.engines.engine import Completion
from pytest_framing.engines.reasoning import opens_reasoning
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import EngineError
from pytest_framing.shapes import free_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_framing.engines.engine import BatchRequest, Conversation, EngineIdentity
    from pytest_framing.shapes import BatchLimits, Shape

NAME = "transformers-continuous"
PAGE = 256
# Tokens that one step of the model reads at most: enough to keep a GPU busy. Without flash attention each step holds a
# mask of that many rows over the whole cache.
STEP = 1024


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
        return replace(super().identity(), name=NAME, invariance="none", prefix_cache=False, obeys=frozenset())

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
        if request.rows:
            return self._together(request.conversations, request)
        return [answer for one in request.conversations for answer in self._together([one], request)]

    @cached_property
    def _least_pages(self) -> int:
        """Pages for a share of the cache of each kind of layer, which is one for as many layers as all kinds divide."""
        layers = Counter(getattr(self._config.get_text_config(), "layer_types", None) or ())
        return math.ceil(len(layers) * math.lcm(*layers.values()) / layers.total()) if len(layers) > 1 else 0

    def _together(self, conversations: Sequence[Conversation], request: BatchRequest) -> list[Completion]:
        started = time.monotonic()
        limit = request.decoding.max_new_tokens
        asked: list[tuple[str, list[int]] | Completion] = []
        for conversation in conversations:
            try:
                text = self.render(conversation)
                tokens = self._tokenize([text])[0]
                # One that is too long would end every request of the batch, with a line in the log as the only sign.
                if len(tokens) + limit > self._window:
                    raise EngineError(
                        f"a prompt of {len(tokens)} tokens does not fit the window of {self._window} with its answer"
                    )
                asked.append((text, tokens))
            except EngineError as error:
                asked.append(Completion.failed(str(error), started))
        prompts = [one[1] for one in asked if not isinstance(one, Completion)]
        results: dict[tuple[int, ...], list[Any]] = defaultdict(list)
        made = self._model.generate_batch(
            prompts, max_new_tokens=limit, continuous_batching_config=_room_for(prompts, limit, self._least_pages)
        )
        for result in made.values():
            results[tuple(result.prompt_ids)].append(result)
        seconds = time.monotonic() - started
        return [
            one if isinstance(one, Completion) else self._completion(one, results, started, seconds, request.rows)
            for one in asked
        ]

    def _completion(
        self,
        asked: tuple[str, list[int]],
        results: Mapping[tuple[int, ...], list[Any]],
        started: float,
        seconds: float,
        rows: int,
    ) -> Completion:
        text, tokens = asked
        found = results.get(tuple(tokens))
        if not found or found[0].error is not None:
            why = found[0].error if found else "it was lost"
            return Completion.failed(f"continuous batching gave no answer: {why}", started)
        new, finish = self._trim(list(found.pop(0).generated_tokens), None)
        return Completion(
            text=self._decode(new),
            opened_reasoning=opens_reasoning(text),
            finish_reason=finish,
            prompt_tokens=len(tokens),
            new_tokens=len(new),
            started=started,
            seconds=seconds,
            token_ids=tuple(new),
            rows=rows,
        )


def _room_for(prompts: Sequence[Sequence[int]], new_tokens: int, least: int) -> Any:
    """Return how large the cache has to be for these prompts and their answers.

    Left to itself, each call takes nine tenths of the memory that is free: of the machine's, where there is no GPU.
    ``least`` is what the kinds of layers need between them.
    """
    from transformers import ContinuousBatchingConfig

    pages = sum(math.ceil((len(prompt) + new_tokens) / PAGE) for prompt in prompts)
    tokens = sum(len(prompt) for prompt in prompts)
    return ContinuousBatchingConfig(
        page_size=PAGE,
        # One page to spare for each prompt, whose last page is copied where prompts begin alike.
        num_blocks=pages + len(prompts) + least,
        max_batch_tokens=min(STEP, math.ceil(tokens / PAGE) * PAGE),
    )
