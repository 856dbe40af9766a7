"""Files that attack whoever loads them: none runs anything, and each ends in an error of ours."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.baseline import load_baseline
from pytest_framing.engines.engine import EngineOptions
from pytest_framing.engines.selection import choose_engine
from pytest_framing.errors import BaselineError, CheckpointError, EngineError, FramingError, SuiteError
from pytest_framing.framings import builtin_catalogue, conversation
from pytest_framing.gates.evaluation import known_gates, parameter_models
from pytest_framing.imported_records import ImportLayout, read_imported
from pytest_framing.models.registry import EMBEDDED, resolve_model
from pytest_framing.prompts import read_prompts
from pytest_framing.records import Prompt
from pytest_framing.report.markdown import escape_markdown
from pytest_framing.suite import load_suite
from tests.hostile.corpus import TEMPLATES

WIDE = 2000


class Planted:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """The file that no test may find."""
    return tmp_path / "planted"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EMBEDDED / "tiny", tmp_path / "checkpoint"))


def start(checkpoint: Path) -> None:
    options = EngineOptions(resolve_model(str(checkpoint)), "float32", "none")
    engine = choose_engine(None, options, {})
    framing = builtin_catalogue().framing("free")
    engine.render(conversation(Prompt("p", "Describe a teapot."), framing, "standard", "system", builtin_catalogue()))
    engine.start()


def test_a_suite_file_runs_nothing_and_blows_up_nothing(tmp_path: Path, planted: Path) -> None:
    suite = tmp_path / "suite.yaml"
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghij", "bcdefghijk", strict=True)
    )
    for content in (
        f"suite: !!python/object/apply:pathlib.Path.touch [{planted}]\n",
        f"suite: !!python/object/apply:os.system ['touch {planted}']\n",
        bomb,
        "suite: " + "[" * WIDE + "]" * WIDE,
        "suite: " + "9" * 10_000,
        "? [a, b]\n: c\n",
    ):
        suite.write_text(content, encoding="utf-8")
        began = time.process_time()
        with pytest.raises(SuiteError, match=r"suite\.yaml"):
            load_suite(suite, parameter_models(known_gates()))
        assert time.process_time() - began < 5
    assert not planted.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "model.pt"])
def test_a_pickle_is_never_loaded(name: str, checkpoint: Path, planted: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / name).write_bytes(pickle.dumps(Planted(planted)))
    with pytest.raises(CheckpointError):
        start(checkpoint)
    assert not planted.exists()


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_beside_the_weights_is_not_run(file: str, checkpoint: Path, planted: Path) -> None:
    (checkpoint / "planted.py").write_text(
        f"from pathlib import Path\nPath({str(planted)!r}).touch()\n", encoding="utf-8"
    )
    path = checkpoint / file
    config = json.loads(path.read_text(encoding="utf-8"))
    names = {
        "AutoConfig": "planted.C",
        "AutoModelForCausalLM": "planted.M",
        "AutoTokenizer": ["planted.T", "planted.T"],
    }
    path.write_text(json.dumps(config | {"auto_map": names, "model_type": "planted"}), encoding="utf-8")
    try:
        start(checkpoint)
    except FramingError:
        pass
    assert not planted.exists()


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.__class__.__base__.__subclasses__()[0].__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.system('touch PLANTED') }}",
        "{{ self.__init__.__globals__['__builtins__'].open('PLANTED', 'w') }}",
        "{% include 'PLANTED' %}",
        "{% for x in range(1000000000) %}x{% endfor %}",
        "{{ raise_exception('planted') }}",
    ],
)
def test_a_chat_template_cannot_leave_its_sandbox(template: str, checkpoint: Path, planted: Path) -> None:
    (checkpoint / "chat_template.jinja").write_text(template.replace("PLANTED", str(planted)), encoding="utf-8")
    with pytest.raises(EngineError, match="chat template"):
        start(checkpoint)
    assert not planted.exists()


@pytest.mark.parametrize("text", TEMPLATES.values(), ids=TEMPLATES)
def test_a_text_is_never_taken_for_a_template(text: str) -> None:
    options = EngineOptions(resolve_model("tiny"), "float32", "none")
    engine = choose_engine(None, options, {})
    framing = builtin_catalogue().framing("free")
    messages = conversation(Prompt("p", text), framing, "standard", "system", builtin_catalogue())
    assert text in engine.render(messages)
    assert "49" not in escape_markdown(text)


def test_an_archive_is_no_file_of_ours(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../planted", b"0" * 10_000_000)
    for name in ("prompts.csv", "prompts.jsonl", "baseline.json"):
        (tmp_path / name).write_bytes(packed.getvalue())
    for name in ("prompts.csv", "prompts.jsonl"):
        with pytest.raises(FramingError, match=name):
            read_prompts(tmp_path / name)
        with pytest.raises(FramingError, match=name):
            read_imported(tmp_path / name, ImportLayout())
    with pytest.raises(BaselineError, match=r"baseline\.json"):
        load_baseline(tmp_path / "baseline.json")
    assert not (tmp_path.parent / "planted").exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("[" * 100_000 + "]" * 100_000, id="nested"),
        pytest.param('{"schema_version": ' + "9" * 5000 + "}", id="endless number"),
        pytest.param('{"schema_version": 1e999}', id="infinite number"),
        pytest.param('{"schema_version": NaN}', id="not a number"),
        pytest.param('{"schema_version": 1, "suite": "\\ud800"}', id="lone surrogate"),
        pytest.param("null", id="null"),
        pytest.param("", id="empty"),
    ],
)
def test_json_that_is_out_of_all_bounds_is_an_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BaselineError, match=r"baseline\.json"):
        load_baseline(path)
