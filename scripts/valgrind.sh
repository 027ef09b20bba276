#!/usr/bin/env bash
# Runs a database server with mbev.so in it, and the library's unit test, under
# valgrind: no error and no lost memory may have our functions in its stack.
# Some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES valgrind libc6-dbg

build build -DMBEV_FAULTS=ON >/dev/null
export MBEV_BUILD=$PWD/build MBEV_VALGRIND=yes
exec python3 -m pytest -q -p no:cacheprovider tests/memory/test_valgrind.py -rP
