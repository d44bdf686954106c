//! What this build of the library can do on this machine.

use serde_json::json;

use crate::compute::{InstructionSet, LIBTORCH_VERSION, cuda_devices};

/// A JSON object: `version`; `engines` that are built in; `instruction_set` of the native engine;
/// `libtorch`, the version of the torch engine's or null; `cuda_devices`, the GPUs that can be used.
pub fn build_info() -> String {
    let engines: &[&str] =
        if LIBTORCH_VERSION.is_some() { &["native", "torch"] } else { &["native"] };
    json!({
        "version": crate::VERSION,
        "engines": engines,
        "instruction_set": InstructionSet::detect().name(),
        "libtorch": LIBTORCH_VERSION,
        "cuda_devices": cuda_devices(),
    })
    .to_string()
}
