#!/usr/bin/env bash
# Lets memory run out at each place that allocates, one after the other: in
# every unit test, in what is read and built, and in a service that has a
# payment's message, receipt and bonus to do. Nothing may crash, be taken for
# something else, be lost or done twice. Many minutes.
#
#   scripts/oom.sh [N]     N: at most so many places of each program
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES

build build-asan -DMBEV_FAULTS=ON -DMBEV_SANITIZE=address,undefined \
    -DCMAKE_BUILD_TYPE=Debug >/dev/null
export MBEV_BUILD=$PWD/build-asan MBEV_OOM=${1:-all}
MBEV_SERVER_PRELOAD=$(gcc -print-file-name=libasan.so)
export MBEV_SERVER_PRELOAD ASAN_OPTIONS=detect_leaks=1
exec python3 -m pytest -q -p no:cacheprovider -n 2 tests/memory -rP
