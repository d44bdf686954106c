#!/bin/bash
# Runs the tests and examples of the Julia package, and the documentation's programs in Julia:
#
#     scripts/test-julia.sh [PREFIX] [BUILD_FOLDER]
#
# PREFIX is where libtenas is installed; without it (or empty) the build tree's is taken. Each test is
# a line; the last line counts them. The exit status is 1 if one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
prefix=${1:+$(realpath -m "$1")} build=$(realpath -m "${2:-build/test-julia}")
. scripts/checks.sh
mkdir -p "$build" || exit 1
passed=0 failed=0
julia=$(scripts/julia.sh) || exit 1
library=${prefix:-$PWD}/$([ -n "$prefix" ] && echo lib || echo target/release)/libtenas.so
export TENAS_LIBRARY=$library
# What Julia compiles stays here; an empty entry is the standard library's.
export JULIA_DEPOT_PATH="$build/depot:"
unset JULIA_PROJECT JULIA_LOAD_PATH

uses_the_library() {
    [ -e "$library" ] || { echo "there is no $library" && return 1; }
    [ "$("$julia" --project=bindings/julia -e 'using Tenas, Libdl; Tenas.version();
        print(realpath(Libdl.dlpath(Tenas.LibTenas.library[])))')" = "$(realpath "$library")" ]
}

run="$julia --startup-file=no --project=bindings/julia"
small="--batch-size=4 --repeats=1 --seed=3"
check "the library is $library" uses_the_library
check "tests of the package" bash -c "cd bindings/julia && '$julia' --startup-file=no --project test/runtests.jl"
grep -hE '^Tenas +\|' "$build/output"
check "search.jl" finds "$genotype" $run examples/julia/search.jl $small
check "search.jl: DARTS" finds '^Genotype\(normal=' \
    $run examples/julia/search.jl --space=darts --dataset=ImageNet16-120 --batch-size=2 --repeats=1 --prune-per-edge=7
check "search.jl: a ranking" finds "$genotype" $run examples/julia/search.jl $small --strategy=rank --budget=12 \
    --cells=1 --proxies=flops,ntk
check "search.jl: --help" finds '--device_index=' $run examples/julia/search.jl --help
check "search.jl: an unknown option" ends 1 '"colour"' $run examples/julia/search.jl --colour=1
check "search.jl: missing data" ends 1 "/no/such/data" $run examples/julia/search.jl --data=/no/such/data
check "evolution.jl" finds "$genotype" $run examples/julia/evolution.jl --population=6 --children=6 --batch-size=4
check "evolution.jl: --help" finds 'population=16' $run examples/julia/evolution.jl --help
check "evolution.jl: an unknown option" ends 1 'found --colour=1' $run examples/julia/evolution.jl --colour=1

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
