"""Where the reasoning of a response ends and its answer begins."""

from __future__ import annotations

from typing import NamedTuple

OPEN = "<think>"
CLOSE = "</think>"


class SplitResponse(NamedTuple):
    """A response in its two parts; ``cut`` says that it ended inside its reasoning, so that there is no answer."""

    reasoning: str
    answer: str
    cut: bool


def opens_reasoning(rendered: str) -> bool:
    """Tell whether a rendered conversation ends inside a reasoning that the chat template has opened."""
    return rendered.rstrip().endswith(OPEN)


def split_reasoning(text: str, *, opened: bool) -> SplitResponse:
    """Split the new tokens of a response.

    Parameters
    ----------
    text
        Decoded new tokens, end-of-sequence token removed.
    opened
        Whether the chat template opened the reasoning itself, so that the text begins inside it.

    Returns
    -------
    SplitResponse
        Without any reasoning, all of the text is the answer. A reasoning that is not closed leaves no answer. One that
        is opened again right after it was closed goes on: no judge may take reasoning for an answer.
    """
    begun = text.lstrip()
    if not opened:
        if not begun.startswith(OPEN):
            return SplitResponse("", text.strip(), cut=False)
        begun = begun.removeprefix(OPEN)
    reasoning, closed, answer = begun.partition(CLOSE)
    while answer.lstrip().startswith(OPEN):
        more, closed, answer = answer.lstrip().removeprefix(OPEN).partition(CLOSE)
        reasoning += f"\n{more}"
    # A model may write the opening tag again after a template that opened it.
    reasoning = reasoning.strip().removeprefix(OPEN).strip()
    return SplitResponse(reasoning, answer.strip(), cut=not closed)
