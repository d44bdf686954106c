//! The floating-point state of a thread: rounding, flushing of subnormal numbers, traps.
//!
//! Results must not depend on what a host has set for itself, and Rust's arithmetic is defined in
//! the default state alone. So a call from C computes [in the default state](in_default), which
//! threads inherit from the one that starts them; the host's functions see
//! [the host's state](in_callers), and so does the host once the call has returned, status flags
//! included.
//!
//! On x86-64 this is MXCSR: the x87 unit, which has a control word of its own, computes nothing
//! here. On aarch64 it is FPCR and FPSR. Elsewhere nothing is done.
#![allow(unsafe_code)]

use std::cell::Cell;

pub(crate) use machine::State;

#[cfg(target_arch = "x86_64")]
mod machine {
    use std::arch::asm;

    /// MXCSR.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct State(pub(crate) u32);

    impl State {
        /// Round to nearest, subnormal numbers kept, all exceptions masked, no flags.
        pub(crate) const DEFAULT: State = State(0x1f80);

        pub(crate) fn get() -> Self {
            let mut value = 0_u32;
            // SAFETY: stores MXCSR into a local.
            unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack)) };
            State(value)
        }

        pub(crate) fn set(self) {
            // SAFETY: a value that MXCSR had before, or the default: no reserved bit is set. No
            // arithmetic of Rust runs in another state than the default.
            unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const self.0, options(nostack)) };
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use std::arch::asm;

    /// FPCR and FPSR.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct State(pub(crate) u64, pub(crate) u64);

    impl State {
        /// Round to nearest, subnormal numbers kept, no traps, no flags.
        pub(crate) const DEFAULT: State = State(0, 0);

        pub(crate) fn get() -> Self {
            let (control, status): (u64, u64);
            // SAFETY: reads two registers.
            unsafe {
                asm!("mrs {}, fpcr", "mrs {}, fpsr", out(reg) control, out(reg) status,
                     options(nostack));
            }
            State(control, status)
        }

        pub(crate) fn set(self) {
            // SAFETY: values that the registers had before, or the default. No arithmetic of Rust
            // runs in another state than the default.
            unsafe {
                asm!("msr fpcr, {}", "msr fpsr, {}", in(reg) self.0, in(reg) self.1,
                     options(nostack));
            }
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod machine {
    /// Nothing is known of this machine.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct State;

    impl State {
        pub(crate) const DEFAULT: State = State;

        pub(crate) fn get() -> Self {
            State
        }

        pub(crate) fn set(self) {}
    }
}

thread_local! {
    /// The state of the caller that [`in_default`] has put away, while it has.
    static CALLERS: Cell<Option<State>> = const { Cell::new(None) };
}

/// Puts a state, and what is in [`CALLERS`], back when it goes.
struct Restore {
    state: State,
    callers: Option<State>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        CALLERS.set(self.callers);
        self.state.set();
    }
}

/// Runs `body` in the default state. The caller's comes back afterwards, also after a panic.
pub(crate) fn in_default<R>(body: impl FnOnce() -> R) -> R {
    if CALLERS.get().is_some() {
        return body();
    }
    let mut restore = Restore { state: State::get(), callers: None };
    CALLERS.set(Some(restore.state));
    State::DEFAULT.set();
    let result = apart(body);
    // As a function of the host's may have left it meanwhile.
    restore.state = CALLERS.get().unwrap_or(restore.state);
    result
}

/// Runs `body`, a function of the host's, in the state of the innermost [`in_default`]'s caller. What
/// it changes is the caller's from then on, as if the library were not between them.
pub(crate) fn in_callers<R>(body: impl FnOnce() -> R) -> R {
    let Some(callers) = CALLERS.take() else { return body() };
    let mut restore = Restore { state: State::get(), callers: Some(callers) };
    callers.set();
    let result = apart(body);
    restore.callers = Some(State::get());
    result
}

/// Keeps the compiler from moving arithmetic of `body` to where another state is set.
#[inline(never)]
fn apart<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// Rounds upward, flushes subnormal numbers, has a flag up.
    const ODD: State = State(0x1f80 | 0x4000 | 0x8040 | 0x20);

    #[test]
    fn the_callers_state_comes_back_also_after_a_panic() {
        ODD.set();
        let inside = in_default(State::get);
        let after = State::get();
        let panicked = std::panic::catch_unwind(|| in_default(|| panic!("on purpose")));
        let after_panic = State::get();
        State::DEFAULT.set();
        assert!(panicked.is_err());
        assert_eq!((inside, after, after_panic), (State::DEFAULT, ODD, ODD));
        assert_eq!(CALLERS.get(), None);
    }

    #[test]
    fn callbacks_see_the_callers_state_and_may_change_it() {
        const OTHER: State = State(0x1f80 | 0x6000);
        ODD.set();
        let mut seen = Vec::new();
        in_default(|| {
            seen.push(in_callers(State::get));
            // A call from inside a callback, with a callback of its own.
            in_callers(|| {
                seen.push(in_default(State::get));
                in_default(|| seen.push(in_callers(State::get)));
                seen.push(in_callers(State::get));
                OTHER.set();
            });
            seen.push(State::get());
            seen.push(in_callers(State::get));
        });
        seen.push(State::get());
        State::DEFAULT.set();
        let default = State::DEFAULT;
        assert_eq!(seen, [ODD, default, ODD, ODD, default, OTHER, OTHER]);
    }

    #[test]
    fn threads_inherit_the_default_state() {
        ODD.set();
        let seen = in_default(|| std::thread::spawn(State::get).join());
        let without = std::thread::spawn(State::get).join();
        State::DEFAULT.set();
        assert_eq!(seen.unwrap().0 & 0xffc0, State::DEFAULT.0);
        // Otherwise this module had less to do.
        assert_eq!(without.unwrap().0 & 0xffc0, ODD.0 & 0xffc0);
    }
}
