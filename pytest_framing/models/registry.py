"""What ``--model NAME`` means: a registry entry, a hub name, or a folder; checked before anything is loaded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import CheckpointError
from pytest_framing.located_yaml import load_located_yaml
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

REGISTRY = Path(__file__).with_name("registry.yaml")
EMBEDDED = Path(__file__).with_name("embedded")
_KEYS = frozenset(
    (
        "repository",
        "embedded",
        "revision",
        "dtype",
        "placement",
        "batch_size",
        "max_new_tokens",
        "trust_remote_code",
        "cpu_threads",
        "stage",
        "chat_template",
        "planted",
    )
)


@dataclass(frozen=True)
class ModelSpec:
    """A model and what the protocol takes from it.

    ``location`` is what the loading code gets: a folder, or a hub name to be fetched at ``revision``.
    ``dtype``, ``placement``, ``batch_size`` and ``max_new_tokens`` are ``None`` where the model has no wish of its own.
    ``stage`` is the stage of training that the weights come from, empty where nobody says.
    ``served`` are the names by which a server may know it, where one answers in place of this process.
    ``chat_template`` takes the place of the tokenizer's, for judges whose card gives the whole text of a prompt.
    ``planted`` says what an embedded model was trained to react to, beyond the framings.
    """

    name: str
    location: str
    embedded: bool = False
    revision: str | None = None
    dtype: str | None = None
    placement: str | None = None
    batch_size: int | None = None
    max_new_tokens: int | None = None
    trust_remote_code: bool = False
    cpu_threads: int | None = None
    chat_template: str | None = None
    planted: str = ""
    checkpoint: str = ""
    stage: str = ""
    served: tuple[str, ...] = ()

    @property
    def folder(self) -> Path | None:
        """The local folder, or ``None`` when the hub has the files."""
        path = Path(self.location)
        return path if path.is_dir() else None


@cache
def registry() -> Mapping[str, Mapping[str, Any]]:
    """Entries of ``registry.yaml`` by name."""
    document = load_located_yaml(REGISTRY, CheckpointError)
    for name, entry in document.data.items():
        for key in entry:
            if key not in _KEYS:
                raise document.error((name, key), f"unknown key {key!r}: {did_you_mean(key, _KEYS)}", CheckpointError)
    return document.data


def resolve_model(name: str, checkpoint: Path | None = None) -> ModelSpec:
    """Resolve ``--model`` and ``--checkpoint``.

    Raises
    ------
    CheckpointError
        For a name that is neither in the registry, nor a hub name, nor a folder; for a folder that lacks a config, a
        tokenizer, a chat template or safetensors weights.
    """
    spec = _resolve_name(name)
    if checkpoint is not None:
        spec = _with_checkpoint(spec, checkpoint)
    if spec.folder is not None:
        check_folder(spec.folder, needs_template=spec.chat_template is None)
    return spec


def resolve_served_model(name: str, checkpoint: Path | None = None) -> ModelSpec:
    """Resolve ``--model`` and ``--checkpoint`` where a server has the weights: it may know any name.

    What the registry knows of the model holds here too (``placement``, ``max_new_tokens``). The folder of
    ``--checkpoint``, or a ``--model`` that is one, lends its tokenizer.

    Raises
    ------
    CheckpointError
        For a name that no server can have, for a model whose whole prompt is written here, and for a folder as
        :func:`resolve_model` does.
    """
    if not re.fullmatch(r"[\w.:/@+~-]{1,256}", name):
        raise CheckpointError(f"--model {name!r}: no name of a model on a server: letters, digits and . _ - : / @ + ~")
    known = {str(entry.get("repository", key)): key for key, entry in registry().items()}
    entry = known.get(name, name)
    if entry in registry():
        repository = registry()[entry].get("repository")
        spec = replace(_resolve_name(entry), name=name)
        served = (name, repository) if repository and repository != name else (name,)
    elif Path(name).expanduser().is_dir():
        spec, served = _resolve_name(name), (name,)
    else:
        spec, served = ModelSpec(name=name, location=name), (name,)
    if spec.chat_template is not None:
        raise CheckpointError(
            f"{name}: the whole text of its prompt is written here, as its card says, and a server would put that into "
            "a chat template once more; run it where its weights are, by the engine transformers or vllm"
        )
    if checkpoint is not None:
        spec = _with_checkpoint(spec, checkpoint)
    if spec.folder is not None:
        check_folder(spec.folder)
    return replace(spec, served=served)


def is_at_hand(name: str) -> bool:
    """Return whether a name stands for weights that lie in a folder here: an embedded model, or the folder itself."""
    return "embedded" in registry().get(name, ()) or Path(name).expanduser().is_dir()


def _with_checkpoint(spec: ModelSpec, checkpoint: Path) -> ModelSpec:
    if not checkpoint.is_dir():
        raise CheckpointError(f"--checkpoint {checkpoint}: no such folder")
    return replace(spec, location=str(checkpoint), revision=None, checkpoint=str(checkpoint), stage="")


def _resolve_name(name: str) -> ModelSpec:
    entry = registry().get(name)
    if entry is not None:
        wishes = {key: value for key, value in entry.items() if key not in ("repository", "embedded")}
        if "embedded" in entry:
            return ModelSpec(name=name, location=str(EMBEDDED / entry["embedded"]), embedded=True, **wishes)
        return ModelSpec(name=name, location=entry["repository"], **wishes)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return ModelSpec(name=folder.resolve().name, location=str(folder.resolve()), checkpoint=str(folder))
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name):
        return ModelSpec(name=name, location=name)
    raise CheckpointError(
        f"--model {name}: not a name of the registry, not a folder, not a hub name (org/name); "
        f"{did_you_mean(name, registry())}"
    )


def check_folder(folder: Path, *, needs_template: bool = True) -> None:
    """Refuse a checkpoint folder that cannot be loaded safely, before any weight is read.

    Raises
    ------
    CheckpointError
        Naming what is missing and how to get it.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder}: no config.json: this is not a checkpoint folder")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise CheckpointError(
            f"{folder}: no tokenizer (tokenizer.json); save it beside the weights with tokenizer.save_pretrained()"
        )
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt"))
        if pickles:
            raise CheckpointError(
                f"{folder}: weights only as pickle ({', '.join(pickles)}), which can run code when loaded; convert "
                "them with model.save_pretrained(..., safe_serialization=True)"
            )
        raise CheckpointError(f"{folder}: no weights (*.safetensors)")
    if needs_template and not _has_chat_template(folder):
        raise CheckpointError(
            f"{folder}: no chat template (chat_template.jinja or in tokenizer_config.json); the gate never runs a chat "
            "model without one"
        )


def _has_chat_template(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder / 'tokenizer_config.json'}: cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{folder / 'tokenizer_config.json'}: expected a JSON object")
    return bool(config.get("chat_template"))
