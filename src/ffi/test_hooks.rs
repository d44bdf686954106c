//! The feature `test-hooks`: tests of the C ABI ask for faults. Not in tenas.h, but in
//! tests/c/hooks.c.

use crate::hooks;

/// Asks for one fault at a place (a number of [`hooks::Hook`]; any other: for none): a panic, or a
/// lack of memory, once the place has been reached `after` times. Takes back the last one that was
/// asked for, and returns whether it was still to come.
#[unsafe(no_mangle)]
pub extern "C" fn tenas_test_hook(place: i32, panic: bool, after: u64) -> bool {
    hooks::arm(place, panic, after)
}
