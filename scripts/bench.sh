#!/usr/bin/env bash
# Measures the product on a private server and prints one table of ratios.
#
#   scripts/bench.sh [--json FILE] [BENCH]...      all of them: 40 minutes
#
# capture   what the triggers cost the billing's statements
# latency   from COMMIT to the request at the provider; what idling costs
# ingest    against bare SQL that does the same row work
# deliver   the same, and a provider that answers late
# history   the same behind five million deliveries, and beside a snapshot
# snapshot  the reads of the queues while a backup holds a snapshot
# memory    over a million events
# cpu       of a payment with message, receipt, bonus and reset
# size      of the stripped programs
# routers   resets of many sessions, sick routers
#
# What it needs two gigabytes of disk for is history.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES $ROUTER_PACKAGES

cmake -S . -B build-bench -G Ninja >/dev/null
cmake --build build-bench \
    --target mbevd mbev bench_programs >/dev/null
export MBEV_BUILD=$PWD/build-bench
exec python3 bench/bench.py "$@"
