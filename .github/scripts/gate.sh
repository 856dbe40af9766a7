#!/usr/bin/env bash
# Runs the gates and leaves pytest's exit code to the steps that follow: this one ends with 0 whatever the gates say.
# Inputs come as environment variables (GATE_…) and are never read as shell.
set -euo pipefail

refuse() {
  printf '::error title=pytest-framing::%s\n' "$1"
  exit 2
}

flag() { # NAME VALUE: whether an input is true; a typo must not turn a gate off
  case "$2" in
    true) return 0 ;;
    false) return 1 ;;
    *) refuse "The input \"$1\" must be true or false." ;;
  esac
}

lines() { # ARRAY TEXT: one entry a line, without blanks around it
  local -n into=$1
  local line
  into=()
  while IFS= read -r line; do
    line="${line#"${line%%[![:space:]]*}"}"
    line="${line%"${line##*[![:space:]]}"}"
    [ -z "$line" ] || into+=("$line")
  done <<<"$2"
}

[ -n "${GATE_MODEL:-}" ] || refuse 'The input "model" is missing.'
suites=() prompts=() extra=()
lines suites "${GATE_SUITES:-suites/}"
lines prompts "${GATE_PROMPTS:-}"
lines extra "${GATE_ARGUMENTS:-}"
for suite in "${suites[@]}"; do
  case "$suite" in -*) refuse 'The input "suites" takes paths, not options.' ;; esac
done
for argument in "${extra[@]}"; do
  case "$argument" in
    --) refuse 'The input "arguments" must not hold "--": it would hide the options that follow.' ;;
    --framing-show-text) refuse 'Use the input "show-text", not the option, to put prompts and answers into the log.' ;;
  esac
done
case " ${PYTEST_ADDOPTS:-} " in
  *--framing-show-text*) refuse 'PYTEST_ADDOPTS holds --framing-show-text; use the input "show-text".' ;;
esac

case "${GATE_OUT:-}" in *$'\n'*) refuse 'The input "out" is one folder.' ;; esac
release=false show_text=false quiet=true
if flag release "${GATE_RELEASE:-true}"; then release=true; fi
if flag show-text "${GATE_SHOW_TEXT:-false}"; then show_text=true; fi
if flag upload-responses "${GATE_UPLOAD_RESPONSES:-false}"; then quiet=false; fi

arguments=("${suites[@]}" "--model=$GATE_MODEL")
[ -z "${GATE_CHECKPOINT:-}" ] || arguments+=("--checkpoint=$GATE_CHECKPOINT")
[ -z "${GATE_PROFILE:-}" ] || arguments+=("--framing-profile=$GATE_PROFILE")
[ -z "${GATE_BASELINE:-}" ] || arguments+=("--framing-baseline=$GATE_BASELINE")
[ -z "${GATE_WORKERS:-}" ] || arguments+=("--numprocesses=$GATE_WORKERS")
for one in "${prompts[@]}"; do arguments+=("--framing-prompts=$one"); done
if [ "$release" = true ]; then arguments+=(--framing-release); fi
if [ "$show_text" = true ]; then arguments+=(--framing-show-text); fi
# An empty token would hide the one that the runner itself may have.
[ -n "${HF_TOKEN:-}" ] || unset HF_TOKEN

work=$(mktemp -d "${RUNNER_TEMP:?}/framing-XXXXXX")
runs=${GATE_OUT:-$work/runs}
# Known before the run begins: a job that is cut off is concluded all the same.
{
  printf 'work=%s\n' "$work"
  printf 'runs=%s\n' "$runs"
} >>"$GITHUB_OUTPUT"

# What follows the user's own arguments wins over them.
arguments+=("${extra[@]}" -p no:cacheprovider "--framing-out=$runs" "--junitxml=$work/junit.xml")
# JUnit is uploaded: captured output may hold what was shown.
if [ "$quiet" = true ]; then arguments+=(-o junit_logging=no); fi

: >"$work/started"
# The runner obeys commands (::…) in any output. Models write hostile text, so it is told to obey none until the token,
# and pytest is not told where the files lie by which a step talks to the next.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '::stop-commands::%s\n' "$token"
code=0
env -u GITHUB_ENV -u GITHUB_OUTPUT -u GITHUB_PATH -u GITHUB_STATE -u GITHUB_STEP_SUMMARY \
  "$PYTHON" -m pytest "${arguments[@]}" || code=$?
printf '\n::%s::\n' "$token"
printf 'exit-code=%s\n' "$code" >>"$GITHUB_OUTPUT"
