"""The choice of an engine by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_framing.engines.continuous import NAME as CONTINUOUS
from pytest_framing.engines.continuous import ContinuousEngine
from pytest_framing.engines.engine import SERVERS_OWN, EngineOptions
from pytest_framing.engines.openai import DEFAULT_BATCH_SIZE as SERVER_BATCH_SIZE
from pytest_framing.engines.openai import NAME as OPENAI
from pytest_framing.engines.openai import OpenAIEngine
from pytest_framing.engines.transformers import NAME as TRANSFORMERS
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.engines.vllm import DEFAULT_BATCH_SIZE as VLLM_BATCH_SIZE
from pytest_framing.engines.vllm import NAME as VLLM
from pytest_framing.engines.vllm import VLLMEngine
from pytest_framing.errors import SettingsError
from pytest_framing.models.registry import resolve_model, resolve_served_model
from pytest_framing.plan import DEFAULT_BATCH_SIZE
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pytest_framing.engines.engine import Engine
    from pytest_framing.models.registry import ModelSpec
    from pytest_framing.settings import Settings

BUILTIN: Mapping[str, Callable[[EngineOptions], Engine]] = {
    TRANSFORMERS: TransformersEngine,
    CONTINUOUS: ContinuousEngine,
    VLLM: VLLMEngine,
    OPENAI: OpenAIEngine,
}
DEFAULT = TRANSFORMERS
DEFAULT_DTYPE = "bfloat16"


def resolve_model_for(settings: Settings) -> ModelSpec:
    """Resolve ``--model`` and ``--checkpoint`` for the engine that will run them.

    Raises
    ------
    CheckpointError
        As the functions of :mod:`pytest_framing.models.registry` raise it.
    """
    resolve = resolve_served_model if settings.engine == OPENAI else resolve_model
    return resolve(settings.model, settings.checkpoint)


def engine_options(settings: Settings, model: ModelSpec) -> EngineOptions:
    """Return what the engine is made from.

    Raises
    ------
    SettingsError
        For an option that the chosen engine cannot follow.
    """
    if settings.engine != OPENAI:
        if settings.base_url is not None:
            raise SettingsError("--framing-base-url: only --framing-engine openai asks a server")
        dtype = settings.dtype or model.dtype or DEFAULT_DTYPE
        return EngineOptions(
            model,
            dtype,
            settings.quantization or "none",
            settings=settings.engine_option,
            thinking=settings.thinking,
        )
    asked = (
        ("--framing-dtype", settings.dtype),
        ("--framing-quantization", settings.quantization),
        ("--framing-thinking", settings.thinking),
    )
    for option, value in asked:
        if value is not None:
            raise SettingsError(f"{option}: the server was started with its own; choose it there")
    return EngineOptions(model, SERVERS_OWN, SERVERS_OWN, settings.base_url, settings.engine_option)


def judge_options(
    name: str, checkpoint: Path | None, engine: str | None, server: EngineOptions | None = None
) -> EngineOptions:
    """Resolve the model of a judge for the engine that will run it.

    Parameters
    ----------
    name, checkpoint
        As ``--model`` and ``--checkpoint`` take them.
    engine
        Name of the engine; ``None`` is the default.
    server
        Options of a model on the server that the engine ``openai`` asks (default: as the environment says).

    Raises
    ------
    CheckpointError
        As the functions of :mod:`pytest_framing.models.registry` raise it.
    """
    if engine != OPENAI:
        model = resolve_model(name, checkpoint)
        return EngineOptions(model, model.dtype or DEFAULT_DTYPE)
    model = resolve_served_model(name, checkpoint)
    url, settings = (server.base_url, server.settings) if server is not None else (None, {})
    return EngineOptions(model, SERVERS_OWN, SERVERS_OWN, url, settings)


def default_batch_size(engine: str | None, model: ModelSpec) -> int:
    """Conversations that run at a time where the suite does not say: engines that schedule by themselves take more."""
    own = {VLLM: VLLM_BATCH_SIZE, OPENAI: SERVER_BATCH_SIZE}
    return own.get(engine or DEFAULT) or model.batch_size or DEFAULT_BATCH_SIZE


def choose_engine(
    name: str | None, options: EngineOptions, extensions: Mapping[str, Callable[[EngineOptions], Engine]]
) -> Engine:
    """Make the engine of that name; ``None`` is the default. Weights are not loaded yet.

    Raises
    ------
    SettingsError
        For an unknown name, and for settings that the engine does not have.
    """
    known = {**BUILTIN, **extensions}
    name = name or DEFAULT
    if name not in known:
        raise SettingsError(f"unknown engine {name!r} (--framing-engine): {did_you_mean(name, known)}")
    if name in (TRANSFORMERS, CONTINUOUS) and options.settings:
        raise SettingsError(f"--framing-engine-option {next(iter(options.settings))}: the engine {name} has none")
    return known[name](options)
