#!/bin/sh
# Installs what the tests of data sets compare with, NumPy and Pillow, into .cache/python of this
# clone. Nothing else sees them.
set -eu
cd "$(dirname "$0")/.."
# Pillow 13 resizes columns first where an image is taller than wide, and rounds once more or less.
packages="numpy<3 pillow<13"
folder=.cache/python
stamp=$folder/installed
wanted="$packages, $(python3 --version)"
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "Python's pip is missing. Install it (on Debian: apt-get install python3-pip), then try again." >&2
    exit 1
fi
rm -rf "$folder"
# shellcheck disable=SC2086 # one argument a package
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder" $packages
echo "$wanted" >"$stamp"
