"""The day that chat templates write: the same on every day.

The templates of gpt-oss, Llama 3.2 and others write today's date into the system turn. A run would read other prompts
after midnight than before, could not be resumed the next day, and no baseline of yesterday would be comparable.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from pytest_framing.errors import CheckpointError

TODAY = datetime(2025, 1, 1, tzinfo=UTC)

# transformers lets templates call one function of time, and lets nobody put another in its place.
_CALL = re.compile(r"\bstrftime_now\s*\(\s*(?P<quote>['\"])(?P<format>[^'\"\\]*)(?P=quote)\s*,?\s*\)")
_OTHER_USE = re.compile(r"\bstrftime_now\b(?!\s+is\b)")
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def with_fixed_date(template: str, location: str) -> str:
    """Return a chat template in which :data:`TODAY` stands wherever it would write the day of the run.

    Raises
    ------
    CheckpointError
        When the template makes up the format of its date, so that nothing can stand for it.
    """
    fixed = _CALL.sub(lambda call: json.dumps(TODAY.strftime(call["format"]), ensure_ascii=False), template)
    if _OTHER_USE.search(_COMMENT.sub("", fixed)):
        raise CheckpointError(
            f"{location}: the chat template writes the day of the run in a format of its own making, so that prompts "
            "would differ from day to day; name a registry entry with a chat_template that does not"
        )
    return fixed
