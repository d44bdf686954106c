//! Statuses
//!
//! Every function that can fail returns a tenas_status: TENAS_OK, or one of
//! the errors below. The numbers never change.

use libc::c_char;

/// What a call came to: a tenas_status_code.
pub type tenas_status = i32;

/// The values of a tenas_status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_status_code {
    /// Done.
    TENAS_OK = 0,
    /// A pointer that must not be NULL is.
    TENAS_ERROR_NULL_POINTER = 1,
    /// An argument is outside its range, or does not fit the others.
    TENAS_ERROR_INVALID_ARGUMENT = 2,
    /// The call does not fit the state of the object: a genotype before the
    /// search is finished, any work on a context after an internal error, or in
    /// a forked child on a context that its parent made.
    TENAS_ERROR_INVALID_STATE = 3,
    /// The system refused to open, read or write a file, or the host's loader
    /// (tenas_load_fn) reported a failure.
    TENAS_ERROR_IO = 4,
    /// The content of a file or text is not what its format asks for.
    TENAS_ERROR_FORMAT = 5,
    /// The device is not there, or not in this build of the library.
    TENAS_ERROR_DEVICE = 6,
    /// Another call is using the object.
    TENAS_ERROR_BUSY = 7,
    /// Stopped on request.
    TENAS_ERROR_CANCELLED = 8,
    /// The caller's buffer or array is too short for what it is to hold.
    TENAS_ERROR_BUFFER_TOO_SMALL = 9,
    /// Memory that grows with the caller's input could not be had.
    TENAS_ERROR_OUT_OF_MEMORY = 10,
    /// Nothing has that name or index.
    TENAS_ERROR_NOT_FOUND = 11,
    /// A bug in this library. A context on which it happened refuses all
    /// further work and can only be freed.
    TENAS_ERROR_INTERNAL = 12,
}

/// The name of a status, for example "TENAS_ERROR_IO"; "unknown status" for a
/// number that is none. Never NULL, and valid for the life of the program.
#[unsafe(no_mangle)]
pub extern "C" fn tenas_status_name(status: i32) -> *const c_char {
    use tenas_status_code::*;
    let name = match status {
        s if s == TENAS_OK as i32 => c"TENAS_OK",
        s if s == TENAS_ERROR_NULL_POINTER as i32 => c"TENAS_ERROR_NULL_POINTER",
        s if s == TENAS_ERROR_INVALID_ARGUMENT as i32 => c"TENAS_ERROR_INVALID_ARGUMENT",
        s if s == TENAS_ERROR_INVALID_STATE as i32 => c"TENAS_ERROR_INVALID_STATE",
        s if s == TENAS_ERROR_IO as i32 => c"TENAS_ERROR_IO",
        s if s == TENAS_ERROR_FORMAT as i32 => c"TENAS_ERROR_FORMAT",
        s if s == TENAS_ERROR_DEVICE as i32 => c"TENAS_ERROR_DEVICE",
        s if s == TENAS_ERROR_BUSY as i32 => c"TENAS_ERROR_BUSY",
        s if s == TENAS_ERROR_CANCELLED as i32 => c"TENAS_ERROR_CANCELLED",
        s if s == TENAS_ERROR_BUFFER_TOO_SMALL as i32 => c"TENAS_ERROR_BUFFER_TOO_SMALL",
        s if s == TENAS_ERROR_OUT_OF_MEMORY as i32 => c"TENAS_ERROR_OUT_OF_MEMORY",
        s if s == TENAS_ERROR_NOT_FOUND as i32 => c"TENAS_ERROR_NOT_FOUND",
        s if s == TENAS_ERROR_INTERNAL as i32 => c"TENAS_ERROR_INTERNAL",
        _ => c"unknown status",
    };
    name.as_ptr()
}
