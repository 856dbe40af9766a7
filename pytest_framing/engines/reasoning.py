"""Where the reasoning of a response ends and its answer begins.

Who knows the chat template knows whether it opened the reasoning; then a closing tag that nothing opened is a part of
the answer, and nobody can hide an answer by writing one after it. Of a text that came without its template nobody
knows: there such a tag ends a reasoning, as in the raw output of a model whose template opens it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_framing.engines.harmony import is_harmony, read_messages

OPEN = "<think>"
CLOSE = "</think>"

# Where a line begins with the opening tag, or where a reasoning was closed right before it; code is no reasoning.
_REASONING = re.compile(
    rf"```.*?```|(?:^|(?<={CLOSE}))[ \t]*{OPEN}(?P<reasoning>.*?)(?P<close>{CLOSE}|\Z)", re.DOTALL | re.MULTILINE
)
_TAG = re.compile(rf"(?P<quote>[`\"'])(?:{OPEN}|{CLOSE})(?P=quote)|(?P<tag>{OPEN}|{CLOSE})")


class SplitResponse(NamedTuple):
    """A response in its two parts; ``cut`` says that it ended inside its reasoning, so that there is no answer."""

    reasoning: str
    answer: str
    cut: bool


def opens_reasoning(rendered: str) -> bool:
    """Tell whether a rendered conversation ends inside a reasoning that the chat template has opened."""
    return rendered.rstrip().endswith(OPEN)


def closes_unopened(text: str) -> bool:
    """Tell whether a text closes a reasoning that it did not open; a tag between quotes is only mentioned."""
    return _unopened_close(text) is not None


def _unopened_close(text: str) -> re.Match[str] | None:
    first = next((match for match in _TAG.finditer(text) if match["tag"]), None)
    return first if first and first["tag"] == CLOSE else None


def split_reasoning(text: str, *, opened: bool | None) -> SplitResponse:
    """Split the new tokens of a response.

    Parameters
    ----------
    text
        Decoded new tokens, end-of-sequence token removed.
    opened
        Whether the chat template opened the reasoning itself, so that the text begins inside it. ``None`` where nobody
        knows: then it did if the text closes a reasoning that it did not open.

    Returns
    -------
    SplitResponse
        Without any reasoning, all of the text is the answer. A reasoning that is not closed leaves no answer. One that
        a later line opens is taken out of the answer: no judge may take reasoning for an answer. Of a response in
        harmony, what its user is shown is the answer; one that does not end with that has none.
    """
    if not opened and is_harmony(text):
        return _split_messages(text)
    begun = text.lstrip()
    reasonings: list[str] = []
    cut = False
    if opened:
        # A model may write the opening tag again after a template that opened it.
        begun = OPEN + begun.removeprefix(OPEN)
    elif opened is None and (close := _unopened_close(begun)):
        reasonings.append(begun[: close.start()].strip())
        begun = begun[close.end() :]

    def take_out(match: re.Match[str]) -> str:
        nonlocal cut
        if match["reasoning"] is None:
            return match.group()
        reasonings.append(match["reasoning"].strip().removeprefix(OPEN).strip())
        cut = not match["close"]
        return ""

    answer = _REASONING.sub(take_out, begun)
    return SplitResponse("\n".join(reasonings), "" if cut else answer.strip(), cut)


def _split_messages(text: str) -> SplitResponse:
    messages = read_messages(text)
    cut = not messages[-1].shown
    shown, kept = (
        "\n".join(message.content for message in messages if message.shown is wanted) for wanted in (True, False)
    )
    return SplitResponse(kept, "" if cut else shown, cut)
