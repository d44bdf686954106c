//! Error messages
//!
//! Each thread keeps the message of its last failed call.

use std::cell::RefCell;
use std::ffi::CString;

use libc::c_char;

use super::status::tenas_status_code;
use crate::Error;
use crate::message::Escaped;

thread_local! {
    static LAST: RefCell<Option<CString>> = const { RefCell::new(None) };
}

/// The message of the calling thread's last failed call, UTF-8. It names the
/// function, the argument or file, what was found and what was expected. Control
/// characters of files, names and paths are escaped in it.
///
/// Never NULL; empty if no call of this thread has failed yet. A call that
/// succeeds leaves it as it is, so ask only after a failure. Owned by the
/// library: valid until the next call of this thread that fails, or until the
/// thread ends.
#[unsafe(no_mangle)]
pub extern "C" fn tenas_last_error_message() -> *const c_char {
    // `try_with` fails while the thread is ending and its locals are gone already.
    let last = LAST.try_with(|last| Some(last.try_borrow().ok()?.as_ref()?.as_ptr()));
    last.ok().flatten().unwrap_or(c"".as_ptr())
}

/// A failed call: its status and what to tell the caller.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: tenas_status_code,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn null(argument: &str) -> Self {
        Failure {
            status: tenas_status_code::TENAS_ERROR_NULL_POINTER,
            message: format!("{argument}: found NULL, expected a pointer"),
        }
    }

    pub(super) fn invalid_argument(message: String) -> Self {
        Failure { status: tenas_status_code::TENAS_ERROR_INVALID_ARGUMENT, message }
    }

    /// A panic, by its text.
    pub(super) fn internal(text: &str) -> Self {
        Failure {
            status: tenas_status_code::TENAS_ERROR_INTERNAL,
            message: format!("internal error: {text}"),
        }
    }

    /// Makes this the thread's last error, as one of `function`.
    pub(super) fn report(&self, function: &str) {
        let text = format!("{function}: {}", Escaped(&self.message));
        let text = CString::new(text).unwrap_or_default();
        let _ = LAST.try_with(|last| last.replace(Some(text)));
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use tenas_status_code::*;
        let status = match &error {
            Error::InvalidArgument(_) => TENAS_ERROR_INVALID_ARGUMENT,
            Error::InvalidState(_) => TENAS_ERROR_INVALID_STATE,
            Error::Io { .. } => TENAS_ERROR_IO,
            Error::Format(_) => TENAS_ERROR_FORMAT,
            Error::Device(_) => TENAS_ERROR_DEVICE,
            Error::Cancelled => TENAS_ERROR_CANCELLED,
            Error::OutOfMemory(_) => TENAS_ERROR_OUT_OF_MEMORY,
            Error::NotFound(_) => TENAS_ERROR_NOT_FOUND,
            Error::Internal(_) => TENAS_ERROR_INTERNAL,
        };
        Failure { status, message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last() -> String {
        // SAFETY: the message is a C string, and this thread does not fail meanwhile.
        unsafe { std::ffi::CStr::from_ptr(tenas_last_error_message()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_message_is_of_one_thread_and_names_the_function() {
        assert_eq!(last(), "");
        Failure::null("config").report("tenas_f");
        assert_eq!(last(), "tenas_f: config: found NULL, expected a pointer");
        assert_eq!(std::thread::spawn(last).join().unwrap(), "");
    }

    #[test]
    fn a_nul_inside_does_not_cut_the_message() {
        Failure::internal("a\0b").report("tenas_f");
        assert_eq!(last(), "tenas_f: internal error: a\\0b");
    }
}
