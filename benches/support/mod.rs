//! What the benchmarks share: tasks of full supernets, and times that are kept for a summary.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use criterion::Bencher;
use tenas::compute::{Engine, Evidence, Inputs, Parameters, Plan, Task, Wanted};
use tenas::network::{Fan, Graph, Initialiser};
use tenas::proxy::{condition_number, linear_regions};
use tenas::random::{Key, Purpose};
use tenas::{Dataset, Init, Mask, SpaceKind, Supernet};

/// The full supernet's network of a space for an indicator.
pub(crate) fn graph(supernet: &Supernet, dataset: &Dataset, wanted: &Wanted) -> Arc<Graph> {
    let mask = Mask::full(&supernet.space);
    let graph = match wanted.bits {
        true => supernet.thin_network(&mask, dataset.classes()),
        false => supernet.ntk_network(&mask, dataset.shape(), dataset.classes()),
    };
    Arc::new(graph.expect("a network"))
}

/// The full supernet's task for one indicator.
pub(crate) fn task(
    engine: &dyn Engine,
    supernet: &Supernet,
    dataset: &Dataset,
    batch: usize,
    wanted: &Wanted,
) -> Task {
    let plan = engine.prepare(graph(supernet, dataset, wanted));
    repeat(&plan, supernet, dataset, batch, wanted, 0)
}

/// That task as a search's repeat draws it.
pub(crate) fn repeat(
    plan: &Arc<Plan>,
    supernet: &Supernet,
    dataset: &Dataset,
    batch: usize,
    wanted: &Wanted,
    repeat: u64,
) -> Task {
    let key = |purpose| Key { seed: 0, purpose, round: 0, candidate: 0, repeat };
    let (images, fan, purpose) = match wanted.bits {
        true => {
            let images = dataset.region_batches(3, 1000, &key(Purpose::RegionInputs));
            (images.expect("images"), Fan::In, Purpose::RegionParameters)
        }
        false => {
            let images = dataset.ntk_batch(batch, &key(Purpose::NtkImages));
            (images.expect("images"), Fan::Out, Purpose::NtkParameters)
        }
    };
    let key = key(purpose);
    Task {
        plan: plan.clone(),
        mixing: Mask::full(&supernet.space).mixing(&supernet.space).into(),
        parameters: Parameters::Drawn(Initialiser { init: Init::KaimingNormal, fan, key }),
        inputs: Inputs {
            values: Arc::new(images.values),
            batches: images.batches,
            batch: images.batch,
        },
        wanted: wanted.clone(),
    }
}

/// The indicators of tasks, all at once.
pub(crate) fn evaluate(engine: &dyn Engine, tasks: &[Task]) -> Vec<f64> {
    let reduce = |_: usize, evidence: Evidence<'_>| match evidence.kernel {
        Some(k) => condition_number(k.values, k.images),
        None => evidence.bits.map_or(f64::NAN, linear_regions),
    };
    let mut results = vec![f64::NAN; tasks.len()];
    engine
        .evaluate(&mut tasks.iter().cloned().map(Ok), &reduce, &mut |n, value| {
            results[n] = value;
            ControlFlow::Continue(())
        })
        .expect("an evaluation");
    results
}

/// The preset's batch of a space, for all data sets but ImageNet.
pub(crate) fn preset_batch(kind: SpaceKind) -> usize {
    let config = tenas::Config::new(kind, tenas::DatasetKind::Cifar10);
    config.batch_size() as usize
}

/// All times of this run, by the benchmark's name.
static TIMES: Mutex<BTreeMap<String, Vec<Duration>>> = Mutex::new(BTreeMap::new());

/// Times a function for criterion, and keeps the times.
pub(crate) fn timed(b: &mut Bencher<'_>, name: &str, mut f: impl FnMut()) {
    b.iter_custom(|iterations| {
        let mut total = Duration::ZERO;
        for _ in 0..iterations {
            let start = Instant::now();
            f();
            let time = start.elapsed();
            total += time;
            TIMES.lock().expect("times").entry(name.to_owned()).or_default().push(time);
        }
        total
    });
}

/// Median seconds of a benchmark of this run; `None` if it did not run.
pub(crate) fn median(name: &str) -> Option<f64> {
    let times = TIMES.lock().expect("times");
    let mut seconds: Vec<f64> = times.get(name)?.iter().map(Duration::as_secs_f64).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}
