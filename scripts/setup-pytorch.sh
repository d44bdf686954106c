#!/bin/sh
# Installs what tests/pytorch.rs and tests/networks.rs compare with into .cache of this clone: PyTorch,
# and jsonschema, which checks space files against their schema, into .cache/pytorch; ONNX with its
# runtime and what PyTorch's newer exporter needs, and safetensors, into .cache/onnx; torchvision and timm,
# for tests/onnx_models.rs, into .cache/torchvision and .cache/timm. Nothing else sees them.
set -eu
cd "$(dirname "$0")/.."
python=$(python3 --version)

# install FOLDER SIZE PACKAGE...: the packages in .cache/FOLDER, and nothing else.
install() {
    folder=.cache/$1 size=$2
    shift 2
    wanted="$*, $python"
    [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ] && return 0
    scripts/setup.sh python3 pip
    echo "Fetching $* ($size) into $folder" >&2
    rm -rf "$folder"
    PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check --target "$folder" "$@"
    echo "$wanted" >"$folder/installed"
}

install pytorch "3 GB" "torch==2.11.0" "numpy<3" "jsonschema<5"
install torchvision "40 MB" --no-deps "torchvision==0.26.0" "pillow<14"
install timm "10 MB" --no-deps "timm==1.0.31"
install onnx "200 MB" "onnx==1.23.2" "onnxruntime==1.32.0" "onnxscript==0.7.2" "safetensors==0.8.0" "numpy<3"
