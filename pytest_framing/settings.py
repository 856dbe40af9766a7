"""The options of a gate run: declared once here, parsed once into a frozen :class:`Settings`."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_framing.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Kind = Literal["value", "flag", "list"]


@dataclass(frozen=True)
class Option:
    """One command-line option, with the ini option of the same meaning."""

    flag: str
    help: str
    metavar: str = ""
    kind: Kind = "value"
    choices: tuple[str, ...] = ()
    ini: bool = True

    @property
    def dest(self) -> str:
        """Attribute under which the argument parser stores it, and name of the ini option."""
        name = self.flag.removeprefix("--").replace("-", "_")
        return name if name.startswith("framing_") else f"framing_{name}"


QUANTIZATIONS = ("none", "8bit", "4bit")
DTYPES = ("auto", "float32", "float16", "bfloat16")
PLACEMENTS = ("system", "user")
THINKING = ("on", "off")
EXECUTIONS = ("batched", "sequential")

OPTIONS = (
    Option(
        "--model",
        "model to gate: a name of the registry (tiny, deepseek, qwen, llama, …), a hub name (org/name), a folder",
        "NAME",
    ),
    Option("--checkpoint", "weights to load in place of the model's own: a local folder", "DIR"),
    Option(
        "--framing-engine",
        "engine that generates: transformers, transformers-continuous, vllm, openai (any server that speaks OpenAI's "
        "protocol), or a plugin's (default: transformers)",
        "NAME",
    ),
    Option(
        "--framing-base-url",
        "with --framing-engine openai: where the server is, for instance http://localhost:8000/v1 (default: "
        "OPENAI_BASE_URL); the key comes from OPENAI_API_KEY alone",
        "URL",
    ),
    Option(
        "--framing-engine-option",
        "setting of the engine, for instance tensor_parallel_size=2 or requests_per_minute=500. May be given several "
        "times",
        "NAME=VALUE",
        "list",
    ),
    Option("--framing-quantization", "quantize the weights with bitsandbytes (default: none)", choices=QUANTIZATIONS),
    Option("--framing-dtype", "number format of weights and activations (default: the model's)", choices=DTYPES),
    Option(
        "--framing-placement",
        "where the framing text goes; user is for models that ignore system prompts (default: the model's)",
        choices=PLACEMENTS,
    ),
    Option(
        "--framing-thinking",
        "whether the chat template opens the model's reasoning, where it lets one choose (default: the template's way)",
        choices=THINKING,
    ),
    Option(
        "--framing-execution", "planned batches, or one case after the other (default: the suite's)", choices=EXECUTIONS
    ),
    Option(
        "--framing-prompts",
        "where prompts are read from: a CSV or JSONL file, or hub:ORG/NAME@REVISION; SOURCE=… serves one source alone, "
        "for instance xstest=prompts.csv. May be given several times",
        "[SOURCE=]PATH",
        "list",
    ),
    Option("--framing-profile", "profile of the suite, for instance smoke (default: release)", "NAME"),
    Option(
        "--framing-baseline",
        "baseline file, folder of baselines (default: baselines/ in the root folder), or none",
        "PATH|none",
    ),
    Option(
        "--framing-allow-mismatch",
        "compare with the baseline although this deciding field of the protocol differs; recorded in the receipt. "
        "May be given several times",
        "FIELD",
        "list",
        ini=False,
    ),
    Option("--framing-judge", "judge that decides what is a refusal (default: the suite's)", "NAME"),
    Option("--framing-seed", "seed of the draw of order and of the prompt sample (default: the suite's)", "INT"),
    Option("--framing-out", "folder that run folders go to (default: .framing)", "DIR"),
    Option(
        "--framing-resume",
        "go on with a run that was cut off: its folder, its id, or latest; with the options that it began with",
        "RUN",
        ini=False,
    ),
    Option(
        "--framing-explain-plan",
        "print the batches that would run, their shapes, the padding and the tokens to expect; run nothing",
        kind="flag",
        ini=False,
    ),
    Option(
        "--framing-release",
        "this run decides a release: a missing baseline or a deselection fails it, and no mismatch may be allowed",
        kind="flag",
    ),
    Option(
        "--framing-show-text",
        "attach prompt and answer to each report (terminal with -rA, JUnit with junit_logging); off, no text leaves "
        "the run folder",
        kind="flag",
        ini=False,
    ),
)


@dataclass(frozen=True)
class PromptChoice:
    """One ``--framing-prompts`` value: the source it serves (empty: any suite's own source) and where to read it."""

    source: str
    location: str


@dataclass(frozen=True)
class Settings:
    """What the user asked for; ``None`` leaves the choice to the suite, the registry or the engine."""

    model: str
    root: Path
    checkpoint: Path | None = None
    engine: str | None = None
    base_url: str | None = None
    engine_option: Mapping[str, str] = field(default_factory=dict)
    quantization: str | None = None
    dtype: str | None = None
    placement: str | None = None
    thinking: bool | None = None
    execution: str | None = None
    prompts: tuple[PromptChoice, ...] = ()
    profile: str | None = None
    baseline: str | None = None
    allow_mismatch: frozenset[str] = field(default_factory=frozenset)
    judge: str | None = None
    seed: int | None = None
    out: Path | None = None
    resume: str | None = None
    explain_plan: bool = False
    release: bool = False
    show_text: bool = False


def parse_settings(read: Callable[[Option], Any], *, root: Path, invocation_dir: Path) -> Settings | None:
    """Read every option once.

    Parameters
    ----------
    read
        Returns the value of an option from the command line, else from the ini file, else ``None`` or empty.
    root
        pytest's root folder: the default place of baselines and runs.
    invocation_dir
        Relative paths of the command line are relative to it.

    Returns
    -------
    Settings or None
        ``None`` when no model was named: then this is not a gate run.

    Raises
    ------
    SettingsError
        With the option's name, for a value that cannot be used.
    """
    values = {option.dest.removeprefix("framing_"): read(option) or None for option in OPTIONS}
    for option in OPTIONS:
        value = values[option.dest.removeprefix("framing_")]
        if option.choices and value is not None and value not in option.choices:
            raise SettingsError(f"{option.flag}: {value!r} is not one of {', '.join(option.choices)}")
    if values["model"] is None:
        return None
    if values["release"] and values["allow_mismatch"]:
        raise SettingsError(
            "--framing-allow-mismatch: a release run (--framing-release) allows no mismatch; leave one out"
        )

    def path(name: str, flag: str) -> Path | None:
        text = values[name]
        return None if text is None else _path(text, invocation_dir, flag)

    return Settings(
        model=values["model"],
        root=root,
        checkpoint=path("checkpoint", "--checkpoint"),
        engine=values["engine"],
        base_url=values["base_url"],
        engine_option=_engine_option(values["engine_option"] or ()),
        quantization=values["quantization"],
        dtype=None if values["dtype"] == "auto" else values["dtype"],
        placement=values["placement"],
        thinking=None if values["thinking"] is None else values["thinking"] == "on",
        execution=values["execution"],
        prompts=parse_prompt_choices(values["prompts"] or (), invocation_dir),
        profile=values["profile"],
        baseline=_baseline(values["baseline"], invocation_dir),
        allow_mismatch=frozenset(values["allow_mismatch"] or ()),
        judge=values["judge"],
        seed=_seed(values["seed"]),
        out=path("out", "--framing-out"),
        resume=values["resume"],
        explain_plan=bool(values["explain_plan"]),
        release=bool(values["release"]),
        show_text=bool(values["show_text"]),
    )


def _seed(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,18}", str(text)):
        raise SettingsError(f"--framing-seed: {text!r} is not a whole number from 0 to 10^18 - 1")
    return int(text)


def _engine_option(given: Iterable[str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for text in given:
        named = re.fullmatch(r"([a-z][a-z0-9_]*)=(.+)", text)
        if named is None:
            raise SettingsError(f"--framing-engine-option {text}: expected NAME=VALUE")
        if named[1] in chosen:
            raise SettingsError(f"--framing-engine-option {named[1]}: given twice")
        chosen[named[1]] = named[2]
    return chosen


def _path(text: str, invocation_dir: Path, flag: str) -> Path:
    try:
        return Path(invocation_dir, Path(text).expanduser())
    except RuntimeError as error:
        raise SettingsError(f"{flag} {text}: {error}") from error


def _baseline(text: str | None, invocation_dir: Path) -> str | None:
    if text is None or text == "none":
        return text
    return str(_path(text, invocation_dir, "--framing-baseline"))


def parse_prompt_choices(texts: Iterable[str], invocation_dir: Path) -> tuple[PromptChoice, ...]:
    """Read the values of ``--framing-prompts``; relative paths are relative to the folder given."""
    return tuple(_prompt_choice(text, invocation_dir) for text in texts)


def _prompt_choice(text: str, invocation_dir: Path) -> PromptChoice:
    named = re.match(r"([a-z][a-z0-9_-]*)=(.+)", text)
    source, location = (named[1], named[2]) if named else ("", text)
    if not location.startswith("hub:"):
        location = str(_path(location, invocation_dir, "--framing-prompts"))
    return PromptChoice(source, location)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Half a sentence for an error message: the nearest known name, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
