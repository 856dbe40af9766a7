"""Two protocols field by field: where they differ, and whether weights or platform are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pytest_framing.fingerprint import DECIDING
from pytest_framing.json_documents import ABSENT, differences

if TYPE_CHECKING:
    from pytest_framing.fingerprint import Fingerprint

Kind = Literal["deciding", "subject", "informing"]
PLATFORM = ("device", "libraries", "engine")


@dataclass(frozen=True)
class FieldDifference:
    """One place in which two protocols differ; ``None`` where one of them has nothing there."""

    kind: Kind
    place: str
    base: Any
    candidate: Any

    @property
    def field(self) -> str:
        """Name of the field that the place is in."""
        return self.place.partition(".")[0]

    def document(self) -> dict[str, Any]:
        """Entry of JSON output."""
        return {"kind": self.kind, "place": self.place, "base": self.base, "candidate": self.candidate}


def protocol_differences(base: Fingerprint, candidate: Fingerprint) -> tuple[FieldDifference, ...]:
    """List every place in which two protocols differ: deciding fields first, then the subject, then what informs."""
    names = [name for name in {**base.deciding, **candidate.deciding} if name not in DECIDING]
    sections: tuple[tuple[Kind, Any, Any, tuple[str, ...]], ...] = (
        ("deciding", base.deciding, candidate.deciding, (*DECIDING, *names)),
        ("subject", base.subject, candidate.subject, tuple({**base.subject, **candidate.subject})),
        ("informing", base.informing, candidate.informing, tuple({**base.informing, **candidate.informing})),
    )
    return tuple(
        FieldDifference(kind, place, *(None if value is ABSENT else value for value in (mine, other)))
        for kind, ours, theirs, fields in sections
        for name in fields
        # A record of before a field was there has nothing in it, which is no news where the other says "" or no.
        if kind == "deciding" or ours.get(name) or theirs.get(name)
        for place, mine, other in differences(ours.get(name), theirs.get(name), name)
    )


def same_weights(ours: Fingerprint, theirs: Fingerprint) -> bool:
    """Tell whether both runs are known to have loaded the same weights; unknown weights are not the same."""
    names = ("weights", "revision")
    return any(ours.subject.get(name) for name in names) and all(
        ours.subject.get(name) == theirs.subject.get(name) for name in names
    )


def same_protocol(ours: Fingerprint, theirs: Fingerprint) -> bool:
    """Tell whether all deciding fields agree."""
    return dict(ours.deciding) == dict(theirs.deciding)


def same_platform(ours: Fingerprint, theirs: Fingerprint) -> bool:
    """Tell whether hardware, libraries and engine are the same, so that not one decision has an excuse to change."""
    return all(ours.informing.get(name) == theirs.informing.get(name) for name in PLATFORM)
