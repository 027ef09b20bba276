#!/usr/bin/env bash
# Measures the product on a private server and prints one table of ratios.
#
#   scripts/bench.sh [--json FILE] [ingest|latency|memory|snapshot|routers]...
#
# snapshot compares the drain while a backup holds a snapshot with the drain
# without one. routers takes three minutes, and stand-ins for MikroTik routers:
# packages python3-asyncssh, openssh-server, libnss-wrapper.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES $ROUTER_PACKAGES

cmake -S . -B build-bench -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build-bench --target mbevd mbev bare_ingest >/dev/null
export MBEV_BUILD=$PWD/build-bench
exec python3 bench/bench.py "$@"
