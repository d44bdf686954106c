//! What searches use where the user says nothing else.

use serde::{Deserialize, Serialize};

/// Hyper-parameters of the pruning search, as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Images of an NTK batch.
    pub batch_size: u32,
    /// Operations that a round removes from each edge.
    pub prune_per_edge: u32,
}

impl Default for Preset {
    /// What a file has that says nothing.
    fn default() -> Self {
        Preset { batch_size: 32, prune_per_edge: 1 }
    }
}

/// The preset `best`: hyper-parameters of the strategy `rank` (section 3.9). What is 0 of the proxy
/// network stays as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RankPreset {
    /// Channels C of the proxy network.
    pub channels: u32,
    /// Its cells N of a stage.
    pub cells: u32,
    /// Height of its images.
    pub image_size: u32,
    /// Images of a batch.
    pub batch_size: u32,
    /// Most architectures that are looked at.
    pub budget: u32,
    /// Rungs of successive halving, the first included.
    pub rungs: u32,
    /// Of so many candidates one goes on to the next rung.
    pub reduction: u32,
    /// A rung has so many times the draws of the one before it.
    pub draw_growth: u32,
}

impl Default for RankPreset {
    /// What a file has that says nothing.
    fn default() -> Self {
        RankPreset {
            channels: 0,
            cells: 0,
            image_size: 0,
            batch_size: 8,
            budget: 1000,
            rungs: 3,
            reduction: 8,
            draw_growth: 4,
        }
    }
}
