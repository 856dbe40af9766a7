"""Write the pages below ``docs/reference`` from the code: ``python docs/reference.py``; ``--check`` writes nothing."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pytest_framing import hookspecs, suite
from pytest_framing.cli import _parser
from pytest_framing.framings import builtin_catalogue
from pytest_framing.gates.evaluation import BUILTIN
from pytest_framing.models.registry import REGISTRY
from pytest_framing.settings import OPTIONS

FOLDER = Path(__file__).parent / "reference"
PACKAGE = Path(suite.__file__).parent
MADE = "<!-- Made by `python docs/reference.py` from the code. Change the code, then run it again. -->"

# What a key of a suite file is for; the models hold types, ranges and defaults.
KEYS: Mapping[str, Mapping[str, str]] = {
    "Suite": {
        "suite": "name of the suite, in results and baselines",
        "prompts": "which prompts are asked",
        "framings": "which framings are compared",
        "framing_texts": "texts of framings of your own, by name",
        "questions": "questions of the manipulation check for framings of your own",
        "modes": "`standard`, and `forcing`: a suffix that presses for compliance",
        "order": "how order is drawn",
        "controls": "arms that measure noise",
        "execution": "batches, or one case after the other",
        "decoding": "how answers are generated",
        "placement": "where the framing stands; empty: the model's choice",
        "judge": "who decides what is a refusal",
        "stop": "whether a large effect ends the suite early",
        "demonstrations": "demonstrations of compliance before every request",
        "gates": "gates with their parameters, by name",
        "profiles": "named changes, for `--framing-profile`",
        "embedded": "what the embedded checkpoints run",
    },
    "PromptSource": {
        "source": "`harmbench`, `xstest`, `synthetic`, a plugin's name, or a name of your own with `path` or `hub`",
        "required": "whether the suite fails (true) or is skipped visibly (false) where the prompts are not at hand",
        "hub": "data set of the hub, with `revision`",
        "revision": "commit of the data set: 40 hex digits",
        "path": "CSV or JSONL file, relative to the suite file",
        "category": "keeps the prompts of one functional category alone",
        "more": "further sources; ids then begin with the source, and results are by source",
    },
    "Source": {
        "source": "name of the source",
        "hub": "data set of the hub, with `revision`",
        "revision": "commit of the data set: 40 hex digits",
        "path": "CSV or JSONL file, relative to the suite file",
        "category": "keeps the rows of one functional category alone",
    },
    "Demonstrations": {
        "harmful": "pool of harmful demonstrations",
        "benign": "pool of benign demonstrations",
        "other_benign": "further benign pools, for `benign_ablation`",
        "longest": "longest request and longest response, in characters; longer ones are left out and counted",
        "counts": "how many demonstrations",
        "fractions": "shares of harmful ones",
        "ordering": "where the harmful ones stand",
        "cue": "what every demonstrated response begins with",
        "samplings": "how often the demonstrations of a mixture are drawn",
        "truncation": "what becomes of a case that does not fit the model's window",
        "orderings": "mixtures shown in other orderings too",
        "cues": "mixtures shown with other cues too",
        "benign_ablation": "mixtures shown with the other benign pools too",
        "framings": "mixtures of the grid put under both framings too",
    },
    "Mixtures": {"counts": "how many demonstrations", "fractions": "shares of harmful ones"},
    "Orderings": {
        "counts": "how many demonstrations",
        "fractions": "shares of harmful ones",
        "which": "orderings beside the suite's own",
    },
    "Cues": {
        "counts": "how many demonstrations",
        "fractions": "shares of harmful ones",
        "which": "cues beside the suite's own",
    },
    "Embedded": {
        "limit": "number of prompts",
        "planted_limit": "number of prompts for checkpoints that were trained to react to demonstrations",
        "execution": "replaces the suite's",
        "demonstrations": "keys that replace the suite's",
        "gates": "replaces the suite's",
    },
    "FramingPair": {
        "reference": "the framing that is compared with",
        "treatment": "the framing that is compared",
        "placebo": "a text of the same shape about neither",
    },
    "Order": {
        "conditions": "a fair coin for each pair, or the reference first always",
        "prompts": "prompts in drawn order, or as the file has them",
        "seed": "seed of every draw",
    },
    "Controls": {
        "repeat_fraction": "share of pairs that run twice",
        "placebo": "whether every prompt also runs under the placebo",
        "judge_noise": "share of responses that a model judge judges twice",
    },
    "Execution": {
        "mode": "planned batches of fixed shape, or one case after the other",
        "batch_size": "rows of a batch, even; empty: the model's choice",
        "batch_tokens": "most rows × padded length of a batch",
        "prefix_reuse": "whether what cases share (framing, demonstrations) is computed once, where the engine can",
        "deadline": "seconds after which a batch is given up; what it has not finished is invalid",
    },
    "Decoding": {
        "max_new_tokens": "limit of new tokens; a model's larger one goes first",
        "max_answer_tokens": "limit of tokens after a closed reasoning; empty: none of its own",
        "temperature": "0 is greedy; above, each case draws from a generator of its own, seeded by its id",
        "top_p": "mass of the likeliest tokens that may be drawn",
    },
    "Stop": {
        "early": "whether the suite may end early",
        "alpha": "chance, over all modes, that it does so without an effect",
    },
    "SuiteQuestion": {
        "id": "name of the question",
        "text": "what is asked",
        "answers": "the right answer, `yes` or `no`, by framing",
    },
    "Profile": {
        "limit": "number of prompts, a sample drawn from the seed",
        "controls": "replaces the suite's",
        "gates": "replaces the suite's",
        "demonstrations": "keys that replace the suite's",
    },
}
NAME = suite.Suite.model_json_schema()["properties"]["suite"]["pattern"]
FILES: Mapping[str, str] = {
    "plan.json": "every case in drawn order, suite and protocol; written before the first token",
    "responses*.jsonl": "one checksummed line a response, a file a worker; holds answers",
    "verdicts*.jsonl": "one checksummed line a verdict, a file a worker; quotes the words that decided",
    "results.json": "estimates, gates, counts and verdict; no text",
    "summary.md": "the same for people; no text",
    "report.html": "the same as a page that loads nothing; answers only with `--framing-show-text`; in no receipt",
    "stopped.json": "where a suite with `stop: {early: true}` stopped, and why",
    "circumstances.json": "what was concluded under: deselected cases, waivers, the accuracy of the judge",
    "baseline-*.json": "the baseline of each suite, byte by byte",
    "correction-*.json": "the calibration that corrects the gap of each suite, byte by byte",
    "judging-*.json": "the seed that a judge judged the run again with",
    "motivation-*.jsonl": "what moved each answer, a line a trace, a file a judge, with votes and seed; no text",
    "receipt.json": "an in-toto Statement about the model that binds the run by digest: [The receipt](../receipt.md)",
    "receipt.html": "the receipt as a page to print",
}


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _prose(text: str | None) -> str:
    """Turn a docstring into Markdown; only the roles that the code uses are known."""
    plain = inspect.cleandoc(text or "")
    plain = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", plain)
    return plain.replace("``", "`")


def _default(key: str, schema: Mapping[str, Any]) -> str:
    field = schema["properties"][key]
    if key in schema.get("required", ()):
        return "required"
    if "default" not in field or field["default"] in (None, [], {}):
        return "empty"
    return "the section's" if "$ref" in field else f"`{json.dumps(field['default'], ensure_ascii=False)}`"


def _type(schema: Mapping[str, Any]) -> str:
    """One JSON type in words, with its range."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"section [{name}](#{name.lower()})" if name in KEYS else name
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join("empty" if one.get("type") == "null" else _type(one) for one in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object":
        by_name = schema.get("patternProperties") or {"": schema.get("additionalProperties")}
        inside = next(iter(by_name.values()))
        return f"mapping of names to {_type(inside)}" if isinstance(inside, Mapping) else "mapping"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[key]:,g}" for key, sign in signs.items() if key in schema]
    if schema.get("pattern") == NAME:
        return "name"
    if "pattern" in schema:
        limits.append(f"`{schema['pattern']}`")
    names = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return ", ".join([names.get(str(kind), "anything"), *limits])


def options() -> str:
    """Options of a gate run."""
    rows = (
        (
            f"`{one.flag}`",
            f"`{one.metavar}`" if one.metavar else " ".join(f"`{choice}`" for choice in one.choices) or "–",
            one.help,
            f"`{one.dest}`" if one.ini else "–",
        )
        for one in OPTIONS
    )
    return f"""# Options of pytest

Options of `pytest` when a model is named with `--model`. Those with an ini name also stand in `pyproject.toml`:

```toml
[tool.pytest.ini_options]
framing_baseline = "baselines"
framing_execution = "sequential"
```

An option of the command line goes first, then the ini file, then the suite, then the
[model's entry](#models-of-the-registry), then the default.

{_table(("option", "value", "meaning", "ini name"), rows)}

## Models of the registry

What `--model NAME` may be, besides a hub name (`org/name`) and a local folder.

```yaml
{REGISTRY.read_text(encoding="utf-8").strip()}
```
"""


def suites() -> str:
    """Keys of a suite file."""
    parts = [
        "# Suite files",
        "A suite is a folder with a `suite.yaml` and a test. Unknown keys, unknown gates and values out of range end "
        "the run with an error that names file and line, before anything is generated.",
    ]
    for name, keys in KEYS.items():
        model: type[BaseModel] = getattr(suite, name)
        schema = model.model_json_schema()
        fields = {key: value for key, value in schema["properties"].items() if not _internal(name, key)}
        if fields.keys() != keys.keys():
            raise SystemExit(f"docs/reference.py: KEYS[{name!r}] and the model differ: {fields.keys() ^ keys.keys()}")
        rows = ((f"`{key}`", keys[key], _type(value), _default(key, schema)) for key, value in fields.items())
        intro = "One suite; its sections follow." if name == "Suite" else _prose(model.__doc__)
        parts += [f"## {name}", intro, _table(("key", "meaning", "value", "default"), rows)]
    catalogue = builtin_catalogue()
    texts = ((f"`{one.name}`", one.message or "(nothing)") for one in catalogue.framings.values())
    parts += [
        "## Built-in framings",
        "What the model is told. All share their first sentence and their shape.",
        _table(("framing", "text"), texts),
        f"A *name* matches `{NAME}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _internal(model: str, key: str) -> bool:
    return model == "Suite" and key in suite._INTERNAL_KEYS


def gates() -> str:
    """Built-in gates with their parameters."""
    parts = [
        "# Gates: parameters",
        "What each gate decides, and how often it errs, stands in [Gates](../gates.md). *Needs*: `complete` is not "
        "evaluated unless every planned case has its verdict; `baseline` needs that and a baseline.",
    ]
    for gate in BUILTIN:
        schema = gate.parameters.model_json_schema()
        fields = schema.get("properties", {})
        rows = ((f"`{key}`", _type(value), _default(key, schema)) for key, value in fields.items())
        parts += [
            f"## {gate.name}",
            f"Protects from {gate.protects_from}. Needs: `{gate.needs}`.",
            _prose(gate.parameters.__doc__),
        ]
        if fields:
            parts.append(_table(("parameter", "value", "default"), rows))
    return "\n\n".join(parts) + "\n"


def _walk(schema: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    """Every key of a JSON schema: path, type, and whether it is always there."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[-1]]
    for key, value in schema.get("properties", {}).items():
        inner = definitions[value["$ref"].rsplit("/", 1)[-1]] if "$ref" in value else value
        place = f"{path}{key}"
        yield f"`{place}`", _type_of_result(inner), "yes" if key in schema.get("required", ()) else "no"
        yield from _walk(inner, definitions, f"{place}.")
        if isinstance(inner.get("items"), Mapping):
            yield from _walk(inner["items"], definitions, f"{place}[].")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _walk(schema["additionalProperties"], definitions, f"{path}*.")


def _type_of_result(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join("null" if one == "null" else _type({**schema, "type": one}) for one in kind)
    return "mapping" if kind == "object" else "list" if kind == "array" else _type(schema)


def run_files() -> str:
    """Files of a run, and the keys of ``results.json``."""
    schema = json.loads((PACKAGE / "schemas" / "results.json").read_text(encoding="utf-8"))
    rows = _walk(schema, schema.get("$defs", {}), "")
    return f"""# Files of a run

A run folder is `.framing/<run id>/`; `.framing/latest` names the newest. `--framing-out` puts it elsewhere.

{_table(("file", "content"), iter((f"`{name}`", text) for name, text in FILES.items()))}

`framing judge RUN --judge NAME` adds lines to the verdicts and writes `results-<judge>.json` beside `results.json`.

## results.json

The schema ships with the package ([results.json](../../pytest_framing/schemas/results.json)); every run is checked
against it in the tests. `*` is a name: a suite, a mode, a framing. `null` is an undefined number.

{_table(("key", "value", "always there"), rows)}
"""


def commands() -> str:
    """Commands of ``framing``."""
    parser = _parser()
    parts = ["# Commands of framing", _prose(parser.description), _prose(parser.epilog)]
    parts += [text for name, sub in _subcommands(parser) for text in _command(f"framing {name}", sub)]
    return "\n\n".join(parts) + "\n"


def _subcommands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    # argparse has no public way to its arguments; its printed help differs between versions of Python.
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    inner = list(_subcommands(parser))
    arguments = [one for one in parser._actions if one.help and one.dest not in ("help", argparse.SUPPRESS)]
    if inner:
        for sub, sub_parser in inner:
            yield from _command(f"{name} {sub}", sub_parser)
        return
    yield f"## {name}"
    if parser.description:
        yield _prose(parser.description)
    rows = (
        (
            " ".join(f"`{text}`" for text in one.option_strings) or f"`{one.metavar or one.dest}`",
            "–" if not one.option_strings or one.nargs == 0 else _value(one),
            (one.help or "") % {**vars(one), "prog": name},
        )
        for one in arguments
    )
    yield _table(("argument", "value", "meaning"), rows)


def _value(argument: argparse.Action) -> str:
    return " or ".join(f"`{one}`" for one in argument.choices or [argument.metavar or argument.dest])


def hooks() -> str:
    """Hooks for plugins."""
    parts = ["# Hooks", "Worked examples: [Extend it](../how-to/extend.md)."]
    for name, function in vars(hookspecs).items():
        if name.startswith("pytest_framing_"):
            text = _prose(function.__doc__)
            text = re.sub(r"::\n\n((?: {4}.*\n?)+)", lambda code: f":\n\n```python\n{_flush(code[1])}\n```\n", text)
            parts += [f"## {name}", text.strip()]
    return "\n\n".join(parts) + "\n"


def _flush(code: str) -> str:
    return textwrap.dedent(code).rstrip()


PAGES: Mapping[str, Callable[[], str]] = {
    "options.md": options,
    "suite.md": suites,
    "gates.md": gates,
    "run-files.md": run_files,
    "commands.md": commands,
    "hooks.md": hooks,
}


def pages() -> dict[str, str]:
    """Every page by its file name."""
    made = {}
    for name, write in PAGES.items():
        title, rest = write().split("\n", 1)
        made[name] = f"{title}\n\n{MADE}\n{rest}"
    return made


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` name those that are out of date."""
    stale = 0
    for name, text in pages().items():
        path = FOLDER / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" in arguments:
            sys.stderr.write(f"{path.name} is out of date: run python docs/reference.py\n")
        else:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
