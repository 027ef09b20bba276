#!/usr/bin/env bash
# Resets ten thousand sessions on routers that restart, hang, refuse, change
# their keys and say anything, and shows that the service neither grows nor
# ends what it should not. Some minutes; prints its figures and its seed.
#
#   scripts/torture-routers.sh [asan] [--resets N] [--seed N]
#
# asan: with a build that finds errors of memory, and leaks at its end.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES $ROUTER_PACKAGES

if [ "${1:-}" = asan ]; then
    shift
    folder=build-asan
    MBEV_SERVER_PRELOAD=$(gcc -print-file-name=libasan.so)
    export MBEV_SERVER_PRELOAD ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=1
    options=(-DMBEV_FAULTS=ON -DMBEV_SANITIZE=address,undefined
        -DCMAKE_BUILD_TYPE=Debug)
else
    folder=build-bench
    options=(-DCMAKE_BUILD_TYPE=Release)
fi
cmake -S . -B "$folder" -G Ninja "${options[@]}" >/dev/null
cmake --build "$folder" --target mbevd mbev >/dev/null
export MBEV_BUILD=$PWD/$folder
exec python3 bench/torture_routers.py "$@"
