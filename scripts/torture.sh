#!/usr/bin/env bash
# Breaks everything that can break, for some minutes and by a plan that a seed
# makes, while many write to the billing; then compares what the billing has
# with the books of the providers. Prints the plan, what happened, and the
# verdict; ends at most three minutes after those it was given.
#
#   scripts/torture.sh [asan] [--minutes N] [--seed S] [--flush 0|1|both]
#                      [--rate N] [--gaps] [--keep FOLDER]
#                      [--cluster 2|3] [--share]
#
# asan: with a build that finds errors of memory, and leaks at its end.
# --flush: innodb_flush_log_at_trx_commit of the server; both: half of the
#          minutes each. 0 forgets commits when the server is killed.
# --rate: transactions in a second. --gaps: triggers are missing at times;
#          then it may take two minutes more for each mode.
# --keep: where the services' logs go when something was wrong.
# --cluster: on a Galera cluster, a service beside each node, the writes spread
#          over all. Of two nodes and an arbiter one is killed again and again,
#          three lose each other: in network namespaces, which needs root, or
#          else by Galera's own gmcast.isolate. Also prints how long nobody
#          acted.
# --share: the services share the work ([service] share_work), with --flush 1.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES
if [[ " $* " == *" --cluster"* ]]; then
    # shellcheck disable=SC2086
    need_packages $CLUSTER_PACKAGES
fi

build_for_torture "${1:-}"
[ "${1:-}" != asan ] || shift
exec python3 tests/torture/run.py "$@"
