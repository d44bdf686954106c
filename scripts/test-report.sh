#!/bin/sh
# Opens reports of searches in a browser: scripts/test-report.sh SEARCH FOLDER
#
# SEARCH is the example program; FOLDER is made anew, and has reports and pictures of them afterwards.
# tests/report/browser.mjs says what is checked. The browser is Debian's Chromium (scripts/setup.sh
# installs it), what drives it comes from npm into .cache/browser.
set -eu
cd "$(dirname "$0")/.."
search=$1
folder=$2

browser=
for candidate in chromium chromium-browser google-chrome; do
    if command -v "$candidate" >/dev/null; then
        browser=$(command -v "$candidate")
        break
    fi
done
if [ -z "$browser" ] || ! command -v npm >/dev/null; then
    echo "test-report: found no Chromium or no npm, expected both (on Debian: apt-get install chromium npm)" >&2
    exit 1
fi
modules=.cache/browser
packages="playwright-core@1.56.1 axe-core@4.10.3"
if [ "$(cat "$modules/installed" 2>/dev/null)" != "$packages" ]; then
    rm -rf "$modules"
    mkdir -p "$modules"
    # shellcheck disable=SC2086 # one argument a package
    npm install --prefix "$modules" --no-fund --no-audit --silent $packages
    echo "$packages" >"$modules/installed"
fi

rm -rf "$folder"
mkdir -p "$folder/reports"

# report NAME TEXTS OPTION...: a search, and beside its report the texts that it must show, a line each:
# TEXTS, and the architecture, which is the last line that the search prints.
report() {
    name=$1
    texts=$2
    shift 2
    "$search" --report "$folder/reports/$name.html" "$@" >"$folder/$name.out" 2>"$folder/$name.err" || {
        cat "$folder/$name.err" >&2
        return 1
    }
    {
        printf '%b\n' "$texts"
        tail -n 1 "$folder/$name.out"
    } >"$folder/reports/$name.txt"
}

table=$folder/table.tsv
printf 'arch_string\tcifar10\n|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|\t94.37\n' >"$table"

# Images whose file has a name that is markup.
images="$folder/<img src=x onerror=alert(1)>.npy"
python3 - "$images" <<'EOF'
import sys

header = "{'descr': '|u1', 'fortran_order': False, 'shape': (20, 3, 32, 32), }".ljust(117) + "\n"
with open(sys.argv[1], "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
    file.write(bytes((i * i // 7 + i // 31) % 256 for i in range(20 * 3 * 32 * 32)))
EOF

small="--repeats 1 --batch-size 4 --seed 1"
report prune-nas-bench-201 "One architecture of 15,625\nRound 1 removed 6 of 24 candidates\nRemovals measured\nFLOPs (multiply-adds)\nDigest of the images" $small
report prune-darts "Round 1 removed\nreduction after round 1\nRanks in round 2: normal" $small --space darts --prune-per-edge 3
report prune-mobilenet-v2 "What was found: first and more\nRanks in round 1: more" $small --space spaces/mobilenet-v2.json --batch-size 2 --prune-per-edge 5
report prune-markup "<img src=x onerror=alert(1)>.npy\n20 of 3 x 32 x 32" $small --data "$images"
# All classes of NAS-Bench-201, by scores that take no time, and one that does for the best.
report rank-nas-bench-201 "The first 20 of 6,466 architectures\nflops and parameters\n6,466\nTest accuracy on cifar10\n94.37 %" \
    --strategy rank --proxies flops,parameters --budget 6466 --table "$table" --seed 1
report rank-draws "The first 20 of 60 architectures\nplace among the finalists\nagainst" \
    --strategy rank --proxies flops,naswot,swap --budget 60 --batch-size 8 --seed 1
report rank-darts "Scores against each other\nflops" \
    --strategy rank --space darts --proxies flops,parameters --budget 100 --seed 1
report rank-nats-bench-size "Scores against each other\nlayer_1" \
    --strategy rank --space spaces/nats-bench-size.json --proxies flops,parameters --budget 200 --seed 1

size=$(wc -c <"$folder/reports/rank-nas-bench-201.html")
if [ "$size" -ge 2000000 ]; then
    echo "test-report: found a report of 6,466 architectures of $size bytes, expected fewer than 2,000,000" >&2
    exit 1
fi
node tests/report/browser.mjs "$browser" "$folder/reports" "$folder/pictures" "$modules"
