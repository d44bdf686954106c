//! What the threads of a host share about one search: the lock that lets one call at a time in, the
//! request to cancel, the panic that made it unusable. It depends on nothing else, so that loom can
//! try all orders of events (tests/loom).

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::TryLockError;

#[cfg(tenas_loom)]
pub(crate) use loom::sync::{Mutex, atomic};
#[cfg(not(tenas_loom))]
pub(crate) use std::sync::{Mutex, atomic};

use atomic::{AtomicBool, Ordering};

/// Why a call did not use the value, or did not come back from it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Another call is using it.
    Busy,
    /// An earlier call panicked, with this text.
    Poisoned(String),
    /// This call panicked, with this text.
    Panicked(String),
}

/// A value that one call at a time may use, from whichever thread. Nobody ever waits.
#[derive(Debug)]
pub(crate) struct Gate<T>(Mutex<Guarded<T>>);

#[derive(Debug)]
struct Guarded<T> {
    value: T,
    /// The text of a panic, after which the value may be half changed.
    poison: Option<String>,
}

impl<T> Gate<T> {
    pub(crate) fn new(value: T) -> Self {
        Gate(Mutex::new(Guarded { value, poison: None }))
    }

    /// Whether no call is using the value.
    pub(crate) fn is_idle(&self) -> bool {
        !matches!(self.0.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Runs `body` on the value.
    pub(crate) fn enter<R>(&self, body: impl FnOnce(&mut T) -> R) -> Result<R, Refused> {
        let mut guarded = match self.0.try_lock() {
            Ok(guarded) => guarded,
            Err(TryLockError::WouldBlock) => return Err(Refused::Busy),
            // Never so: the panic of a body is caught below, while the lock is held.
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
        };
        if let Some(text) = &guarded.poison {
            return Err(Refused::Poisoned(text.clone()));
        }
        catch(|| body(&mut guarded.value)).map_err(|text| {
            guarded.poison = Some(text.clone());
            Refused::Panicked(text)
        })
    }
}

/// Runs `body`; its panic becomes a text.
///
/// Whoever calls this decides what becomes of the data that `body` may have left half changed.
pub(crate) fn catch<R>(body: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(body)).map_err(text_of)
}

fn text_of(payload: Box<dyn Any + Send>) -> String {
    if let Some(text) = payload.downcast_ref::<String>() {
        return text.clone();
    }
    if let Some(text) = payload.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    // The payload's destructor might panic as well.
    std::mem::forget(payload);
    "a panic without text".to_owned()
}

/// A request to stop. The call that reports it also withdraws it. Safe in a signal handler.
///
/// All changes are swaps, so that each sees the one before it when two threads make one at the same
/// time. (A plain store would do, but loom tries orders of stores that C11 forbids.)
#[derive(Debug)]
pub(crate) struct Cancel(AtomicBool);

impl Default for Cancel {
    fn default() -> Self {
        Cancel(AtomicBool::new(false))
    }
}

impl Cancel {
    pub(crate) fn request(&self) {
        self.0.swap(true, Ordering::SeqCst);
    }

    /// Drops a request that no call has reported yet.
    pub(crate) fn clear(&self) {
        self.0.swap(false, Ordering::SeqCst);
    }

    /// Whether a request stands.
    pub(crate) fn stands(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Withdraws the request, and returns whether there was one.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }

    /// A call's view of requests while it runs.
    pub(crate) fn watch(&self) -> Watch<'_> {
        Watch { cancel: self, stopped: Cell::new(false) }
    }
}

/// A call's view of the requests to cancel it. Once the call has seen one and stopped, it reports a
/// cancel, even if the request was withdrawn meanwhile.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    cancel: &'a Cancel,
    stopped: Cell<bool>,
}

impl Watch<'_> {
    /// Whether the call is to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.set(self.stopped.get() || self.cancel.stands());
        self.stopped.get()
    }

    /// Stops the call without a request.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
    }

    /// To be called at the end of the call; returns whether it must report a cancel. It must also if
    /// the request came after all work was done.
    pub(crate) fn finish(self) -> bool {
        self.cancel.take() || self.stopped.get()
    }
}
