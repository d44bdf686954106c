//! What the tests of engines on libtorch share.

use std::ops::ControlFlow::Continue;
use std::sync::Arc;

use tenas::compute::{ActivationBits, Evidence, Inputs, Parameters, Task, Wanted};
use tenas::network::{Fan, Initialiser};
use tenas::random::{Key, Purpose};
use tenas::search::ranking::{Scored, order};
use tenas::{
    Config, Context, Dataset, DatasetKind, DeviceKind, GenotypeFormat, Mask, Record, SpaceKind,
};

/// Relative tolerance of condition numbers, below [`COMPARABLE`], and of region counts.
const NTK: f64 = 1e-3;
const REGIONS: f64 = 2e-3;
/// From here on f32 gradients do not resolve the smallest eigenvalue to that tolerance.
const COMPARABLE: f64 = 1e5;

/// A search of few images and one repeat.
pub(crate) fn small_config(space: SpaceKind, seed: u64) -> Config {
    let mut config = Config::new(space, DatasetKind::ImageNet16);
    // Not AUTO, which is CUDA where there is a GPU.
    config.set_device(DeviceKind::Cpu, 0).expect("the native engine");
    config.set_seed(seed);
    config.set_batch_size(16).expect("a batch");
    config.set_repeats(1).expect("a repeat");
    config
}

/// Runs a search on two devices, side by side. Every candidate's indicators must agree while both
/// have the same operations left. Returns whether the genotypes agree; if not, the round that
/// parted them is printed, and every pair of candidates that changed places in it must have scores
/// that are closer than the tolerance.
pub(crate) fn compare(first: &Config, second: &Config, dataset: &Dataset) -> bool {
    let mut a = Context::new(first, dataset).expect("a search");
    let mut b = Context::new(second, dataset).expect("a search");
    assert_ne!(a.device(), b.device(), "two devices are compared");
    loop {
        let (seen, mask) = (a.records().len(), a.mask().clone());
        let finished = a.run_round(&mut |_| Continue(())).expect("a round");
        b.run_round(&mut |_| Continue(())).expect("a round");
        let (left, right) = (&a.records()[seen..], &b.records()[seen..]);
        agree([first, second], dataset, &mask, left, right);
        if a.mask() != b.mask() {
            parted(first, left, right);
            return false;
        }
        if finished {
            let text =
                |c: &Context| c.genotype().expect("a result").to_text(GenotypeFormat::Native);
            assert_eq!(text(&a), text(&b));
            return true;
        }
    }
}

fn relative(a: f64, b: f64) -> f64 {
    (a - b).abs() / a.abs()
}

fn agree(configs: [&Config; 2], dataset: &Dataset, mask: &Mask, left: &[Record], right: &[Record]) {
    assert_eq!(left.len(), right.len());
    for (l, r) in left.iter().zip(right) {
        assert_eq!(l.score.choice, r.score.choice);
        for (a, b, mask) in [
            (l.score.ntk_now, r.score.ntk_now, mask),
            (l.score.ntk_without, r.score.ntk_without, &mask.without(l.score.choice)),
        ] {
            if a < COMPARABLE && relative(a, b) > NTK {
                // In f32 a pre-activation may fall on the other side of zero: another network, then.
                let bits = different_bits(configs, dataset, mask, l.round);
                println!(
                    "seed {}: round {}, {:?}: condition numbers {a} and {b}, {bits} ReLU bits differ",
                    configs[0].seed(),
                    l.round,
                    l.score.choice
                );
                assert!((1..=4).contains(&bits), "{a} and {b} in {l:?} and {r:?}, {bits} bits");
            }
        }
        for (a, b) in [
            (l.score.regions_now, r.score.regions_now),
            (l.score.regions_without, r.score.regions_without),
        ] {
            assert!(relative(a, b) <= REGIONS, "regions {a} and {b} in {l:?} and {r:?}");
        }
    }
}

/// How many ReLU bits of the NTK network of a round's only repeat differ between two engines.
fn different_bits(configs: [&Config; 2], dataset: &Dataset, mask: &Mask, round: u32) -> u32 {
    let bits = configs.map(|config| {
        let engine = config.engine().expect("an engine");
        let supernet = config.supernet();
        let classes = dataset.classes();
        let graph = supernet.ntk_network(mask, dataset.shape(), classes).expect("a network");
        let key = |purpose| Key { seed: config.seed(), purpose, round, candidate: 0, repeat: 0 };
        let batch = config.batch_size() as usize;
        let images = dataset.ntk_batch(batch, &key(Purpose::NtkImages)).expect("images");
        let task = Task {
            plan: engine.prepare(Arc::new(graph)),
            mixing: mask.mixing(&supernet.space).into(),
            parameters: Parameters::Drawn(Initialiser {
                init: config.init(),
                fan: Fan::Out,
                key: key(Purpose::NtkParameters),
            }),
            inputs: Inputs { values: Arc::new(images.values), batches: 1, batch },
            wanted: Wanted::bits(),
        };
        let mut found = ActivationBits::default();
        let keep = |_: usize, evidence: Evidence<'_>| evidence.bits.cloned().expect("bits");
        engine
            .evaluate(&mut std::iter::once(Ok(task)), &keep, &mut |_, bits| {
                found = bits;
                Continue(())
            })
            .expect("bits");
        found
    });
    let [a, b] = &bits;
    assert!(a.rows() > 0 && a.groups() == b.groups());
    let row = |n| a.row(n).iter().zip(b.row(n)).map(|(x, y)| (x ^ y).count_ones()).sum::<u32>();
    (0..a.rows()).map(row).sum()
}

/// Prints what parted two searches, and checks that only scores within the tolerance changed places.
fn parted(config: &Config, left: &[Record], right: &[Record]) {
    let scored = |records: &[Record]| -> Vec<Scored> {
        let scored = |r: &Record| Scored {
            choice: r.score.choice,
            ntk_delta: r.score.ntk_delta,
            regions_delta: r.score.regions_delta,
        };
        records.iter().map(scored).collect()
    };
    let ranks = |records: &[Record]| order(&scored(records), config.score_decimals()).1;
    let (before, after) = (ranks(left), ranks(right));
    let mut moved = 0;
    for i in 0..left.len() {
        for j in 0..i {
            let pair = |what: &str, ranks: [u32; 4], scores: [f64; 4], tolerance: f64| {
                let [ri, rj, si, sj] = ranks;
                if ri.cmp(&rj) == si.cmp(&sj) {
                    return 0;
                }
                let [a, b, c, d] = scores;
                println!(
                    "seed {}: {what} of {:?} and {:?} changed places: {a}, {b} and {c}, {d}",
                    config.seed(),
                    left[i].score.choice,
                    left[j].score.choice
                );
                assert!((a - b).abs() <= tolerance && (c - d).abs() <= tolerance);
                1
            };
            let (li, lj, ri, rj) =
                (&left[i].score, &left[j].score, &right[i].score, &right[j].score);
            // A delta is 1 - without / now: twice the tolerance of its parts, and a last decimal.
            let last = 10f64.powi(-(config.score_decimals() as i32));
            let share = |s: f64| 2.0 * NTK * (1.0 - s).abs().max(1.0) + last;
            moved += pair(
                "ntk_delta",
                [before[i].ntk, before[j].ntk, after[i].ntk, after[j].ntk],
                [li.ntk_delta, lj.ntk_delta, ri.ntk_delta, rj.ntk_delta],
                share(li.ntk_delta),
            );
            moved += pair(
                "regions_delta",
                [before[i].regions, before[j].regions, after[i].regions, after[j].regions],
                [li.regions_delta, lj.regions_delta, ri.regions_delta, rj.regions_delta],
                2.0 * REGIONS + last,
            );
        }
    }
    assert!(moved > 0, "masks differ, and no two candidates changed places");
}
