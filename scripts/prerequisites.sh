#!/usr/bin/env bash
# Tells in one line what is missing to build or test dsp, and installs it where it may.
#
#   scripts/prerequisites.sh build|test
#
# As root on a system with apt the missing Debian packages are installed; everybody else is told
# the command. Quick and silent when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-build}
rust=1.95
node=20
python=3.11
r_packages="bit64 cli data.table digest ggplot2 htmlwidgets httr2 jsonlite plotly rlang svglite
testthat tibble withr"

fail() {
    echo "dsp: $*" >&2
    exit 1
}

# A command that is missing, and the Debian package that brings it.
packages=()
need() { command -v "$1" >/dev/null || packages+=("$2"); }

# Prints which of the R packages on standard input are not installed: all where there is no R.
missing_in_r() {
    local names
    # shellcheck disable=SC2207 # names hold no blanks
    names=($(cat))
    Rscript -e 'for (p in commandArgs(TRUE)) if (!nzchar(system.file(package = p))) cat(p, "")' \
        "${names[@]}" 2>/dev/null || echo "${names[@]}"
}

need cc gcc
need git git
need make make
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ "$(uname)" != Linux ] || packages+=(ca-certificates)
if [ "$purpose" = test ] && [ "$(uname)" = Linux ]; then
    need ip iproute2
    need tc iproute2
    need systemd-analyze systemd
    need python3 python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
    need Rscript r-base-core
    need chromium chromium
    # Those that the tests of the R package use; Debian's names are theirs behind `r-cran-`.
    for name in $(printf '%s\n' "$r_packages" | missing_in_r); do
        packages+=("r-cran-$name")
    done
fi

if [ ${#packages[@]} -gt 0 ]; then
    # shellcheck disable=SC2207 # package names hold no blanks; macOS' bash has no mapfile
    packages=($(printf '%s\n' "${packages[@]}" | sort -u))
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing ${packages[*]}" >&2
        { apt-get update && DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends "${packages[@]}"; } >/dev/null </dev/null ||
            fail "apt-get could not install ${packages[*]}; look at the lines above"
    else
        fail "missing ${packages[*]}: install them (Debian: sudo apt-get install ${packages[*]})"
    fi
fi

# older A B: whether version A comes before version B.
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

command -v cargo >/dev/null || fail "Rust is missing: install $rust or newer from https://rustup.rs"
version=$(cargo --version | cut -d ' ' -f 2)
! older "$version" "$rust" || fail "Rust $version is too old: rustup update stable ($rust or newer)"

if [ -e web/package.json ]; then
    command -v npm >/dev/null || fail "npm is missing: install Node.js $node or newer from https://nodejs.org"
    version=$(node --version | tr -d v)
    ! older "$version" "$node" || fail "Node.js $version is too old: install $node or newer from https://nodejs.org"
fi

if [ "$purpose" = test ]; then
    version=$(python3 -c 'import platform; print(platform.python_version())')
    ! older "$version" "$python" || fail "Python $version is too old: install $python or newer from https://www.python.org"
fi

# A first build writes some 4 GiB (tests: 6), a later one little.
target=${CARGO_TARGET_DIR:-target}
need_gib=6
[ "$purpose" = build ] || need_gib=10
[ ! -e "$target" ] || need_gib=1
place=$target
while [ ! -e "$place" ]; do place=$(dirname "$place"); done
free_gib=$(($(df -Pk "$place" | awk 'END { print $4 }') / 1048576))
[ "$free_gib" -ge "$need_gib" ] ||
    fail "$free_gib GiB free at $place, $need_gib needed: free some, or set CARGO_TARGET_DIR to a larger disk"

# Each compiler process may take 1 GiB.
if [ -r /proc/meminfo ]; then
    memory_mib=$(awk '/^(MemAvailable|SwapFree):/ { kib += $2 } END { print int(kib / 1024) }' /proc/meminfo)
    need_mib=2048
    [ "${CARGO_BUILD_JOBS:-}" != 1 ] || need_mib=1024
    [ "$memory_mib" -ge "$need_mib" ] ||
        fail "$memory_mib MiB of memory free, $need_mib needed: close programs, add swap, or set CARGO_BUILD_JOBS=1"
fi
