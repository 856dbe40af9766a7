"""Hooks by which other plugins, or a ``conftest.py``, extend a gate run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_framing.engines.engine import Engine, EngineOptions
    from pytest_framing.gates.gate import Gate
    from pytest_framing.judges.judge import Judge
    from pytest_framing.records import PromptSet


@pytest.hookspec
def pytest_framing_engines() -> Mapping[str, Callable[[EngineOptions], Engine]]:  # type: ignore[empty-body]
    """Return engines by the name that ``--framing-engine`` takes.

    An engine keeps the protocol :class:`pytest_framing.engines.engine.Engine`::

        def pytest_framing_engines():
            return {"mine": MyEngine}
    """


@pytest.hookspec
def pytest_framing_judges() -> Mapping[str, Callable[[], Judge]]:  # type: ignore[empty-body]
    """Return judges by the name that suites and ``--framing-judge`` take.

    A judge keeps the protocol :class:`pytest_framing.judges.judge.Judge`; its label, name and version, goes into every
    verdict::

        def pytest_framing_judges():
            return {"strict": StrictJudge}
    """


@pytest.hookspec
def pytest_framing_prompt_sources() -> Mapping[str, Callable[[], PromptSet]]:  # type: ignore[empty-body]
    """Return prompt sources by the name that a suite's ``prompts.source`` takes.

    A source is a function that returns a :class:`pytest_framing.records.PromptSet`::

        def pytest_framing_prompt_sources():
            return {"house_prompts": read_house_prompts}
    """


@pytest.hookspec
def pytest_framing_gates() -> Iterable[Gate]:  # type: ignore[empty-body]
    """Return gates that suites may ask for; one of a built-in name takes its place.

    See :class:`pytest_framing.gates.gate.Gate`::

        def pytest_framing_gates():
            return [Gate("answers_are_short", AnswersAreShort, judge_length, "complete", "rambling")]
    """
