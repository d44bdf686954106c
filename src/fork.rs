//! What a process may use of the objects that it has from the one that forked it.
//!
//! `fork` copies the whole memory, but only the thread that called it. A lock that another thread
//! held stays locked in the child for ever, and what that thread was changing stays half changed.
//! So:
//!
//! - An object with threads of its own remembers its [`Maker`] and is refused elsewhere.
//! - A lock that may be held for a while, or over what is only a cache, is [`PerProcess`]: the child
//!   begins with a new one.
//! - A lock of a moment that guards what the child needs is a [`BriefLock`], which reports that the
//!   thread which holds it does not exist.
//! - What is computed once for the whole process is put into `once_cell::race`, which never waits.
//! - All other locks are a [`Mutex`], whose state is in itself alone. Locks that keep waiting threads
//!   in one table of the process (parking_lot) would let a fork in one search stop another.

use std::mem;
use std::ops::Deref;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{self, MutexGuard, PoisonError, TryLockError};

use once_cell::race::OnceBox;

use crate::error::{Error, Result};

/// The process that made an object, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Maker(u32);

impl Maker {
    /// This process.
    pub(crate) fn here() -> Self {
        Maker(process::id())
    }

    /// Whether this is the process that made the object.
    pub(crate) fn is_here(self) -> bool {
        self == Self::here()
    }

    /// [`Error::InvalidState`] in any other process. `what` names the object.
    pub(crate) fn check(self, what: &str) -> Result<()> {
        let here = Self::here();
        if self == here {
            return Ok(());
        }
        Err(Error::InvalidState(format!(
            "{what}: found one that process {} made, in its forked child {}, where its threads do \
             not exist; expected one that this process made: make it after the fork, or start \
             workers without fork (in Python, multiprocessing.get_context(\"spawn\"))",
            self.0, here.0
        )))
    }
}

/// A lock. A panic while it is held does not matter to the next holder.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Mutex(sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value that each process has its own of: a forked child finds a new one. What it has from its
/// parent is neither used nor dropped there, since one of the parent's threads may have been
/// changing it.
#[derive(Debug)]
pub(crate) struct PerProcess<T: Default> {
    maker: Maker,
    value: T,
    /// That of a child; in the child's memory alone.
    child: OnceBox<PerProcess<T>>,
}

impl<T: Default> Default for PerProcess<T> {
    fn default() -> Self {
        PerProcess { maker: Maker::here(), value: T::default(), child: OnceBox::new() }
    }
}

impl<T: Default> Deref for PerProcess<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let here = Maker::here();
        let mut own = self;
        while own.maker != here {
            own = own.child.get_or_init(Box::default);
        }
        &own.value
    }
}

impl<T: Default> Drop for PerProcess<T> {
    fn drop(&mut self) {
        if !self.maker.is_here() {
            mem::forget(mem::take(&mut self.value));
        }
    }
}

/// A lock for what takes a moment: whoever waits for it spins.
#[derive(Debug)]
pub(crate) struct BriefLock<T> {
    /// The process whose thread holds the lock, or 0.
    holder: AtomicU32,
    /// Locked only by the thread that made itself the holder.
    value: sync::Mutex<T>,
}

/// Frees a [`BriefLock`] when it goes.
struct Held<'a>(&'a AtomicU32);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

impl<T> BriefLock<T> {
    pub(crate) fn new(value: T) -> Self {
        BriefLock { holder: AtomicU32::new(0), value: sync::Mutex::new(value) }
    }

    /// Runs `body` on the value. [`Error::InvalidState`] if a thread was at it when this process was
    /// forked. `what` names the value.
    pub(crate) fn with<R>(&self, what: &str, body: impl FnOnce(&mut T) -> R) -> Result<R> {
        let here = process::id();
        while let Err(holder) =
            self.holder.compare_exchange_weak(0, here, Ordering::Acquire, Ordering::Relaxed)
        {
            // 0: the exchange failed for no reason, as it may.
            if ![0, here].contains(&holder) {
                return Err(Error::InvalidState(format!(
                    "{what}: found one that a thread of process {holder} was using when it forked \
                     this process, {here}; expected one that this process made: make it after the \
                     fork"
                )));
            }
            std::thread::yield_now();
        }
        let _held = Held(&self.holder);
        let mut value = match self.value.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Internal(format!("{what}: locked twice")));
            }
        };
        Ok(body(&mut value))
    }

    /// Whether no thread is at the value, also none of the process that this one was forked from.
    pub(crate) fn is_whole(&self) -> bool {
        self.holder.load(Ordering::Acquire) == 0
    }
}
