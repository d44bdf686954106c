//! Version
//!
//! What the program was compiled for (the macros) and what is loaded (the
//! functions). They fit if TENAS_ABI_VERSION == tenas_abi_version().

use libc::c_char;

/// Version of the binary interface that this header describes. It grows by one
/// when programs built with an older header may not run on the library.
pub const TENAS_ABI_VERSION: u32 = 2;

/// The version of the library that is loaded, for example "0.1.0". Valid for
/// the life of the program.
#[unsafe(no_mangle)]
pub extern "C" fn tenas_version() -> *const c_char {
    const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    TEXT.as_ptr().cast()
}

/// The TENAS_ABI_VERSION of the library that is loaded.
#[unsafe(no_mangle)]
pub extern "C" fn tenas_abi_version() -> u32 {
    TENAS_ABI_VERSION
}
