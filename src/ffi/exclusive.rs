//! The lock of a context: one call at a time, the second is told so; a panic inside poisons it.

use super::error::Failure;
use super::status::tenas_status_code;
use crate::gate::{Gate, Refused};

/// A [`Gate`] whose refusals are failures of the C ABI.
#[derive(Debug)]
pub(super) struct Exclusive<T>(Gate<T>);

impl<T> Exclusive<T> {
    pub(super) fn new(value: T) -> Self {
        Exclusive(Gate::new(value))
    }

    /// Whether no call is using the value.
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    /// Runs `body` on the value. `what` names the value in messages.
    pub(super) fn with<R>(
        &self,
        what: &str,
        body: impl FnOnce(&mut T) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        self.0.enter(body).unwrap_or_else(|refused| {
            Err(match refused {
                Refused::Busy => Failure {
                    status: tenas_status_code::TENAS_ERROR_BUSY,
                    message: format!("{what}: found in use by another call, expected idle"),
                },
                Refused::Poisoned(text) => Failure {
                    status: tenas_status_code::TENAS_ERROR_INVALID_STATE,
                    message: format!("{what}: unusable since an earlier internal error: {text}"),
                },
                Refused::Panicked(text) => Failure::internal(&text),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenas_status_code::*;

    #[test]
    fn a_second_call_is_busy_from_this_thread_and_from_others() {
        let number = Exclusive::new(1);
        let done = number.with("n", |n| {
            *n += 1;
            let again = number.with("n", |_| Ok(())).unwrap_err();
            assert_eq!(again.status, TENAS_ERROR_BUSY);
            assert!(again.message.starts_with("n: "), "{}", again.message);
            std::thread::scope(|s| {
                let other = s.spawn(|| number.with("n", |_| Ok(())).unwrap_err().status);
                assert_eq!(other.join().unwrap(), TENAS_ERROR_BUSY);
            });
            Ok(*n)
        });
        assert_eq!(done.unwrap(), 2);
        assert_eq!(number.with("n", |n| Ok(*n)).unwrap(), 2);
    }

    #[test]
    fn a_panic_poisons_and_later_calls_say_why() {
        let number = Exclusive::new(1);
        let first = number.with("n", |_| -> Result<(), _> { panic!("no edge") }).unwrap_err();
        assert_eq!(first.status, TENAS_ERROR_INTERNAL);
        assert_eq!(first.message, "internal error: no edge");
        for _ in 0..2 {
            let later = number.with("n", |_| Ok(())).unwrap_err();
            assert_eq!(later.status, TENAS_ERROR_INVALID_STATE);
            assert!(later.message.ends_with("no edge"), "{}", later.message);
        }
    }

    #[test]
    fn a_failure_does_not_poison() {
        let number = Exclusive::new(1);
        let failed = number.with("n", |_| Err::<(), _>(Failure::null("x"))).unwrap_err();
        assert_eq!(failed.status, TENAS_ERROR_NULL_POINTER);
        assert_eq!(number.with("n", |n| Ok(*n)).unwrap(), 1);
    }
}
