//! What tracing costs: pairs of the same search, with and without a trace, in turn.
//!
//!     cargo bench --bench trace
//!
//! Each pair runs both, the second first in every other pair, so that a machine that becomes slower or
//! faster meanwhile treats both alike. Time is that of the processor, on Linux, which other programs
//! disturb less than a clock.

use std::ops::ControlFlow;
use std::time::Instant;
use std::{fs, sync::OnceLock};

use tenas::{Config, Context, Dataset, DatasetKind, SpaceKind, Strategy};

const PAIRS: usize = 15;

/// Seconds of the processor that this process has used; by the clock where the system does not tell.
fn now() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which is in brackets: user and system time are fields 14 and 15 of all.
    let fields = stat.rsplit(')').next().unwrap_or("").split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    match ticks[..] {
        [user, system] => (user + system) / TICKS_A_SECOND,
        _ => START.get_or_init(Instant::now).elapsed().as_secs_f64(),
    }
}

fn seconds(config: &Config, images: &Dataset, traced: bool) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let mut search = Context::new(config, images).expect("a search");
    let start = now();
    if traced {
        search.set_trace(Some(&folder.path().join("trace.jsonl"))).expect("a trace");
    }
    search.run(&mut |_| ControlFlow::Continue(())).expect("the search runs");
    now() - start
}

fn main() {
    for (name, strategy) in [("prune", Strategy::Prune), ("rank", Strategy::Rank)] {
        let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
        config.set_device(tenas::DeviceKind::Cpu, 0).expect("the CPU");
        config.set_strategy(strategy);
        // Smaller than the preset, which makes the trace's share larger.
        config.set_repeats(1).expect("repeats");
        config.set_batch_size(16).expect("a batch");
        config.set_budget(60).expect("a budget");
        let images = Dataset::synthetic(DatasetKind::Cifar10, 0).expect("images");
        // Images' digest, threads and caches are there before the first pair.
        seconds(&config, &images, true);
        let mut sums = [0.0, 0.0];
        for pair in 0..PAIRS {
            for traced in [pair % 2 == 0, pair % 2 != 0] {
                sums[usize::from(traced)] += seconds(&config, &images, traced);
            }
        }
        println!(
            "{name}: {:.2} s without, {:.2} s with a trace ({PAIRS} pairs): it costs {:+.2} %",
            sums[0],
            sums[1],
            100.0 * (sums[1] / sums[0] - 1.0)
        );
    }
}
