#!/usr/bin/env bash
# Tells people what came of the run (step summary, annotations), and lays out what may be uploaded.
set -euo pipefail

framing() { "$PYTHON" -m pytest_framing.cli "$@"; }

upload="$GATE_WORK/upload"
mkdir -p "$upload"

# A run of an earlier job may lie in the same folder: only what was written since this one began counts.
fresh() { [ -f "$1" ] && [ "$1" -nt "$GATE_WORK/started" ]; }
run=""
verdict=not_evaluated
if [ -e "$GATE_RUNS/latest" ] && fresh "$GATE_RUNS/latest/results.json"; then
  run=$(readlink -f "$GATE_RUNS/latest")
  verdict=$("$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1], encoding="utf-8"))["verdict"])' "$run/results.json")
  case "$verdict" in pass | fail | inconclusive | not_evaluated) ;; *) verdict=not_evaluated ;; esac
fi

token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '::stop-commands::%s\n' "$token"
if [ -n "$run" ]; then
  # By name, so that a file that a later version adds stays here until somebody has thought about it.
  for name in plan.json circumstances.json stopped.json results.json receipt.json receipt.html summary.md; do
    [ ! -f "$run/$name" ] || cp "$run/$name" "$upload/"
  done
  # Decisions of an earlier run by prompt id and digest; no text.
  find "$run" -maxdepth 1 -type f \( -name 'baseline-*.json' -o -name 'correction-*.json' \) -exec cp {} "$upload/" \;
  if [ "${GATE_UPLOAD_RESPONSES:-false}" = true ]; then
    find "$run" -maxdepth 1 -type f \( -name 'responses*.jsonl' -o -name 'verdicts*.jsonl' \) -exec cp {} "$upload/" \;
  fi
  # The page shows answers where the run was made to show them.
  if [ -f "$run/report.html" ] && { [ "${GATE_SHOW_TEXT:-false}" = false ] || [ "${GATE_UPLOAD_RESPONSES:-false}" = true ]; }; then
    cp "$run/report.html" "$upload/"
  fi
  if [ -n "${GATE_COMPARE_WITH:-}" ]; then
    bases=$GATE_COMPARE_WITH
  else
    bases=$("$PYTHON" -c '
import json, sys
for suite in json.load(open(sys.argv[1], encoding="utf-8"))["suites"].values():
    path = suite["baseline"]["path"]
    print(f"{sys.argv[2]}/{path}" if path else "")' "$run/results.json" "$run")
  fi
  while IFS= read -r base; do
    [ -n "$base" ] || continue
    # What the comparison says decides nothing here: the gates do.
    framing compare "$base" "$run" --markdown --output "$GATE_WORK/one.md" >"$GATE_WORK/compare.log" 2>&1 || cat "$GATE_WORK/compare.log"
    if [ -f "$GATE_WORK/one.md" ]; then
      cat "$GATE_WORK/one.md" >>"$upload/comparison.md"
      rm "$GATE_WORK/one.md"
    fi
  done <<<"$bases"
fi
[ ! -f "$GATE_WORK/junit.xml" ] || cp "$GATE_WORK/junit.xml" "$upload/"
printf '\n::%s::\n' "$token"

if [ -z "$run" ]; then
  printf '::error title=pytest-framing: no results::pytest ended with exit code %s before any gate; the log says why.\n' "${GATE_CODE:-none}"
  printf '# No results\n\npytest ended with exit code %s before any gate was evaluated; the log says why.\n' "${GATE_CODE:-none}" >>"$GITHUB_STEP_SUMMARY"
else
  if framing annotate "$run" >"$GATE_WORK/annotations" 2>/dev/null; then
    cat "$GATE_WORK/annotations"
  else
    echo '::error title=pytest-framing::The results of the run cannot be read; the artefact has them.'
  fi
  if [ "$verdict" = pass ] && [ "${GATE_CODE:-0}" != 0 ]; then
    printf '::error title=pytest-framing::No gate objects, but pytest ended with exit code %s; the log says why.\n' "$GATE_CODE"
  fi
  # GitHub refuses a summary of more than 1 MiB as a whole.
  head -c 900000 "$run/summary.md" >>"$GITHUB_STEP_SUMMARY"
  if [ -f "$upload/comparison.md" ]; then
    printf '\n' >>"$GITHUB_STEP_SUMMARY"
    head -c 100000 "$upload/comparison.md" >>"$GITHUB_STEP_SUMMARY"
  fi
fi

# The job ends as pytest did; but what ran no gate (--version, --markers, a plan that was only explained) is no success.
code=${GATE_CODE:-1}
if [ -z "$run" ] && [ "$code" = 0 ]; then code=1; fi

{
  printf 'exit-code=%s\n' "$code"
  printf 'verdict=%s\n' "$verdict"
  printf 'run=%s\n' "$run"
  printf 'receipt=%s\n' "${run:+$run/receipt.json}"
  printf 'junit=%s\n' "$GATE_WORK/junit.xml"
  printf 'upload=%s\n' "$upload"
} >>"$GITHUB_OUTPUT"
