"""Keys and values of a batch in buffers that grow by steps.

``DynamicCache`` of transformers copies all keys and values for every new token; behind a long context that costs more
than the model does.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

# New tokens that a buffer has room for before it is copied into a larger one.
ROOM = 256


def batch_cache(layers: int, contexts: Sequence[tuple[Tensor, Tensor]] = ()) -> Any:
    """Return a cache for a model whose layers all attend to everything.

    Parameters
    ----------
    layers
        Layers of the model.
    contexts
        Keys and values that stand in each layer already, rows × heads × tokens × width.
    """
    from transformers import Cache

    made = [_layer_type()() for _ in range(layers)]
    for layer, (keys, values) in zip(made, contexts, strict=False):
        layer.update(keys, values)
    return Cache(layers=made)


@cache
def _layer_type() -> Any:
    from transformers.cache_utils import DynamicLayer

    class SteppedLayer(DynamicLayer):  # type: ignore[misc]  # its base is Any to mypy
        """A layer whose ``keys`` and ``values`` are the filled part of larger buffers."""

        keys: Tensor
        values: Tensor

        def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
            """Append to what is there; return all of it."""
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
                self._buffers: list[Tensor] = []
            held = self.get_seq_length()
            end = held + key_states.shape[-2]
            if not self._buffers or end > self._buffers[0].shape[-2]:
                parts = ((key_states, self.keys), (value_states, self.values))
                self._buffers = [_grown(states, filled, held, end + ROOM) for states, filled in parts]
            for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
                buffer[..., held:end, :] = states
            self.keys, self.values = (buffer[..., :end, :] for buffer in self._buffers)
            return self.keys, self.values

    return SteppedLayer


def _grown(like: Tensor, held: Tensor, length: int, capacity: int) -> Tensor:
    """Return a buffer of that capacity with the first ``length`` tokens filled."""
    buffer = like.new_empty((*like.shape[:-2], capacity, like.shape[-1]))
    if length:
        buffer[..., :length, :] = held
    return buffer
