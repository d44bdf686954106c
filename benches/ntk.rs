//! First-round indicators and whole searches: native engine, published presets, synthetic images.
//!
//! `cargo bench --bench ntk`; `-- --quick` for a few minutes instead of an hour. With
//! `--features torch` the same NTK as a libtorch user would write it and a matrix product run beside
//! it, and a summary with the ratios is printed. Compare figures of one run only.

mod support;

#[cfg(feature = "torch")]
#[path = "support/baseline.rs"]
mod baseline;

use std::ops::ControlFlow;
use std::slice;

use criterion::{Criterion, criterion_group};
use support::{evaluate, preset_batch, task, timed};
use tenas::compute::{self, Wanted};
use tenas::{Config, Context, Dataset, DatasetKind, SpaceKind, Supernet};

const SPACES: [SpaceKind; 2] = [SpaceKind::NasBench201, SpaceKind::Darts];

fn images() -> Dataset {
    Dataset::synthetic(DatasetKind::Cifar10, 0).expect("synthetic images")
}

fn name(kind: SpaceKind, what: &str) -> String {
    format!("{}/{what}", kind.space().name)
}

fn indicators(c: &mut Criterion) {
    let mut group = c.benchmark_group("first-round");
    group.sample_size(10);
    for kind in SPACES {
        let supernet = Supernet::of(kind);
        for (what, wanted) in [("ntk", Wanted::kernel()), ("regions", Wanted::bits())] {
            for threads in [1, 0] {
                let engine = compute::native(threads).expect("an engine");
                let task = task(engine.as_ref(), &supernet, &images(), preset_batch(kind), &wanted);
                let threads = if threads == 0 { "all".into() } else { threads.to_string() };
                let name = name(kind, &format!("{what}/threads-{threads}"));
                group.bench_function(&name, |b| {
                    timed(b, &name, || {
                        evaluate(engine.as_ref(), slice::from_ref(&task));
                    });
                });
            }
        }
    }
    group.finish();
}

/// libtorch on all threads: autograd, and the matrix product that the machine is measured by.
#[cfg(feature = "torch")]
fn libtorch(c: &mut Criterion) {
    use baseline::Baseline;
    use tenas::compute::{Evidence, Parameters};

    let mut group = c.benchmark_group("libtorch");
    group.sample_size(10);
    for kind in SPACES {
        let supernet = Supernet::of(kind);
        let engine = compute::native(0).expect("an engine");
        let task =
            task(engine.as_ref(), &supernet, &images(), preset_batch(kind), &Wanted::kernel());
        let Parameters::Drawn(initialiser) = &task.parameters else { unreachable!("drawn above") };
        let values = initialiser.draw(&task.plan.graph().parameters).expect("parameters");
        let network = Baseline::new(&task, &values);
        // The same K, or the comparison means nothing.
        let mut native = Vec::new();
        let keep = |_: usize, evidence: Evidence<'_>| evidence.kernel.expect("K").values.to_vec();
        let mut once = std::iter::once(Ok(task.clone()));
        engine
            .evaluate(&mut once, &keep, &mut |_, k| {
                native = k;
                ControlFlow::Continue(())
            })
            .expect("K");
        let autograd = network.ntk();
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
        let error = norm(&mut native.iter().zip(&autograd).map(|(a, b)| a - b))
            / norm(&mut autograd.iter().copied());
        println!("{}: K differs from autograd's by {error:.1e}", kind.space().name);
        assert!(error < 1e-4, "K is not the same: {error}");
        let name = name(kind, "autograd");
        group.bench_function(&name, |b| {
            timed(b, &name, || {
                network.ntk();
            });
        });
    }
    if compute::cuda_devices() > 0 {
        cuda(&mut group);
    }
    let kind = (tch::Kind::Float, tch::Device::Cpu);
    let (a, b) = (tch::Tensor::randn([1024, 1024], kind), tch::Tensor::randn([1024, 1024], kind));
    group.bench_function("sgemm-1024", |bencher| {
        timed(bencher, "sgemm-1024", || {
            let _ = a.matmul(&b);
        });
    });
    group.finish();
}

/// On the first GPU: an NTK, and a whole search. The values are read back, so the device is waited for.
#[cfg(feature = "torch")]
fn cuda(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>) {
    for kind in SPACES {
        let supernet = Supernet::of(kind);
        let engine = compute::torch(compute::TorchDevice::Cuda(0)).expect("a GPU");
        let task =
            task(engine.as_ref(), &supernet, &images(), preset_batch(kind), &Wanted::kernel());
        let ntk = name(kind, "cuda-ntk");
        group.bench_function(&ntk, |b| {
            timed(b, &ntk, || {
                evaluate(engine.as_ref(), slice::from_ref(&task));
            });
        });
        let mut config = Config::new(kind, DatasetKind::Cifar10);
        config.set_device(tenas::DeviceKind::Cuda, 0).expect("a build with CUDA");
        let search = name(kind, "cuda-search");
        group.bench_function(&search, |b| {
            timed(b, &search, || {
                let mut context = Context::new(&config, &images()).expect("a search");
                context.run(&mut |_| ControlFlow::Continue(())).expect("a result");
            });
        });
    }
}

#[cfg(not(feature = "torch"))]
fn libtorch(_: &mut Criterion) {}

fn searches(c: &mut Criterion) {
    let mut group = c.benchmark_group("search");
    group.sample_size(10);
    for kind in SPACES {
        let mut config = Config::new(kind, DatasetKind::Cifar10);
        config.set_device(tenas::DeviceKind::Cpu, 0).expect("the native engine");
        let dataset = images();
        let name = name(kind, "search");
        group.bench_function(&name, |b| {
            timed(b, &name, || {
                let mut context = Context::new(&config, &dataset).expect("a search");
                context.run(&mut |_| ControlFlow::Continue(())).expect("a result");
            });
        });
    }
    group.finish();
}

/// Median times and what they are worth, of what this run timed.
fn summary() {
    use support::median;
    /// Multiply-adds of the NAS-Bench-201 NTK times two, whatever an algorithm does (section 3.2).
    const NTK_FLOP: f64 = 41.5e9;
    let sgemm = median("sgemm-1024").map(|s| 2.0 * 1024f64.powi(3) / s);
    if let Some(rate) = sgemm {
        println!("sgemm 1024, all threads: {:.1} GFLOP/s", rate / 1e9);
    }
    for kind in SPACES {
        let of = |what: &str| median(&name(kind, what));
        for (what, unit, scale) in [("ntk", "s", 1.0), ("regions", "ms", 1e3)] {
            if let (Some(one), Some(all)) =
                (of(&format!("{what}/threads-1")), of(&format!("{what}/threads-all")))
            {
                let title = name(kind, what);
                println!(
                    "{title}: {:.3} {unit} on 1 thread, {:.3} {unit} on all, {:.2} times as fast",
                    one * scale,
                    all * scale,
                    one / all
                );
            }
        }
        if let (Some(baseline), Some(native)) = (of("autograd"), of("ntk/threads-all")) {
            println!(
                "{}: autograd {baseline:.2} s, native {native:.4} s, ratio {:.1}",
                kind.space().name,
                baseline / native
            );
        }
        if let (SpaceKind::NasBench201, Some(native), Some(rate)) =
            (kind, of("ntk/threads-all"), sgemm)
        {
            let own = NTK_FLOP / native;
            println!(
                "{}: NTK at {:.1} GFLOP/s, {:.0} % of sgemm",
                kind.space().name,
                own / 1e9,
                100.0 * own / rate
            );
        }
        if let Some(search) = of("search") {
            println!("{}: whole search {search:.1} s", kind.space().name);
        }
    }
    #[cfg(target_os = "linux")]
    if let Some(peak) = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|s| s.lines().find(|l| l.starts_with("VmHWM")).map(str::to_owned))
    {
        println!("peak resident memory of this process, libtorch's included: {peak}");
    }
}

criterion_group!(benches, indicators, libtorch, searches);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    summary();
}
