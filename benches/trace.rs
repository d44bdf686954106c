//! What tracing costs: pairs of the same search, with and without a trace, in turn.
//!
//!     cargo bench --bench trace
//!
//! Each pair runs both, the second first in every other pair, so that a machine that becomes slower or
//! faster meanwhile treats both alike. The median of the ratios is what a trace costs.

use std::ops::ControlFlow;
use std::time::Instant;

use tenas::{Config, Context, Dataset, DatasetKind, SpaceKind, Strategy};

const PAIRS: usize = 11;

fn seconds(config: &Config, images: &Dataset, traced: bool) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let mut search = Context::new(config, images).expect("a search");
    let start = Instant::now();
    if traced {
        search.set_trace(Some(&folder.path().join("trace.jsonl"))).expect("a trace");
    }
    search.run(&mut |_| ControlFlow::Continue(())).expect("the search runs");
    start.elapsed().as_secs_f64()
}

fn main() {
    for (name, strategy) in [("prune", Strategy::Prune), ("rank", Strategy::Rank)] {
        let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
        config.set_device(tenas::DeviceKind::Cpu, 0).expect("the CPU");
        config.set_strategy(strategy);
        // Smaller than the preset, which makes the trace's share larger.
        config.set_repeats(1).expect("repeats");
        config.set_batch_size(32).expect("a batch");
        config.set_budget(200).expect("a budget");
        let images = Dataset::synthetic(DatasetKind::Cifar10, 0).expect("images");
        // Images' digest, threads and caches are there before the first pair.
        seconds(&config, &images, true);
        let mut ratios = Vec::new();
        for pair in 0..PAIRS {
            let order = [pair % 2 == 0, pair % 2 != 0];
            let times = order.map(|traced| (traced, seconds(&config, &images, traced)));
            let of =
                |wanted| times.iter().find(|(traced, _)| *traced == wanted).map_or(0.0, |t| t.1);
            println!("{name}: {:.3} s without, {:.3} s with a trace", of(false), of(true));
            ratios.push(of(true) / of(false));
        }
        ratios.sort_by(f64::total_cmp);
        let percent = |i: usize| 100.0 * (ratios[i] - 1.0);
        println!(
            "{name}: a trace costs {:+.2} % (median of {PAIRS} pairs; {:+.2} % to {:+.2} %)",
            percent(PAIRS / 2),
            percent(0),
            percent(PAIRS - 1)
        );
    }
}
