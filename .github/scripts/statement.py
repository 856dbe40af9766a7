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

PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
DIGEST = re.compile(r"[0-9a-f]{64}")


def main() -> int:
    """Write both files beside the receipt, unless a file that was uploaded is not the one that it names."""
    folder = Path(os.environ["ARTEFACT"])
    receipt = folder / "receipt.json"
    if not receipt.is_file():
        sys.stdout.write(
            "::warning title=pytest-framing::There is no receipt to attest: the run ended before its gates.\n"
        )
        return _output("present", "false")
    document = json.loads(receipt.read_text(encoding="utf-8"))
    files = {one["name"]: one["digest"]["sha256"] for one in document["predicate"]["framing"]["files"]}
    # The action takes SHA-256 alone: a model that is known by its commit on the hub stands in the predicate.
    models = {one["name"]: one["digest"]["sha256"] for one in document["subject"] if "sha256" in one["digest"]}
    if (
        document["predicateType"] != PREDICATE_TYPE
        or not all(map(FILE.fullmatch, files))
        or not all(map(MODEL.fullmatch, models))
    ):
        return _refuse("The receipt is not one that this workflow knows.")
    subjects = {**files, **models}
    if not all(map(DIGEST.fullmatch, subjects.values())):
        return _refuse("The receipt holds a digest that is none.")
    for name, digest in files.items():
        # Responses stay where they were made: they are attested by the digest that the receipt has of them.
        if (folder / name).is_file() and _digest(folder / name) != digest:
            return _refuse("A file of the artefact is not the one that the receipt names.")
    subjects[receipt.name] = _digest(receipt)
    (folder / "subjects.sha256").write_text("".join(f"{digest}  {name}\n" for name, digest in subjects.items()))
    (folder / "predicate.json").write_text(json.dumps(document["predicate"]))
    return _output("present", "true")


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
