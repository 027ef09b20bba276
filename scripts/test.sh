#!/usr/bin/env bash
# Builds everything and runs every test; installs what that needs (Debian 12,
# root or sudo). The last line is the sum: "N passed, N failed", and how many
# steps were skipped when a server could not be had.
#
#   scripts/test.sh            all of it; what is the same in both builds once,
#                              in the one or in the other
#   scripts/test.sh full       all of it in the plain build, too
#   scripts/test.sh quick      all of it, in the plain build only
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

PASSED=0
FAILED=0
SKIPPED=0
MODE=${1:-}
LOGS=$(mktemp -d)
trap 'rm -rf "$LOGS"' EXIT

# step NAME COMMAND...: runs it, shows the end of its output, counts.
step() {
    local name=$1 log="$LOGS/step" begun=$SECONDS
    shift
    echo "== $name"
    if "$@" >"$log" 2>&1; then
        tail -n 3 "$log"
        count "$log" || PASSED=$((PASSED + 1))
    else
        tail -n 150 "$log"
        count "$log" || true
        FAILED=$((FAILED + 1))
        echo "** $name FAILED"
    fi
    echo "   $((SECONDS - begun)) s"
}

# Adds what a test runner counted in its last lines; false when none did.
count() {
    local n
    n=$(tail -n 40 "$1" | grep -oE '[0-9]+ passed|out of [0-9]+' |
        tail -n 1 | grep -oE '[0-9]+') || return 1
    PASSED=$((PASSED + n))
}

# Where that server cannot be had, it is said, and nothing else stops.
on_mysql56() {
    local why
    why=$(cd tests && python3 -B -c 'from harness import kinds
print(kinds.named("mysql56").why_unavailable() or "")')
    if [ -n "$why" ]; then
        SKIPPED=$((SKIPPED + 1))
        echo "== MySQL 5.6"
        echo "** skipped: $why"
        return
    fi
    step "MySQL 5.6: SQL files, capture, the whole chain" env -u MBEV_PART \
        MBEV_SERVER=mysql56 python3 -m pytest -q -p no:cacheprovider -n 5 \
        --dist loadfile tests/sql/test_capture.py \
        tests/integration/test_payment_sms.py \
        tests/integration/test_bonus.py tests/integration/test_doctor.py \
        tests/integration/test_kinds.py tests/integration/test_life.py \
        tests/integration/test_long_snapshot.py \
        tests/integration/test_mbevctl_install.py
    step "MySQL 5.6: recorded cases" scripts/conformance.sh \
        tests/data/vectors PaymentSMSNotice PaymentKomtetReceiptSend \
        PaymentBonusLog TarifChangeDiscountRemove FreezeSMSPilotNotice \
        BlockDiscountRemove PaymentRouterOSSessionRemove RouterOSSessionRemove --no-matrices \
        --server mysql56
}

on_a_server() { # on_a_server PYTEST_WORDS...: several files at a time
    python3 -m pytest -q -p no:cacheprovider -n 5 --dist loadfile "$@"
}

plain_tests() {
    export MBEV_BUILD=$PWD/build
    [ -n "$MODE" ] || export MBEV_PART=plain MBEV_CASES=200000
    step "plain: unit tests" ctest --test-dir build -j 2 --output-on-failure
    step "plain: tests on a real server" on_a_server tests
    step "plain: recorded cases, on MyISAM and koi8r" \
        scripts/conformance.sh tests/data/vectors --no-matrices \
        --engine MyISAM --charset koi8r
    step "plain: dry runs beside the recorded kit" \
        scripts/conformance.sh tests/data/vectors --dry
    # One script for each rule about types and discounts; the other scripts
    # have the same.
    step "plain: recorded matrices" scripts/conformance.sh \
        tests/data/vectors PaymentSMSNotice ReturnSMSNotice LimitSMSNotice \
        ReturnKomtetReceiptSend PaymentBonusLog PaymentRouterOSSessionRemove
    on_mysql56
}

# Whatever runs our C code; of what is the same in both builds its part.
sanitized_tests() {
    export MBEV_BUILD=$PWD/build-asan MBEV_PART=sanitized
    MBEV_SERVER_PRELOAD=$(gcc -print-file-name=libasan.so)
    export MBEV_SERVER_PRELOAD ASAN_OPTIONS=detect_leaks=1 MBEV_CASES=100000
    step "ASan+UBSan: unit tests" \
        ctest --test-dir build-asan -j 2 --output-on-failure
    step "ASan+UBSan: tests on a real server" on_a_server \
        tests/integration tests/property tests/sql tests/memory
    step "fuzzing: corpora, and a second of each target" scripts/fuzz.sh --short
    # One script of each kind.
    step "ASan+UBSan: recorded cases, on InnoDB and utf8mb4" \
        scripts/conformance.sh \
        tests/data/vectors PaymentSMSNotice PaymentSocNotice \
        CreditSMSNotice APIPaymentSMSPilotNotice TarifChangeSystemSMSNotice \
        PaymentKomtetReceiptSend PaymentBonusLog PaymentLoyaltyBonusLog \
        TarifChangeDiscountRemove PaymentRouterOSSessionRemove \
        RouterOSSessionRemove --no-matrices --engine InnoDB --charset utf8mb4
}

# The library is called by many threads of the server; all else has one.
threaded_tests() {
    step "build with ThreadSanitizer" bash -c '
        cmake -S . -B build-tsan -G Ninja -DMBEV_SANITIZE=thread >/dev/null &&
        cmake --build build-tsan --target udf_threads test_udf'
    step "ThreadSanitizer: the library" ctest --test-dir build-tsan \
        -R '^(udf_threads|test_udf)$' --output-on-failure
}

PATH=/usr/bin:/usr/sbin:$PATH
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $RUN_PACKAGES $TEST_PACKAGES

step "build with gcc" build build -DMBEV_FAULTS=ON
if [ "$MODE" != quick ]; then
    step "build with clang" env CC=clang bash -c \
        '. scripts/packages.sh && build build-clang'
    step "lint" scripts/lint.sh build-clang
    step "build with sanitizers" build build-asan -DMBEV_FAULTS=ON \
        -DMBEV_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=Debug
fi
[ "$FAILED" = 0 ] && plain_tests
if [ "$MODE" != quick ] && [ "$FAILED" = 0 ]; then
    sanitized_tests
    threaded_tests
fi

echo
skipped=
[ "$SKIPPED" = 0 ] || skipped=", $SKIPPED skipped"
echo "$PASSED passed, $FAILED failed$skipped"
[ "$FAILED" = 0 ]
