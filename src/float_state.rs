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

/// States that a host may have set, by the names of `fenv.h` or of the machine.
#[cfg(all(test, target_arch = "x86_64"))]
pub(crate) const ODD_STATES: &[(&str, State)] = &[
    ("FE_UPWARD", State(0x1f80 | 0x4000)),
    ("FE_DOWNWARD", State(0x1f80 | 0x2000)),
    ("FE_TOWARDZERO", State(0x1f80 | 0x6000)),
    ("FTZ", State(0x1f80 | 0x8000)),
    ("DAZ", State(0x1f80 | 0x0040)),
    ("FTZ and DAZ", State(0x1f80 | 0x8040)),
    ("traps", State(0)),
    ("FE_UPWARD, FTZ and DAZ, traps, flags", State(0x4000 | 0x8040 | 0x003f)),
];

/// The same. Traps are not there on every machine; DAZ is part of FZ.
#[cfg(all(test, target_arch = "aarch64"))]
pub(crate) const ODD_STATES: &[(&str, State)] = &[
    ("FE_UPWARD", State(1 << 22, 0)),
    ("FE_DOWNWARD", State(2 << 22, 0)),
    ("FE_TOWARDZERO", State(3 << 22, 0)),
    ("FZ", State(1 << 24, 0)),
    ("DN", State(1 << 25, 0)),
    ("traps", State(0x9f00, 0)),
    ("FE_UPWARD and FZ, flags", State(1 << 22 | 1 << 24, 0x9f)),
];

#[cfg(all(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) const ODD_STATES: &[(&str, State)] = &[];

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;

    const ODD: State = ODD_STATES[ODD_STATES.len() - 1].1;
    const OTHER: State = ODD_STATES[2].1;

    /// A state without its flags, which a new thread may have cleared.
    fn control(state: State) -> u64 {
        #[cfg(target_arch = "x86_64")]
        return u64::from(state.0 & !0x3f);
        #[cfg(target_arch = "aarch64")]
        return state.0;
    }

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
        assert_eq!(control(seen.unwrap()), control(State::DEFAULT));
        // Otherwise this module would have less to do.
        assert_eq!(control(without.unwrap()), control(ODD));
    }
}
