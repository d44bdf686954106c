//! Training-free neural architecture search (TE-NAS, ICLR 2021) with a stable C ABI.
//!
//! Modules in the order of dependency: each imports only from those above it.

mod build_info;
mod error;
pub mod random;

pub mod space;

pub mod network;

pub mod compute;

pub mod data;

pub mod indicator;

pub mod search;

pub mod ffi;

pub use build_info::build_info;
pub use data::{Dataset, DatasetKind};
pub use error::{Error, Result};
pub use network::{Init, Supernet};
pub use search::{Config, Context, Control, DeviceKind, Progress, Record, Sampling};
pub use space::{Genotype, GenotypeFormat, Mask, Space, SpaceKind};

/// Version of this library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
