#!/usr/bin/env bash
# Ten thousand events (payments with message, receipt and bonus, and some resets
# of sessions), and what service and server hold before and after most of them.
# A minute or more; prints its figures.
#
#   scripts/flatness.sh [EVENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES

cmake -S . -B build-bench -G Ninja >/dev/null
cmake --build build-bench --target mbevd mbev >/dev/null
export MBEV_BUILD=$PWD/build-bench MBEV_EVENTS=${1:-10000}
cd tests
exec python3 -m pytest -q -s -p no:cacheprovider integration/test_flatness.py
