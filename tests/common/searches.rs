//! Searches of a second or two, and how to tell that two are the same.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use tenas::random::{Key, Purpose};
use tenas::{
    Config, Context, Dataset, DatasetKind, GenotypeFormat, Progress, Record, Sampling, SpaceKind,
    Strategy, Supernet,
};

pub(crate) const SPACES: [SpaceKind; 2] = [SpaceKind::NasBench201, SpaceKind::Darts];
pub(crate) const CLASSES: usize = 4;

/// Images without any pattern.
pub(crate) fn noise(count: usize, side: usize) -> Dataset {
    let key =
        Key { seed: 77, purpose: Purpose::SyntheticImages, round: 0, candidate: 0, repeat: 0 };
    let mut stream = key.stream(0);
    let bytes: Vec<u8> = (0..count * 3 * side * side).map(|_| stream.below(256) as u8).collect();
    Dataset::from_images(&bytes, count, [3, side, side], None, CLASSES).unwrap()
}

/// A built-in space with some of its operations.
pub(crate) fn with_operations(kind: SpaceKind, names: &[&str]) -> Supernet {
    let mut file: serde_json::Value = serde_json::from_str(kind.json()).unwrap();
    let operations = file["operations"].as_array_mut().unwrap();
    operations.retain(|o| names.contains(&o["name"].as_str().unwrap()));
    Supernet::from_json(&file.to_string()).unwrap()
}

/// A search that takes a second or two: NAS-Bench-201 as it is, DARTS with a few of its operations.
pub(crate) fn config(kind: SpaceKind, sampling: Sampling) -> Config {
    let supernet = match (kind, sampling) {
        (SpaceKind::NasBench201, _) => Supernet::of(kind),
        (SpaceKind::Darts, Sampling::Common) => {
            with_operations(kind, &["none", "skip_connect", "sep_conv_3x3", "max_pool_3x3"])
        }
        (SpaceKind::Darts, Sampling::Independent) => {
            with_operations(kind, &["none", "skip_connect", "dil_conv_3x3"])
        }
    };
    let mut config = Config::for_supernet(Arc::new(supernet), DatasetKind::Custom);
    config.set_seed(5);
    // Not AUTO, which is CUDA where there is a GPU.
    config.set_device(tenas::DeviceKind::Cpu, 0).unwrap();
    config.set_threads(2).unwrap();
    config.set_sampling(sampling);
    let (batch, repeats) = if kind == SpaceKind::Darts { (4, 1) } else { (8, 2) };
    config.set_batch_size(batch).unwrap();
    config.set_repeats(repeats).unwrap();
    config.set_prune_per_edge(1).unwrap();
    config
}

pub(crate) fn context(config: &Config) -> Context {
    Context::new(config, &noise(12, 8)).unwrap()
}

pub(crate) fn watch(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// All of a record, floating-point numbers as their bits.
pub(crate) fn bits(r: &Record) -> ([usize; 7], [u64; 6]) {
    let c = r.score.choice;
    let counts = [
        r.round as usize,
        c.cell,
        c.edge,
        c.operation,
        r.ranks.ntk as usize,
        r.ranks.regions as usize,
        usize::from(r.pruned),
    ];
    let scores = [
        r.score.ntk_delta,
        r.score.regions_delta,
        r.score.ntk_now,
        r.score.ntk_without,
        r.score.regions_now,
        r.score.regions_without,
    ];
    (counts, scores.map(f64::to_bits))
}

#[track_caller]
pub(crate) fn assert_same(found: &Context, expected: &Context) {
    let text = |c: &Context| c.genotype().unwrap().to_text(GenotypeFormat::Native);
    assert_eq!(text(found), text(expected));
    assert_eq!(found.mask(), expected.mask());
    let all = |c: &Context| c.records().iter().map(bits).collect::<Vec<_>>();
    assert_eq!(all(found), all(expected));
}

pub(crate) fn finished(config: &Config) -> Context {
    let mut context = context(config);
    context.run(&mut watch).unwrap();
    context
}

/// The undisturbed search on one thread, run at once.
pub(crate) fn undisturbed(kind: SpaceKind, sampling: Sampling) -> &'static Context {
    static ALL: [OnceLock<Context>; 4] = [const { OnceLock::new() }; 4];
    let place = (kind as usize - 1) * 2 + sampling as usize - 1;
    ALL[place].get_or_init(|| {
        let mut config = config(kind, sampling);
        config.set_threads(1).unwrap();
        finished(&config)
    })
}

/// A search of some tenths of a second, by either strategy.
pub(crate) fn small(strategy: Strategy, budget: u32) -> Config {
    let mut config = config(SpaceKind::NasBench201, Sampling::Common);
    config.set_repeats(3).unwrap();
    config.set_strategy(strategy);
    config.set_proxy_network(None, Default::default()).unwrap();
    config.set_budget(budget).unwrap();
    config
}
