"""Code of a model's repository runs where the registry says so alone, and header, results and receipt say so too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_framing.models import registry

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject

SAID = "*executes code of the model's own repository*"


@pytest.mark.parametrize("trusted", [True, False])
def test_header_results_and_receipt_say_whether_remote_code_is_trusted(
    project: GateProject, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    entries = {"tiny": {**registry.registry()["tiny"], "trust_remote_code": trusted}}
    monkeypatch.setattr(registry, "registry", lambda: entries)
    project.write_prompts(2)
    result = project.run()
    if trusted:
        result.stdout.fnmatch_lines([SAID])
    else:
        result.stdout.no_fnmatch_line(SAID)
    (fields,) = project.results()["protocol"]["fields"].values()
    assert fields["subject"]["trust_remote_code"] is trusted
    receipt = json.loads((project.latest() / "receipt.json").read_text(encoding="utf-8"))
    assert receipt["predicate"]["framing"]["model"]["trust_remote_code"] is trusted
