//! What one NTK asks of a GPU: operations and bytes, by counting the torch engine's calls, and the
//! time that these predict.
//!
//! `cargo bench --features torch --bench launches`. The count is of the CPU's libtorch with the
//! groups that a large GPU gets: the calls are the same. A model, not a measurement of a GPU.

use std::ops::ControlFlow;
use std::sync::Arc;

use tenas::compute::{
    ENOUGH_CUDA, Engine, Evidence, Inputs, Parameters, Task, TorchDevice, TorchEngine, Wanted,
};
use tenas::indicator::condition_number;
use tenas::network::{Fan, Initialiser};
use tenas::random::{Key, Purpose};
use tenas::{Config, Dataset, DatasetKind, Init, Mask, SpaceKind, Supernet};

/// An H100 SXM: bytes a second of its memory (NVIDIA's data sheet), and seconds to start a kernel
/// from a host program, a common figure.
const BYTES_PER_SECOND: f64 = 3.35e12;
const SECONDS_PER_LAUNCH: f64 = 5e-6;

fn main() {
    println!("first-round NTK     networks  operations  GB       predicted ms a network");
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        for networks in [1, 4, 32] {
            if kind == SpaceKind::NasBench201 && networks > 4 {
                continue;
            }
            let engine = TorchEngine::limited(TorchDevice::Cpu, ENOUGH_CUDA).expect("an engine");
            let supernet = Supernet::of(kind);
            let dataset = Dataset::synthetic(DatasetKind::Cifar10, 0).expect("images");
            let config = Config::new(kind, DatasetKind::Cifar10);
            let mask = Mask::full(&supernet.space);
            let graph = supernet.ntk_network(&mask, dataset.shape(), 10).expect("a network");
            let plan = engine.prepare(Arc::new(graph));
            let mut tasks = (0..networks).map(|repeat| {
                let key = |purpose| Key { seed: 0, purpose, round: 0, candidate: 0, repeat };
                let batch = config.batch_size() as usize;
                let images = dataset.ntk_batch(batch, &key(Purpose::NtkImages))?;
                Ok(Task {
                    plan: plan.clone(),
                    mixing: mask.mixing(&supernet.space).into(),
                    parameters: Parameters::Drawn(Initialiser {
                        init: Init::KaimingNormal,
                        fan: Fan::Out,
                        key: key(Purpose::NtkParameters),
                    }),
                    inputs: Inputs { values: Arc::new(images.values), batches: 1, batch },
                    wanted: Wanted::Kernel,
                })
            });
            let reduce = |evidence: Evidence<'_>| match evidence {
                Evidence::Kernel { values, images } => condition_number(values, images),
                _ => f64::NAN,
            };
            engine
                .evaluate(&mut tasks, &reduce, &mut |_, _| ControlFlow::Continue(()))
                .expect("condition numbers");
            let counts = engine.counts();
            let memory = counts.bytes as f64 / BYTES_PER_SECOND;
            let starts = counts.launches as f64 * SECONDS_PER_LAUNCH;
            println!(
                "{:<20}{networks:>8}{:>12}{:>8.2}{:>12.2} (memory {:.2}, starts {:.2})",
                supernet.space.name,
                counts.launches,
                counts.bytes as f64 / 1e9,
                1e3 * memory.max(starts) / networks as f64,
                1e3 * memory / networks as f64,
                1e3 * starts / networks as f64,
            );
        }
    }
}
