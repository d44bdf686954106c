//! The search: rounds of candidates, and what their values lead to (sections 3.4 and 3.10).

mod aggregation;
mod checkpoint;
mod config;
mod context;
mod control;
mod draws;
mod exchange;
mod indicators;
mod log;
mod measure;
mod networks;
pub mod parameters;
mod prune;
mod rank;
pub mod ranking;
mod records;
pub mod round;
mod scoring;
mod strategy;
mod trace;

pub use aggregation::{Aggregation, aggregate, average_ranks};
pub use config::{Config, DeviceKind, Sampling, Strategy};
pub use context::{Context, Evaluation, Observer};
pub use control::{Control, Progress};
pub use exchange::{
    measurements_from_json, measurements_to_json, scores_from_json, scores_to_json,
};
pub use indicators::{
    Indicators, Scores, Spread, indicators, indicators_of_masks, indicators_with, scores,
    scores_with,
};
pub use log::{LogLevel, LogSink};
pub use networks::{NetworkWeights, scores_of_networks};
pub use rank::{Measured, Ranked};
pub use records::{HostPruning, Record, RoundSummary};
pub use scoring::Score;
