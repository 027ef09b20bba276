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

build_for_torture "${1:-}"
[ "${1:-}" != asan ] || shift
exec python3 bench/torture_routers.py "$@"
