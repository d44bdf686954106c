//! Training-free neural architecture search (TE-NAS, ICLR 2021) with a stable C ABI.
//!
//! Modules in the order of dependency: each imports only from those above it, or, of the first group,
//! from each other. CONTRIBUTING.md has the table.

mod error;
mod float_state;
mod fork;
mod gate;
mod hooks;
mod message;
pub mod random;

mod digest;
mod document;
mod numpy;
mod recognise;
mod replace;

mod pickle;

pub mod space;

pub mod network;

pub mod compute;

pub mod data;

pub mod model;

pub mod onnx;

mod pytorch;

pub mod proxy;

pub mod search;

pub mod benchmark;

pub mod report;

mod build_info;

pub mod ffi;

pub use benchmark::Benchmark;
pub use build_info::build_info;
pub use data::{Dataset, DatasetKind};
pub use error::{Error, Result};
pub use model::Network;
pub use network::{Cost, Init, Supernet};
pub use search::{
    Aggregation, Config, Context, Control, DeviceKind, Evaluation, HostPruning, Indicators,
    LogLevel, Measured, NetworkWeights, Progress, Ranked, Record, RoundSummary, Sampling, Score,
    Scores, Spread, Strategy, indicators, indicators_of_masks, measurements_from_json,
    measurements_to_json, scores, scores_from_json, scores_of_networks, scores_to_json,
};
pub use space::{Genotype, GenotypeFormat, Mask, Space, SpaceKind};

/// Version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
