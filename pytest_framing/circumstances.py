"""The circumstances of a conclusion: what the session knew, and plan and ledger do not hold.

They stand in the run folder, so that the conclusion can be drawn again from the folder alone, on any machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import LedgerError
from pytest_framing.json_documents import read_document, write_document
from pytest_framing.schemas import hold_to_schema

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_framing.records import CaseKey

SCHEMA_VERSION = 1
FILE = "circumstances.json"


@dataclass(frozen=True)
class Circumstances:
    """How a run was concluded.

    ``deselected`` are the cases that the user left out on purpose, one by one: a case that is missing for another
    reason is not among them. ``interrupted`` says that the run ended before its last case. ``waived`` names gates that
    do not hold it back. ``judge`` is the label of the judge whose verdicts counted, where it was not the run's own.
    ``without_baseline`` says, by suite, why there was no baseline. ``accuracy`` has what was known of each judge, by
    label, when the run was concluded; ``None`` where nothing was. ``calibrations`` has what labels of this very run
    said of it by then.
    """

    deselected: frozenset[CaseKey] = frozenset()
    interrupted: bool = False
    waived: frozenset[str] = frozenset()
    judge: str = ""
    without_baseline: Mapping[str, str] = field(default_factory=dict)
    accuracy: Mapping[str, Any] = field(default_factory=dict)
    calibrations: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Content of ``circumstances.json``."""
        deselected: dict[str, list[str]] = {}
        for suite, case in sorted(self.deselected):
            deselected.setdefault(suite, []).append(case)
        return {
            "schema_version": SCHEMA_VERSION,
            "deselected": deselected,
            "interrupted": self.interrupted,
            "waived": sorted(self.waived),
            "judge": self.judge,
            "without_baseline": dict(self.without_baseline),
            "accuracy": dict(self.accuracy),
            "calibrations": dict(self.calibrations),
        }


def write_circumstances(folder: Path, circumstances: Circumstances) -> None:
    """Write ``circumstances.json``.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    write_document(folder / FILE, circumstances.document())


def read_circumstances(folder: Path) -> Circumstances:
    """Read them back; a run that was never concluded has none out of the ordinary.

    Raises
    ------
    LedgerError
        When the file is damaged or of another shape.
    """
    path = folder / FILE
    if not path.is_file():
        return Circumstances()
    document = read_document(path, LedgerError)
    hold_to_schema(document, "circumstances", path, LedgerError)
    return Circumstances(
        frozenset((suite, case) for suite, cases in document["deselected"].items() for case in cases),
        document["interrupted"],
        frozenset(document["waived"]),
        document["judge"],
        document["without_baseline"],
        document["accuracy"],
        document["calibrations"],
    )
