//! Log
//!
//! A context tells what it does to a function of yours; without one, it says
//! nothing. There is no global log.

use std::ffi::CString;

use libc::{c_char, c_void};

use super::context::{search_of, tenas_context};
use super::guard::guard;
use super::status::tenas_status;
use crate::LogLevel;
use crate::float_state::in_callers;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_log_level {
    /// Something that was asked for could not be done: a checkpoint that was
    /// not written.
    TENAS_LOG_ERROR = 1,
    /// The search goes on, but not quite as it should: broken images were
    /// skipped.
    TENAS_LOG_WARNING = 2,
    /// A round begins or ends; what was pruned.
    TENAS_LOG_INFO = 3,
    /// Details: a checkpoint was written.
    TENAS_LOG_DEBUG = 4,
}

/// A function that takes the lines of a search's log: a level (a
/// tenas_log_level), a text without line break, UTF-8, valid during the call,
/// and what tenas_context_set_log was given as user. It is called on the thread
/// that called in, one call at a time, and never from inside another function
/// of the host's. It must return: no C++ exception and no longjmp may pass
/// through the library. A call on the context from inside it returns
/// TENAS_ERROR_BUSY, but for _cancel, _clear_cancel, _progress and _work.
pub type tenas_log_fn =
    Option<unsafe extern "C" fn(level: i32, text: *const c_char, user: *mut c_void)>;

/// A host's log function and its user pointer.
struct Sink {
    function: unsafe extern "C" fn(i32, *const c_char, *mut c_void),
    user: *mut c_void,
}

// SAFETY: the pointer is only handed back to the host, whose function runs on the thread that
// called in: tenas.h says so, and that it must be fit for that.
unsafe impl Send for Sink {}
// SAFETY: likewise; a shared sink has no way to be called.
unsafe impl Sync for Sink {}

impl Sink {
    fn write(&self, level: LogLevel, text: &str) {
        let text = CString::new(text.replace('\0', "\\0")).unwrap_or_default();
        // SAFETY: a function of that type, as tenas.h asks; the text lives during the call.
        in_callers(|| unsafe { (self.function)(level as i32, text.as_ptr(), self.user) });
    }
}

/// Sets the function that takes the log of a search, and the pointer that it is
/// handed. A NULL function clears it. user may be NULL; it stays yours and must
/// be valid for as long as it is set.
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_set_log(
    context: *mut tenas_context,
    log: tenas_log_fn,
    user: *mut c_void,
) -> tenas_status {
    guard("tenas_context_set_log", || {
        let sink = log.map(|function| Sink { function, user });
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        search.with(|state| {
            state.context.set_log(match sink {
                Some(sink) => Some(Box::new(move |level, text| sink.write(level, text))),
                None => None,
            });
            Ok(())
        })
    })
}
