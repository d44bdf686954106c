#!/bin/bash
# The Python example, and the same two searches in Rust, C, C++, Julia and Python, which must print the
# same genotypes and scores to the last bit:
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
export TENAS_LIBRARY=$library JULIA_DEPOT_PATH="$build/depot:" PYTHONDONTWRITEBYTECODE=1
unset JULIA_PROJECT JULIA_LOAD_PATH

# ---- The Python example ----

readme_python() {
    sed -n '/^```python$/,/^```$/p' README.md | grep -v '^```' >"$build/readme.py"
    [ -s "$build/readme.py" ] && PYTHONPATH=examples/python python3 "$build/readme.py"
}

raises_in_the_callback() {
    PYTHONPATH=examples/python python3 - <<'END'
import search as tenas

data = tenas.Dataset.synthetic("ImageNet16-120")
config = tenas.Config("nas-bench-201", tenas.DATASETS["ImageNet16-120"], batch_size=4, repeats=1)
context = tenas.Search(config, data)

def fails(progress):
    if progress.candidate == 3:
        raise KeyError("mine")

try:
    context.run(fails)
    raise SystemExit("nothing was raised")
except KeyError as error:
    assert error.args == ("mine",)
try:
    context.run(lambda progress: False)
    raise SystemExit("nothing was cancelled")
except tenas.TenasError as error:
    assert error.status == "TENAS_ERROR_CANCELLED", error.status
try:
    context.genotype()
    raise SystemExit("a genotype of half a search")
except tenas.TenasError as error:
    assert error.status == "TENAS_ERROR_INVALID_STATE", error.status
context.run()
genotype = context.genotype()
found = tenas.indicators(config, data, [genotype])
assert len(found) == 1 and found[0].connected == 1 and found[0].ntk >= 1
assert tenas.indicators(config, data, []) == []
try:
    tenas.indicators(config, data, [genotype, "none"])
    raise SystemExit("no genotype, no error")
except tenas.TenasError as error:
    assert error.status == "TENAS_ERROR_FORMAT" and "genotypes[1]" in str(error), error
try:
    tenas.Dataset.of_bytes(b"123", (1, 1, 2, 2), 2)
    raise SystemExit("bytes of another shape")
except ValueError as error:
    assert "found 3 bytes" in str(error), error
kept = []
other = tenas.Search(config, data)
def closes(progress):
    kept.append(progress)
    if progress.candidate == 2:
        other.close()
try:
    other.run(closes)
    raise SystemExit("a running search was closed")
except ValueError as error:
    assert "runs" in str(error), error
assert [each.candidate for each in kept] == [1, 2], "what is kept stays as it was"
other.close()
try:
    tenas.Config("darts", 1, seed=-1)
    raise SystemExit("a seed below 0")
except ValueError as error:
    assert "found -1" in str(error), error
# C would open what is named before the NUL.
for nul in (lambda: tenas.Dataset.open("cifar10", "/etc/hostname\0.npy"), lambda: tenas.Dataset.open("cifar10", b"a\0"),
            lambda: tenas.Config("darts", 1, **{"seed\0x": 1}), lambda: tenas.indicators(context, data, ["a\0b"])):
    try:
        nul()
        raise SystemExit("a text with a NUL was cut")
    except ValueError as error:
        assert "NUL" in str(error) and "\0" not in str(error), error
context.close()
context.close()
try:
    context.run()
    raise SystemExit("a closed search ran")
except tenas.TenasError as error:
    assert error.status == "TENAS_ERROR_NULL_POINTER", error.status
END
}

# Ctrl-C while C computes: the run ends with KeyboardInterrupt, and goes on to the same result.
interrupted_python() {
    PYTHONPATH=examples/python python3 - <<'END'
import ctypes, os, signal, threading
import search as tenas

# Shells start what runs in the background with SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

data = tenas.Dataset.synthetic("ImageNet16-120")
config = tenas.Config("nas-bench-201", tenas.DATASETS["ImageNet16-120"], batch_size=4, repeats=1)
whole = tenas.Search(config, data)
whole.run()

def press():
    os.kill(os.getpid(), signal.SIGINT)

def press_at_third(progress):
    if progress.candidate == 3:
        press()

def press_beside(context):
    seen = tenas.Progress(struct_size=ctypes.sizeof(tenas.Progress))
    while seen.candidate == 0 and seen.round == 0:
        tenas.library.tenas_context_progress(context.pointer, ctypes.byref(seen))
    press()

def interrupted(context, progress):
    try:
        context.run(progress)
        return False
    except KeyboardInterrupt:
        return True

context = tenas.Search(config, data)
assert interrupted(context, press_at_third)
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
context.run()
assert context.genotype() == whole.genotype()

# Without a function of one's own. On a busy machine the key may come after the end.
for attempt in range(20):
    context = tenas.Search(config, data)
    presser = threading.Thread(target=press_beside, args=(context,))
    presser.start()
    try:
        good = interrupted(context, None)
        presser.join()
    except KeyboardInterrupt:
        good = False
    presser.join()
    context.run()
    assert context.genotype() == whole.genotype()
    if good:
        break
else:
    raise SystemExit("nothing was interrupted")
END
}

python="python3 examples/python/search.py"
check "search.py is Python 3.8" \
    python3 -c 'import ast; ast.parse(open("examples/python/search.py").read(), feature_version=(3, 8))'
check "search.py" finds "$genotype" $python --batch-size 4 --repeats 1 --seed 3
check "search.py: DARTS" finds '^Genotype\(normal=' \
    $python --space darts --dataset ImageNet16-120 --batch-size 2 --repeats 1 --prune-per-edge 7 --random 1
writes_files() {
    $python --batch-size 4 --repeats 1 --random 0 --onnx "$build/p.onnx" --pytorch "$build/p.py" \
        --weights "$build/p.safetensors" || return 1
    grep -q '^class Network(nn.Module):' "$build/p.py" && grep -aq libtenas "$build/p.onnx" \
        && grep -aq '"classifier.weight":{"dtype":"F32"' "$build/p.safetensors"
}
check "search.py: files of the network" writes_files
check "search.py: no place for a file" ends 1 "/no/such" $python --batch-size 4 --repeats 1 --onnx /no/such/p.onnx
check "search.py: --help" finds 'random' $python --help
check "search.py: out of range" ends 1 "batch_size: found 1," $python --batch-size 1
check "search.py: missing data" ends 1 "/no/such/data" $python --data /no/such/data
check "search.py: missing library" ends 1 "/no/such.so" env TENAS_LIBRARY=/no/such.so $python
check "search.py: errors, and exceptions from callbacks" raises_in_the_callback
check "search.py: Ctrl-C" interrupted_python
check "search.py: in forked workers" env PYTHONPATH=examples/python python3 tests/python/fork_search.py
check "the Python program in README.md" readme_python

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
