"""The computed times of the documentation rest on limits that were worked out before."""

from __future__ import annotations

import pytest

from bench.limits import (
    CARDS,
    GATE,
    HARMBENCH,
    LLAMA_8B,
    Job,
    floor_seconds,
    planned,
    transformers_seconds,
    vllm_seconds,
)


@pytest.mark.parametrize(("card", "rows", "seconds"), [("H100", 522, 16.1), ("H200", 800, 11.5)])
def test_the_floor_of_800_completions_is_the_published_one(card: str, rows: int, seconds: float) -> None:
    """As many rows at a time as the card's memory holds."""
    assert floor_seconds(CARDS[card], LLAMA_8B, Job(800, 300, 512, 800 / rows)) == pytest.approx(seconds, rel=0.02)


def test_no_engine_is_said_to_beat_the_floor() -> None:
    floor = floor_seconds(CARDS["H100"], LLAMA_8B, GATE)
    assert floor < min(transformers_seconds(GATE), vllm_seconds(GATE))


def test_the_batches_of_the_page_are_those_that_the_gate_plans() -> None:
    if not HARMBENCH.is_file():
        pytest.skip("HarmBench's file lies in ../shared, which is missing")
    assert planned(HARMBENCH) == GATE
