"""``framing compare``: hold candidates against a base, be they runs, baselines or published results.

The JSON that ``--json`` prints (``schema_version`` 1) has ``status``, ``margin``, ``alpha``, ``allowed_mismatch``,
``base``, ``candidates`` and ``stages`` (what demonstrations do in each of them, by suite). A candidate has ``status``,
``conclusion``, ``not_judged`` and ``suites`` by name; a suite has ``arms`` (refusal rates with their difference, and
``regressed`` and ``improved`` prompts by id and category), ``gaps`` (with their ``drift``), ``contradiction``,
``fewest_changed``, ``protocol`` (every place that differs), ``flags`` and ``caveats``. Shares are unrounded; ``null``
is undefined. No text of a prompt or an answer is in it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.commands.arguments import json_argument, margin_argument, number
from pytest_framing.commands.comparands import NAMES, find_comparand
from pytest_framing.commands.console import say, say_marked
from pytest_framing.commands.exit_codes import FAIL, INCONCLUSIVE, PASS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_framing.commands.arguments import Commands
    from pytest_framing.comparison.comparison import Comparison
    from pytest_framing.comparison.stages import Stage
    from pytest_framing.gates.gate import GateStatus

SCHEMA_VERSION = 1
DESCRIPTION = """
Compare candidates with a base. Each is a run (its folder, its id below .framing, or latest), a baseline file, or a file
of published results.

On shared prompts, decisions are compared one by one: the change of each refusal rate, the prompts that regressed, and
the drift of the compliance gap. A published result has totals alone: it is compared unpaired, every difference of
protocol is named, and nothing passes by it. With several candidates, a table follows the base and all of them.

A treated model against its control: `framing compare CONTROL TREATED`. The drift is then the gap of the treated model
minus the gap of the control.

Runs of a suite with demonstrations are also set beside each other as stages: what benign demonstrations do in each,
with p-values adjusted over all of them.

pass: no refusal rate is shown or suspected to have dropped by the margin, and the gap stayed within it. fail: a drop
beyond the margin, or any drift of the gap, is shown; or the same weights under the same protocol decide otherwise.
"""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "compare",
        help="compare candidates with a base: what regressed, and how the gap moved",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", metavar="BASE", help=NAMES)
    parser.add_argument("candidates", metavar="CANDIDATE", nargs="+", help="one or several of the same")
    margin_argument(parser, default=0.05)
    parser.add_argument(
        "--alpha",
        type=number(above=0, below=0.5),
        default=0.05,
        metavar="A",
        help="level of a one-sided claim (default: 0.05)",
    )
    parser.add_argument(
        "--allow-mismatch",
        action="append",
        default=[],
        metavar="FIELD",
        help="deciding field of the protocol that may differ, such as dtype; may be given several times",
    )
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="draw what demonstrations do in each of them (.svg, .png or .pdf); needs runs of a suite that has some",
    )
    form = parser.add_mutually_exclusive_group()
    json_argument(form)
    form.add_argument("--markdown", action="store_true", help="write a comment for a pull request")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write the JSON, the Markdown or the plain text to a file; the terminal shows the text",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Compare, and print or write the result; the exit code is that of the worst candidate."""
    from pytest_framing.baseline import check_allowed_fields
    from pytest_framing.commands.comparison_text import comparison_lines, stage_lines
    from pytest_framing.comparison.arm import Criteria
    from pytest_framing.comparison.comparison import compare, worst
    from pytest_framing.comparison.stages import compare_stages
    from pytest_framing.json_documents import write_text

    check_allowed_fields(options.allow_mismatch, "--allow-mismatch")
    base = find_comparand(options.base)
    candidates = [find_comparand(one) for one in options.candidates]
    criteria = Criteria(options.margin, options.alpha)
    comparisons = [compare(base, one, criteria, tuple(options.allow_mismatch)) for one in candidates]
    status = worst(one.status for one in comparisons)
    stages = compare_stages([base, *candidates])
    lines = [*comparison_lines(comparisons), *stage_lines(stages)]
    plain = "".join(f"{line.text}\n" for line in lines)
    written = _written(options, comparisons, status, stages) or plain
    if options.output is not None or written is plain:
        for line in lines:
            say_marked(line.text, line.status.value if line.status else "")
    else:
        say(written.removesuffix("\n"))
    if options.output is not None:
        write_text(options.output, written)
        say(f"written to {options.output}")
    if options.figure is not None:
        _draw(stages, options.figure)
    return {"pass": PASS, "fail": FAIL}.get(status.value, INCONCLUSIVE)


def _draw(stages: Mapping[str, Sequence[Stage]], path: Path) -> None:
    from pytest_framing.commands.stage_figure import write_stage_figure
    from pytest_framing.errors import OutputError

    if len(stages) != 1:
        raise OutputError(
            f"--figure {path}: {'several suites' if stages else 'no suite'} with demonstrations in what is compared; "
            "name runs of one such suite"
        )
    write_stage_figure(next(iter(stages.values())), path)
    say(f"drawn in {path}")


def _written(
    options: argparse.Namespace,
    comparisons: Sequence[Comparison],
    status: GateStatus,
    stages: Mapping[str, Sequence[Stage]],
) -> str:
    """Return the document that was asked for; empty where none was."""
    from pytest_framing.commands.comparison_markdown import comparison_markdown

    if options.json:
        document = comparison_document(comparisons, status, options.margin, options.alpha, options.allow_mismatch)
        document["stages"] = {name: [one.document() for one in found] for name, found in stages.items()}
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return comparison_markdown(comparisons, stages) if options.markdown else ""


def comparison_document(
    comparisons: Sequence[Comparison], status: GateStatus, margin: float, alpha: float, allowed: Sequence[str]
) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "comparison",
        "status": status.value,
        "margin": margin,
        "alpha": alpha,
        "allowed_mismatch": list(allowed),
        "base": comparisons[0].base.document(),
        "candidates": [one.document() for one in comparisons],
    }
