//! First-round indicators and a whole search, native engine, published presets, synthetic images.
//!
//! `cargo bench --bench ntk`. Times depend on the machine; compare figures of one run only.

use std::ops::ControlFlow;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use tenas::compute::{self, Engine, Evidence, Inputs, Parameters, Plan, Task, Wanted};
use tenas::indicator::{condition_number, linear_regions};
use tenas::network::{Fan, Initialiser};
use tenas::random::{Key, Purpose};
use tenas::{Config, Context, Dataset, DatasetKind, Init, Mask, SpaceKind, Supernet};

/// The full supernet's task for one indicator.
fn task(engine: &dyn Engine, kind: SpaceKind, wanted: Wanted) -> Task {
    let supernet = Supernet::of(kind);
    let config = Config::new(kind, DatasetKind::Cifar10);
    let dataset = Dataset::synthetic(DatasetKind::Cifar10, 0).expect("synthetic images");
    let mask = Mask::full(&supernet.space);
    let key = |purpose| Key { seed: 0, purpose, round: 0, candidate: 0, repeat: 0 };
    let ntk = wanted == Wanted::Kernel;
    let (graph, images, fan, purpose) = if ntk {
        (
            supernet.ntk_network(&mask, dataset.shape(), 10),
            dataset.ntk_batch(config.batch_size() as usize, &key(Purpose::NtkImages)),
            Fan::Out,
            Purpose::NtkParameters,
        )
    } else {
        let images = dataset.region_batches(3, 1000, &key(Purpose::RegionInputs));
        (supernet.thin_network(&mask, 10), images, Fan::In, Purpose::RegionParameters)
    };
    let images = images.expect("images");
    let plan: Arc<Plan> = engine.prepare(Arc::new(graph.expect("a network")));
    let (init, key) = (Init::KaimingNormal, key(purpose));
    Task {
        plan,
        mixing: mask.mixing(&supernet.space).into(),
        parameters: Parameters::Drawn(Initialiser { init, fan, key }),
        inputs: Inputs {
            values: Arc::new(images.values),
            batches: images.batches,
            batch: images.batch,
        },
        wanted,
    }
}

fn evaluate(engine: &dyn Engine, task: &Task) -> f64 {
    let reduce = |evidence: Evidence<'_>| match evidence {
        Evidence::Kernel { values, images } => condition_number(values, images),
        Evidence::Bits(bits) => linear_regions(bits),
        _ => f64::NAN,
    };
    let mut result = 0.0;
    engine
        .evaluate(&mut std::iter::once(Ok(task.clone())), &reduce, &mut |_, value| {
            result = value;
            ControlFlow::Continue(())
        })
        .expect("an evaluation");
    result
}

fn indicators(c: &mut Criterion) {
    let mut group = c.benchmark_group("first-round");
    group.sample_size(10);
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        for (name, wanted) in [("ntk", Wanted::Kernel), ("regions", Wanted::Bits)] {
            for threads in [1, 0] {
                let engine = compute::native(threads).expect("an engine");
                let task = task(engine.as_ref(), kind, wanted);
                let threads = if threads == 0 { "all".into() } else { threads.to_string() };
                let id = format!("{}/{name}/threads-{threads}", kind.space().name);
                group.bench_function(id, |b| b.iter(|| evaluate(engine.as_ref(), &task)));
            }
        }
    }
    group.finish();
}

fn searches(c: &mut Criterion) {
    let mut group = c.benchmark_group("search");
    group.sample_size(10);
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let config = Config::new(kind, DatasetKind::Cifar10);
        let dataset = Dataset::synthetic(DatasetKind::Cifar10, 0).expect("synthetic images");
        group.bench_function(kind.space().name, |b| {
            b.iter(|| {
                let mut context = Context::new(&config, &dataset).expect("a search");
                context.run(&mut |_| ControlFlow::Continue(())).expect("a result");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, indicators, searches);
criterion_main!(benches);
