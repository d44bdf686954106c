//! The search: rounds of candidates, their ranking, what is pruned (section 3.4).

mod config;
mod context;
mod control;

pub use config::{Config, DeviceKind, Sampling};
pub use context::{Context, Record};
pub use control::{Control, Progress};
