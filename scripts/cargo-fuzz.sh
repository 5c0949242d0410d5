#!/usr/bin/env bash
# Prints the path of cargo-fuzz at the version this project is fuzzed with; builds it at first.
set -euo pipefail

version=0.13.2
tools=${XDG_CACHE_HOME:-$HOME/.cache}/dsp/tools

for fuzz in "$(command -v cargo-fuzz || true)" "$tools/bin/cargo-fuzz"; do
    if [ -x "$fuzz" ] && [ "$("$fuzz" --version)" = "cargo-fuzz $version" ]; then
        echo "$fuzz"
        exit
    fi
done

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cd /
CARGO_TARGET_DIR=$build CARGO_PROFILE_DEV_DEBUG=0 \
    cargo install --quiet --locked --force --debug --root "$tools" --version "$version" cargo-fuzz >&2
echo "$tools/bin/cargo-fuzz"
