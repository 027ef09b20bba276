#!/usr/bin/env bash
# Feeds mutated input to everything that reads bytes of others (libFuzzer, with
# ASan and UBSan), each target for so many minutes, and prints what was run.
# What it finds is left in build-fuzz/found/.
#
#   scripts/fuzz.sh [--minutes N] [--jobs N] [TARGET...]   10 minutes, 1 job
#   scripts/fuzz.sh --short [TARGET...]      the corpora, and a second of each
#   scripts/fuzz.sh --keep [TARGET...]       takes over into tests/fuzz/corpus
#                                            what the last runs have reached
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
PATH=/usr/bin:/usr/sbin:$PATH

BUILD=$PWD/build-fuzz
CORPUS=$PWD/tests/fuzz/corpus
MOST_BYTES=4096     # of an input
MOST_MEGABYTES=1024 # of memory
MOST_SECONDS=20     # for one input
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

seconds=600 jobs=1 keep=
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --minutes) seconds=$((${2:?} * 60)) && shift ;;
    --jobs) jobs=${2:?} && shift ;;
    --short) seconds=1 jobs=2 ;;
    --keep) keep=yes ;;
    -*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    *) targets+=("$1") ;;
    esac
    shift
done

# The dictionary of a target, as an option, if there is one.
dictionary() {
    local name=$1
    case $name in
    smspilot | smsc | komtet | webhook) name=reply ;;
    ini) name=settings ;;
    esac
    [ ! -f "tests/fuzz/dict/$name.dict" ] ||
        echo "-dict=$PWD/tests/fuzz/dict/$name.dict"
}

# Runs one target; a line of the table.
run() {
    local name=$1 log=$BUILD/log/$1 code=0 verdict=clean figures
    # shellcheck disable=SC2046
    "$BUILD/fuzz_$name" $(dictionary "$name") -max_total_time="$seconds" \
        -timeout=$MOST_SECONDS -rss_limit_mb=$MOST_MEGABYTES \
        -max_len=$MOST_BYTES -print_final_stats=1 \
        -artifact_prefix="$BUILD/found/$name-" \
        "$BUILD/reached/$name" "$CORPUS/$name" \
        >"$log" 2>&1 </dev/null || code=$?
    [ $code = 0 ] || { verdict=FAILED && touch "$BUILD/failed/$name"; }
    figures=$(grep -aE '^#[0-9]+' "$log" | tail -n 1 |
        sed -E 's/^#([0-9]+).* cov: ([0-9]+) .*corp: ([0-9]+).*/\1 \2 \3/')
    # shellcheck disable=SC2086
    printf '%-12s %12s %9s %8s  %s\n' "$name" ${figures:-- - -} "$verdict"
    [ $code = 0 ] || tail -n 40 "$log"
}

keep() {
    local new=$BUILD/kept/$1
    rm -rf "$new" && mkdir -p "$new"
    "$BUILD/fuzz_$1" -merge=1 -use_counters=0 -max_len=512 "$new" "$CORPUS/$1" \
        "$BUILD/reached/$1" >"$BUILD/log/$1" 2>&1 </dev/null
    rm -rf "${CORPUS:?}/$1" && mv "$new" "$CORPUS/$1"
    echo "$1: $(find "$CORPUS/$1" -type f | wc -l) files"
}

# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES clang libclang-rt-dev
if [ ${#targets[@]} = 0 ]; then
    mapfile -t targets < <(basename -a tests/fuzz/fuzz_*.c |
        sed 's/^fuzz_//;s/\.c$//')
fi
CC=clang cmake -S . -B "$BUILD" -G Ninja -DMBEV_FUZZ=ON -DMBEV_TESTS=OFF \
    >/dev/null
cmake --build "$BUILD" --target "${targets[@]/#/fuzz_}" >/dev/null
rm -rf "$BUILD/failed"
mkdir -p "$BUILD"/{log,found,failed} "${targets[@]/#/$BUILD/reached/}" \
    "${targets[@]/#/$CORPUS/}"

if [ -n "$keep" ]; then
    for name in "${targets[@]}"; do keep "$name"; done
    exit
fi
printf '%-12s %12s %9s %8s\n' target executed coverage inputs
for name in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
        wait -n || true
    done
    run "$name" &
done
wait
failed=$(find "$BUILD/failed" -type f | wc -l)
echo "$((${#targets[@]} - failed)) passed, $failed failed"
[ "$failed" = 0 ]
