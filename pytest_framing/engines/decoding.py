"""What happens between the logits of a step and its token: watching margins, drawing by seed, and stopping rows.

Each class is a logits processor or a stopping criterion of ``transformers``; torch comes with the tensors.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class MarginWatch:
    """Records, for each step and row, the distance of the best logit from the second best.

    A row whose logits are not numbers, or infinite, is recorded as broken at that step, and ended by its stop token.
    """

    def __init__(self, stop_token: int) -> None:
        """Take the token that ends a broken row."""
        self._stop_token = stop_token
        self._margins: list[Tensor] = []
        self._broken: list[Tensor] = []
        self._ended: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Look at the logits (rows × vocabulary) of one step, and leave those of sound rows as they are."""
        # Whatever is no number counts as larger than any: it would be the best.
        best = scores.topk(2, dim=-1).values
        sound = best[:, 0].isfinite()
        self._broken.append(~sound)
        self._margins.append(best[:, 0] - best[:, 1])
        if self._ended is None:
            self._ended = scores.new_full((scores.shape[-1],), float("-inf"))
            self._ended[self._stop_token] = 0.0
        return scores.where(sound.unsqueeze(-1), self._ended)

    def rows(self) -> tuple[list[list[float]], list[list[bool]]]:
        """Return, for each row in step order, the margins, and whether the logits were none."""
        import torch

        if not self._broken:
            return [], []
        margins: list[list[float]] = torch.stack(self._margins, dim=1).tolist()
        broken: list[list[bool]] = torch.stack(self._broken, dim=1).tolist()
        return margins, broken


class SeededDraw:
    """Draws each row's token by the row's own generator, and leaves the drawn token as the only possible one.

    A draw inverts the distribution function at one uniform number, so that a row's draws depend on its seed and its
    own logits alone: neither on its neighbours nor on the device's generator.
    """

    def __init__(self, temperature: float, top_p: float, seeds: Sequence[int]) -> None:
        """Take the temperature (above 0), the mass of likeliest tokens that may be drawn, and one seed a row."""
        import torch

        self._temperature = temperature
        self._top_p = top_p
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Reduce the scores (rows × vocabulary) of one step to the token that is drawn."""
        import torch

        # In double precision: the running sum over a large vocabulary must not end short of 1.
        likeliest, tokens = (scores.double() / self._temperature).softmax(dim=-1).sort(dim=-1, descending=True)
        reached = likeliest.cumsum(dim=-1)
        # A token may be drawn when those before it hold less than top_p; the likeliest always may.
        mass = likeliest.where(reached - likeliest < self._top_p, 0.0).cumsum(dim=-1)
        uniform = torch.stack([torch.rand(1, generator=one, dtype=torch.float64) for one in self._generators])
        place = torch.searchsorted(mass, uniform.to(mass.device) * mass[:, -1:])
        drawn = tokens.gather(-1, place.clamp(max=tokens.shape[-1] - 1))
        return torch.full_like(scores, float("-inf")).scatter(-1, drawn, 0.0)


class AnswerLimit:
    """Stops a row when its reasoning has closed and the answer after it has its number of tokens."""

    def __init__(self, close: Sequence[int], most: int, prompt_length: int) -> None:
        """Take the tokens that close a reasoning, the limit, and how many tokens stand before the new ones."""
        self._close = list(close)
        self._most = most
        self._prompt_length = prompt_length

    def __call__(self, input_ids: Tensor, scores: object, **kwargs: object) -> Tensor:
        """Return, for each row, whether it has said enough."""
        # The closing tokens have to stand wholly before the last `most` ones.
        before = input_ids[:, self._prompt_length : input_ids.shape[1] - self._most]
        if input_ids.shape[1] - self._prompt_length < self._most + len(self._close):
            return input_ids.new_zeros(input_ids.shape[0]).bool()
        windows = before.unfold(1, len(self._close), 1)
        return (windows == windows.new_tensor(self._close)).all(dim=-1).any(dim=-1)

    def end(self, new: Sequence[int]) -> int:
        """Return how many of the new tokens of a row count; past all of them where its reasoning has not closed."""
        width = len(self._close)
        for place in range(len(new) - width + 1):
            if list(new[place : place + width]) == self._close:
                return place + width + self._most
        return len(new) + 1


class Deadline:
    """Stops every row when the batch has had its time."""

    def __init__(self, seconds: float) -> None:
        """Take the time in seconds, from now."""
        self._end = time.monotonic() + seconds

    def __call__(self, input_ids: Tensor, scores: object, **kwargs: object) -> Tensor:
        """Return, for each row, whether time is up."""
        return input_ids.new_full((input_ids.shape[0],), int(time.monotonic() > self._end)).bool()
