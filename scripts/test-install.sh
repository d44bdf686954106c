#!/bin/bash
# Installs a built library into a temporary prefix, and builds and runs all examples and the C++ tests
# from there, while the build tree's library is hidden:
#
#     scripts/test-install.sh PREFIX LIBRARY_FOLDER BUILD_FOLDER
#
# What is installed stays in PREFIX, for the tests of other bindings. Each test is a line; the last
# line counts them. The exit status is 1 if one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD prefix=$(realpath -m "$1") library=$(realpath -m "$2") build=$(realpath -m "$3")
CC=${CC:-cc} CXX=${CXX:-c++} CLANG=${CLANG:-clang++}
strict="-Wall -Wextra -Wpedantic -Werror -O1 -g"
cmake=$(scripts/cmake.sh) || exit 1

rm -rf "$prefix" "$build" && mkdir -p "$build/data" || exit 1
passed=0 failed=0
. scripts/checks.sh

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
installer=$root/scripts/install.sh
export PREFIX="$prefix" PKG_CONFIG_PATH="$prefix/lib/pkgconfig" CC
unset LIBDIR INCLUDEDIR DESTDIR LD_LIBRARY_PATH LIBRARY_PATH CPATH

# equals EXPECTED COMMAND...: the command succeeds and prints that, but for a space at its end.
equals() {
    local expected=$1 found
    shift
    found=$("$@") || return 1
    diff <(echo "$expected") <(echo "${found% }")
}

# prints LAST_LINE COMMAND...: the command, run in another folder, succeeds and ends with that line.
prints() {
    local expected=$1
    shift
    (cd "$build/data" && "$@") >"$build/stdout" || return 1
    tail -n 1 "$build/stdout"
    [ "$(tail -n 1 "$build/stdout")" = "$expected" ]
}

# What is in a folder: files, and links with what they point at.
content() {
    (cd "$1" && find . -type f -printf '%P\n' -o -type l -printf '%P -> %l\n' | sort)
}

soname_of() {
    readelf -d "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'
}

# What a program needs, and where the loader finds libtenas.
needs() {
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(libtenas.*\)\]/\1/p'
    ldd "$1" | sed -n 's/^[[:space:]]*\(libtenas.*\) (0x.*/\1/p'
}

# ---- What is installed ----

layout="include/tenas.h
include/tenas/tenas.hpp
lib/libtenas.a
lib/libtenas.so -> libtenas.so.0.1
lib/libtenas.so.0.1 -> libtenas.so.$version
lib/libtenas.so.$version
lib/pkgconfig/tenas.pc
share/cmake/tenas/tenasConfig.cmake
share/cmake/tenas/tenasConfigVersion.cmake"
check "install" "$installer" install "$library"
check "install: the layout" equals "$layout" content "$prefix"
check "install: again" "$installer" install "$library"
check "install: the same layout" equals "$layout" content "$prefix"
check "soname" equals libtenas.so.0.1 soname_of "$prefix/lib/libtenas.so"
check "no soname in the build tree" equals "" soname_of "$library/libtenas.so"
exported() { nm -D --defined-only "$1" | awk '{ print $NF }' | sort; }
check "exports what the build tree's does" \
    equals "$(exported "$library/libtenas.so")" exported "$prefix/lib/libtenas.so"
check "exports what tests/abi/symbols.txt says" exports_what_is_recorded "$prefix/lib/libtenas.so"
check "needs no libtorch" needs_no_libtorch "$prefix/lib/libtenas.so"
no_run_path() { ! readelf -d "$1" | grep -E 'R(UN)?PATH|TEXTREL'; }
check "no run path" no_run_path "$prefix/lib/libtenas.so"
flags() { readelf -d "$1" | grep -E '\((FLAGS|FLAGS_1)\)'; }
check "cannot be unloaded, as in the build tree" \
    equals "$(flags "$library/libtenas.so")" flags "$prefix/lib/libtenas.so"
check "tenas.h is the clone's" cmp include/tenas.h "$prefix/include/tenas.h"
check "tenas.hpp is the clone's" cmp bindings/cpp/include/tenas/tenas.hpp "$prefix/include/tenas/tenas.hpp"

# What cargo-c is told to install beside its own: the same headers and CMake files.
told() { sed -n 's/^    { from = "\(.*\)", to = "\(.*\)" },$/\1 \2/p' Cargo.toml; }
check "cargo-c's list of files" equals "include/tenas.h 
bindings/cpp/include/tenas/tenas.hpp tenas
bindings/cpp/cmake/tenasConfig.cmake cmake/tenas
bindings/cpp/cmake/tenasConfigVersion.cmake cmake/tenas" told

check "pkg-config: version" equals "$version" pkg-config --modversion tenas
check "pkg-config: shared" \
    equals "-I$prefix/include -L$prefix/lib -ltenas" pkg-config --cflags --libs tenas
check "pkg-config: static" \
    equals "-I$prefix/include -L$prefix/lib -ltenas -lpthread -ldl -lm" \
    pkg-config --static --cflags --libs tenas
check "pkg-config: valid" pkg-config --validate tenas

# ---- Other folders, and removal ----

packaged="no/such/tenas/headers/tenas.h
no/such/tenas/headers/tenas/tenas.hpp
no/such/tenas/lib/triplet/libtenas.a
no/such/tenas/lib/triplet/libtenas.so -> libtenas.so.0.1
no/such/tenas/lib/triplet/libtenas.so.0.1 -> libtenas.so.$version
no/such/tenas/lib/triplet/libtenas.so.$version
no/such/tenas/lib/triplet/pkgconfig/tenas.pc
no/such/tenas/share/cmake/tenas/tenasConfig.cmake
no/such/tenas/share/cmake/tenas/tenasConfigVersion.cmake"
other="PREFIX=/no/such/tenas LIBDIR=/no/such/tenas/lib/triplet INCLUDEDIR=/no/such/tenas/headers DESTDIR=$build/package"
check "DESTDIR, LIBDIR, INCLUDEDIR" env $other "$installer" install "$library"
check "DESTDIR: the layout" equals "$packaged" content "$build/package"
check "DESTDIR: nothing elsewhere" test ! -e /no/such/tenas
check "DESTDIR is in no file" equals "-I/no/such/tenas/headers -L/no/such/tenas/lib/triplet -ltenas" \
    env PKG_CONFIG_PATH="$build/package/no/such/tenas/lib/triplet/pkgconfig" pkg-config --cflags --libs tenas
mkdir -p "$build/moved" && cp -a "$build/package/no" "$build/moved"
echo kept >"$build/package/no/such/tenas/headers/tenas/mine"
check "uninstall" env $other "$installer" uninstall
check "uninstall leaves what is not its own" \
    equals no/such/tenas/headers/tenas/mine content "$build/package"
rm "$build/package/no/such/tenas/headers/tenas/mine"
check "uninstall: nothing to do" env $other "$installer" uninstall
own_folders() { find "$1" -name tenas -not -path "$1/no/such/tenas"; }
check "uninstall leaves no folder of its own" equals "" own_folders "$build/package"

check "a prefix with a space" env PREFIX="$build/a space" "$installer" install "$library"
spaced() {
    eval "$CC -std=c99 $strict examples/c/resume.c -o '$build/spaced' \
        $(PKG_CONFIG_PATH="$build/a space/lib/pkgconfig" pkg-config --cflags --libs tenas)"
}
check "a prefix with a space: pkg-config" spaced
check "a relative prefix" ends 2 "found 'stage', expected a path from /" \
    env PREFIX=stage "$installer" install "$library"
check "install.sh: a wrong command" ends 2 "expected install LIBRARY_FOLDER, or uninstall" "$installer" remove
check "no library" ends 1 "make library" "$installer" install "$build/data"
mkdir -p "$build/torch" && : >"$build/torch/libtenas.a"
$CC -shared -xc /dev/null -o "$build/torch/libtorch_cpu.so" -Wl,-soname,libtorch_cpu.so
$CC -shared -xc /dev/null -o "$build/torch/libtenas.so" -L"$build/torch" -Wl,--no-as-needed -ltorch_cpu
check "a library with torch is refused" ends 1 "feature torch" \
    env PREFIX="$build/none" "$installer" install "$build/torch"
check "make install FEATURES=torch is refused" ends 2 "expected none" \
    make install FEATURES=torch PREFIX="$build/none"
check "refused: nothing was installed" test ! -e "$build/none"
check "make uninstall" make uninstall PREFIX="$build/a space"
check "make uninstall leaves nothing" equals "" content "$build/a space"

# ---- With the build tree's library away ----

hidden=$build/hidden
mkdir "$hidden"
show_again() {
    for file in "$hidden"/*; do
        [ ! -e "$file" ] || mv "$file" "$library/"
    done
}
trap show_again EXIT
trap 'exit 1' INT TERM HUP
mv "$library/libtenas.so" "$library/libtenas.a" "$hidden/" || exit 1

cflags=$(pkg-config --cflags tenas)
run_path=-Wl,-rpath,$(pkg-config --variable=libdir tenas)
shared="$(pkg-config --libs tenas) $run_path"
archive="$(pkg-config --variable=libdir tenas)/libtenas.a -lpthread -ldl -lm"

for example in search score correlate step_rounds own_images resume; do
    check "compile $example.c" \
        $CC -std=c99 $strict $cflags examples/c/$example.c -o "$build/$example" $shared -lm
    check "compile $example.c, static library" \
        $CC -std=c99 $strict $cflags examples/c/$example.c -o "$build/$example-static" $archive
done
check "compile search.cpp" \
    $CXX -std=c++17 $strict $cflags examples/cpp/search.cpp -o "$build/search-cpp" $shared
check "compile search.cpp, static library" \
    $CXX -std=c++17 $strict $cflags examples/cpp/search.cpp -o "$build/search-cpp-static" $archive
check "compile search.cpp with Clang" \
    $CLANG -std=c++17 $strict $cflags examples/cpp/search.cpp -o "$build/search-cpp-clang" $shared
check "compile resume.c, all static" $CC -std=c99 $strict -static $(pkg-config --static --cflags tenas) \
    examples/c/resume.c -o "$build/resume-all-static" $(pkg-config --static --libs tenas)

check "a program and the loader" \
    equals "libtenas.so.0.1"$'\n'"libtenas.so.0.1 => $prefix/lib/libtenas.so.0.1" needs "$build/search"
check "a program with the static library" equals "" needs "$build/search-static"

# All of these search alike.
small="--seed 1 --batch-size 8 --repeats 1"
(cd / && "$build/search" $small >"$build/stdout" 2>/dev/null)
genotype=$(tail -n 1 "$build/stdout")
for kind in "" -static; do
    check "search$kind" prints "$genotype" "$build/search$kind" $small
    check "step_rounds$kind" prints "$genotype" "$build/step_rounds$kind"
    check "resume$kind" prints "$genotype" "$build/resume$kind"
    check "own_images$kind" "$build/own_images$kind"
    check "score$kind" "$build/score$kind" --batch-size 8 --repeats 1 "$genotype"
    check "search-cpp$kind" prints "$genotype" "$build/search-cpp$kind" --small
    printf 'arch_string\tcifar10_test\n%s\t90\n' "$genotype" >"$build/data/table.tsv"
    "$build/score" --sample 3 --batch-size 4 --repeats 1 --csv 2>/dev/null | tail -n +2 | cut -d, -f1 \
        | tr -d '"' | awk '{ print $0 "\t" 80 + NR }' >>"$build/data/table.tsv"
    check "correlate$kind" "$build/correlate$kind" --table "$build/data/table.tsv" --batch-size 4 --repeats 1
done
check "search-cpp-clang" prints "$genotype" "$build/search-cpp-clang" --small
check "resume-all-static" prints "$genotype" "$build/resume-all-static"
check "search-cpp: missing data" ends 1 "TENAS_ERROR_IO" "$build/search-cpp" --data /no/such
check "search-cpp: unknown option" ends 2 "Usage" "$build/search-cpp" --no-such
check "resume: no place for the checkpoint" ends 1 "/no/such" "$build/resume" /no/such/file.json

# The programs that README.md shows.
readme_program() {
    sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" README.md | grep -v '^```'
}
mkdir "$build/readme" && readme_program c >"$build/readme/program.c" \
    && readme_program cpp >"$build/readme/program.cpp"
# Its lines that build them, each as it stands.
while read -r line; do
    check "README.md: $line" bash -c "cd '$build/readme' && $line -Wall -Wextra -Wpedantic -Werror -o program"
done < <(grep -E '^(cc|c[+][+]) .*pkg-config' README.md)
check "README.md: six such lines" equals 6 grep -cE '^(cc|c[+][+]) .*pkg-config' README.md

# ---- The C++ binding ----

# What tenas.hpp does not call cannot be reached from it.
functions() { grep -v '^ \*' "$1" | grep -oE 'tenas_[a-z0-9_]+\(' | sort -u; }
names() { grep -oE 'tenas_[a-z0-9_]+' "$1" | sort -u | sed 's/$/(/'; }
not_in_binding() {
    comm -23 <(functions include/tenas.h) <(sed '/^ *[/ ]\*/d; s|//.*||' bindings/cpp/include/tenas/tenas.hpp >"$build/code"
        names "$build/code")
}
check "tenas.hpp calls every function" equals "" not_in_binding

cpp_tests="bindings/cpp/tests/bindings.cpp bindings/cpp/tests/second.cpp"
echo '#include <tenas/tenas.hpp>' >"$build/alone.cpp"
for compiler in "$CXX" "$CLANG"; do
    for standard in c++17 c++20; do
        check "tenas.hpp alone, $compiler, $standard" $compiler -std=$standard $strict -Wshadow -Wconversion \
            $cflags -c "$build/alone.cpp" -o "$build/alone.o"
    done
    check "compile the C++ tests, $compiler" \
        $compiler -std=c++17 $strict -pthread $cflags $cpp_tests -o "$build/bindings" $shared
    check "C++ tests, $compiler" "$build/bindings" "$build/data"
done
check "compile the C++ tests, static library" \
    $CXX -std=c++17 $strict -pthread $cflags $cpp_tests -o "$build/bindings-static" $archive
check "C++ tests, static library" "$build/bindings-static" "$build/data"
check "compile the C++ tests with sanitizers" $CXX -std=c++17 $strict -pthread \
    -fsanitize=address,undefined -fno-sanitize-recover=all $cflags $cpp_tests -o "$build/bindings-asan" $shared
check "C++ tests under AddressSanitizer" "$build/bindings-asan" "$build/data"

# ---- CMake ----

# configure FOLDER OPTION...: a build of tests/cmake.
configure() {
    local folder=$1
    shift
    "$cmake" -S tests/cmake -B "$build/$folder" -DCMAKE_C_FLAGS="$strict" -DCMAKE_CXX_FLAGS="$strict" \
        -DEXAMPLES="$root/examples" "$@"
}
cmake_programs() {
    check "$1: build" "$cmake" --build "$build/$1"
    for library_kind in tenas tenas-static; do
        check "$1: $library_kind, C" prints "$genotype" "$build/$1/c-$library_kind"
        check "$1: $library_kind, C++" prints "$genotype" "$build/$1/cpp-$library_kind" --small
    done
}
check "find_package: configure" configure find_package -DCMAKE_PREFIX_PATH="$prefix"
cmake_programs find_package
check "find_package: the loader" \
    equals "libtenas.so.0.1"$'\n'"libtenas.so.0.1 => $prefix/lib/libtenas.so.0.1" \
    needs "$build/find_package/cpp-tenas"
moved=$build/moved/no/such/tenas
check "find_package, moved: configure" configure moved_package -DCMAKE_PREFIX_PATH="$moved"
cmake_programs moved_package
check "find_package, moved: the loader" \
    equals "libtenas.so.0.1"$'\n'"libtenas.so.0.1 => $moved/lib/triplet/libtenas.so.0.1" \
    needs "$build/moved_package/cpp-tenas"
# The package as it is in the clone, which cargo-c installs.
mkdir -p "$build/plain/share/cmake" && cp -r "$prefix/include" "$prefix/lib" "$build/plain/" \
    && cp -r bindings/cpp/cmake "$build/plain/share/cmake/tenas"
check "find_package, unwritten: configure" configure plain_package -DCMAKE_PREFIX_PATH="$build/plain"
cmake_programs plain_package
check "find_package: the very version" \
    configure exact -DCMAKE_PREFIX_PATH="$prefix" "-DTENAS_WANTED=$version;EXACT"
for wanted in 0.2 0.0 1 0.10; do
    check "find_package: version $wanted is refused" ends 1 "compatible" \
        configure "version-$wanted" -DCMAKE_PREFIX_PATH="$prefix" -DTENAS_WANTED=$wanted
done
rm "$build/plain/lib"/libtenas.*
check "find_package: no library" ends 1 "expected libtenas.so or libtenas.a" \
    configure none -DCMAKE_PREFIX_PATH="$build/plain"

show_again
mkdir -p "$build/here/target" && ln -s "$library" "$build/here/target/release"
ln -s "$root/include" "$root/bindings" "$build/here"
check "add_subdirectory: configure" configure subdirectory -DTENAS_SOURCE="$root" \
    -DTENAS_TARGET_DIR="$(dirname "$library")"
cmake_programs subdirectory
check "add_subdirectory: no cargo" ends 1 "rustup.rs" \
    configure no-cargo -DTENAS_SOURCE="$root" -DTENAS_CARGO=OFF

# README.md's lines for a library that is not installed, which are for the clone's folder.
while read -r line; do
    check "README.md: $line" bash -c "cp '$build'/readme/program.c* '$build/here' \
        && cd '$build/here' && $line -Wall -Wextra -Wpedantic -Werror -o program && ldd ./program"
done < <(grep -E '^(cc|c[+][+]) .*target/release' README.md)
check "README.md: three such lines" equals 3 grep -cE '^(cc|c[+][+]) .*target/release' README.md

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
