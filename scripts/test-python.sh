#!/bin/bash
# Runs the tests of the Python package, the Python program of README.md from a wheel in an empty virtual
# environment, and the searches in several processes (Python, Dask, MPI, Julia), which must find what one
# process finds, to the last bit:
#
#     scripts/test-python.sh LIBRARY [BUILD_FOLDER]
#
# LIBRARY is a built libtenas.so. What Python needs is installed into .cache of the clone, once. Each
# test is a line; the last line counts them. The exit status is 1 if one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
library=$(realpath -m "${1:-target/release/libtenas.so}") build=$(realpath -m "${2:-build/test-python}")
. scripts/checks.sh
release=$(dirname "$library") hidden=$(dirname "$library").hidden
show_release() {
    if [ -e "$hidden" ] && [ ! -e "$release" ]; then mv "$hidden" "$release"; fi
}
trap show_release EXIT
trap 'exit 1' INT TERM HUP
# An earlier run may have been killed while it was hidden.
show_release
rm -rf "$build"
mkdir -p "$build" || exit 1
passed=0 failed=0
julia=$(scripts/julia.sh) || exit 1

# ---- What the tests need ----

tools=$PWD/.cache/tenas-python
wanted="hatchling mypy ruff pytest numpy distributed optuna"
if [ "$(cat "$tools/installed" 2>/dev/null)" != "$wanted, $(python3 --version)" ]; then
    rm -rf "$tools"
    # shellcheck disable=SC2086 # one argument a package
    python3 -m venv "$tools" && "$tools/bin/pip" install --quiet --disable-pip-version-check $wanted || exit 1
    echo "$wanted, $(python3 --version)" >"$tools/installed"
fi
python=$tools/bin/python

# ---- The wheel ----

wheel() {
    TENAS_LIBRARY=$library "$tools/bin/pip" wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps \
        --wheel-dir "$build/wheel" bindings/python && ls "$build"/wheel/tenas-*-py3-none-manylinux_2_*.whl
}

# In an empty environment, from a folder outside of the clone, while the folder of the build is moved away: the
# package must load the library that it carries, and nothing else.
readme_from_the_wheel() {
    sed -n '/^```python$/,/^```$/p' README.md | grep -v '^```' >"$build/readme.py"
    local empty
    empty=$(mktemp -d) || return 1
    cat "$build/readme.py" - >"$empty/readme.py" <<'END'

import sys

loaded = {line.split()[-1] for line in open("/proc/self/maps") if "libtenas" in line}
assert len(loaded) == 1 and all(path.startswith(sys.prefix) for path in loaded), loaded
END
    [ -s "$build/readme.py" ] && python3 -m venv "$empty/venv" &&
        "$empty/venv/bin/pip" install --quiet --disable-pip-version-check --no-index "$build"/wheel/*.whl &&
        mv "$build/wheel" "$build/moved" && mv "$release" "$hidden" &&
        (cd "$empty" && env -u TENAS_LIBRARY -u PYTHONPATH venv/bin/python readme.py >output &&
            tail -n 1 output | grep -qE "$genotype") &&
        ! grep -qaF "$PWD" "$empty"/venv/lib/python3*/site-packages/tenas/libtenas.so
    local status=$?
    show_release
    rm -rf "$empty"
    return $status
}

check "a wheel" wheel
check "the Python program in README.md, from the wheel in an empty environment" readme_from_the_wheel

export TENAS_LIBRARY=$library PYTHONPATH=bindings/python/src PYTHONDONTWRITEBYTECODE=1 JULIA_DEPOT_PATH="$build/depot:"
unset JULIA_PROJECT JULIA_LOAD_PATH
check "ruff" "$tools/bin/ruff" check bindings/python
check "ruff: formatting of the package" "$tools/bin/ruff" format --check bindings/python/src
check "mypy" "$tools/bin/mypy" --config-file bindings/python/pyproject.toml bindings/python/src
check "mypy on a user's file" env MYPYPATH=bindings/python/src "$tools/bin/mypy" --strict "$build/readme.py"
check "tests of the package" "$python" -m pytest -q -p no:cacheprovider bindings/python/tests
# pytest ends with 5, a failure, where all of a file is skipped.
check "data sets of PyTorch" env PYTHONPATH="$PYTHONPATH:.cache/torchvision:.cache/pytorch" \
    "$python" -m pytest -q -p no:cacheprovider bindings/python/tests/test_pytorch.py
check "forked workers" "$python" tests/python/fork_search.py

# ---- Searches in several processes ----

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
small="--dataset ImageNet16-120 --batch-size 4 --repeats 1"
rank="$small --strategy rank --proxies flops,ntk --budget 24 --cells 1 --rungs 1"
export JULIA_LOAD_PATH=@:@stdlib
julia_options() { sed 's/\(--[a-z-]*\) /\1=/g' <<<"$*"; }

same() { # EXPECTED FOUND: histories, whose numbers read back as the same doubles
    "$python" -c 'import json, sys
expected, found = (json.load(open(path)) for path in sys.argv[1:])
assert json.dumps(expected) == json.dumps(found), "the histories differ"' "$1" "$2"
}

searches() { # STRATEGY COMMAND...: it finds what one process does
    local expected=$build/one-$1.json
    shift
    rm -f "$build/history.json"
    finds "$genotype" "$@" && same "$expected" "$build/history.json"
}

mpi="mpirun --oversubscribe"
history="$build/history.json"
check "compile search.c with MPI" mpicc -std=c99 -O1 -Wall -Wextra -Wpedantic -Werror -Iinclude -Iexamples/c \
    examples/mpi/search.c -o "$build/mpi" -L"$(dirname "$library")" -Wl,-rpath,"$(dirname "$library")" -ltenas -lm

# shellcheck disable=SC2046,SC2086 # options are words
for strategy in prune rank; do
    options=$small
    [ $strategy = rank ] && options=$rank
    check "search.py: $strategy" finds "$genotype" "$python" examples/python/search.py $options --random 1 \
        --history "$build/one-$strategy.json"
    check "search.py in two processes: $strategy" searches $strategy "$python" examples/python/search.py $options \
        --random 1 --workers 2 --history "$history"
    check "Dask with two workers: $strategy" searches $strategy "$python" examples/python/dask_search.py $options \
        --workers 2 --history "$history"
    for n in 1 2 4; do
        check "MPI with $n ranks: $strategy" searches $strategy $mpi -n $n "$build/mpi" $options --threads 1 \
            --history "$history"
    done
    for n in 1 2 3; do
        check "Julia with $n workers: $strategy" searches $strategy "$julia" --startup-file=no --project=bindings/julia \
            examples/julia/distributed.jl $(julia_options "$options") --workers=$n --history="$history"
    done
done

writes_files() {
    # shellcheck disable=SC2086 # options are words
    "$python" examples/python/search.py $small --random 0 --onnx "$build/p.onnx" --pytorch "$build/p.py" \
        --weights "$build/p.safetensors" --report "$build/p.html" --trace "$build/p.jsonl" || return 1
    grep -q '^class Network(nn.Module):' "$build/p.py" && grep -aq libtenas "$build/p.onnx" &&
        grep -aq '"classifier.weight":{"dtype":"F32"' "$build/p.safetensors" && grep -q '</html>' "$build/p.html" &&
        tail -n 1 "$build/p.jsonl" | grep -q '"event":"round"'
}
check "search.py: files of the search and the network" writes_files
# shellcheck disable=SC2086 # options are words
check "search.py: no place for a file" ends 1 "/no/such" "$python" examples/python/search.py $small --random 0 \
    --onnx /no/such/p.onnx

a_rank_fails() {
    ends 1 "/no/such/data" $mpi -n 2 "$build/mpi" $small --data /no/such/data
}
check "MPI: a rank that fails ends the job with its message" a_rank_fails

# Long enough to be killed in the middle.
long_prune="$small --repeats 40"
long_rank="$small --strategy rank --proxies flops,ntk --budget 150 --rungs 2 --repeats 6"

# A job that is killed once it has saved a round goes on with other ranks.
killed_mpi() { # OPTIONS
    local options="$1 --threads 1 --share 1" checkpoint=$build/checkpoint.json
    rm -f "$checkpoint"
    # shellcheck disable=SC2086 # options are words
    {
        $mpi -n 1 "$build/mpi" $options --history "$build/undisturbed.json" || return 1
        $mpi -n 2 "$build/mpi" $options --checkpoint "$checkpoint" >"$build/killed" 2>&1 &
        local job=$!
        while kill -0 $job 2>/dev/null && ! grep -q '"round":[1-9]' "$checkpoint" 2>/dev/null; do sleep 0.05; done
        kill -TERM $job 2>/dev/null
        wait $job && echo "the job ended before it was killed" && return 1
        $mpi -n 3 "$build/mpi" $options --checkpoint "$checkpoint" --resume --history "$history" || return 1
    }
    same "$build/undisturbed.json" "$history"
}

# A worker that is killed once it computes. Behind `killed_mpi`, whose undisturbed search it compares with.
killed_julia() { # OPTIONS
    local options process
    options=$(julia_options "$1")
    : >"$build/stderr"
    # shellcheck disable=SC2086 # options are words
    {
        "$julia" --startup-file=no --project=bindings/julia examples/julia/distributed.jl $options --workers=2 \
            --history="$history" >"$build/stdout" 2>"$build/stderr" &
        local job=$!
        while kill -0 $job 2>/dev/null && ! grep -q '^round 1 is done' "$build/stderr"; do sleep 0.05; done
        process=$(sed -n 's/.*: process //p' "$build/stderr" | tail -n 1)
        kill -KILL "$process" || return 1
        wait $job || { cat "$build/stderr" && return 1; }
        grep -q 'by 1 workers' "$build/stderr" || { echo "no worker was lost" && return 1; }
    }
    same "$build/undisturbed.json" "$history"
}
for strategy in prune rank; do
    options=long_$strategy
    check "MPI: a killed job goes on with other ranks: $strategy" killed_mpi "${!options}"
    check "Julia: a killed worker: $strategy" killed_julia "${!options}"
done

# ---- An evolutionary library of others, which calls C++ for fitness ----

check "compile pagmo.cpp" "${CXX:-c++}" -std=c++17 -O1 -Wall -Wextra -Werror -Iinclude -Ibindings/cpp/include \
    examples/cpp/pagmo.cpp -o "$build/pagmo" -L"$(dirname "$library")" -Wl,-rpath,"$(dirname "$library")" \
    -ltenas -lpagmo -lboost_serialization -ltbb -pthread
check "pagmo.cpp" finds "$genotype" "$build/pagmo" 2

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
