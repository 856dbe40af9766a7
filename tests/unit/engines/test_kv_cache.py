"""The cache in steps holds what transformers' own holds, and lets attention see no more."""

from __future__ import annotations

import pytest
import torch
from transformers import DynamicCache

from pytest_framing.engines.kv_cache import ROOM, batch_cache


@pytest.mark.parametrize("steps", [[3], [5, 1, 1, 1], [ROOM, 2, 1], [1, ROOM + 7, 1, 1]])
def test_it_holds_the_same_keys_and_values_step_by_step(steps: list[int]) -> None:
    torch.manual_seed(1)
    ours, theirs = batch_cache(2), DynamicCache()
    for tokens in steps:
        for layer in range(2):
            keys, values = torch.randn(2, 2, 3, tokens, 4)
            for found, expected in zip(
                ours.update(keys, values, layer), theirs.update(keys, values, layer), strict=True
            ):
                assert torch.equal(found, expected)
    assert ours.get_seq_length() == theirs.get_seq_length() == sum(steps)


def test_a_context_that_several_batches_start_from_is_left_as_it_was() -> None:
    keys, values = torch.randn(2, 1, 3, 6, 4)
    before = keys.clone()
    rows = [(keys.expand(4, -1, -1, -1), values.expand(4, -1, -1, -1))]
    for _ in range(2):
        started = batch_cache(1, rows)
        assert started.get_seq_length() == 6
        started.update(torch.ones(4, 3, 1, 4), torch.ones(4, 3, 1, 4), 0)
    assert torch.equal(keys, before)
