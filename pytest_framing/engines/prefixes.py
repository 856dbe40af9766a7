"""Contexts that many cases share, computed once: their token boundary, and their caches stacked for a batch."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import EngineError
from pytest_framing.framings import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from pytest_framing.engines.engine import Conversation

# The two framings of a pair, and of the batch after it.
KEPT = 4
_PROBES = ("a", "1")
# Texts of contexts whose boundary is remembered: a batch asks for the same ones again and again.
_REMEMBERED = 64


class ContextBoundary:
    """Splits conversations where their shared messages end, in text and so in tokens.

    The boundary is what two different continuations of the context have in common, cut back to the last special token:
    there tokenizers split, so that the parts have the tokens of the whole. It depends on the context alone.
    """

    def __init__(
        self,
        render: Callable[[Conversation], str],
        tokenize: Callable[[Sequence[str]], list[list[int]]],
        specials: Sequence[str],
    ) -> None:
        """Take the chat template, the tokenizer, and the texts of its special tokens."""
        self._render = render
        self._tokenize = tokenize
        self._specials = tuple(special for special in specials if special)
        self._known: OrderedDict[tuple[Message, ...], tuple[str, tuple[int, ...]]] = OrderedDict()

    def split(self, conversation: Conversation, text: str) -> tuple[tuple[int, ...], list[int]]:
        """Return the tokens of the shared messages, empty without any, and the tokens of the rest.

        ``text`` is the conversation as the template writes it.

        Raises
        ------
        EngineError
            When the model's template does not let a context stand for itself.
        """
        context, tokens = self._boundary(conversation)
        if not text.startswith(context):
            raise EngineError(
                "the chat template writes the shared messages differently before this request, so that they cannot be "
                "computed once; set prefix_reuse: false under execution in the suite"
            )
        return tokens, self._tokenize([text[len(context) :]])[0]

    def shared_tokens(self, conversation: Conversation, text: str) -> tuple[int, ...]:
        """Return the tokens of the shared messages, once both parts were seen to have the tokens of the whole.

        Raises
        ------
        EngineError
            As for :meth:`split`, and where the parts have others.
        """
        shared, own = self.split(conversation, text)
        if shared:
            self._hold_apart([*shared, *own], self._tokenize([text])[0])
        return shared

    def _boundary(self, conversation: Conversation) -> tuple[str, tuple[int, ...]]:
        shared = tuple(message for message in conversation if message.shared)
        if not shared or tuple(conversation[: len(shared)]) != shared or len(shared) == len(conversation):
            return "", ()
        if shared in self._known:
            self._known.move_to_end(shared)
            return self._known[shared]
        role = conversation[len(shared)].role
        first, second = (self._render((*shared, Message(role, probe))) for probe in _PROBES)
        common = _common_prefix(first, second)
        end = max((common.rfind(special) + len(special) for special in self._specials if special in common), default=0)
        context = common[: end or len(common)]
        whole, start, rest = self._tokenize([first, context, first[len(context) :]])
        self._hold_apart(start + rest, whole)
        self._known[shared] = (context, tuple(start))
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return self._known[shared]

    @staticmethod
    def _hold_apart(parts: Sequence[int], whole: Sequence[int]) -> None:
        if parts != whole:
            raise EngineError(
                "the model's tokenizer joins the shared messages to what follows them, so that they cannot be computed "
                "once; set prefix_reuse: false under execution in the suite"
            )


def _common_prefix(first: str, second: str) -> str:
    length = next((index for index, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(first))
    return first[:length]


class PrefixCaches:
    """Keys and values of the contexts that were needed last."""

    def __init__(self, model: Any) -> None:
        """Compute on that model."""
        self._model = model
        self._kept: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def stacked(
        self, rows: Sequence[tuple[int, ...]], length: int, *, fresh: bool = False
    ) -> list[tuple[Tensor, Tensor]]:
        """Return keys and values of each layer with one context a row, padded on the left to ``length`` tokens.

        A context is computed alone and at its own length, so that it depends on itself alone; with ``fresh`` it is
        computed once more.
        """
        import torch

        pad = torch.nn.functional.pad
        caches = {tokens: self._prefilled(tokens, fresh) for tokens in dict.fromkeys(rows)}
        stacked = []
        for index in range(len(caches[rows[0]].layers)):
            padded = {
                tokens: tuple(
                    pad(part, (0, 0, length - len(tokens), 0))
                    for part in (cache.layers[index].keys, cache.layers[index].values)
                )
                for tokens, cache in caches.items()
            }
            if len(padded) == 1:
                keys, values = (part.expand(len(rows), -1, -1, -1) for part in padded[rows[0]])
            else:
                keys, values = (torch.cat([padded[row][part] for row in rows]) for part in (0, 1))
            stacked.append((keys, values))
        return stacked

    def _prefilled(self, tokens: tuple[int, ...], fresh: bool) -> Any:
        import torch
        from transformers import DynamicCache

        if tokens in self._kept and not fresh:
            self._kept.move_to_end(tokens)
            return self._kept[tokens]
        cache = DynamicCache(config=self._model.config)
        ids = torch.tensor([tokens], device=self._model.device)
        with torch.inference_mode():
            # The logits of the last position alone: of a long context, all of them would fill the device.
            self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        self._kept[tokens] = cache
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return cache
