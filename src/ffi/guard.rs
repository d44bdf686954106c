//! What stands between every function and C: no panic passes, failures become statuses, and the
//! host's floating-point state does not matter.

use super::error::Failure;
use super::status::{tenas_status, tenas_status_code};
use crate::float_state::in_default;
pub(super) use crate::gate::catch;
use crate::hooks::{Hook, reach};

#[cfg(not(panic = "unwind"))]
compile_error!("libtenas catches panics: build it with panic = \"unwind\"");

/// Runs a function's body and reports its failure, or its panic, under the function's name.
pub(super) fn guard(
    function: &'static str,
    body: impl FnOnce() -> Result<(), Failure>,
) -> tenas_status {
    let body = || {
        reach(Hook::Call)?;
        body()
    };
    match in_default(|| catch(body)).unwrap_or_else(|text| Err(Failure::internal(&text))) {
        Ok(()) => tenas_status_code::TENAS_OK as tenas_status,
        Err(failure) => {
            failure.report(function);
            failure.status as tenas_status
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        let status = guard("tenas_f", || panic!("edge {}", 7));
        assert_eq!(status, tenas_status_code::TENAS_ERROR_INTERNAL as tenas_status);
        // SAFETY: the message is a C string, and this thread does not fail meanwhile.
        let text = unsafe { std::ffi::CStr::from_ptr(super::super::tenas_last_error_message()) };
        assert_eq!(text.to_str().unwrap(), "tenas_f: internal error: edge 7");
    }

    #[test]
    fn a_payload_of_any_type_is_caught() {
        let caught = catch(|| std::panic::panic_any(7));
        assert_eq!(caught, Err("a panic without text".to_owned()));
    }
}
