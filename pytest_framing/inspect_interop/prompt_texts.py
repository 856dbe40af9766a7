"""The texts of a run's prompts, which its folder does not hold: read again from where they came, digests compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.errors import FramingError
from pytest_framing.framings import suite_catalogue
from pytest_framing.prompt_sources import read_hub, synthetic
from pytest_framing.prompts import read_prompts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_framing.records import Prompt, PromptSummary
    from pytest_framing.suite import Suite


def prompt_texts(suite: Suite, summary: PromptSummary) -> Mapping[tuple[str, str], Prompt]:
    """Return prompts and questions by id and digest; empty of what is no longer where it was."""
    prompts = [*_prompts(summary), *(question.prompt() for question in suite_catalogue(suite).questions)]
    return {(prompt.id, prompt.digest): prompt for prompt in prompts}


def _prompts(summary: PromptSummary) -> Iterable[Prompt]:
    try:
        if summary.origin == "embedded":
            return synthetic("read again").prompts
        if summary.origin.startswith("hub:"):
            name = summary.origin.removeprefix("hub:")
            return read_hub(name, summary.revision, resolution="read again").prompts
        return read_prompts(Path(summary.origin))[1]
    except FramingError:
        return ()
