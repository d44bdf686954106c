#!/bin/bash
# Builds and runs the tests of the C ABI against a built library:
#
#     scripts/test-c.sh LIBRARY_FOLDER BUILD_FOLDER HOOKS_FOLDER
#
# HOOKS_FOLDER has the library with the feature `test-hooks`.
# Each test is a line; the last line counts them. The exit status is 1 if one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
library=$(realpath -m "$1") build=$(realpath -m "$2") hooks=$(realpath -m "$3")
CC=${CC:-cc} CXX=${CXX:-c++}
strict="-Wall -Wextra -Wpedantic -Werror -O1 -g"
shared="-L$library -Wl,-rpath,$library -ltenas -lm"
static="$library/libtenas.a -lpthread -ldl -lm"
valgrind="valgrind --quiet --fair-sched=try --error-exitcode=99 --leak-check=full
    --errors-for-leak-kinds=definite,indirect --show-leak-kinds=definite,indirect"

rm -rf "$build" && mkdir -p "$build/data" || exit 1
passed=0 failed=0
. scripts/checks.sh

# Ctrl-C, once the first candidates are done.
interrupted() {
    "$build/search" --threads 1 >"$build/stdout" 2>"$build/stderr" &
    local process=$! status=0
    for _ in $(seq 600); do
        grep -q '^round' "$build/stderr" && break
        sleep 0.1
    done
    kill -INT "$process"
    wait "$process" || status=$?
    cat "$build/stderr"
    echo "exit status $status, expected 130"
    [ "$status" -eq 130 ] && grep -q interrupted "$build/stderr"
}

# The programs that README.md and tenas.h show.
readme_program() {
    sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" README.md | grep -v '^```' >"$2"
}
header_program() {
    sed -n 's/^ \*     //p; s/^ \*$//p' include/tenas.h | sed -n '/^#include/,/^}/p' >"$1"
}

# The feature that hooks.c needs is in no library that is shipped.
no_hooks() {
    nm --defined-only "$hooks/libtenas.so" | grep tenas_test_hook || return 1
    for file in "$@"; do
        nm --defined-only "$file" >"$build/symbols" 2>/dev/null || return 1
        ! grep -E 'test_hook|hooks.*armed' "$build/symbols" || return 1
    done
}

# The tests call every function on record, but for hooks.c, which calls them all with zeros.
every_function_is_called() {
    for program in core data-test scores state spaces networks; do
        nm --undefined-only "$build/$program" || return 1
    done | awk '/tenas_/ { print $NF }' | LC_ALL=C sort -u >"$build/called"
    diff tests/abi/symbols.txt "$build/called"
}

# Each status of tenas.h was expected by some test, and came.
every_status_comes() {
    sed -n 's/^    \(TENAS_OK\|TENAS_ERROR_[A-Z_]*\) = .*/\1/p' include/tenas.h \
        | LC_ALL=C sort >"$build/statuses"
    [ -s "$build/statuses" ] || return 1
    LC_ALL=C sort -u "$build/seen" | diff "$build/statuses" -
}

# refused.h tries everything on a context that cannot be used, but for what works after a panic.
every_call_is_refused() {
    local name missing=0
    for name in $(sed -n 's/^tenas_status \(tenas_[a-z_]*\)(\(const \)\?tenas_context \*context[,)].*/\1/p' include/tenas.h); do
        case $name in tenas_context_cancel | tenas_context_clear_cancel | tenas_context_progress | tenas_context_work)
            continue ;;
        esac
        grep -q "REFUSED($name(" tests/c/refused.h || { echo "$name is missing"; missing=1; }
    done
    return $missing
}

for standard in c99 c11; do
    check "tenas.h alone as $standard" \
        $CC -std=$standard $strict -fsyntax-only -xc include/tenas.h
done
check "tenas.h alone as C++17" $CXX -std=c++17 $strict -fsyntax-only -xc++ include/tenas.h

check "compile core.c" \
    $CC -std=c99 $strict -pthread -Iinclude tests/c/core.c -o "$build/core" $shared
check "compile core.c, static library" \
    $CC -std=c99 $strict -pthread -Iinclude tests/c/core.c -o "$build/core-static" $static
check "compile data.c" \
    $CC -std=c99 $strict -pthread -Iinclude tests/c/data.c -o "$build/data-test" $shared
check "compile data.c, static library" \
    $CC -std=c99 $strict -pthread -Iinclude tests/c/data.c -o "$build/data-test-static" $static
check "compile scores.c" \
    $CC -std=c99 $strict -Iinclude tests/c/scores.c -o "$build/scores" $shared
check "compile scores.c, static library" \
    $CC -std=c99 $strict -Iinclude tests/c/scores.c -o "$build/scores-static" $static
check "compile search_state.c" \
    $CC -std=c99 $strict -pthread -Iinclude tests/c/search_state.c -o "$build/state" $shared
check "compile search_state.c, static library" \
    $CC -std=c99 $strict -pthread -Iinclude tests/c/search_state.c -o "$build/state-static" $static
check "compile spaces.c" \
    $CC -std=c99 $strict -Iinclude tests/c/spaces.c -o "$build/spaces" $shared
check "compile spaces.c, static library" \
    $CC -std=c99 $strict -Iinclude tests/c/spaces.c -o "$build/spaces-static" $static
check "compile networks.c" \
    $CC -std=c99 $strict -Iinclude tests/c/networks.c -o "$build/networks" $shared
check "compile networks.c, static library" \
    $CC -std=c99 $strict -Iinclude tests/c/networks.c -o "$build/networks-static" $static
for program in fork float_state; do
    check "compile $program.c" \
        $CC -std=c99 $strict -pthread -Iinclude tests/c/$program.c -o "$build/$program" $shared
    check "compile $program.c, static library" \
        $CC -std=c99 $strict -pthread -Iinclude tests/c/$program.c -o "$build/$program-static" $static
done
for program in memory many_contexts; do
    check "compile $program.c" \
        $CC -std=c99 $strict -Iinclude tests/c/$program.c -o "$build/$program" $shared
done
python3 tests/python/every_call.py include/tenas.h >"$build/every_call.h" || exit 1
check "compile hooks.c" $CC -std=c99 $strict -pthread -Iinclude -I"$build" tests/c/hooks.c \
    -o "$build/hooks" -L"$hooks" -Wl,-rpath,"$hooks" -ltenas
for example in score correlate; do
    check "compile $example.c" \
        $CC -std=c99 $strict -Iinclude examples/c/$example.c -o "$build/$example" $shared
done
check "compile search.c" \
    $CC -std=c99 $strict -Iinclude examples/c/search.c -o "$build/search" $shared
readme_program c "$build/readme.c"
check "compile the C program in README.md" \
    $CC -std=c99 $strict -Iinclude "$build/readme.c" -o "$build/readme" $shared
readme_program cpp "$build/readme.cpp"
check "compile the C++ program in README.md" \
    $CXX -std=c++17 $strict -Iinclude -Ibindings/cpp/include "$build/readme.cpp" -o "$build/readme-cpp" $shared
header_program "$build/header.c"
check "compile the program in tenas.h" \
    $CC -std=c99 $strict -Iinclude "$build/header.c" -o "$build/header" $shared

# One after the other, beside everything below: a core is enough for valgrind, whatever the program.
valgrind_programs="core data-test scores state spaces networks hooks"
under_valgrind() {
    local program
    for program in $valgrind_programs; do
        mkdir -p "$build/valgrind/$program"
        RUST_BACKTRACE=0 TENAS_TEST_QUICK=1 $valgrind "$build/$program" "$build/valgrind/$program" \
            >"$build/valgrind/$program.output" 2>&1
        echo $? >"$build/valgrind/$program.status"
    done
}
under_valgrind &
lane=$!
trap 'kill "$lane" 2>/dev/null' EXIT

check "memory that runs out" "$build/memory" "$build/data"
check "a thousand contexts" env MALLOC_ARENA_MAX=1 "$build/many_contexts" 1000
check "core" "$build/core" "$build/data"
check "core, static library" "$build/core-static" "$build/data"
check "data" "$build/data-test" "$build/data"
check "data, static library" "$build/data-test-static" "$build/data"

check "scores" "$build/scores" "$build/data"
check "scores, static library" "$build/scores-static" "$build/data"

check "search_state" "$build/state" "$build/data"
check "search_state, static library" "$build/state-static" "$build/data"

check "spaces" "$build/spaces" "$build/data"
check "spaces, static library" "$build/spaces-static" "$build/data"
check "networks" "$build/networks" "$build/data"
check "networks, static library" "$build/networks-static" "$build/data"
PYTHONPATH=.cache/python python3 tests/python/data_sets.py "$build/data/fork" imagenet-1k \
    >/dev/null || failed=$((failed + 1))
check "fork" "$build/fork" "$build/data" 1 "$build/data/fork/jpeg"
check "fork, static library" "$build/fork-static" "$build/data"
check "float_state" "$build/float_state"
check "float_state, static library" "$build/float_state-static"

check "hooks" env RUST_BACKTRACE=0 "$build/hooks" "$build/data"
check "hooks are in no other library" no_hooks "$library/libtenas.so" "$library/libtenas.a"
check "every function is called" every_function_is_called
check "every status is expected, and comes" every_status_comes
check "every call on a context is refused after a panic, and in a forked child" every_call_is_refused

search=$build/search
small="--batch-size 4 --repeats 1"
check "search: an architecture" finds "$genotype" $search $small --seed 3
cp "$build/stdout" "$build/first"
check "search: the same on one thread" finds "$genotype" $search $small --seed 3 --threads 1
check "search: the same output" cmp "$build/first" "$build/stdout"
darts="^Genotype\\(normal=\\[.*\\], normal_concat=\\[2, 3, 4, 5\\], reduce=\\[.*\\], reduce_concat=\\[2, 3, 4, 5\\]\\)$"
check "search: a DARTS cell" finds "$darts" $search $small --space darts
tail -n 1 "$build/stdout" >"$build/genotype"
check "search: training code reads it" \
    python3 tests/python/check_genotype.py <"$build/genotype"
check "search: as JSON" finds '^\{.*"space":"nas-bench-201".*\}$' $search $small --json
check "search: independent, torch_default" \
    finds "$genotype" $search $small --sampling independent --init torch_default --device cpu
check "search: --help" finds 'help' $search --help
check "search: Ctrl-C" interrupted
# Stopped by Ctrl-C, which saves, then resumed.
interrupted_and_resumed() {
    rm -f "$build/search.json"
    "$build/search" $small --seed 3 --repeats 9 --threads 1 \
        --checkpoint "$build/search.json" >"$build/stdout" 2>"$build/stderr" &
    local process=$! status=0
    for _ in $(seq 6000); do
        grep -q '^round' "$build/stderr" && break
        sleep 0.01
    done
    kill -INT "$process"
    wait "$process" || status=$?
    cat "$build/stderr"
    echo "exit status $status, expected 130"
    [ "$status" -eq 130 ] || return 1
    "$build/search" $small --seed 3 --checkpoint "$build/search.json" --resume >"$build/stdout" || return 1
    tail -n 1 "$build/stdout" >"$build/resumed"
    "$build/search" $small --seed 3 --repeats 9 >"$build/stdout" || return 1
    tail -n 1 "$build/stdout" | cmp - "$build/resumed"
}
check "search: interrupted and resumed" interrupted_and_resumed
check "search: --resume without a checkpoint" ends 2 "--checkpoint" $search $small --resume
check "search: a checkpoint in the way" \
    ends 2 "--resume" $search $small --checkpoint "$build/search.json"
check "search: a checkpoint of other images" ends 1 "digest" \
    $search $small --dataset cifar100 --checkpoint "$build/search.json" --resume
check "search: a checkpoint that is none" ends 1 "line 1 column" \
    $search $small --checkpoint examples/c/search.c --resume
check "search: no place for a checkpoint" ends 1 "/no/such" \
    $search $small --checkpoint /no/such/search.json
check "search: unknown option" ends 2 "--no-such" $search --no-such
check "search: argument" ends 2 "cifar" $search cifar
check "search: no value" ends 2 "--seed" $search --seed
for number in "" -1 +1 " 1" 1x 0x10 1.5 18446744073709551616; do
    check "search: --seed '$number'" ends 2 "--seed: found '$number'" $search --seed "$number"
done
check "search: --repeats out of range" ends 2 "repeats: found 0, expected 1" $search --repeats 0
check "search: --threads too large" ends 2 "--threads: found '4294967296'" $search --threads 4294967296
check "search: a space file" finds '^nats-bench-size\[channels: [0-9, ]+\]$' $search $small \
    --prune-per-edge 7 --space spaces/nats-bench-size.json
# writes NAME PROGRAM [ARGUMENT]...: all files of a network, with their beginnings or a part of them.
# writes NAME COMMAND...: the files of the network that is trained; $last is the command's last argument.
last=
writes() {
    local files="$build/data/written-$1"
    shift
    mkdir -p "$files" && "$@" --onnx "$files/a.onnx" --pytorch "$files/a.py" --weights "$files/a.safetensors" \
        --train-channels 4 --train-cells 1 ${last:+"$last"} || return 1
    grep -q '^class Network(nn.Module):' "$files/a.py" && grep -aq libtenas "$files/a.onnx" \
        && grep -aq '"classifier.weight":{"dtype":"F32"' "$files/a.safetensors" \
        && [ "$(find "$files" -type f | wc -l)" -eq 3 ]
}
check "search: files of the network" writes search $search $small
check "search: files of a space file's network" writes space $search $small --json \
    --prune-per-edge 7 --space spaces/nats-bench-size.json
check "search: no place for a file" ends 1 "/no/such" $search $small --onnx /no/such/a.onnx
check "search: a network that is too large" ends 1 "channels: found 5000, expected 1 to 4096" \
    $search $small --onnx "$build/a.onnx" --train-channels 5000
check "search: a space file that is none" ends 1 "space: " $search --space ./README.md
check "search: a missing space file" ends 1 "/no/such.json" $search --space /no/such.json
check "search: unknown space" ends 2 "nas-bench-201, darts" $search --space nb201
check "search: unknown data set" ends 2 "ImageNet16-120" $search --dataset mnist
check "search: unknown device" ends 2 "torch-cpu" $search --device gpu
check "search: GPU number" ends 2 "--device: found 'x'" $search --device cuda:x
check "search: missing data" ends 1 "/no/such/data" $search --data /no/such/data
head -c 5000 /dev/zero >"$build/data/short.bin"
check "search: truncated data" ends 1 "short.bin" $search --data "$build/data/short.bin"
head -c 61460 /dev/zero >"$build/data/twenty.bin"
check "search: batch larger than the data" ends 1 "20" $search --data "$build/data/twenty.bin"
check "search: CUDA in a build without it" \
    ends 1 "cargo build --release --features torch" $search --device cuda
check "needs no libtorch" needs_no_libtorch "$library/libtenas.so"
check "exports what tests/abi/symbols.txt says" exports_what_is_recorded "$library/libtenas.so"
for dataset in cifar10 cifar100 ImageNet16-120 imagenet-1k; do
    PYTHONPATH=.cache/python python3 tests/python/data_sets.py "$build/data/$dataset" \
        "$dataset" >"$build/layouts" || failed=$((failed + 1))
    while read -r layout; do
        check "search: $dataset, $layout" finds "$genotype" $search $small \
            --dataset "$dataset" --data "$layout"
    done <"$build/layouts"
    check "search: $dataset, DARTS" finds "$darts" $search $small --space darts \
        --dataset "$dataset" --data "$(tail -n 1 "$build/layouts")"
done
mkdir -p "$build/data/broken" && cp -r "$build/data/imagenet-1k/jpeg/train" "$build/data/broken"
for file in "$build"/data/broken/train/n00000003/*; do
    head -c 900 "$file" >"$build/cut" && cp "$build/cut" "$file"
done
check "search: broken JPEGs are counted" ends 0 "skipped 10 broken images" $search $small \
    --dataset imagenet-1k --data "$build/data/broken"
check "search: a folder of no data set" ends 1 "found none of train.bin, train" $search $small \
    --dataset cifar100 --data "$build/data/broken"

# A table of 25 architectures with ties and gaps, its accuracies made up.
table=$build/data/table.tsv
score=$build/score correlate=$build/correlate
few="--batch-size 4 --repeats 1"
check "score: samples" $score --sample 25 --csv $few
{
    printf 'arch_string\tcifar10_test\tcifar100_test\timagenet16_120_test\n'
    tail -n +2 "$build/output" | cut -d, -f1 | tr -d '"' \
        | awk '{ printf "%s\t%.1f\t%s\t50\n", $1, 60 + (NR * 7) % 11, NR % 5 ? NR + 20 : "" }'
} >"$table"
first=$(sed -n 2p "$table" | cut -f1)
scores_three() {
    { echo "# mine"; cat tests/genotypes/multiline.txt; echo; cat tests/genotypes/multiline.txt
        tr -d '\n' <tests/genotypes/multiline.txt; } | "$score" --csv $few --space darts >"$build/scored" || return 1
    [ "$(grep -c '^"Genotype(' "$build/scored")" -eq 3 ]
}
# same_scores OPTION...: the scores of an architecture, but for the seconds, do not depend on that.
same_scores() {
    "$score" --csv $few "$first" | sed 's/,[^,]*$//' >"$build/scored"
    "$score" --csv $few "$@" "$first" | sed 's/,[^,]*$//' | diff "$build/scored" -
}
check "score: aligned" finds '[|]$' $score $few "$first"
check "score: from stdin, as CSV" \
    finds '^"[|].*",[0-9.,e+-]*,1,[0-9.]+$' bash -c "cut -f1 '$table' | tail -n +2 | '$score' --csv $few"
check "score: DARTS" finds 'Genotype' $score $few --space darts --sample 2
check "score: a genotype over several lines" finds ',1,[0-9.]+$' \
    bash -c "'$score' --csv $few --space darts <tests/genotypes/multiline.txt"
check "score: several genotypes and comments" scores_three
check "score: an unclosed genotype" ends 2 "found the end" \
    bash -c "echo 'Genotype(normal=[' | '$score' --space darts $few"
check "score: a step that reads a state twice" finds "'none', 0[)].*,1,[0-9.]+$" \
    $score --csv $few --space darts "$(tr -d '\n' <tests/genotypes/multiline.txt | sed "s/('sep_conv_3x3', 1), ('sep_conv_3x3', 0)/('none', 0), ('dil_conv_5x5', 0)/")"
check "score: a space file" finds 'mobilenet-v2' $score $few --space spaces/mobilenet-v2.json --sample 2
last=$first
check "score: files of the network" writes score $score $few
last=
check "score: files of two networks" ends 2 "found 2 genotypes, expected one" \
    $score $few --sample 2 --pytorch "$build/a.py"
check "score: disconnected" finds 'does not depend on the input' \
    $score $few '|none~0|+|none~0|none~1|+|none~0|none~1|none~2|'
check "score: the same on one thread" same_scores --threads 1
check "score: the same on the named device" same_scores --device cpu
for program in score correlate; do
    check "$program: unknown device" ends 2 "--device: found 'gpu', expected one of auto, cpu, cuda, torch-cpu" \
        "$build/$program" --device gpu
    check "$program: GPU number" ends 2 "--device: found 'x', expected a whole number" "$build/$program" --device cuda:x
    check "$program: unknown space" ends 2 "expected one of nas-bench-201, darts" "$build/$program" --space nb201
    check "$program: no value" ends 2 "--threads: found nothing" "$build/$program" --threads
    check "$program: not a number" ends 2 "--threads: found '1x'" "$build/$program" --threads 1x
    if [ -w /dev/full ]; then
        check "$program: full disk" ends 1 "$program: cannot write" bash -c "'$build/$program' --help >/dev/full"
    fi
done
check "score: CUDA in a build without it" ends 1 "cargo build --release --features torch" \
    $score $few --device cuda "$first"
check "score: scores by name" shows '^genotype,swap,swap_spread,flops,connected,seconds$' \
    $score $few --csv --proxies swap,flops "$first"
check "score: an unknown score" ends 2 "--proxies: found 'psychic', expected one of ntk" $score --proxies psychic x
check "score: the size of its network" finds '[|]$' $score $few --channels 4 --cells 2 --image-size 16 "$first"
check "score: images shrink by whole factors" finds '[|]$' $score $few --image-size 5 "$first"
check "search: a ranking" finds '^[|].*[|]$' $search $small --strategy rank --budget 20 --rungs 2 \
    --cells 1 --proxies flops,ntk --aggregation ranks --top 3
check "search: the head of a ranking" shows '^ +1 +[0-9.]+ +[0-9]+ .*[|]$' $search $small --strategy rank --budget 20 \
    --rungs 2 --cells 1 --proxies flops,ntk --aggregation ranks --top 3
check "search: an unknown score" ends 2 "--proxies: found 'psychic'" $search $small --strategy rank --proxies psychic
check "search: a budget out of range" ends 2 "--budget: " $search $small --strategy rank --budget 0
check "search: an unknown strategy" ends 2 "--strategy: found 'guess', expected one of prune, rank" $search --strategy guess
check "score: --help" finds 'marked' $score --help
check "score: no genotype" ends 2 'genotypes[0]: genotype: byte 0' $score $few 'none'
check "score: unknown option" ends 2 "--no-such" $score --no-such
check "score: --batch-size out of range" ends 2 "batch_size: found 1," $score --batch-size 1 x
check "score: missing data" ends 1 "/no/such/data" $score --data /no/such/data "$first"
check "correlate: a table" \
    shows '^parameters +ImageNet16-120 +25 +undefined +undefined +[0-9.]+$' \
    $correlate --table "$table" $few --scores "$build/scores.csv"
cp "$build/stdout" "$build/correlations"
check "correlate: as computed by Python" \
    python3 tests/python/check_correlation.py "$table" "$build/scores.csv" "$build/correlations"
printf 'arch,index,cifar10,cifar100\n%s,0,90,\n%s,1,80,70\n' "$first" "$(sed -n 3p "$table" | cut -f1)" \
    >"$build/data/two.csv"
check "correlate: CSV, one value" shows '^parameters +cifar100 +1 +undefined +undefined +[0-9.]+$' \
    $correlate --table "$build/data/two.csv" $few
check "correlate: ignored columns" ends 0 'are ignored: ["index"]' $correlate --table "$build/data/two.csv" $few
check "search: ignored columns" ends 0 'are ignored: ["index"]' $search $small --table "$build/data/two.csv"
sed 's/,90,/,0.9,/' "$build/data/two.csv" >"$build/data/fractions.csv"
check "correlate: fractions" ends 1 'line 2: cifar10: found "0.9", expected percent, not a fraction' \
    $correlate --table "$build/data/fractions.csv" $few
check "correlate: scores by name" shows '^all, log ranks +cifar10 +25 ' \
    $correlate --table "$table" $few --proxies flops,swap
check "correlate: --limit" finds ' 8 ' $correlate --table "$table" $few --limit 8
# DARTS too: the table says which space it is of.
$score --space darts --sample 4 --csv $few 2>/dev/null | tail -n +2 | sed 's/^"\([^"]*\)".*/\1/' \
    | awk 'BEGIN { print "arch_string\tcifar10_test" } { print $0 "\t" 90 + NR }' >"$build/data/darts.tsv"
for options in "" "--space darts" "--space darts --device cpu --threads 1"; do
    check "correlate: DARTS $options" shows '^parameters +cifar10 +4 ' \
        $correlate --table "$build/data/darts.tsv" $few $options
done
check "correlate: another space" ends 2 "--space: found nas-bench-201, expected darts" \
    $correlate --table "$build/data/darts.tsv" --space nas-bench-201
check "correlate: CUDA in a build without it" ends 1 "cargo build --release --features torch" \
    $correlate --table "$table" $few --device cuda
check "correlate: --help" finds 'help' $correlate --help
check "correlate: no table" ends 2 "--table" $correlate $few
check "correlate: missing table" ends 1 "/no/such" $correlate --table /no/such
check "correlate: one architecture" ends 2 "at least 2" $correlate --table "$table" --limit 1
check "correlate: no place for scores" ends 1 "/no/such/scores" \
    $correlate --table "$table" $few --limit 2 --scores /no/such/scores
check "search: --table" finds "$genotype" $search $small --seed 3 --table "$table"
check "search: accuracies of the table" grep -qE '^cifar10 .* 70[.]00%' "$build/stdout"
check "search: missing table" ends 1 "/no/such" $search $small --table /no/such
check "search: a table of another space" \
    ends 2 "another space" $search $small --space darts --table "$table"
if [ -w /dev/full ]; then
    check "search: full disk" ends 1 "cannot write" bash -c "'$search' --help >/dev/full"
fi

wait
was_clean() {
    cat "$build/valgrind/$1.output"
    [ "$(cat "$build/valgrind/$1.status")" = 0 ]
}
for program in $valgrind_programs; do
    check "$program under valgrind" was_clean "$program"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
