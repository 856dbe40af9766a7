"""What the documentation says is what the code and the measurements say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_framing.gates.evaluation import BUILTIN
from pytest_framing.gates.gate import Gate

ROOT = Path(__file__).parents[2]
GATES = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("gate", BUILTIN, ids=lambda gate: gate.name)
def test_every_gate_has_its_row_with_every_parameter(gate: Gate) -> None:
    name, parameters = gate.name, gate.parameters.model_fields
    row = next(line for line in GATES.splitlines() if line.startswith((f"| `{name}`", f"| `{name}:")))
    cell = row.split("|")[1]
    assert all(parameter in cell for parameter in parameters)


def test_the_simulated_rates_are_those_that_were_measured() -> None:
    measured = (ROOT / "bench" / "results" / "calibration.md").read_text(encoding="utf-8").splitlines()
    start = measured.index("| gate | false alarms | effect | power, n = 200 | power, n = 400 |")
    table = measured[start : measured.index("", start)]
    assert "\n".join(table) in GATES, "copy the table of bench/results/calibration.md into docs/gates.md"
