#!/bin/sh
# Installs what tests/pytorch.rs compares with, PyTorch, and jsonschema, which checks space files
# against their schema, into .cache/pytorch of this clone. Nothing else sees them.
set -eu
cd "$(dirname "$0")/.."
packages="torch==2.11.0 numpy<3 jsonschema<5"
folder=.cache/pytorch
stamp=$folder/installed
wanted="$packages, $(python3 --version)"
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0
scripts/setup.sh python3 pip
echo "Fetching PyTorch (3 GB) into $folder" >&2
rm -rf "$folder"
# shellcheck disable=SC2086 # one argument a package
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder" $packages
echo "$wanted" >"$stamp"
