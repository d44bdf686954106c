//! What one NTK asks of a GPU: operations and bytes, by counting the torch engine's calls, the time
//! that these predict, and, where there is a GPU, the time that it takes.
//!
//! `cargo bench --features torch --bench launches`. The count is of the CPU's libtorch with the
//! groups that a large GPU gets: the calls are the same.

mod support;

use std::time::Instant;

use support::preset_batch;
use tenas::compute::{self, ENOUGH_CUDA, Engine, Task, TorchDevice, TorchEngine, Wanted};
use tenas::{Dataset, DatasetKind, SpaceKind, Supernet};

/// An H100 SXM: bytes a second of its memory (NVIDIA's data sheet), and seconds to start a kernel
/// from a host program, a common figure.
const BYTES_PER_SECOND: f64 = 3.35e12;
const SECONDS_PER_LAUNCH: f64 = 5e-6;

/// Evaluates networks of a first round, all at once, `times` times. Seconds of each time.
fn evaluate(
    engine: &dyn Engine,
    kind: SpaceKind,
    networks: u32,
    wanted: &Wanted,
    times: usize,
) -> Vec<f64> {
    let supernet = Supernet::of(kind);
    let dataset = Dataset::synthetic(DatasetKind::Cifar10, 0).expect("images");
    let plan = engine.prepare(support::graph(&supernet, &dataset, wanted));
    let task = |n| support::repeat(&plan, &supernet, &dataset, preset_batch(kind), wanted, n);
    let tasks: Vec<Task> = (0..networks.into()).map(task).collect();
    (0..times)
        .map(|_| {
            let start = Instant::now();
            assert!(support::evaluate(engine, &tasks).iter().all(|v| v.is_finite()));
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
            evaluate(&engine, kind, networks, &Wanted::kernel(), 1);
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
        for (what, wanted) in [("NTK", Wanted::kernel()), ("regions", Wanted::bits())] {
            for networks in [1, 4, 32, 72] {
                let engine = TorchEngine::new(TorchDevice::Cuda(0)).expect("an engine");
                let each = |seconds: f64| 1e3 * seconds / f64::from(networks);
                let median = |times: &[f64]| {
                    let mut times = times.to_vec();
                    times.sort_by(f64::total_cmp);
                    each(times[times.len() / 2])
                };
                let gpu = evaluate(&engine, kind, networks, &wanted, 10);
                let cpu = evaluate(native.as_ref(), kind, networks, &wanted, 1);
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
