"""Between logits and token: margins are true, draws follow the distribution, rows stop where they should."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from pytest_framing.engines.decoding import AnswerLimit, Deadline, MarginWatch, SeededDraw

STOP = 3
NOTHING = torch.zeros((1, 1), dtype=torch.long)


def test_the_margin_is_the_distance_of_the_best_logit_from_the_second_best() -> None:
    watch = MarginWatch(STOP)
    for logits in ([[0.0, 5.0, 3.5, 1.0], [2.0, 2.0, 0.0, 0.0]], [[9.0, 0.0, 0.0, 8.0], [0.0, 1.0, 0.0, 0.0]]):
        scores = torch.tensor(logits)
        assert torch.equal(watch(NOTHING, scores), scores)
    assert watch.rows() == ([[1.5, 1.0], [0.0, 1.0]], [[False, False], [False, False]])


def test_a_row_without_numbers_is_ended_and_its_neighbour_goes_on() -> None:
    watch = MarginWatch(STOP)
    scores = torch.tensor([[0.0, float("nan"), 1.0, 0.0], [0.0, 4.0, 1.0, 0.0]])
    seen = watch(NOTHING, scores)
    assert seen[0].argmax() == STOP
    assert torch.equal(seen[1], scores[1])
    assert watch.rows()[1] == [[True], [False]]


def draws(temperature: float, top_p: float, logits: list[float], count: int) -> torch.Tensor:
    """Number of times that each token was drawn, each time by a generator of its own."""
    draw = SeededDraw(temperature, top_p, range(count))
    chosen = draw(NOTHING, torch.tensor([logits]).expand(count, -1)).argmax(dim=-1)
    return torch.bincount(chosen, minlength=len(logits))


def test_draws_follow_the_distribution_at_the_temperature() -> None:
    logits = [0.0, 1.0, 2.0, -1.0]
    counts = draws(0.7, 1.0, logits, 4000)
    expected = (torch.tensor(logits).double() / 0.7).softmax(dim=-1) * 4000
    assert chisquare(counts.numpy(), expected.numpy()).pvalue > 0.01


def test_top_p_leaves_out_what_is_behind_the_mass() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().tolist()
    counts = draws(1.0, 0.79, logits, 2000)
    assert counts[2:].tolist() == [0, 0]
    assert chisquare(counts[:2].numpy(), [2000 * 5 / 8, 2000 * 3 / 8]).pvalue > 0.01


def test_what_a_row_draws_depends_on_its_seed_and_not_on_its_neighbours() -> None:
    torch.manual_seed(5)
    scores = torch.randn(3, 50)
    alone = SeededDraw(1.0, 1.0, [7])
    among = SeededDraw(1.0, 1.0, [1, 7, 9])
    for _ in range(5):
        assert torch.equal(alone(NOTHING, scores[1:2])[0], among(NOTHING, scores)[1])


@given(st.lists(st.integers(0, 4), max_size=14), st.integers(1, 2), st.integers(1, 4))
def test_a_row_stops_at_the_step_where_its_answer_is_long_enough(new: list[int], width: int, most: int) -> None:
    limit = AnswerLimit([0, 1][:width], most, prompt_length=2)
    prompt = [0, 1]  # closing tokens in the prompt do not count
    stopped = [n for n in range(len(new) + 1) if limit(torch.tensor([prompt + new[:n]]), None).item()]
    end = limit.end(new)
    assert stopped == list(range(end, len(new) + 1))


def test_a_deadline_stops_every_row() -> None:
    late, early = Deadline(-1.0), Deadline(60.0)
    rows = torch.zeros((3, 4), dtype=torch.long)
    assert late(rows, None).tolist() == [True] * 3
    assert early(rows, None).tolist() == [False] * 3


@pytest.mark.parametrize("seed", [0, 2**62])
def test_any_case_seed_makes_a_generator(seed: int) -> None:
    SeededDraw(1.0, 1.0, [seed])(NOTHING, torch.zeros((1, 4)))
