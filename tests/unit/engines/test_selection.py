"""Which engine runs a model, and with which of the options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_framing.engines.engine import EngineOptions
from pytest_framing.engines.selection import (
    choose_engine,
    default_batch_size,
    engine_options,
    judge_options,
    resolve_model_for,
)
from pytest_framing.errors import CheckpointError, SettingsError
from pytest_framing.models.registry import resolve_model
from pytest_framing.settings import Settings

URL = "http://localhost:8000/v1"


def settings(**changes: Any) -> Settings:
    return Settings(**{"model": "tiny", "root": Path(), **changes})


def test_only_a_server_takes_any_name() -> None:
    assert resolve_model_for(settings(model="gpt-4o:latest", engine="openai")).served == ("gpt-4o:latest",)
    with pytest.raises(CheckpointError, match="not a name of the registry"):
        resolve_model_for(settings(model="gpt-4o:latest"))


def test_a_server_has_loaded_its_weights_its_own_way() -> None:
    options = engine_options(settings(engine="openai", base_url=URL), resolve_model("llama"))
    assert (options.dtype, options.quantization, options.base_url) == ("server's own", "server's own", URL)


def test_the_model_of_a_judge_is_named_as_its_engine_names_models() -> None:
    server = engine_options(settings(engine="openai", base_url=URL), resolve_model("llama"))
    asked = judge_options("qwen3:8b", None, "openai", server)
    assert (asked.model.served, asked.base_url, asked.dtype) == (("qwen3:8b",), URL, "server's own")
    assert judge_options("llama", None, None).dtype == "bfloat16"
    with pytest.raises(CheckpointError, match="not a name of the registry"):
        judge_options("qwen3:8b", None, "vllm")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "openai", "dtype": "float32"}, "--framing-dtype: the server was started with its own"),
        ({"engine": "openai", "quantization": "4bit"}, "--framing-quantization: the server was started with its own"),
        ({"base_url": URL}, "only --framing-engine openai asks a server"),
    ],
)
def test_an_option_that_the_engine_cannot_follow_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        engine_options(settings(**changes), resolve_model("tiny"))


@pytest.mark.parametrize(("engine", "rows"), [(None, 64), ("transformers", 64), ("vllm", 256), ("openai", 32)])
def test_engines_that_schedule_by_themselves_get_larger_batches(engine: str | None, rows: int) -> None:
    assert default_batch_size(engine, resolve_model("llama")) == rows


@pytest.mark.parametrize(
    ("engine", "given", "message"),
    [
        ("transformers", {"timeout": "5"}, "timeout: the engine transformers has none"),
        ("openai", {"time_out": "5"}, "time_out: the engine openai has no such setting; did you mean 'timeout'"),
        ("openai", {"timeout": "soon"}, "timeout=soon: Input should be a valid number"),
        ("openai", {"retries": "-1"}, "retries=-1: Input should be greater than or equal to 0"),
        ("vllm", {"tensor_parallel_size": "0"}, "tensor_parallel_size=0: Input should be greater"),
    ],
)
def test_a_setting_that_the_engine_does_not_have_is_refused(engine: str, given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        choose_engine(engine, EngineOptions(resolve_model("tiny"), "float32", base_url=URL, settings=given), {})
