#!/bin/sh
# Prints the path of a cmake: the user's own (CMAKE, or the one on PATH, from 3.16 on), else one from
# Python's package of it, which is put into .cache of the clone, once.
set -eu
cd "$(dirname "$0")/.."
version=4.1.2

new_enough() {
    "$1" --version 2>/dev/null | awk 'NR == 1 { split($3, v, "."); exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 16)) }'
}

if [ -n "${CMAKE:-}" ]; then
    echo "$CMAKE"
    exit
fi
if command -v cmake >/dev/null && new_enough cmake; then
    command -v cmake
    exit
fi

folder=$PWD/.cache/cmake-$version
if [ ! -e "$folder" ]; then
    scripts/setup.sh python3 pip >&2
    echo "Fetching CMake $version (30 MB) into $folder" >&2
    rm -rf "$folder.new"
    PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-deps \
        --target "$folder.new" "cmake==$version" >&2
    mv "$folder.new" "$folder"
fi
echo "$folder/cmake/data/bin/cmake"
