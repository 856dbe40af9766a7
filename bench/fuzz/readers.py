"""The readers that are fuzzed: what each gets, and what is done with what it returns."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bench.fuzz.edits import Draw, as_json, edited
from pytest_framing import demonstration_pools, ledger, published, results
from pytest_framing.baseline import load_baseline
from pytest_framing.demonstration_pools import EMBEDDED
from pytest_framing.errors import FramingError
from pytest_framing.gates.evaluation import known_gates, parameter_models
from pytest_framing.imported_records import ImportLayout, read_imported
from pytest_framing.json_documents import document_digest
from pytest_framing.judges.calibration import Calibration
from pytest_framing.judges.motivation import Motivation
from pytest_framing.judges.review import Reading, agreement, read_answers
from pytest_framing.motivations import add_readings, read_key, read_motivations, read_readings
from pytest_framing.prompts import read_prompts
from pytest_framing.receipt.statement import read_receipt
from pytest_framing.records import VerdictLabel
from pytest_framing.run_folder import PLAN, read_plan
from pytest_framing.suite import load_suite
from pytest_framing.verification import verify
from tests.unit.builders import make_baseline, make_prompts, make_run, make_suite, table, write_run

ROOT = Path(__file__).parents[2]
RAW, EDITED = 0, 1
GATES: dict[str, dict[str, Any]] = {
    name: {}
    for name in (
        "complete",
        "order_randomized",
        "period_effect",
        "gap_contains_zero",
        "gap_equivalent",
        "flip_rate",
        "engine_noise",
        "excess_flips",
        "invalid_rate",
        "not_saturated",
        "power",
        "refusal_regression",
        "comparable",
    )
}
CELLS = {"both": 40, "human_only": 2, "judge_only": 1, "neither": 57}
CALIBRATION = {
    "schema_version": 1,
    "judge": "rules",
    "framings": {"free": CELLS, "paid": {**CELLS, "neither": 50}},
    "source": {"run": "r1", "suite": "teapots", "mode": "standard", "subject": {}, "protocol": "sha256:00"},
}
MOTIVATION = Motivation("teapots", "c1", "m", 1, "sycophancy", {"sycophancy": 12, "incoherent": 8}, 0, ((0, 4),))


@dataclass(frozen=True)
class Reader:
    """One reader: ``seeds`` are valid files, ``read`` takes a string of bytes as libFuzzer makes it."""

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes, Path], None]


def read_one(reader: Reader, data: bytes, folder: Path) -> None:
    """Let a reader read; our own errors are what bad input is to end in.

    The first byte says whether the others are the file itself, or choose what is changed in a valid one.
    """
    try:
        reader.read(data, folder)
    except FramingError:
        pass


@cache
def paper_run(folder: Path) -> Path:
    """Leave a finished run with every gate behind, to be changed; made of harmless nonsense."""
    source = folder / "paper"
    if source.exists():
        shutil.rmtree(source)
    source.mkdir(parents=True)
    suite = make_suite(controls={"repeat_fraction": 0.5, "placebo": True}, gates=GATES, stop={"early": True})
    cells = table(3, 1, 1, 3)
    run = make_run(cells, suite=suite, prompts=make_prompts(len(cells)))
    results.write_conclusion(write_run(run, source, weights=f"sha256:{'ab' * 32}"), source)
    stop = {
        "suite": suite.name,
        "mode": "standard",
        "last_case": run.cases[3].id,
        "pairs": 8,
        "planned": 8,
        "treatment_only": 8,
        "reference_only": 0,
        "log_e_value": 0.0,
        "threshold": 1.0,
    }
    from pytest_framing.stats.sequential import log_e_value

    stop["log_e_value"] = log_e_value(8, 0)
    (source / "stop.json").write_text(json.dumps({"schema_version": 1, "suites": {suite.name: stop}}), encoding="utf-8")
    make_baseline(run, source)
    return source


def _conclude(folder: Path, baseline: Any = None) -> results.Conclusion:
    record = read_plan(folder)
    found: Mapping[str, Any] = dict.fromkeys(record.suites, (baseline, "" if baseline else "none"))
    conclusion = results.conclude(record, folder, known_gates(), found)
    conclusion.document()
    return conclusion


def _working(folder: Path, *names: str) -> Path:
    """Return a run folder with these files of the finished run, and no other."""
    source, place = paper_run(folder), folder / "run"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name in names:
        shutil.copyfile(source / name, place / name)
    return place


def _suite(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    if data[:1] == bytes([RAW]):
        content = draw.rest()
    else:
        path = draw.choice(_suite_files())
        content = yaml.safe_dump(edited(yaml.safe_load(path.read_text(encoding="utf-8")), draw)).encode(
            "utf-8", "backslashreplace"
        )
    file = folder / "suite.yaml"
    file.write_bytes(content)
    load_suite(file, parameter_models(known_gates()))


@cache
def _suite_files() -> list[Path]:
    return sorted(ROOT.glob("suites/*/suite.yaml"))


def _prompts(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    columns = ["id", "text", "context", "category", "tags"]
    rows = [[f"p{number}", f"Describe teapot {number}.", "", "tea", "a,b"] for number in range(3)]
    file = folder / f"prompts.{draw.choice(('csv', 'jsonl'))}"
    file.write_bytes(_table(data[:1], draw, file.suffix, columns, rows))
    read_prompts(file)


def _imported(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    columns = ["prompt_id", "framing", "verdict", "response", "mode", "replicate", "category", "sequence"]
    rows = [
        ["p1", "free", "refusal", "No.", "standard", "1", "tea", "1"],
        ["p1", "paid", "compliance", "Yes.", "standard", "1", "tea", "2"],
        ["p2", "free", "2_full_refusal", "", "forcing", "2", "", "3"],
    ]
    file = folder / f"answers.{draw.choice(('csv', 'jsonl'))}"
    layout = draw.choice(
        (
            ImportLayout(),
            ImportLayout(columns={"prompt_id": "id"}),
            ImportLayout(wide={"free": "verdict", "paid": "response"}),
            ImportLayout(wide={"free": "verdict"}, wide_responses=True),
            ImportLayout(labels={"No.": VerdictLabel.REFUSAL}),
        )
    )
    file.write_bytes(_table(data[:1], draw, file.suffix, columns, rows))
    read_imported(file, layout)


def _table(kind: bytes, draw: Draw, suffix: str, columns: list[str], rows: Sequence[Sequence[Any]]) -> bytes:
    if kind == bytes([RAW]):
        return draw.rest()
    changed = edited([columns, *rows], draw)
    if suffix == ".csv":
        file = io.StringIO()
        writer = csv.writer(file)
        for row in changed if isinstance(changed, list) else []:
            writer.writerow(row if isinstance(row, list) else [row])
        return file.getvalue().encode("utf-8", "surrogatepass")
    lines = edited([dict(zip(columns, row, strict=True)) for row in rows], draw)
    return b"\n".join(as_json(line) for line in (lines if isinstance(lines, list) else [lines]))


def _ledger(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    kind = draw.choice(("responses", "verdicts"))
    place = _working(folder, PLAN, "responses.jsonl", "verdicts.jsonl")
    file = place / f"{kind}.jsonl"
    if data[:1] == bytes([RAW]):
        file.write_bytes(draw.rest())
    else:
        lines = file.read_bytes().splitlines()
        index = draw.number(len(lines))
        record = edited({name: value for name, value in json.loads(lines[index]).items() if name != "checksum"}, draw)
        if isinstance(record, dict):
            record["checksum"] = ledger._checksum(record)  # a forger can do as much
        lines[index] = as_json(record)
        file.write_bytes(b"\n".join(lines) + draw.choice((b"\n", b"", b'\n{"half": ')))
    ledger.read_responses(place)
    ledger.read_verdicts(place)
    _conclude(place)


def _plan(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    name = draw.choice((PLAN, PLAN, "stopped.json"))
    place = _working(folder, PLAN, "responses.jsonl", "verdicts.jsonl")
    if name == "stopped.json":
        shutil.copyfile(paper_run(folder) / "stop.json", place / name)
    file = place / name
    if data[:1] == bytes([RAW]):
        file.write_bytes(draw.rest())
    else:
        document = edited(json.loads(file.read_text(encoding="utf-8")), draw)
        if name == PLAN and isinstance(document, dict) and draw.number(8):
            _seal(document)
        file.write_bytes(as_json(document))
    _conclude(place)


def _seal(document: dict[str, Any]) -> None:
    """Give a changed plan the digests that it would have been written with, as a forger can."""
    try:
        plan = {
            suite: {name: entry[name] for name in ("prompts", "batches", "cases", "traits", "contexts", "pools")}
            for suite, entry in document["suites"].items()
        }
        for entry in plan.values():
            entry["prompts"] = {name: entry["prompts"][name] for name in ("count", "digest")}
            entry["pools"] = {name: pool["digest"] for name, pool in entry["pools"].items()}
        document["digest"] = document_digest(plan)
        document["record_digest"] = document_digest(
            {name: value for name, value in document.items() if name != "record_digest"}
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return


def _baseline(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    place = _working(folder, PLAN, "responses.jsonl", "verdicts.jsonl")
    source = draw.choice((paper_run(folder) / "baseline.json", *_published_files()))
    file = place / "baseline.json"
    if data[:1] == bytes([RAW]):
        file.write_bytes(draw.rest())
    else:
        file.write_bytes(as_json(edited(json.loads(source.read_text(encoding="utf-8")), draw)))
    if published.is_published(file):
        _conclude(place, published.load_published(file))
    else:
        _conclude(place, load_baseline(file))


@cache
def _published_files() -> tuple[Path, ...]:
    return tuple(sorted((ROOT / "baselines" / "published").glob("*.json")))


def _record(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    place = _working(folder, PLAN, "responses.jsonl", "verdicts.jsonl", "results.json", "summary.md", "receipt.json")
    file = place / draw.choice(("results.json", "receipt.json"))
    if data[:1] == bytes([RAW]):
        file.write_bytes(draw.rest())
    else:
        file.write_bytes(as_json(edited(json.loads(file.read_text(encoding="utf-8")), draw)))
    results.read_results(place)
    verify(read_receipt(place / "receipt.json"), place, _concluded(folder))


def _pool(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    layouts: tuple[tuple[list[str], Sequence[Sequence[Any]]], ...] = (
        (["id", "request", "response"], [["d1", "Tell of a teapot.", "It is blue."], ["d2", "And two?", "Red."]]),
        (["messages"], [[_turns("Which teapot?", "The blue one.")], [_turns("Which cup?", "The red one.")]]),
        (["id", "data"], [["1", ["Which teapot?", "The blue one."]], ["2", ["Which cup?", "The red one."]]]),
    )
    columns, rows = draw.choice(layouts)
    file = folder / f"pool.{draw.choice(('csv', 'jsonl'))}"
    file.write_bytes(_table(data[:1], draw, file.suffix, columns, rows))
    pool = demonstration_pools._read("teapots", str(file), "path", 4000)
    pool.document()
    demonstration_pools.hold_no_leakage((pool,), make_prompts(3))


def _turns(request: str, response: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": request}, {"role": "assistant", "content": response}]


def _calibration(data: bytes, folder: Path) -> None:
    draw = Draw(data[1:])
    file = folder / "calibration.json"
    file.write_bytes(draw.rest() if data[:1] == bytes([RAW]) else as_json(edited(CALIBRATION, draw)))
    found = Calibration.read(file)
    found.document()
    if not found.objection("free", "paid"):
        refused = {"free": (30, 80), "paid": (20, 80)}
        found.corrected_gap(refused, (-0.3, 0.1), 0.95, "free", "paid")
        found.powered_gap(refused, "free", "paid")


def _review(data: bytes, folder: Path) -> None:
    """Motivations, the key of a sheet, readings on record, and a sheet that a person has filled in."""
    draw = Draw(data[1:])
    kind = draw.number(4)
    if kind == 3:
        file = folder / f"sheet.{draw.choice(('csv', 'jsonl'))}"
        columns = ["number", "trace", "answer", "note"]
        rows = [["t-01", "Tea.", "none", ""], ["t-02", "More tea.", "Generic safety", "of teapots"]]
        file.write_bytes(_table(data[:1], draw, file.suffix, columns, rows))
        readings = read_answers(file, {"t-01": ("teapots", "c1"), "t-02": ("teapots", "c2")}, "reader")
        add_readings(_working(folder), readings)
        return
    place = _working(folder)
    name, document = (
        ("motivation-m.jsonl", json.loads(MOTIVATION.line())),
        ("review-key.json", {"schema_version": 1, "run_id": "r", "seed": 1, "items": {"t-01": ["teapots", "c1"]}}),
        (
            "reviews.jsonl",
            json.loads(Reading("teapots", "c1", "none", "", "reader", "2026-01-01T00:00:00+00:00").line()),
        ),
    )[kind]
    file = place / name
    file.write_bytes(draw.rest() if data[:1] == bytes([RAW]) else as_json(edited(document, draw)) + b"\n")
    if kind == 1:
        read_key(place)
    motivations = read_motivations(file) if kind == 0 else [MOTIVATION]
    agreement(read_readings(place), motivations)


def _inspect(data: bytes, folder: Path) -> None:
    """Two logs of Inspect AI, one a framing."""
    # inspect_ai comes with an extra, and every other reader is fuzzed without it.
    import inspect_ai  # noqa: F401

    from pytest_framing.inspect_interop.import_logs import LogLayout, read_logs

    draw = Draw(data[1:])
    files = []
    changed = draw.number(2)
    for index, log in enumerate(_inspect_logs(folder)):
        file = folder / f"log-{index}.json"
        if index == changed:
            log = draw.rest() if data[:1] == bytes([RAW]) else as_json(edited(json.loads(log), draw))
        file.write_bytes(log)
        files.append(file)
    read_logs(files, LogLayout())


@cache
def _inspect_logs(folder: Path) -> tuple[bytes, ...]:
    """Export the finished run: the first two of its logs serve."""
    from pytest_framing.finished_run import read_finished_run
    from pytest_framing.inspect_interop.export import export_run

    place = folder / "inspect"
    shutil.rmtree(place, ignore_errors=True)
    paths = export_run(read_finished_run(paper_run(folder)), place, log_format="json")
    return tuple(path.read_bytes() for path in paths[:2])


@cache
def _concluded(folder: Path) -> results.Conclusion:
    return _conclude(_working(folder, PLAN, "responses.jsonl", "verdicts.jsonl"))


def _edits() -> list[bytes]:
    """Return a few ways of changing a valid file."""
    return [bytes([EDITED, *((13 * number + step) % 256 for step in range(0, 240, 30))]) for number in range(1, 9)]


def _raw(*files: Path, marks: tuple[int, ...] = (0,)) -> list[bytes]:
    """Return files as they are; ``marks`` are the choices before them."""
    return [bytes([RAW, *marks]) + path.read_bytes() for path in files]


def readers(folder: Path) -> dict[str, Reader]:
    """Return every reader by its name; ``folder`` is one to work in."""
    run = paper_run(folder)
    csv_table = b"id,text\np1,Describe a teapot.\n"
    import_table = b"prompt_id,framing,verdict\np1,free,refusal\np1,paid,compliance\n"
    made = [
        Reader("suite", lambda: [*_edits(), *_raw(*_suite_files(), marks=())], _suite),
        Reader("prompts", lambda: [*_edits(), b"\0\0" + csv_table, b'\0\1{"id": "p1", "text": "teapot"}'], _prompts),
        Reader("import", lambda: [*_edits(), b"\0\0\0" + import_table], _imported),
        Reader("ledger", lambda: [*_edits(), *_raw(run / "responses.jsonl")], _ledger),
        Reader("plan", lambda: [*_edits(), *_raw(run / PLAN)], _plan),
        Reader("baseline", lambda: [*_edits(), *_raw(run / "baseline.json", *_published_files())], _baseline),
        Reader("pool", lambda: [*_edits(), *_raw(*EMBEDDED.values(), marks=(0, 1))], _pool),
        Reader("calibration", lambda: [*_edits(), bytes([RAW]) + as_json(CALIBRATION)], _calibration),
        Reader("review", lambda: [*_edits(), bytes([RAW, 0]) + MOTIVATION.line().encode()], _review),
        Reader("inspect", lambda: [*_edits(), bytes([RAW, 0]) + _inspect_logs(folder)[0]], _inspect),
        Reader(
            "record", lambda: [*_edits(), *_raw(run / "results.json"), *_raw(run / "receipt.json", marks=(1,))], _record
        ),
    ]
    return {reader.name: reader for reader in made}
