#!/bin/sh
# Prints the features that `make run` builds with: the torch engine where it is of use by itself,
# that is with an NVIDIA GPU and a libtorch with CUDA of the user's. Where only the GPU is there,
# says how to go on.
set -eu

gpus=$(nvidia-smi --list-gpus 2>/dev/null | grep -c '^GPU') || true
if [ "${gpus:-0}" -eq 0 ]; then
    exit 0
fi
if [ -n "${LIBTORCH:-}" ]; then
    folder=$LIBTORCH/lib
elif [ "${LIBTORCH_USE_PYTORCH:-0}" = 1 ]; then
    folder=$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))')/lib
else
    folder=
fi
if [ -e "$folder/libtorch_cuda.so" ]; then
    echo "Building for the NVIDIA GPU, with the libtorch in ${folder%/lib}" >&2
    echo torch
else
    echo "There is an NVIDIA GPU. To use it, give a libtorch 2.11.0 with CUDA and run again:" >&2
    echo "    LIBTORCH=/path/to/libtorch make run" >&2
    echo "or, where python3 has torch 2.11.0: LIBTORCH_USE_PYTORCH=1 make run" >&2
    echo "Searching on the CPU." >&2
fi
