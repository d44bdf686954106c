#!/bin/bash
# The same two searches in Rust, C, C++, Julia and Python, which must print the same genotypes and scores
# to the last bit:
#
#     scripts/test-languages.sh [PREFIX] [BUILD_FOLDER]
#
# PREFIX is where libtenas is installed; without it (or empty) the build tree's is taken, as Rust's
# always is. Each test is a line; the last line counts them. The exit status is 1 if one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
prefix=${1:+$(realpath -m "$1")} build=$(realpath -m "${2:-build/test-languages}")
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/release
CC=${CC:-cc} CXX=${CXX:-c++}
strict="-Wall -Wextra -Wpedantic -Werror -O1"
. scripts/checks.sh
mkdir -p "$build" || exit 1
passed=0 failed=0
julia=$(scripts/julia.sh) || exit 1

if [ -n "$prefix" ]; then
    export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
    flags=$(pkg-config --cflags --libs tenas) || exit 1
    flags="$flags -Wl,-rpath,$prefix/lib" library=$prefix/lib/libtenas.so
else
    flags="-Iinclude -Ibindings/cpp/include -L$target -Wl,-rpath,$target -ltenas -lm"
    library=$target/libtenas.so
fi
export TENAS_LIBRARY=$library PYTHONPATH=bindings/python/src JULIA_DEPOT_PATH="$build/depot:" PYTHONDONTWRITEBYTECODE=1
unset JULIA_PROJECT JULIA_LOAD_PATH

# ---- The same searches ----

programs=tests/languages/same_search
# Text will do for 16 images of 3 x 8 x 8 bytes.
head -c 3072 include/tenas.h >"$build/images"

searches() { # NAME COMMAND...
    local name=$1
    shift
    "$@" "$build/images" >"$build/$name.txt" && [ "$(grep -cE '^[|G]' "$build/$name.txt")" -eq 2 ] &&
        [ "$(wc -l <"$build/$name.txt")" -gt 200 ]
}

# shellcheck disable=SC2086 # flags are words
{
    check "compile in C" $CC -std=c99 $strict $programs.c -o "$build/c" $flags
    check "compile in C++" $CXX -std=c++17 $strict $programs.cpp -o "$build/cpp" $flags
    check "compile in Rust" rustc --edition 2024 -O -D warnings $programs.rs -o "$build/rust" \
        --extern "tenas=$target/libtenas.rlib" -L "dependency=$target/deps"
}
check "search in C" searches c "$build/c"
check "search in C++" searches cpp "$build/cpp"
check "search in Rust" searches rust "$build/rust"
check "search in Julia" searches julia "$julia" --startup-file=no --project=bindings/julia $programs.jl
check "search in Python" searches python python3 $programs.py
for language in cpp rust julia python; do
    check "the same as C to the last bit: $language" cmp "$build/c.txt" "$build/$language.txt"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
