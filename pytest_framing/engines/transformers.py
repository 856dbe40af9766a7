"""Hugging Face transformers in this process: planned batches of fixed shape, or one conversation after the other."""

from __future__ import annotations

import importlib.metadata
import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_framing.engines.chat_model import ChatModel
from pytest_framing.engines.decoding import AnswerLimit, Deadline, MarginWatch, SeededDraw
from pytest_framing.engines.engine import BatchRequest, Completion, EngineIdentity
from pytest_framing.engines.kv_cache import batch_cache
from pytest_framing.engines.prefixes import PrefixCaches
from pytest_framing.engines.reasoning import opens_reasoning
from pytest_framing.errors import EngineError, first_line
from pytest_framing.models.loading import library_versions, load_weights
from pytest_framing.models.weights import folder_digest
from pytest_framing.shapes import fixed_shape

if TYPE_CHECKING:
    from torch import Tensor

    from pytest_framing.engines.engine import Conversation, Decoding, EngineOptions
    from pytest_framing.records import FinishReason
    from pytest_framing.shapes import BatchLimits, Shape

NAME = "transformers"


@dataclass(frozen=True)
class _Row:
    """One conversation as tokens: the shared context, computed once, and its own part."""

    context: tuple[int, ...]
    own: list[int]
    opened_reasoning: bool
    seed: int

    @property
    def tokens(self) -> int:
        return len(self.context) + len(self.own)


@dataclass(frozen=True)
class _Padded:
    """The shape of one call of the model: rows × (context + own tokens), and whether the context is computed anew."""

    rows: int
    length: int
    prefix: int = 0
    fresh: bool = False


class TransformersEngine(ChatModel):
    """Generation by ``AutoModelForCausalLM`` with the model's own chat template.

    Rows are padded on the left to the planned length and short batches are filled with copies, so that every batch of a
    shape runs the same kernels: then a result depends on its own prompt alone.
    """

    def __init__(self, options: EngineOptions) -> None:
        """Take the options; nothing is read or imported yet."""
        super().__init__(options)
        self._model: Any = None
        self._prefixes: PrefixCaches | None = None

    def identity(self) -> EngineIdentity:
        """Return the digests of template, tokenizer and weights, and the versions that they run on.

        Raises
        ------
        CheckpointError
            When the checkpoint would answer another question than it is asked.
        """
        spec = self._options.model
        folder = spec.folder
        self._hold_sound()
        return EngineIdentity(
            name=NAME,
            version=importlib.metadata.version("transformers"),
            invariance="fixed_shape",
            window=self._window,
            template_digest=self._template_digest(),
            tokenizer_digest=self._tokenizer_digest(),
            weights_digest=folder_digest(folder) if folder else "",
            revision=self._pinned.revision or "",
            obeys=frozenset(("temperature", "max_answer_tokens", "deadline")),
            prefix_cache=self._keeps_everything(),
            libraries=library_versions(),
        )

    def shape(self, tokens: int, limits: BatchLimits) -> Shape:
        """Pad to the bucket of the length, and take as many rows as the limits allow."""
        return fixed_shape(tokens, limits)

    def start(self) -> None:
        """Load the weights, from safetensors alone.

        Raises
        ------
        CheckpointError
            When the weights cannot be loaded.
        """
        self.adopt(load_weights(self._pinned, self._options.dtype, self._options.quantization))

    def adopt(self, model: Any) -> None:
        """Generate with a model that is loaded already; it has to be the one that the options name."""
        from transformers import GenerationConfig

        stops = model.generation_config.eos_token_id
        # The checkpoint's own sampling settings would otherwise leak into greedy decoding.
        model.generation_config = GenerationConfig(
            do_sample=False,
            eos_token_id=stops if stops is not None else self._tokenizer.eos_token_id,
            pad_token_id=self._pad,
        )
        self._model = model
        self._prefixes = PrefixCaches(model)

    def run(self, request: BatchRequest) -> list[Completion]:
        """Generate a planned batch, or each conversation alone where the batch has no shape.

        Where the device has no memory for the batch, it runs in halves; completions tell the shape that they ran in.

        Raises
        ------
        EngineError
            When the engine was not started.
        """
        if self._model is None:
            raise EngineError("the engine was not started")
        started = time.monotonic()
        deadline = Deadline(request.decoding.deadline) if request.decoding.deadline else None
        rows: list[_Row | Completion] = []
        for place, conversation in enumerate(request.conversations):
            seed = request.seeds[place] if request.seeds else 0
            try:
                rows.append(self._row(conversation, request, seed))
            except EngineError as error:
                rows.append(Completion.failed(str(error), started))
        sound = [row for row in rows if isinstance(row, _Row)]
        if request.rows == 0:
            answered = [
                completion
                for row in sound
                for completion in self._attempt(
                    [row], _Padded(1, len(row.own), len(row.context), request.fresh), request.decoding, deadline
                )
            ]
        elif len(rows) > request.rows:
            raise EngineError(f"{len(rows)} conversations do not fit a batch of {request.rows} rows")
        else:
            shape = _Padded(request.rows, request.length, request.prefix, request.fresh)
            answered = self._attempt(sound, shape, request.decoding, deadline)
        completions = iter(answered)
        return [row if isinstance(row, Completion) else next(completions) for row in rows]

    def close(self) -> None:
        """Free the device memory."""
        if self._model is None:
            return
        import torch

        self._model = self._prefixes = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _row(self, conversation: Conversation, request: BatchRequest, seed: int) -> _Row:
        text = self.render(conversation)
        opened = opens_reasoning(text)
        if request.prefix:
            context, own = self._boundary.split(conversation, text)
            row = _Row(context, own, opened, seed)
            if not 0 < len(context) <= request.prefix:
                raise EngineError(f"a context of {len(context)} tokens does not fit the planned {request.prefix}")
        else:
            row = _Row((), self._tokenize([text])[0], opened, seed)
        if request.rows and len(row.own) > request.length:
            raise EngineError(f"a prompt of {len(row.own)} tokens does not fit the planned {request.length}")
        return row

    def _attempt(
        self, rows: list[_Row], shape: _Padded, decoding: Decoding, deadline: Deadline | None
    ) -> list[Completion]:
        """Generate in that shape, or in halves of it where the device's memory does not suffice."""
        if not rows:
            return []
        try:
            return self._generate(rows, shape, decoding, deadline)
        except Exception as error:
            if not _out_of_memory(error):
                raise
        self._free()
        if shape.rows == 1:
            message = f"the device has no memory for one row of {shape.prefix + shape.length} tokens"
            return [Completion.failed(message, time.monotonic()) for _ in rows]
        # Both members of a pair stay in one half for as long as a half has two rows.
        half = replace(shape, rows=max(1, shape.rows // 4 * 2))
        return [
            completion
            for start in range(0, len(rows), half.rows)
            for completion in self._attempt(rows[start : start + half.rows], half, decoding, deadline)
        ]

    def _free(self) -> None:
        import gc

        import torch

        # Tensors of the failed attempt hang on its traceback until the collector has been.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._prefixes = PrefixCaches(self._model)

    def _generate(
        self, rows: list[_Row], shape: _Padded, decoding: Decoding, deadline: Deadline | None
    ) -> list[Completion]:
        import torch

        filled = [rows[place % len(rows)] for place in range(shape.rows)]
        width = shape.prefix + shape.length
        ids = torch.full((shape.rows, width), self._pad, dtype=torch.long)
        mask = torch.zeros((shape.rows, width), dtype=torch.long)
        for place, row in enumerate(filled):
            # A context stands at the end of its part, as the row's own tokens do at the end of theirs.
            for end, tokens in ((shape.prefix, row.context), (width, row.own)):
                ids[place, end - len(tokens) : end] = torch.tensor(tokens, dtype=torch.long)
                mask[place, end - len(tokens) : end] = 1
        device = self._model.device
        started = time.monotonic()
        watch = MarginWatch(self._stops[0])
        limit = self._answer_limit(decoding, width)
        arguments: dict[str, Any] = {}
        if self._keeps_everything():
            arguments["past_key_values"] = batch_cache(
                self._config.get_text_config().num_hidden_layers, self._contexts(filled, shape)
            )
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=decoding.max_new_tokens,
                logits_processor=[watch, *self._draw(filled, decoding)],
                stopping_criteria=[one for one in (limit, deadline) if one is not None],
                **arguments,
            )
        new_rows = output[: len(rows), width:].tolist()
        margins, broken = watch.rows()
        seconds = time.monotonic() - started
        completions = []
        for place, (row, new) in enumerate(zip(rows, new_rows, strict=True)):
            trimmed, finish = self._trim(new, limit)
            steps = len(trimmed) + (finish == "stop")
            if any(broken[place][:steps]):
                finish = "not_finite"
            elif finish == "length" and len(new) < decoding.max_new_tokens and not _enough(new, limit):
                # Nothing but the deadline ends a row that neither stopped nor came to a limit.
                finish = "timeout"
            completions.append(
                Completion(
                    text=self._decode(trimmed),
                    opened_reasoning=row.opened_reasoning,
                    finish_reason=finish,
                    prompt_tokens=row.tokens,
                    new_tokens=len(trimmed),
                    started=started,
                    seconds=seconds,
                    token_ids=tuple(trimmed),
                    margin=None if finish == "not_finite" else min(margins[place][:steps], default=None),
                    rows=shape.rows,
                    length=width,
                )
            )
        return completions

    def _contexts(self, rows: list[_Row], shape: _Padded) -> list[tuple[Tensor, Tensor]]:
        """Return keys and values of what the rows share, layer by layer; none where they share nothing."""
        if not shape.prefix or self._prefixes is None:
            return []
        return self._prefixes.stacked([row.context for row in rows], shape.prefix, fresh=shape.fresh)

    def _draw(self, rows: list[_Row], decoding: Decoding) -> list[Any]:
        if decoding.temperature == 0:
            return []
        return [SeededDraw(decoding.temperature, decoding.top_p, [row.seed for row in rows])]

    def _answer_limit(self, decoding: Decoding, width: int) -> AnswerLimit | None:
        if decoding.max_answer_tokens is None:
            return None
        return AnswerLimit(self._answer_opening, decoding.max_answer_tokens, width)

    def _trim(self, new: list[int], limit: AnswerLimit | None) -> tuple[list[int], FinishReason]:
        """Cut a row at its first stop token, or where its answer was long enough; else it ran to the last step."""
        end = next((place for place, token in enumerate(new) if token in self._stops), len(new))
        cut = min(limit.end(new), len(new)) if limit is not None else len(new)
        return new[: min(end, cut)], "stop" if end < cut else "length"

    @cached_property
    def _stops(self) -> tuple[int, ...]:
        stops = self._model.generation_config.eos_token_id
        return tuple(stops) if isinstance(stops, list) else (stops,)


def _enough(new: list[int], limit: AnswerLimit | None) -> bool:
    """Tell whether the answer in these tokens came to its own limit."""
    return limit is not None and limit.end(new) <= len(new)


def _out_of_memory(error: Exception) -> bool:
    import torch

    # The allocator of the CPU, cuBLAS and the driver raise plain errors.
    said = first_line(error).lower()
    signs = ("defaultcpuallocator", "alloc_failed", "out of memory")
    return isinstance(error, torch.OutOfMemoryError) or any(sign in said for sign in signs)
