# What the test scripts share; to be sourced with $build, and $passed and $failed at 0.

# Where the programs of tests/c note which statuses they have seen.
export TENAS_TEST_SEEN=$build/seen

# check NAME COMMAND...: the command succeeds. Its output is shown if it does not.
check() {
    local name=$1
    shift
    if "$@" >"$build/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $name"
        grep -hE '^[a-z_]*\.(c|cpp): ' "$build/output"
    else
        failed=$((failed + 1))
        echo "FAILED: $name: $*"
        tail -n 50 "$build/output"
    fi
    return 0
}

# finds PATTERN COMMAND...: the command succeeds and its last line matches.
finds() {
    local pattern=$1
    shift
    "$@" >"$build/stdout" || return 1
    tail -n 1 "$build/stdout"
    tail -n 1 "$build/stdout" | grep -qE -- "$pattern"
}

# shows PATTERN COMMAND...: the command succeeds and a line of its stdout matches.
shows() {
    local pattern=$1
    shift
    "$@" >"$build/stdout" || return 1
    tail -n 40 "$build/stdout"
    grep -qE -- "$pattern" "$build/stdout"
}

# An architecture of NAS-Bench-201.
genotype='^\|[a-z0-9_]+~0\|\+\|[a-z0-9_]+~0\|[a-z0-9_]+~1\|\+\|[a-z0-9_]+~0\|[a-z0-9_]+~1\|[a-z0-9_]+~2\|$'

# ends WITH_STATUS IN_STDERR COMMAND...: the command ends with that status, and says that.
ends() {
    local expected=$1 text=$2 status=0
    shift 2
    "$@" >"$build/stdout" 2>"$build/stderr" || status=$?
    cat "$build/stdout" "$build/stderr"
    echo "exit status $status, expected $expected; stderr must have '$text'"
    [ "$status" -eq "$expected" ] && grep -qF -- "$text" "$build/stderr"
}

# What a shared library exports is on record, all of it and nothing else.
exports_what_is_recorded() {
    nm -D --defined-only "$1" | awk '{ print $NF }' | LC_ALL=C sort >"$build/symbols"
    diff tests/abi/symbols.txt "$build/symbols"
}

needs_no_libtorch() {
    ldd "$1"
    ! ldd "$1" | grep -qE 'torch|c10|cuda'
}

needs_libtorch_of_the_cpu() {
    readelf -d "$1" | grep NEEDED
    readelf -d "$1" | grep -q 'NEEDED.*libtorch_cpu' && ! readelf -d "$1" | grep -q 'NEEDED.*cuda'
}
