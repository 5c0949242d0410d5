#!/usr/bin/env bash
# Builds the web UI into web/embed/ui, from where the build of the daemon takes it. Quick and
# silent when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/../web"

# npm writes no time of its own that tells which lock file the packages came from.
installed=node_modules/.dsp-lock.json
if ! cmp -s package-lock.json "$installed"; then
    npm ci --no-audit --no-fund --loglevel error >&2
    cp package-lock.json "$installed"
fi

stamp=embed/ui/stamp.txt
sources=(src public index.html render.html package.json package-lock.json tsconfig.json vite.config.ts)
if [ ! -e "$stamp" ] || [ -n "$(find "${sources[@]}" -newer "$stamp" -print -quit)" ]; then
    npm run --silent build >&2
fi
