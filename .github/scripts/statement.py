"""Take a receipt apart for actions/attest: what it is about (checksums), and what it says (predicate).

Standard library alone: it runs on a GitHub-hosted machine on which nothing of this project is installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

RECEIPT = "receipt.json"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 255
LONGEST_SHOWN = 60


def main() -> int:
    """Write both files beside the receipt, unless a file that was uploaded is not the one that it names."""
    folder = Path(os.environ["ARTEFACT"])
    receipt = folder / RECEIPT
    if not receipt.is_file():
        sys.stdout.write(
            "::warning title=pytest-framing::There is no receipt to attest: the run ended before its gates.\n"
        )
        return _output("present", "false")
    try:
        document = json.loads(receipt.read_text(encoding="utf-8"), object_pairs_hook=_unique)
        predicate = document["predicate"]
        files = _files(document)
        subjects = files | _models(document, files)
    except _StrangeReceiptError as error:
        return _refuse(f"The receipt is not one that this workflow knows: {error}.")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _refuse(f"The receipt has another shape than this workflow knows ({type(error).__name__}).")
    for name, digest in files.items():
        # Responses stay where they were made: they are attested by the digest that the receipt has of them.
        if (folder / name).is_file() and _digest(folder / name) != digest:
            return _refuse(f"{name} of the artefact is not the one that the receipt names.")
    subjects[RECEIPT] = _digest(receipt)
    lines = "".join(f"{digest}  {name}\n" for name, digest in subjects.items())
    (folder / "subjects.sha256").write_text(lines, encoding="utf-8")
    (folder / "predicate.json").write_text(json.dumps(predicate), encoding="utf-8")
    return _output("present", "true")


class _StrangeReceiptError(Exception):
    """What a receipt holds that none of ours does, by the place in which it stands."""


def _files(document: dict[str, Any]) -> dict[str, str]:
    """Return the files that the receipt binds, by name and SHA-256."""
    if document["predicateType"] != PREDICATE_TYPE:
        raise _StrangeReceiptError(f"predicateType is {_shown(document['predicateType'])}")
    files: dict[str, str] = {}
    for number, one in enumerate(document["predicate"]["framing"]["files"]):
        place, name = f"predicate.framing.files[{number}]", one["name"]
        if name in files or not FILE.fullmatch(name):
            raise _StrangeReceiptError(f"{place}.name is {_shown(name)}")
        files[name] = _sha256(place, one)
    return files


def _models(document: dict[str, Any], files: dict[str, str]) -> dict[str, str]:
    """Return what the receipt is about by name and SHA-256; a model that is not known by digest is its own plan."""
    models: dict[str, str] = {}
    for number, one in enumerate(document["subject"]):
        # The action takes SHA-256 alone: a model that is known by its commit on the hub stands in the predicate.
        if "sha256" not in one["digest"]:
            continue
        place, name = f"subject[{number}]", one["name"]
        models[name] = _sha256(place, one)
        if not _is_model(name):
            raise _StrangeReceiptError(f"{place}.name is {_shown(name)}, which is no name of a model on one line")
        # One name would be attested with two digests, or a file with that of the weights.
        if name == RECEIPT or files.get(name, models[name]) != models[name]:
            raise _StrangeReceiptError(f"{place}.name is {_shown(name)}, as a file of the run is called")
    return models


def _sha256(place: str, one: dict[str, Any]) -> str:
    digest: str = one["digest"]["sha256"]
    if not DIGEST.fullmatch(digest):
        raise _StrangeReceiptError(f"{place}.digest.sha256 is {_shown(digest)}")
    return digest


def _is_model(name: str) -> bool:
    """Tell whether a name may stand in a signed text: a folder's or the hub's, printable, on one line, leading nowhere.

    It becomes the rest of a line behind a digest, which the action reads up to the end of the line.
    """
    return (
        0 < len(name) <= LONGEST_NAME
        and name == name.strip()
        # No control, format or separating character but the plain blank.
        and name.isprintable()
        and not {".", ".."} & set(name.split("/"))
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _StrangeReceiptError("a key stands twice in it")
    return found


def _shown(value: object) -> str:
    """Quote a value for a workflow command: one line, no character that steers, no more than a glance."""
    text = ascii(value)
    return (text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...").replace("%", "%25")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse(message: str) -> int:
    sys.stdout.write(f"::error title=pytest-framing::{message}\n")
    return 1


def _output(name: str, value: str) -> int:
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}={value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
