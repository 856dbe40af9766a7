#!/usr/bin/env bash
# Puts the verdicts and comparisons of all models into one comment on the pull request, and rewrites it when there is one.
set -euo pipefail

marker='<!-- pytest-framing: release gate -->'
most=60000 # GitHub takes 65,536 characters

case "$PULL_REQUEST" in
  '' | *[!0-9]*)
    echo '::error title=pytest-framing::The number of the pull request is none.'
    exit 2
    ;;
esac

body=$(mktemp)
printf '%s\n' "$marker" >"$body"
# What the gates say comes first: a model without results has no comparison, and a comparison may pass where gates fail.
python3 "$(dirname "$0")/verdicts.py" >>"$body"
found=false
for comparison in "$ARTEFACTS"/*/comparison.md; do
  [ -f "$comparison" ] || continue
  found=true
  cat "$comparison" >>"$body"
  printf '\n' >>"$body"
done
if [ "$found" = false ]; then
  printf 'No model was compared: there is no baseline yet, or no run came to an end.\n' >>"$body"
fi
if [ "$(wc -c <"$body")" -gt "$most" ]; then
  # At the end of a line: half a line could be half an entity.
  head -c "$most" "$body" | sed '$d' >"$body.short"
  printf '\n(cut; the whole comparison is in the summary of the workflow run)\n' >>"$body.short"
  mv "$body.short" "$body"
fi
printf '\n[Workflow run](%s)\n' "$RUN_URL" >>"$body"

# A person may quote the marker; only our own comment is rewritten.
own=$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments" \
  --jq ".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$marker\"))) | .id" | sed -n 1p)
if [ -n "$own" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$own" --field "body=@$body"
else
  gh api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments" --field "body=@$body"
fi
