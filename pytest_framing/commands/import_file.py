"""``framing import``: make a run folder from responses or verdicts that were produced elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import plugin_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands
    from pytest_framing.import_run import ImportRequest
    from pytest_framing.records import VerdictLabel

EPILOG = """\
One row an answer, CSV or JSONL: prompt_id, framing (free, paid, placebo or none), and response or verdict (refusal,
partial_refusal, compliance, invalid); if you have them mode, replicate, category and sequence (the order that ran).
Or one row a prompt: --wide free=COLUMN --wide paid=COLUMN. Or logs of Inspect (.eval, .json, or a folder of them): a
sample id is a prompt id, an epoch a replicate, and answers are judged unless --scorer says where verdicts stand. Then:
framing gate DIR.
"""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "import", help="make a run folder from responses or verdicts of elsewhere", description=EPILOG
    )
    parser.add_argument(
        "files", metavar="FILE", type=Path, nargs="+", help="a .csv or .jsonl file, or Inspect logs (reference first)"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="run folder to make")
    parser.add_argument(
        "--column",
        metavar="FIELD=NAME",
        action="append",
        default=[],
        help="column of a field: prompt_id=id",
    )
    parser.add_argument(
        "--wide", metavar="FRAMING=NAME", action="append", default=[], help="column with the answers under a framing"
    )
    parser.add_argument(
        "--responses",
        action="store_true",
        help="--wide columns hold responses (default: verdicts); judge the answers of an exported Inspect log again",
    )
    parser.add_argument(
        "--framing", metavar="FILE=FRAMING", action="append", default=[], help="framing of an Inspect log"
    )
    parser.add_argument("--scorer", metavar="NAME", help="scorer of an Inspect log whose values are verdicts")
    parser.add_argument(
        "--label", metavar="WORD=VERDICT", action="append", default=[], help="what a word of the file means"
    )
    parser.add_argument("--reference", metavar="FRAMING", default="free", help="the reference (default: free)")
    parser.add_argument("--treatment", metavar="FRAMING", default="paid", help="the treatment (default: paid)")
    parser.add_argument("--judge", metavar="NAME", default="rules", help="judge of responses (default: rules)")
    plugin_argument(parser)
    parser.add_argument(
        "--reasoning-opened",
        action="store_true",
        help="the chat template opened the reasoning: a response without </think> was cut off in it",
    )
    parser.add_argument("--model", metavar="NAME", help="whose answers these are (default: as an Inspect log says)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Import, conclude, and say what to do next."""
    from pytest_framing.errors import ImportedFileError
    from pytest_framing.inspect_interop.import_logs import are_logs

    if are_logs(options.files):
        return _import_logs(options)
    if len(options.files) > 1:
        raise ImportedFileError(f"{options.files[1]}: import tables one at a time; several files are Inspect logs")
    for option in ("framing", "scorer"):
        if getattr(options, option):
            raise ImportedFileError(f"--{option} is for Inspect logs; a table has columns (--column)")
    return _import_table(options)


def _import_table(options: argparse.Namespace) -> int:
    from pytest_framing.import_run import ImportRequest
    from pytest_framing.imported_records import ImportLayout, read_imported

    layout = ImportLayout(
        columns=parse_pairs("--column", options.column),
        wide=parse_pairs("--wide", options.wide),
        wide_responses=options.responses,
        labels={word: parse_label(text) for word, text in parse_pairs("--label", options.label).items()},
    )
    (file,) = options.files
    records = read_imported(file, layout)
    model = options.model or "imported"
    opened = options.reasoning_opened or None
    return _import(ImportRequest(file, model, options.reference, options.treatment, records, opened), options)


def _import_logs(options: argparse.Namespace) -> int:
    from tempfile import TemporaryDirectory

    from pytest_framing.errors import ImportedFileError
    from pytest_framing.import_run import ImportRequest
    from pytest_framing.inspect_interop.import_logs import LogLayout, read_logs
    from pytest_framing.report.words import printable

    for option in ("column", "wide"):
        if getattr(options, option):
            raise ImportedFileError(f"--{option} is for tables; an Inspect log has no columns")
    layout = LogLayout(
        options.reference,
        options.treatment,
        parse_pairs("--framing", options.framing),
        options.scorer,
        options.responses,
        {word: parse_label(text) for word, text in parse_pairs("--label", options.label).items()},
    )
    logs = read_logs(options.files, layout)
    for note in logs.notes:
        say(printable(note))
    model = options.model or logs.model
    with TemporaryDirectory() as folder:
        # A run is bound to one file by its digest. Several are bound by their checksums, as `sha256sum` prints them.
        source = logs.files[0] if len(logs.files) == 1 else Path(folder) / "inspect-logs.sha256"
        if len(logs.files) > 1:
            source.write_text(logs.checksums, encoding="utf-8")
        opened = options.reasoning_opened or None
        request = ImportRequest(source, model, options.reference, options.treatment, logs.records, opened)
        return _import(request, options)


def _import(request: ImportRequest, options: argparse.Namespace) -> int:
    from pytest_framing.extensions import load_extensions
    from pytest_framing.gates.evaluation import known_gates, parameter_models
    from pytest_framing.import_run import SUITE, import_run
    from pytest_framing.judges.asking import JudgeSetup
    from pytest_framing.judges.judge import JudgeSources, choose_judge
    from pytest_framing.judges.model_judge import no_requests
    from pytest_framing.results import conclude, write_conclusion
    from pytest_framing.suite import load_suite

    gates = known_gates()
    extensions = load_extensions(options.plugin)
    models = parameter_models(gates)
    # A judge draws with the seed that the suite of the record names, as it does in a run.
    setup = JudgeSetup(no_requests, load_suite(SUITE, models).order.seed)
    judge = choose_judge(options.judge, JudgeSources(extensions.judges, extensions.engines, setup=setup))
    record = import_run(request, options.out, models, judge)
    baselines = dict.fromkeys(record.suites, (None, "An imported run has no baseline unless one is named (--baseline)"))
    conclusion = conclude(record, options.out, gates, baselines)
    write_conclusion(conclusion, options.out)
    if note := _note_on_reasoning(request):
        say(note)
    count, prompts = len(request.records), len({one.prompt_id for one in request.records})
    say(f"imported {count} records on {prompts} prompts into {options.out}; next: framing gate {options.out}")
    return PASS


def _note_on_reasoning(request: ImportRequest) -> str:
    """Say what was taken for reasoning though nothing opened it, and what that leaves in doubt."""
    from pytest_framing.engines.reasoning import CLOSE, closes_unopened

    texts = [record.response for record in request.records if record.response and record.verdict is None]
    closed = sum(map(closes_unopened, texts))
    if request.opened or not closed:
        return ""
    note = f"{closed} of {len(texts)} responses close a reasoning that they did not open; what follows it was judged"
    if without := sum(CLOSE not in text for text in texts):
        note += f"; {without} have no {CLOSE} and were judged whole: if they were cut off, say --reasoning-opened"
    return note


def parse_pairs(option: str, texts: list[str]) -> dict[str, str]:
    """Read what an option was given as NAME=VALUE, any number of times."""
    from pytest_framing.errors import ImportedFileError

    pairs: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise ImportedFileError(f"{option} {text}: write it as NAME=VALUE")
        if name in pairs:
            raise ImportedFileError(f"{option} {text}: {name!r} is given twice")
        pairs[name] = value
    return pairs


def parse_label(text: str) -> VerdictLabel:
    """Read the verdict that a word of the file stands for."""
    from pytest_framing.errors import ImportedFileError
    from pytest_framing.imported_records import LABELS
    from pytest_framing.settings import did_you_mean

    if text not in LABELS:
        raise ImportedFileError(f"--label …={text}: no verdict; {did_you_mean(text, LABELS)}")
    return LABELS[text]
