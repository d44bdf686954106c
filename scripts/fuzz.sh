#!/bin/sh
# scripts/fuzz.sh [SECONDS [TARGET...]]: runs fuzz targets, two at a time, each for so long (600), and
# prints for each: executions, seconds, result. Finds are left in fuzz/artifacts; docs/FUZZING.md.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-600}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- checkpoint images archive jpeg benchmark genotype config scores space onnx
# cargo-fuzz's flags are nightly's; this lets the stable toolchain take them.
export RUSTC_BOOTSTRAP=1
cargo fuzz --version >/dev/null 2>&1 || {
    echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2
    exit 1
}
runs=fuzz/runs
mkdir -p "$runs"
cargo fuzz build >"$runs/build.log" 2>&1 || {
    tail -n 20 "$runs/build.log" >&2
    exit 1
}

run() {
    # What is found on the way stays out of the committed corpus.
    mkdir -p "$runs/$1"
    result=0
    nice -n 15 cargo fuzz run "$1" "$runs/$1" "fuzz/corpus/$1" -- -timeout=10 -rss_limit_mb=2048 \
        -max_total_time="$seconds" -print_final_stats=1 >"$runs/$1.log" 2>&1 || result=$?
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$runs/$1.log")
    took=$(sed -n 's/^Done .* in \([0-9]*\) second.*/\1/p' "$runs/$1.log")
    [ $result = 0 ] && result=clean || result="FAILED, see $runs/$1.log"
    echo "$1: ${count:-?} executions, ${took:-?} seconds, $result"
    [ "$result" = clean ]
}

failed=0
while [ $# -gt 0 ]; do
    run "$1" &
    first=$!
    shift
    if [ $# -gt 0 ]; then
        run "$1" || failed=1
        shift
    fi
    wait $first || failed=1
done
exit $failed
