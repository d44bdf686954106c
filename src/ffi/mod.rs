//! The C ABI: every `extern "C"` function and `#[repr(C)]` type, one file an object.
//!
//! No logic lives here: check the arguments, convert them, call the Rust API, report. Every body
//! runs inside [`guard`](guard::guard), so that no panic reaches C. The comments of whatever is
//! public become `tenas.h` and are written for readers of C; the order of its sections is in
//! `build.rs`.

#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "the names are those of the C ABI")]
#![allow(clippy::missing_safety_doc, reason = "the contract of all pointers is tenas.h")]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

// What the functions are made of.
mod arguments;
mod exclusive;
mod guard;
mod handle;
mod host_images;
mod text;

// The sections of tenas.h.
mod benchmark;
mod build_info;
mod checkpoint;
mod config;
mod context;
mod dataset;
mod error;
mod genotype;
mod indicators;
mod log;
mod network;
mod parameters;
mod proxies;
mod ranking;
mod records;
mod report;
mod round;
mod search_space;
mod space;
mod status;
mod version;

#[cfg(test)]
mod float_states;
#[cfg(feature = "test-hooks")]
mod test_hooks;

pub use benchmark::*;
pub use build_info::*;
pub use checkpoint::*;
pub use config::*;
pub use context::*;
pub use dataset::*;
pub use error::*;
pub use genotype::*;
pub use indicators::*;
pub use log::*;
pub use network::*;
pub use parameters::*;
pub use proxies::*;
pub use ranking::*;
pub use records::*;
pub use report::*;
pub use round::*;
pub use search_space::*;
pub use space::*;
pub use status::*;
pub use version::*;

#[cfg(feature = "test-hooks")]
pub use test_hooks::*;
