"""Judge 100,000 responses again by rules: ``python -m bench.rejudging``, as ``framing judge`` does it, in seconds.

The responses are XSTest's real completions, over and over. The time is set against that of reading the same ledger,
which every command that looks at a run has to do. Processor seconds tell what one core needs when nothing else runs.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pytest_framing.device import device
from pytest_framing.gates.evaluation import known_gates, parameter_models
from pytest_framing.import_run import ImportRequest, import_run
from pytest_framing.imported_records import ImportedRecord
from pytest_framing.judges.judge import RuleJudge
from pytest_framing.ledger import read_responses
from pytest_framing.records import VerdictLabel
from pytest_framing.rejudging import judge_again

RESPONSES = 100_000
ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "xstest" / "completions_llama2_new.csv"
RESULT = Path(__file__).with_name("results") / "rejudging.json"


def main() -> int:
    """Measure, and write the figures."""
    if not DATA.exists():
        sys.exit(f"{DATA.name} is not at hand: it lies in ../shared")
    with DATA.open(encoding="utf-8", newline="") as file:
        answers = [row["completion"] for row in csv.DictReader(file)]
    record = ImportedRecord(0, "", "free", "standard", 1, "", None, None, VerdictLabel.COMPLIANCE)
    records = [
        replace(
            record, prompt_id=str(number // 2), framing=("free", "paid")[number % 2], response=answers[number % 450]
        )
        for number in range(RESPONSES)
    ]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        request = ImportRequest(DATA, "llama2", "free", "paid", records)
        imported = import_run(request, folder, parameter_models(known_gates()), RuleJudge())
        began = time.perf_counter()
        read_responses(folder)
        reading = time.perf_counter() - began
        began, began_cpu = time.perf_counter(), time.process_time()
        outcome = judge_again(imported, folder, RuleJudge())
        judging, on_one_core = time.perf_counter() - began, time.process_time() - began_cpu
    document = {
        "machine": device(),
        "responses": outcome.added,
        "seconds": round(judging, 1),
        "processor_seconds": round(on_one_core, 1),
        "reading_the_ledger_seconds": round(reading, 1),
        "ratio": round(judging / reading, 1),
    }
    RESULT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
