//! Training-free neural architecture search (TE-NAS, ICLR 2021) with a stable C ABI.
//!
//! Modules in the order of dependency: each imports only from those above it.

mod build_info;
mod error;
mod gate;
mod hooks;
pub mod random;

pub mod space;

pub mod network;

pub mod compute;

pub mod data;

pub mod proxy;

pub mod search;

pub mod benchmark;

pub mod ffi;

pub use benchmark::Benchmark;
pub use build_info::build_info;
pub use data::{Dataset, DatasetKind};
pub use error::{Error, Result};
pub use network::{Cost, Init, Supernet};
pub use search::{
    Config, Context, Control, DeviceKind, Evaluation, HostPruning, Indicators, LogLevel, Progress,
    Record, RoundSummary, Sampling, Score, Spread, indicators, indicators_of_masks,
};
pub use space::{Genotype, GenotypeFormat, Mask, Space, SpaceKind};

/// Version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
