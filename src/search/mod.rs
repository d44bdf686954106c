//! The search: rounds of candidates, their ranking, what is pruned (section 3.4).

mod checkpoint;
mod config;
mod context;
mod control;
mod draws;
mod indicators;
mod log;
mod measure;
pub mod parameters;
pub mod ranking;
mod records;
mod replace;
pub mod round;
mod scoring;

pub use config::{Config, DeviceKind, Sampling};
pub use context::{Context, Evaluation, Observer};
pub use control::{Control, Progress};
pub use indicators::{
    Indicators, Scores, Spread, indicators, indicators_of_masks, indicators_with, scores,
    scores_with,
};
pub use log::{LogLevel, LogSink};
pub use records::{HostPruning, Record, RoundSummary};
pub use scoring::Score;
