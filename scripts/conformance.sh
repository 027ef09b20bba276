#!/bin/sh
# Replays recorded vectors against the product.
#
#   scripts/conformance.sh DIR [SCRIPT...]
#
# Runs every vector file below DIR, or only the named scripts. MBEV_BUILD is
# the folder with the build, by default build/, which is made when missing.
# Exit 0: all passed that this version has to pass. See
# tests/conformance/run.py.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${MBEV_BUILD:-$top/build}

if [ ! -x "$build/mbevd" ]; then
    cmake -S "$top" -B "$build" >&2
    cmake --build "$build" -j "$(nproc)" >&2
fi
MBEV_BUILD=$build exec /usr/bin/python3 -B "$top/tests/conformance/run.py" "$@"
