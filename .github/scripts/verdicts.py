"""Tell what the gates of each model came to, as Markdown: a line a model, under what the release gate comes to.

Standard library alone: it runs on a GitHub-hosted machine on which nothing of this project is installed.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

WORDS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE", "not_evaluated": "NOT EVALUATED"}
NO_RESULTS = "NO RESULTS: the run ended before its gates"
LONGEST_NAME = 100


def main() -> int:
    """Write the table; a model whose artefact holds no results did not pass."""
    artefacts, result = Path(os.environ["ARTEFACTS"]), os.environ["GATE_RESULT"]
    models = json.loads(os.environ["MODELS"])
    found = [_verdict(artefacts / f"framing-{number}" / "results.json") for number in range(len(models))]
    every_one = set(found) == {WORDS["pass"]}
    passed = every_one and result == "success"
    lines = [f"## Release gate: {'PASS' if passed else 'NO PASS'}", "", "| model | its gates |", "|---|---|"]
    lines += [f"| {_escaped(str(model))} | {word} |" for model, word in zip(models, found, strict=True)]
    if every_one and not passed:
        lines += ["", "No gate objects, but a job did not end well; the workflow run says why."]
    sys.stdout.write("\n".join([*lines, "", ""]))
    return 0


def _verdict(path: Path) -> str:
    """Return what the results of a run say; what cannot be read says nothing."""
    try:
        return WORDS[json.loads(path.read_text(encoding="utf-8"))["verdict"]]
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return NO_RESULTS


def _escaped(text: str) -> str:
    plain = "".join(one if one.isprintable() else "�" for one in " ".join(text.split())[:LONGEST_NAME])
    return re.sub(r"[^\w ./]|_", lambda match: f"&#{ord(match[0])};", plain)


if __name__ == "__main__":
    sys.exit(main())
