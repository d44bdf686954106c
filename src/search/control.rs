//! What other threads may touch while a search runs: cancel and progress, atomics only.

use crate::gate::atomic::{AtomicU64, Ordering};
use crate::gate::{Cancel, Watch};

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// The round being worked on, from 0; equal to `rounds` at the end.
    pub round: u32,
    /// Rounds of the whole search.
    pub rounds: u32,
    /// Candidates of this round that are finished.
    pub candidate: u32,
    /// Candidates of this round.
    pub candidates: u32,
    /// Seconds that this search has computed so far, all its runs together.
    pub seconds: f64,
}

/// Shared between a running search and everyone who watches or stops it.
#[derive(Debug, Default)]
pub struct Control {
    cancel: Cancel,
    /// The four counts, 16 bits each, so that a reader never sees two rounds mixed.
    counts: AtomicU64,
    seconds: AtomicU64,
    /// Two halves: what is done, and all there is to do.
    work: AtomicU64,
}

impl Control {
    /// Asks the running call, or else the next one, to return [`Cancelled`](crate::Error::Cancelled).
    /// Safe in a signal handler.
    pub fn cancel(&self) {
        self.cancel.request();
    }

    /// Drops a request that no call has reported yet.
    pub fn clear_cancel(&self) {
        self.cancel.clear();
    }

    /// Whether a request stands.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.stands()
    }

    /// Withdraws the request, and returns whether there was one.
    pub(super) fn take_cancel(&self) -> bool {
        self.cancel.take()
    }

    /// A run's view of requests.
    pub(super) fn watch(&self) -> Watch<'_> {
        self.cancel.watch()
    }

    /// How far the search is.
    pub fn progress(&self) -> Progress {
        let counts = self.counts.load(Ordering::Acquire);
        let part = |i: u32| ((counts >> (16 * i)) & 0xffff) as u32;
        Progress {
            round: part(3),
            rounds: part(2),
            candidate: part(1),
            candidates: part(0),
            seconds: f64::from_bits(self.seconds.load(Ordering::Acquire)),
        }
    }

    /// How much of the whole search is done, and how much there is: evaluations of a candidate on a
    /// draw, as far as they can be foreseen. Seconds of the rest follow from those so far.
    pub fn work(&self) -> (u32, u32) {
        let work = self.work.load(Ordering::Acquire);
        ((work >> 32) as u32, work as u32)
    }

    pub(super) fn set_work(&self, (done, all): (u64, u64)) {
        let part = |v: u64| v.min(u32::MAX.into());
        self.work.store(part(done) << 32 | part(all), Ordering::Release);
    }

    pub(super) fn set_progress(&self, p: &Progress) {
        let part = |v: u32| u64::from(v.min(0xffff));
        let counts = part(p.round) << 48
            | part(p.rounds) << 32
            | part(p.candidate) << 16
            | part(p.candidates);
        self.seconds.store(p.seconds.to_bits(), Ordering::Release);
        self.counts.store(counts, Ordering::Release);
    }
}
