#!/bin/bash
# Tests a library built with the feature `torch` from C: scripts/test-torch.sh LIBRARY_FOLDER BUILD_FOLDER
set -u
cd "$(dirname "$0")/.." || exit 1
library=$1 build=$2
. scripts/checks.sh
rm -rf "$build" && mkdir -p "$build" || exit 1
passed=0 failed=0

check "compile search.c" ${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror -O1 -Iinclude \
    examples/c/search.c -o "$build/search" -L"$library" -Wl,-rpath,"$library" -ltenas -lm
# On libtorch, TENAS_DEVICE_TORCH_CPU, with helper threads.
for program in fork float_state; do
    check "compile $program.c" ${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror -O1 -pthread -Iinclude \
        tests/c/$program.c -o "$build/$program" -L"$library" -Wl,-rpath,"$library" -ltenas -lm
done
check "fork on libtorch" env OMP_NUM_THREADS=2 "$build/fork" "$build" 3
check "float_state on libtorch" env OMP_NUM_THREADS=2 "$build/float_state" 3
search=$build/search
small="--dataset ImageNet16-120 --batch-size 4 --repeats 1"
check "search on libtorch" $search $small --device torch-cpu
check "search: a GPU that is not there" ends 1 "found CUDA 4096" $search $small --device cuda:4096
check "exports what tests/abi/symbols.txt says" exports_what_is_recorded "$library/libtenas.so"
check "links libtorch_cpu, not libtorch_cuda" needs_libtorch_of_the_cpu "$library/libtenas.so"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
