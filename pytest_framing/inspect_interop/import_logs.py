"""Inspect logs as records that can be imported: sample ids are prompt ids, epochs are replicates."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import ImportedFileError
from pytest_framing.imported_records import LABELS, MAX_ID_LENGTH, MODES, ImportedRecord
from pytest_framing.inspect_interop.names import LOG_SUFFIXES, NAMESPACE, NOT_SHOWN, require_inspect
from pytest_framing.records import CHECK_MODE, STANDARD_MODE, VerdictLabel
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

CONTROLS = ("placebo", "none")


@dataclass(frozen=True)
class LogLayout:
    """How logs are read.

    ``framings`` maps names of files to framings. ``scorer`` is the scorer whose values are verdicts (``NAME:KEY`` where
    they have keys); without one, answers are judged, except in exported logs, which name theirs. ``responses`` has
    answers judged in these, too. ``labels`` maps words and numbers of the scorer to verdicts.
    """

    reference: str = "free"
    treatment: str = "paid"
    framings: Mapping[str, str] = field(default_factory=dict)
    scorer: str | None = None
    responses: bool = False
    labels: Mapping[str, VerdictLabel] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportedLogs:
    """What was read: the records, the model that answered, the files, and what of them was left out."""

    records: Sequence[ImportedRecord]
    model: str
    files: Sequence[Path]
    notes: Sequence[str]

    @property
    def checksums(self) -> str:
        """One line a file, as ``sha256sum`` prints them."""
        lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in self.files]
        return "".join(sorted(lines, key=lambda line: line.split("  ", 1)[1]))


def are_logs(paths: Sequence[Path]) -> bool:
    """Tell whether these are Inspect logs, or a folder of them, rather than a table."""
    return any(path.is_dir() or path.suffix.lower() in LOG_SUFFIXES for path in paths)


def read_logs(paths: Sequence[Path], layout: LogLayout) -> ImportedLogs:
    """Read Inspect logs.

    Raises
    ------
    MissingPackageError
        Without inspect_ai.
    ImportedFileError
        Naming the log, and the sample: unreadable, unfinished, of an unknown framing, a value that is no verdict, an
        answer that is not shown, a sample that stands twice.
    """
    require_inspect("framing import of an Inspect log")
    files = _files(paths)
    logs = [(path, _read(path)) for path in files]
    _hold_framings_named(layout, files)
    kept = [(path, log) for path, log in logs if _ours(log).get("mode") != CHECK_MODE]
    notes = [
        f"{path.name}: left out: questions of the manipulation check" for path, log in logs if (path, log) not in kept
    ]
    if not kept:
        raise ImportedFileError(f"{files[0]}: no samples to import: the logs hold a manipulation check alone")
    _hold_one_suite(kept)
    records: list[ImportedRecord] = []
    seen: dict[tuple[str, str, str, int], Path] = {}
    samples: list[EvalSample] = []
    # The place in the command means something for two logs written there, not for what a folder happens to hold.
    by_place = (layout.reference, layout.treatment) if len(paths) == len(kept) == 2 and not layout.framings else ()
    for position, (path, log) in enumerate(kept):
        framing = _framing(path, log, layout, by_place[position] if by_place else None)
        for sample in log.samples or []:
            record = _record(path, log, sample, framing, layout)
            if record.key in seen:
                raise ImportedFileError(
                    f"{path}: sample {record.prompt_id!r} under {framing!r} ({record.mode}, epoch {record.replicate}) "
                    f"stands in {seen[record.key].name} already"
                )
            seen[record.key] = path
            records.append(record)
            samples.append(sample)
    return ImportedLogs(_in_order(records, samples), _model(kept), [path for path, _ in kept], notes)


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(one for one in path.rglob("*") if one.is_file() and one.suffix.lower() in LOG_SUFFIXES)
            if not found:
                raise ImportedFileError(f"{path}: no Inspect log (.eval or .json) in the folder")
            files.extend(found)
        elif path.suffix.lower() not in LOG_SUFFIXES:
            raise ImportedFileError(f"{path}: not an Inspect log (.eval or .json); import tables one at a time")
        elif not path.is_file():
            raise ImportedFileError(f"{path}: no such file")
        else:
            files.append(path)
    return files


def _read(path: Path) -> EvalLog:
    from inspect_ai.log import read_eval_log

    try:
        log = read_eval_log(str(path))
    except Exception as error:
        # Whatever the archive, JSON and its validation raise: all of it means that this is no log of Inspect's.
        raise ImportedFileError(f"{path}: not an Inspect log that can be read ({type(error).__name__})") from error
    if log.status != "success" or log.invalidated:
        state = "invalidated" if log.invalidated else f"of status {log.status!r}"
        raise ImportedFileError(
            f"{path}: the log is {state}: what an unfinished eval left out would go unnoticed; finish it first "
            "(inspect eval-retry)"
        )
    if not log.samples:
        raise ImportedFileError(f"{path}: no samples in the log (was it written with --no-log-samples?)")
    return log


def _ours(log: EvalLog) -> Mapping[str, Any]:
    """What an exported log, or one of our own tasks, says of itself."""
    found = (log.eval.metadata or {}).get(NAMESPACE)
    return found if isinstance(found, Mapping) else {}


def _asks_questions(log: EvalLog) -> bool:
    return _ours(log).get("mode") == CHECK_MODE


def _hold_framings_named(layout: LogLayout, files: Sequence[Path]) -> None:
    names = {path.name for path in files}
    for name in layout.framings:
        if Path(name).name not in names:
            raise ImportedFileError(f"--framing {name}=…: no such log; {did_you_mean(Path(name).name, names)}")


def _hold_one_suite(logs: Sequence[tuple[Path, EvalLog]]) -> None:
    suites = sorted({str(suite) for _, log in logs if (suite := _ours(log).get("suite"))})
    if len(suites) > 1:
        raise ImportedFileError(
            f"these logs are of the suites {', '.join(suites)}; import one suite's folder at a time"
        )


def _framing(path: Path, log: EvalLog, layout: LogLayout, by_place: str | None) -> str:
    named = {Path(name).name: framing for name, framing in layout.framings.items()}
    framing = named.get(path.name) or _ours(log).get("framing") or by_place
    known = (layout.reference, layout.treatment, *CONTROLS)
    if framing is None:
        raise ImportedFileError(
            f"{path}: which framing is this? Write --framing {path.name}={layout.treatment}, or give two logs, that of "
            f"{layout.reference!r} first"
        )
    if framing not in known:
        raise ImportedFileError(
            f"{path}: framing {str(framing)[:64]!r} is neither the reference {layout.reference!r} nor the treatment "
            f"{layout.treatment!r}; name them (--reference NAME --treatment NAME)"
        )
    return str(framing)


def _record(path: Path, log: EvalLog, sample: EvalSample, framing: str, layout: LogLayout) -> ImportedRecord:
    prompt_id = str(sample.id)
    if not prompt_id or len(prompt_id) > MAX_ID_LENGTH or not prompt_id.isprintable():
        raise ImportedFileError(
            f"{path}: a sample's id must be printable, not empty, and at most {MAX_ID_LENGTH} characters long"
        )
    mode = _ours(log).get("mode", STANDARD_MODE)
    if mode not in MODES:
        raise ImportedFileError(f"{path}: mode {str(mode)[:64]!r}: {did_you_mean(str(mode), MODES)}")
    scorer = layout.scorer or (None if layout.responses else _ours(log).get("scorer"))
    return ImportedRecord(
        line=0,
        prompt_id=prompt_id,
        framing=framing,
        mode=str(mode),
        replicate=sample.epoch,
        category=_category(sample),
        sequence=None,
        response=None if scorer else _answer(path, sample),
        verdict=_verdict(path, sample, str(scorer), layout.labels) if scorer else None,
    )


def _category(sample: EvalSample) -> str:
    found = (sample.metadata.get(name) for name in ("semantic_category", "category"))
    return next((value for value in found if isinstance(value, str)), "")


def _in_order(records: Sequence[ImportedRecord], samples: Sequence[EvalSample]) -> list[ImportedRecord]:
    """Number the records in the order that ran, where it is on record for all of them.

    Exported logs have the stamps of the run, which order the responses of one worker; Inspect's own say when each
    sample started.
    """
    stamps = [_stamp(sample) for sample in samples]
    if any(stamp is not None for stamp in stamps):
        if len({stamp[0] if stamp else None for stamp in stamps}) > 1:
            return list(records)
        return [replace(record, sequence=stamp[1]) for record, stamp in zip(records, stamps, strict=True) if stamp]
    started = [sample.started_at for sample in samples]
    if None in started:
        return list(records)
    ranked = sorted(range(len(records)), key=lambda n: str(started[n]))
    place = {n: sequence for sequence, n in enumerate(ranked, start=1)}
    return [replace(record, sequence=place[n]) for n, record in enumerate(records)]


def _stamp(sample: EvalSample) -> tuple[str, int] | None:
    """Worker and sequence of a response, as an exported log tells them."""
    stamps = sample.metadata.get("stamps")
    if NAMESPACE not in sample.metadata or not isinstance(stamps, Mapping):
        return None
    worker, sequence = stamps.get("worker"), stamps.get("sequence")
    if not isinstance(worker, str) or not worker or not isinstance(sequence, int) or sequence < 1:
        return None
    return worker, sequence


def _answer(path: Path, sample: EvalSample) -> str:
    about = sample.metadata.get(NAMESPACE)
    if isinstance(about, Mapping) and about.get("text") == NOT_SHOWN:
        raise ImportedFileError(
            f"{path}: sample {str(sample.id)!r} does not show its answer: there is nothing to judge; use its verdicts "
            "(--scorer verdict), or export with --show-text"
        )
    return "" if sample.error is not None else sample.output.completion


def _verdict(path: Path, sample: EvalSample, scorer: str, labels: Mapping[str, VerdictLabel]) -> VerdictLabel:
    if sample.error is not None:
        return VerdictLabel.INVALID
    name, _, key = scorer.partition(":")
    scores = sample.scores or {}
    where = f"{path}: sample {str(sample.id)!r}, epoch {sample.epoch}"
    if name not in scores:
        raise ImportedFileError(f"{where}: no score {name!r} (--scorer); {did_you_mean(name, scores)}")
    value = scores[name].value
    if isinstance(value, Mapping):
        if key not in value:
            keys = ", ".join(str(one) for one in value)
            raise ImportedFileError(
                f"{where}: the score {name!r} has keys: write --scorer {name}:KEY with one of {keys}"
            )
        value = value[key]
    return _label(where, name, value, labels)


def _label(where: str, name: str, value: object, labels: Mapping[str, VerdictLabel]) -> VerdictLabel:
    word = _word(value)
    if word in labels:
        return labels[word]
    if isinstance(value, float) and math.isnan(value):
        return VerdictLabel.INVALID
    plain = word.strip().lower().replace(" ", "_").replace("-", "_")
    if plain not in LABELS:
        # What a scorer wrote may quote an answer: it is not printed unless it is a word.
        shown = repr(word) if re.fullmatch(r"[\w. -]{1,30}", word) else f"a text of {len(word)} characters"
        raise ImportedFileError(
            f"{where}: {shown} of the scorer {name!r} is no verdict; say what it means: --label WORD=VERDICT with one "
            f"of {', '.join(LABELS)}"
        )
    return LABELS[plain]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return str(value)


def _model(logs: Sequence[tuple[Path, EvalLog]]) -> str:
    models = sorted({str(log.eval.model) for _, log in logs})
    if len(models) > 1:
        raise ImportedFileError(
            f"these logs are of different models ({', '.join(models)}): a difference between them is no effect of a "
            "framing; name the logs of one model"
        )
    return models[0]
