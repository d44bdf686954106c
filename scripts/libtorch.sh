#!/bin/sh
# Prints the folder of a libtorch 2.11.0 that the feature `torch` can be built with:
#
#     LIBTORCH=$(scripts/libtorch.sh) cargo build --release --features torch
#
# A user's own is taken first: LIBTORCH, or the PyTorch of python3 with LIBTORCH_USE_PYTORCH=1. Else
# one for the CPU is put together in .cache of the clone, once, from the package that Python has of
# it: nothing of CUDA is in it but the two small libraries that libtorch_cpu.so is linked to.
set -eu
cd "$(dirname "$0")/.."
version=2.11.0

if [ -n "${LIBTORCH:-}" ]; then
    echo "$LIBTORCH"
    exit
fi
if [ "${LIBTORCH_USE_PYTORCH:-0}" = 1 ]; then
    python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))'
    exit
fi

folder=$PWD/.cache/libtorch-$version
if [ ! -e "$folder/build-version" ]; then
    scripts/setup.sh python3 pip >&2
    echo "Fetching libtorch $version (530 MB) into $folder" >&2
    fresh=$folder.new
    rm -rf "$fresh" "$folder"
    mkdir -p "$fresh/lib"
    PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --no-deps \
        --target "$fresh/packages" "torch==$version" "nvidia-cuda-runtime==13.*" "nvidia-cuda-cupti==13.*" >&2
    torch=packages/torch cuda=packages/nvidia/cu13/lib
    # A third of the download, and nothing that links here asks for it.
    rm -f "$fresh/$torch"/lib/libtorch_cuda*.so "$fresh/$torch/lib/libtorch_nvshmem.so"
    ln -s "$torch/include" "$fresh/include"
    for library in libtorch_cpu.so libc10.so libgomp.so.1 libshm.so; do
        ln -s "../$torch/lib/$library" "$fresh/lib/$library"
    done
    for library in libcudart.so.13 libcupti.so.13; do
        ln -s "../$cuda/$library" "$fresh/lib/$library"
    done
    ln -s libtorch_cpu.so "$fresh/lib/libtorch.so"
    # Last: what it marks is whole.
    echo "$version" >"$fresh/build-version"
    mv "$fresh" "$folder"
fi
echo "$folder"
