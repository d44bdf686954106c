//! What one NTK asks of a GPU: operations and bytes, by counting the torch engine's calls, the time
//! that these predict, and, where there is a GPU, the time that it takes.
//!
//! `cargo bench --features torch --bench launches`. The count is of the CPU's libtorch with the
//! groups that a large GPU gets: the calls are the same.

mod support;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use support::preset_batch;
use tenas::compute::{
    self, ENOUGH_CUDA, Engine, Evidence, Inputs, Parameters, Task, TorchDevice, TorchEngine, Wanted,
};
use tenas::indicator::{condition_number, linear_regions};
use tenas::network::{Fan, Initialiser};
use tenas::random::{Key, Purpose};
use tenas::{Dataset, DatasetKind, Init, Mask, SpaceKind, Supernet};

/// An H100 SXM: bytes a second of its memory (NVIDIA's data sheet), and seconds to start a kernel
/// from a host program, a common figure.
const BYTES_PER_SECOND: f64 = 3.35e12;
const SECONDS_PER_LAUNCH: f64 = 5e-6;

/// Evaluates networks of a first round, all at once, `times` times. Seconds of each time.
fn evaluate(
    engine: &dyn Engine,
    kind: SpaceKind,
    networks: u32,
    wanted: Wanted,
    times: usize,
) -> Vec<f64> {
    let supernet = Supernet::of(kind);
    let dataset = Dataset::synthetic(DatasetKind::Cifar10, 0).expect("images");
    let mask = Mask::full(&supernet.space);
    let plan = engine.prepare(support::graph(&supernet, &dataset, wanted));
    let tasks: Vec<Task> = (0..u64::from(networks))
        .map(|repeat| {
            let key = |purpose| Key { seed: 0, purpose, round: 0, candidate: 0, repeat };
            let (images, fan, purpose) = match wanted {
                Wanted::Bits => (
                    dataset.region_batches(3, 1000, &key(Purpose::RegionInputs)),
                    Fan::In,
                    Purpose::RegionParameters,
                ),
                _ => (
                    dataset.ntk_batch(preset_batch(kind), &key(Purpose::NtkImages)),
                    Fan::Out,
                    Purpose::NtkParameters,
                ),
            };
            let images = images.expect("images");
            let key = key(purpose);
            Task {
                plan: plan.clone(),
                mixing: mask.mixing(&supernet.space).into(),
                parameters: Parameters::Drawn(Initialiser { init: Init::KaimingNormal, fan, key }),
                inputs: Inputs {
                    values: Arc::new(images.values),
                    batches: images.batches,
                    batch: images.batch,
                },
                wanted,
            }
        })
        .collect();
    let reduce = |evidence: Evidence<'_>| match evidence {
        Evidence::Kernel { values, images } => condition_number(values, images),
        Evidence::Bits(bits) => linear_regions(bits),
        _ => f64::NAN,
    };
    (0..times)
        .map(|_| {
            let start = Instant::now();
            engine
                .evaluate(&mut tasks.iter().cloned().map(Ok), &reduce, &mut |_, value| {
                    assert!(value.is_finite());
                    ControlFlow::Continue(())
                })
                .expect("values");
            start.elapsed().as_secs_f64()
        })
        .collect()
}

fn counted() {
    println!("first-round NTK     networks  operations  GB       predicted ms a network");
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        for networks in [1, 4, 32] {
            if kind == SpaceKind::NasBench201 && networks > 4 {
                continue;
            }
            let engine = TorchEngine::limited(TorchDevice::Cpu, ENOUGH_CUDA).expect("an engine");
            evaluate(&engine, kind, networks, Wanted::Kernel, 1);
            let counts = engine.counts();
            let memory = counts.bytes as f64 / BYTES_PER_SECOND;
            let starts = counts.launches as f64 * SECONDS_PER_LAUNCH;
            println!(
                "{:<20}{networks:>8}{:>12}{:>8.2}{:>12.2} (memory {:.2}, starts {:.2})",
                kind.space().name,
                counts.launches,
                counts.bytes as f64 / 1e9,
                1e3 * memory.max(starts) / f64::from(networks),
                1e3 * memory / f64::from(networks),
                1e3 * starts / f64::from(networks),
            );
        }
    }
}

/// Whole evaluations as a search asks for them, from drawing parameters to the indicator.
fn timed() {
    println!("first round           networks  GPU: ms a network, median of 9 (first)  CPU: once");
    let native = compute::native(0).expect("an engine");
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        for (what, wanted) in [("NTK", Wanted::Kernel), ("regions", Wanted::Bits)] {
            for networks in [1, 4, 32, 72] {
                let engine = TorchEngine::new(TorchDevice::Cuda(0)).expect("an engine");
                let each = |seconds: f64| 1e3 * seconds / f64::from(networks);
                let median = |times: &[f64]| {
                    let mut times = times.to_vec();
                    times.sort_by(f64::total_cmp);
                    each(times[times.len() / 2])
                };
                let gpu = evaluate(&engine, kind, networks, wanted, 10);
                let cpu = evaluate(native.as_ref(), kind, networks, wanted, 1);
                println!(
                    "{:<14}{what:<8}{networks:>6}{:>12.2} ({:.2}){:>12.2}",
                    kind.space().name,
                    median(&gpu[1..]),
                    each(gpu[0]),
                    median(&cpu),
                );
            }
        }
    }
}

fn main() {
    if compute::cuda_devices() == 0 {
        println!("no GPU that libtorch can use: times are left out");
    } else {
        timed();
    }
    if std::env::args().all(|a| a != "--timed") {
        counted();
    }
}
