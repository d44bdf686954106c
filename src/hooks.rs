//! Faults on demand, for tests of what a program sees of them. Without the feature `test-hooks`
//! nothing of this is compiled in.

#[cfg(feature = "test-hooks")]
pub(crate) use armed::{arm, reach};

/// Where a fault can be asked for. The numbers are those of `tenas_test_hook`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    /// In any call, before it does anything.
    Call = 1,
    /// In a call on a context, which it holds.
    Context = 2,
    /// On a thread of the engine, in a task.
    Task = 3,
    /// In a part of a task, on whichever thread of the engine has time.
    Block = 4,
    /// Where a round's candidates are ranked.
    Ranking = 5,
    /// Where memory is asked for.
    Memory = 6,
}

/// Does nothing: there are no faults in this build.
#[cfg(not(feature = "test-hooks"))]
#[inline(always)]
pub(crate) fn reach(_: Hook) -> crate::Result<()> {
    Ok(())
}

#[cfg(feature = "test-hooks")]
mod armed {
    use super::Hook;
    use crate::fork::Mutex;
    use crate::{Error, Result};

    /// A fault to come.
    struct Fault {
        place: i32,
        panic: bool,
        /// How many times the place is reached without it.
        after: u64,
    }

    static ARMED: Mutex<Option<Fault>> = Mutex::new(None);

    /// Asks for one fault, a panic or a lack of memory, at `place`, once it has been reached `after`
    /// times. It replaces the fault that was asked for before; returns whether that had not come yet.
    pub(crate) fn arm(place: i32, panic: bool, after: u64) -> bool {
        ARMED.lock().replace(Fault { place, panic, after }).is_some()
    }

    /// Fails, or panics, if that was asked for at this place and now.
    pub(crate) fn reach(place: Hook) -> Result<()> {
        let panic = {
            let mut armed = ARMED.lock();
            match &mut *armed {
                Some(fault) if fault.place == place as i32 && fault.after > 0 => {
                    fault.after -= 1;
                    return Ok(());
                }
                Some(fault) if fault.place == place as i32 => {
                    let panic = fault.panic;
                    *armed = None;
                    panic
                }
                _ => return Ok(()),
            }
        };
        if panic {
            panic!("asked for by a test: {place:?}");
        }
        Err(Error::OutOfMemory(format!("asked for by a test: {place:?}")))
    }
}
