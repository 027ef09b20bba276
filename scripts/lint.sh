#!/usr/bin/env bash
# Checks form and finds faults without running anything.
#
#   scripts/lint.sh BUILD    BUILD: a folder configured with CC=clang
#   scripts/lint.sh --fix    formats the C files in place
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t all < <(find lib udf poller ctl man bench tests/unit tests/property tests/fuzz tests/memory tests/stress -name '*.[ch]' | sort)
if [ "${1:-}" = --fix ]; then
    clang-format -i "${all[@]}"
    exit
fi
build=${1:?usage: scripts/lint.sh BUILD}
clang-format --dry-run -Werror "${all[@]}"
mapfile -t code < <(find lib udf poller ctl man bench tests/property tests/memory tests/stress -name '*.c' | sort)
cppcheck --quiet --std=c11 --enable=warning,performance,portability \
    --inline-suppr --error-exitcode=1 --library=posix --library=gnu \
    --suppress=missingInclude -Ilib -Ipoller -Ictl -Iudf \
    -DMBEV_VERSION='"0"' -DMBEV_DOORBELL='"/d"' -DMBEV_CONTROL='"/k"' -DMBEV_CONF_FILE='"/c"' -DMBEV_STATE_DIR='"/s"' -DMBEV_SHARE_DIR='"/h"' -DMBEV_LIBRARY_FILE='"/l"' \
    "${code[@]}"
printf '%s\n' "${code[@]}" |
    xargs -P 2 -n 4 clang-tidy --quiet -p "$build" --warnings-as-errors='*'
