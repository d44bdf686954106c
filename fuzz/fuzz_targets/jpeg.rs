#![no_main]
//! A panic of the JPEG decoder is caught by the library, which calls the file broken. libfuzzer-sys
//! aborts in its panic hook, before that; without the hook it still aborts on what passes the target.

use libfuzzer_sys::fuzz_target;

#[path = "../entries.rs"]
mod entries;

fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| {
    entries::jpeg(data);
});
