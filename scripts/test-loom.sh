#!/bin/sh
# The models of tests/loom: a context's lock, cancel, poison and progress, in every order of events.
set -eu
cd "$(dirname "$0")/.."
RUSTFLAGS="--cfg loom --cfg tenas_loom" exec cargo test --release --quiet --manifest-path tests/loom/Cargo.toml \
    --target-dir "${CARGO_TARGET_DIR:-target}/loom" "$@"
