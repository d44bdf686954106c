#!/bin/bash
# Builds the library with AddressSanitizer, and runs the programs of tests/c against it, themselves
# with AddressSanitizer and UndefinedBehaviorSanitizer:
#
#     scripts/test-sanitizers.sh TARGET_FOLDER BUILD_FOLDER
#
# Each test is a line; the last line counts them. The exit status is 1 if one failed.
#
# -Zsanitizer is not for stable Rust, so RUSTC_BOOTSTRAP asks for it; std itself is not instrumented.
# With --target the flags are those of the library alone, not of build scripts. The profile is `dev`:
# it checks for overflow, and what std's unsafe functions ask for, as well. A shared library brings no
# runtime of AddressSanitizer: the one that the C compiler links into the program serves both sides.
set -u
cd "$(dirname "$0")/.." || exit 1
target=$1 build=$2
CC=${CC:-cc}
host=$(rustc -vV | sed -n 's/^host: //p')
library=$target/$host/debug
flags="-std=c99 -Wall -Wextra -Wpedantic -Werror -O1 -g -pthread -Iinclude -I$build
    -fsanitize=address,undefined -fno-sanitize-recover=all"
shared="-L$library -Wl,-rpath,$library -ltenas -lm"

RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" \
    cargo build --lib --features test-hooks --target "$host" --target-dir "$target" || exit 1

rm -rf "$build" && mkdir -p "$build/data" || exit 1
passed=0 failed=0
. scripts/checks.sh

# is_caught SOURCE PATTERN...: the program ends with a report that has all these patterns.
is_caught() {
    local pattern
    printf '#include <stdlib.h>\n#include <tenas.h>\n%s\n' "$1" >"$build/wrong.c"
    shift
    $CC $flags "$build/wrong.c" -o "$build/wrong" $shared || return 1
    "$build/wrong" 2>"$build/stderr" && return 1
    cat "$build/stderr"
    for pattern in "$@"; do
        grep -qE -- "$pattern" "$build/stderr" || { echo "no '$pattern'"; return 1; }
    done
}

# What is not instrumented finds nothing.
is_instrumented() {
    local file
    for file in "$@"; do
        nm "$file" | grep -q ' U __asan_report_' || { echo "$file"; return 1; }
    done
}

python3 tests/python/every_call.py include/tenas.h >"$build/every_call.h" || exit 1
for program in core data scores search_state spaces networks hooks; do
    check "compile $program.c" $CC $flags tests/c/$program.c -o "$build/$program-test" $shared
done
check "library and programs are instrumented" is_instrumented "$library/libtenas.so" \
    "$build"/*-test
check "a use in C of what the library has freed is caught" is_caught \
    'int main(void) {
         tenas_config *config = NULL;
         if (tenas_config_new(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, &config))
             return 0;
         tenas_config_free(config);
         return *(char volatile *)config;
     }' \
    'AddressSanitizer: heap-use-after-free' 'READ of size 1' '#0 .* in main '
check "undefined behaviour in C is caught" is_caught \
    'int main(int n, char **v) { int volatile x = 0x7fffffff; (void)v; x += n; return 0; }' \
    'runtime error: signed integer overflow'
check "an overflow in the library is caught" is_caught \
    'int main(void) {
         tenas_config *config = NULL;
         return tenas_config_new(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, &config)
             || tenas_config_seed(config, malloc(4));
     }' \
    'AddressSanitizer: heap-buffer-overflow' 'WRITE of size 8' 'in tenas_config_seed '
check "a leak of the library is caught" is_caught \
    'int main(void) {
         tenas_config *config = NULL;
         return tenas_config_new(TENAS_SPACE_DARTS, TENAS_DATASET_CIFAR10, &config);
     }' \
    'LeakSanitizer: detected memory leaks' 'tenas_config_new.* src/ffi/config.rs'
for program in core data scores search_state spaces networks hooks; do
    check "$program" env RUST_BACKTRACE=0 TENAS_TEST_QUICK=1 "$build/$program-test" "$build/data"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
