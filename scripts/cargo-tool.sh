#!/usr/bin/env bash
# Prints the path of a tool of cargo at the version this project uses; builds it at first, without
# optimisation: that takes under a minute.
#
# Usage: scripts/cargo-tool.sh deny|fuzz
set -euo pipefail

case "${1:-}" in
    deny) version=0.20.2 ;;
    fuzz) version=0.13.2 ;;
    *)
        echo "usage: $0 deny|fuzz" >&2
        exit 2
        ;;
esac
name=cargo-$1
tools=${XDG_CACHE_HOME:-$HOME/.cache}/dsp/tools

for tool in "$(command -v "$name" || true)" "$tools/bin/$name"; do
    if [ -x "$tool" ] && [ "$("$tool" --version)" = "$name $version" ]; then
        echo "$tool"
        exit
    fi
done

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cd /
CARGO_TARGET_DIR=$build CARGO_PROFILE_DEV_DEBUG=0 \
    cargo install --quiet --locked --force --debug --root "$tools" --version "$version" "$name" >&2
echo "$tools/bin/$name"
