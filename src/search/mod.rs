//! The search: rounds of candidates, their ranking, what is pruned (section 3.4).

mod config;
mod context;
mod control;
mod indicators;
pub mod ranking;
pub mod round;
mod scoring;

pub use config::{Config, DeviceKind, Sampling};
pub use context::{Context, Observer, Record};
pub use control::{Control, Progress};
pub use indicators::{Indicators, Spread, indicators, indicators_with};
pub use scoring::Score;
