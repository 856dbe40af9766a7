#!/usr/bin/env bash
# Names the Python that runs the gates: the one that was asked for, or a fresh environment with this version of the plugin.
set -euo pipefail

if [ -n "${GATE_PYTHON:-}" ]; then
  if ! "$GATE_PYTHON" -c 'import pytest_framing'; then
    echo '::error title=pytest-framing::The Python of the input "python" does not have pytest-framing installed.'
    exit 2
  fi
  python=$(command -v "$GATE_PYTHON")
else
  # RUNNER_TEMP is emptied after the job, so nothing of one job is there in the next.
  environment="${RUNNER_TEMP:?}/framing-venv"
  python3 -m venv "$environment"
  python="$environment/bin/python"
  "$python" -m pip install --quiet --constraint "$GITHUB_ACTION_PATH/constraints.txt" "$GITHUB_ACTION_PATH"
fi
printf 'python=%s\n' "$python" >>"$GITHUB_OUTPUT"
