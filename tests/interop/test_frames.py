"""The pandas frames of a run agree with its results, and say NaN where there is nothing to say."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pytest_framing
from pytest_framing import frames, optional_packages
from pytest_framing.errors import LedgerError
from pytest_framing.frames import CASE_COLUMNS, GATE_COLUMNS, PAIR_COLUMNS, TEXT_COLUMNS, RunFrames
from pytest_framing.optional_packages import MissingPackageError
from pytest_framing.records import VerdictLabel
from pytest_framing.results import write_conclusion
from tests.unit.builders import NAME, make_run, make_suite, table, write_run

pytest.importorskip("pandas", reason="frames need pandas")
ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "notebooks" / "read_a_run.ipynb"
CONTROLS = {"repeat_fraction": 0.5, "placebo": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cells = table(4, 3, 2, 5, free_invalid=1, paid_invalid=2)
    run = make_run(cells, suite=make_suite(controls=CONTROLS))
    write_conclusion(write_run(run, tmp_path / "run"), tmp_path / "run")
    return tmp_path / "run"


def results(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return document


def test_columns_and_dtypes_are_the_documented_ones(folder: Path) -> None:
    run = pytest_framing.load_run(folder)
    documented = (ROOT / "docs" / "data_frames.md").read_text(encoding="utf-8")
    for frame, columns in ((run.cases, CASE_COLUMNS), (run.pairs, PAIR_COLUMNS), (run.gates, GATE_COLUMNS)):
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(columns)
        for name, dtype in columns.items():
            assert f"| `{name}` | {dtype} |" in documented


def test_counts_are_those_of_the_results(folder: Path) -> None:
    run = pytest_framing.load_run(folder)
    suite = results(folder)["suites"][NAME]
    estimates = suite["estimates"]["standard"]
    assert len(run.cases) == suite["counts"]["planned"]
    assert run.cases["executed"].sum() == suite["counts"]["executed"]
    assert (run.cases["verdict"] == "invalid").sum() == suite["counts"]["invalid"]
    counted = run.pairs[run.pairs["counted"]]
    assert len(counted) == estimates["flip_rate"]["n"]
    assert counted["flip"].sum() == estimates["flip_rate"]["flips"]
    assert counted["gap"].mean() == pytest.approx(estimates["gap"]["estimate"])
    assert counted["reference_refused"].sum() == estimates["arms"]["free"]["refusals"]
    assert counted["treatment_refused"].mean() == pytest.approx(estimates["arms"]["paid"]["rate"])
    assert [*run.gates["name"]] == [gate["name"] for gate in suite["gates"]]
    assert (run.run_id, run.verdict, run.model) == ("run-1", results(folder)["verdict"], "paper")


def test_the_order_that_ran_is_that_of_the_results(folder: Path) -> None:
    run = pytest_framing.load_run(folder)
    cells = results(folder)["suites"][NAME]["estimates"]["standard"]["by_order"]["free_first"]
    assert run.pairs[run.pairs["counted"] & run.pairs["reference_first"]].shape[0] == sum(cells.values())


def test_what_could_not_be_judged_is_nan_and_enters_no_pair(folder: Path) -> None:
    run = pytest_framing.load_run(folder)
    invalid = run.cases["verdict"] == "invalid"
    assert run.cases.loc[invalid, "refused"].isna().all()
    assert run.cases.loc[~invalid, "refused"].notna().all()
    broken = run.pairs["gap"].isna()
    assert broken.sum() >= 3
    assert not run.pairs.loc[broken, "counted"].any()
    assert run.pairs.loc[broken, "flip"].isna().all()


def test_a_case_without_evidence_has_no_values(tmp_path: Path) -> None:
    run = make_run(table(2, 0, 0, 2))
    write_run(run.without(run.cases[0]), tmp_path)
    loaded = pytest_framing.load_run(tmp_path)
    row = loaded.cases.iloc[0]
    assert not row["executed"]
    assert math.isnan(row["refused"])
    assert loaded.cases.loc[0, ["verdict", "sequence", "finish_reason"]].isna().all()
    assert loaded.gates.empty, "the session died before results.json"
    assert loaded.verdict == "not_evaluated"


def test_questions_of_the_manipulation_check_refuse_nothing(tmp_path: Path) -> None:
    suite = make_suite(gates={"manipulation_check": {"threshold": 0.8}})
    write_run(make_run(table(1, 0, 0, 1), suite=suite), tmp_path)
    checks = pytest_framing.load_run(tmp_path).cases.query("role == 'check'")
    assert len(checks) > 0
    assert set(checks["verdict"]) == {VerdictLabel.CORRECT.value}
    assert checks["refused"].isna().all()


def test_texts_are_there_when_asked_for_and_only_then(folder: Path) -> None:
    assert not {*pytest_framing.load_run(folder).cases.columns} & TEXT_COLUMNS.keys()
    with_text = pytest_framing.load_run(folder, text=True).cases
    assert with_text["answer"].str.contains("Fog").all()
    assert "Fog" not in repr(pytest_framing.load_run(folder, text=True))


def test_errors_name_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no run there"):
        pytest_framing.load_run(tmp_path / "nowhere")
    (folder / "results.json").write_text('{"schema_version": 2}', encoding="utf-8")
    with pytest.raises(LedgerError, match="schema version 2"):
        pytest_framing.load_run(folder)


def test_without_pandas_the_error_says_what_to_type(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(optional_packages, "import_module", missing)
    with pytest.raises(MissingPackageError, match=r"pip install 'pytest-framing\[frames\]'"):
        frames.load_run(folder)


def test_importing_the_package_loads_nothing_and_unknown_names_are_errors() -> None:
    code = "import pytest_framing, sys; print([*{'pandas', 'numpy', 'pytest_framing.frames'} & sys.modules.keys()])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'load_runs'"):
        pytest_framing.load_runs  # noqa: B018


def test_the_example_notebook_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code cells, one after the other in one namespace: a Jupyter kernel would be a heavy guest for that."""
    monkeypatch.setenv("FRAMING_RUN", str(folder))
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert all(not cell.get("outputs") for cell in cells), "outputs may hold text: clear them before saving"
    namespace: dict[str, Any] = {}
    for number, source in enumerate(code):
        exec(compile(source, f"{NOTEBOOK.name} cell {number}", "exec"), namespace)
    run: RunFrames = namespace["run"]
    assert namespace["rates"]["gap"].iloc[0] == pytest.approx(
        results(folder)["suites"][NAME]["estimates"]["standard"]["gap"]["estimate"]
    )
    assert run.run_id == "run-1"
