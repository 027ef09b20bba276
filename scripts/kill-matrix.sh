#!/usr/bin/env bash
# Kills, stops and cuts off the service wherever a test can, and prints as
# tables what came of it. Nothing may be lost, nothing doubled.
#
#   scripts/kill-matrix.sh [--full] [--jobs N] [kill] [stop] [lost]
#
# kill: SIGKILL at every seam, for every action; stop: SIGSTOP at every seam
# for longer than the lease, with a second service; lost: every statement, or
# its answer, is lost. Without --full, kill tries each pair once and lost every
# sixth statement.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES

if [ -z "${MBEV_BUILD:-}" ]; then
    cmake -S . -B build -G Ninja -DMBEV_FAULTS=ON >/dev/null
    cmake --build build --target mbevd mbev >/dev/null
    export MBEV_BUILD=$PWD/build
fi
cd tests
exec python3 -m matrix "$@"
