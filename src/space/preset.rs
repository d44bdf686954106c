//! What searches use where the user says nothing else.

/// Hyper-parameters of the pruning search, as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Images of an NTK batch.
    pub batch_size: u32,
    /// Operations that a round removes from each edge.
    pub prune_per_edge: u32,
}

/// The preset `best`: that of the strategy `rank` (section 3.10). What is 0 of the proxy network
/// stays as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankPreset {
    /// Names of the scores that are aggregated.
    pub proxies: &'static [&'static str],
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

impl RankPreset {
    /// That of NAS-Bench-201: all classes of architectures, at the depth that is trained.
    pub const NAS_BENCH_201: RankPreset = RankPreset {
        proxies: &["flops", "ntk"],
        channels: 0,
        cells: 5,
        image_size: 0,
        batch_size: 8,
        budget: 10_000,
        rungs: 3,
        reduction: 8,
        draw_growth: 4,
    };

    /// That of DARTS.
    pub const DARTS: RankPreset = RankPreset {
        proxies: &["flops", "ntk"],
        channels: 0,
        cells: 0,
        image_size: 0,
        batch_size: 14,
        budget: 1000,
        rungs: 3,
        reduction: 8,
        draw_growth: 4,
    };
}

impl Default for RankPreset {
    /// That of a space of which nothing is known.
    fn default() -> Self {
        RankPreset { batch_size: 8, ..RankPreset::DARTS }
    }
}
