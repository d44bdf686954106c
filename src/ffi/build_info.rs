//! Build
//!
//! What this build of the library can do on this machine.

use libc::{c_char, size_t};

use super::guard::guard;
use super::status::tenas_status;
use super::text::OutText;

/// Writes what this build can do on this machine as a JSON object: "version",
/// "engines" (a list: "native", "torch"), "instruction_set" of the native
/// engine, "libtorch" (the version that the torch engine is built for, or
/// null), "cuda_devices" (how many GPUs can be used).
///
/// *length is the length of the text without its NUL: allocate one byte more.
/// A NULL buffer with a capacity of 0 asks for it. In a build with the torch
/// engine the first call loads libtorch's CUDA library, if it is there.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: length is NULL, or buffer is with a capacity.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_build_info(
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_build_info", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        let text = unsafe { OutText::new(buffer, capacity, length) }?;
        text.set(&crate::build_info())
    })
}
