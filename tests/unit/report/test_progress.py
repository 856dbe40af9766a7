from __future__ import annotations

import pytest

from pytest_framing.report.progress import EVERY, FIRST, Progress, duration


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_now_and_then_says_how_far_the_run_is() -> None:
    clock = Clock()
    progress = Progress(1000, clock)
    lines = []
    for _ in range(401):
        lines.append(progress.add(20))
        clock.now += 0.125
    found = [line for line in lines if line]
    assert found[0] == "framing: 81 of 1,000 cases, 8.0 cases/s, 160 tokens/s, 2 min left"
    assert len(found) == 1 + int((50 - FIRST) // EVERY)


def test_the_first_case_which_waits_for_the_weights_does_not_count() -> None:
    clock = Clock()
    progress = Progress(100, clock)
    assert progress.add(5) == ""
    clock.now += FIRST
    assert "1 of" not in (line := progress.add(5))
    assert line.startswith("framing: 2 of 100 cases, 0.1 cases/s")


def test_a_short_run_says_nothing() -> None:
    clock = Clock()
    progress = Progress(50, clock)
    for _ in range(50):
        assert progress.add(3) == ""
        clock.now += 0.1


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (99, "99 s"), (150, "2 min"), (3600, "60 min"), (12_000, "3 h 20 min")]
)
def test_time_is_written_as_people_say_it(seconds: float, words: str) -> None:
    assert duration(seconds) == words
