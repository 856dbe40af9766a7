"""Harmony, the response format of gpt-oss: messages in channels, some of which a user is shown.

A response goes on where the chat template wrote ``<|start|>assistant``, with as many messages as it takes::

    <|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Grey.<|return|>

Source: openai/harmony, ``docs/format.md``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANNEL = "<|channel|>"
"""Tokenizers that have this token speak harmony."""
FINAL = f"{CHANNEL}final<|message|>"
"""What an answer begins with."""
MARKERS = ("<|start|>", CHANNEL, "<|constrain|>", "<|message|>", "<|end|>", "<|return|>", "<|call|>")

_MARKER = re.compile("|".join(map(re.escape, MARKERS)))
_BEGINNING = re.compile(rf"(?:<\|start\|>)?(?:assistant)?(?: ?to=\S{{1,80}} ?)?{re.escape(CHANNEL)}")
_HEADER = re.compile(
    rf"(?:<\|start\|>)?(?P<role>[^\s<]*)(?P<called>[^<]*)(?:{re.escape(CHANNEL)}\s*(?P<channel>\w*)(?P<called_too>[^<]*))?"
)


class ChannelMessage(NamedTuple):
    """One message of a response; ``shown`` says whether it is meant for the user."""

    shown: bool
    content: str


def is_harmony(text: str) -> bool:
    """Tell whether a response begins with the header of a message in a channel."""
    return _BEGINNING.match(text.lstrip()) is not None


def read_messages(text: str) -> list[ChannelMessage]:
    """Take a response apart.

    Shown are messages of the assistant in ``final``, and preambles: those in ``commentary`` that call no tool. A header
    that was cut off, and text between messages, are messages that are not shown.
    """
    messages = []
    header, content, begun = "", "", False
    for marker, piece in _pieces(text):
        if marker == "<|message|>" and not begun:
            begun, content = True, piece
        elif marker == "<|message|>":
            content += piece
        elif marker in ("<|channel|>", "<|constrain|>") and not begun:
            header += marker + piece
        else:
            messages.append(_message(header, content, begun))
            header, content, begun = (marker if marker in ("<|start|>", CHANNEL) else "") + piece, "", False
    messages.append(_message(header, content, begun))
    return [message for message in messages if message is not None]


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield each marker with the text up to the next one; at first there is none."""
    marker, end = "", 0
    for match in _MARKER.finditer(text):
        yield marker, text[end : match.start()]
        marker, end = match.group(), match.end()
    yield marker, text[end:]


def _message(header: str, content: str, begun: bool) -> ChannelMessage | None:
    """Return a message; nothing where there is neither header nor content."""
    if not begun:
        return ChannelMessage(False, header.strip()) if header.strip() else None
    found = _HEADER.match(header)
    assert found is not None
    calls = "to=" in (found["called"] or "") or "to=" in (found["called_too"] or "")
    shown = found["role"] in ("", "assistant") and found["channel"] in ("final", "commentary") and not calls
    return ChannelMessage(shown, content.strip())
