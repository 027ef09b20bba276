#!/usr/bin/env bash
# Replays recorded vectors against the product.
#
#   scripts/conformance.sh DIR [SCRIPT...] [--jobs N] [--no-matrices] [--dry]
#       [--server mariadb|mysql56] [--engine InnoDB|MyISAM]
#       [--charset koi8r|utf8mb4] [--tally FILE]
#
# Runs every vector file below DIR, or only the named scripts, and prints each
# difference, a table per script and "N passed, N failed, N skipped". Exit 0:
# all passed that this version has to pass. MBEV_BUILD names a build to test;
# without it the tree is built into build/ first.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/packages.sh"
PATH=/usr/bin:/usr/sbin:$PATH

if [ -z "${MBEV_BUILD:-}" ]; then
    # shellcheck disable=SC2086
    need_packages $BUILD_PACKAGES $RUN_PACKAGES
    (cd "$top" && build build -DMBEV_FAULTS=ON >&2)
    export MBEV_BUILD=$top/build
fi
exec python3 -B "$top/tests/conformance/run.py" "$@"
