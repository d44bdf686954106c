//! Golden cases: what the published implementation computed, on every engine that is built in.
//!
//! Reads the folder that TENAS_GOLDEN_DIR names, else tests/golden. Prints how many cases of each
//! kind ran; fails on any case beyond its tolerance and on a folder without cases.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::SafeTensors;
use serde_json::Value;
use tenas::compute::{
    self, Engine, Evidence, Inputs, InstructionSet, LIBTORCH_VERSION, Parameters, Plan, Task,
    TorchDevice, Wanted,
};
use tenas::network::{Fan, Graph, Initialiser};
use tenas::proxy::{condition_number, linear_regions};
use tenas::random::{Key, Purpose};
use tenas::search::ranking::{Scored, delta, mean, order};
use tenas::search::round::{candidates, pruned, stage};
use tenas::{
    Dataset, DatasetKind, Error, Genotype, GenotypeFormat, Init, Mask, Space, SpaceKind, Supernet,
};

/// An engine, and how far from the f64 figures it may be.
struct Tested {
    name: &'static str,
    engine: Box<dyn Engine>,
    /// Relative error of K in Frobenius norm, and of logits.
    matrix: f64,
    /// Relative error of the condition number.
    condition: f64,
    /// Relative error of the count of regions.
    regions: f64,
}

const KINDS: [&str; 5] = ["ntk", "regions", "ranking", "genotypes", "distribution"];

#[derive(Default)]
struct Report {
    ran: [usize; 5],
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Report {
    /// Notes one case, which may have failed on several counts.
    fn case(&mut self, kind: &str, name: &str, faults: Vec<String>) {
        let kind = KINDS.iter().position(|k| *k == kind).expect("a known kind");
        self.ran[kind] += 1;
        let verdict = if faults.is_empty() { "ok" } else { "FAILED" };
        println!("golden {name} ... {verdict}");
        self.failed.extend(faults.into_iter().map(|f| format!("{name}: {f}")));
    }
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = std::env::var_os("TENAS_GOLDEN_DIR").map_or(default, PathBuf::from);
    let report = run(&folder).unwrap_or_else(|error| {
        eprintln!("golden: {}: {error}", folder.display());
        std::process::exit(1);
    });
    for fault in &report.failed {
        println!("FAILED {fault}");
    }
    for skipped in &report.skipped {
        println!("skipped {skipped}");
    }
    let count: usize = report.ran.iter().sum();
    let kinds: Vec<String> =
        KINDS.iter().zip(report.ran).map(|(kind, n)| format!("{n} {kind}")).collect();
    println!("golden cases in {}: {}", folder.display(), kinds.join(", "));
    let mut failed: Vec<&str> =
        report.failed.iter().map(|f| f.split(": ").next().unwrap_or(f)).collect();
    failed.dedup();
    let (failed, skipped) = (failed.len(), report.skipped.len());
    println!("{} passed, {failed} failed, {skipped} skipped", count - failed.min(count));
    if count == 0 {
        eprintln!("golden: no case in {}", folder.display());
    }
    std::process::exit(i32::from(failed > 0 || count == 0));
}

fn run(folder: &Path) -> Outcome<Report> {
    let native = |name, set| -> Outcome<Tested> {
        let engine = compute::native_with(0, set)?;
        Ok(Tested { name, engine, matrix: 1e-4, condition: 1e-3, regions: 0.002 })
    };
    let mut engines = vec![Tested {
        name: "reference",
        engine: compute::reference(0)?,
        matrix: 1e-9,
        condition: 1e-8,
        regions: 0.0,
    }];
    for set in InstructionSet::ALL {
        let name = match set {
            InstructionSet::Portable => "native portable",
            InstructionSet::Avx2 => "native avx2",
            InstructionSet::Avx512 => "native avx512",
        };
        if set.is_available() {
            engines.push(native(name, set)?);
        } else {
            println!("golden engine {name}: skipped, this machine has no such instructions");
        }
    }
    for device in [TorchDevice::Cpu, TorchDevice::Cuda(0)] {
        match compute::torch(device) {
            Ok(engine) => {
                let name = if device == TorchDevice::Cpu { "torch cpu" } else { "torch cuda" };
                engines.push(Tested {
                    name,
                    engine,
                    matrix: 1e-4,
                    condition: 1e-3,
                    regions: 0.002,
                });
            }
            // What a build or a machine lacks is said, not failed; libtorch on a CPU cannot be lacking.
            Err(Error::Device(reason))
                if LIBTORCH_VERSION.is_none() || device != TorchDevice::Cpu =>
            {
                println!("golden engine {device}: skipped, {reason}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    println!("golden engines: {}", engines.iter().map(|e| e.name).collect::<Vec<_>>().join(", "));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<Outcome<_>>()?;
    files.sort();
    let mut report = Report::default();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let tensors = path.extension().is_some_and(|e| e == "safetensors");
        if tensors && name.starts_with("ntk_") {
            network_case(&path, &name, "ntk", &engines, &mut report)?;
        } else if tensors && name.starts_with("regions_") {
            network_case(&path, &name, "regions", &engines, &mut report)?;
        } else if let "ranking.json" | "genotypes.json" | "distribution.json" = name.as_str() {
            let cases: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            for (i, case) in cases.as_array().ok_or("not a list")?.iter().enumerate() {
                let label = format!("{name}[{i}] {}", case["space"].as_str().unwrap_or("?"));
                let Some(kind) = space_kind(case) else {
                    report
                        .skipped
                        .push(format!("{label}: a space that this library does not have"));
                    continue;
                };
                let (what, faults) = match name.as_str() {
                    "ranking.json" => ("ranking", ranking_case(case, &kind.space())?),
                    "genotypes.json" => ("genotypes", genotype_case(case, &kind.space())?),
                    _ => ("distribution", distribution_case(case, kind)?),
                };
                report.case(what, &label, faults);
            }
        }
    }
    Ok(report)
}

fn space_kind(case: &Value) -> Option<SpaceKind> {
    let name = case["space"].as_str()?;
    [SpaceKind::NasBench201, SpaceKind::Darts].into_iter().find(|k| k.space().name == name)
}

fn mask(space: &Space, value: &Value) -> Outcome<Mask> {
    let nested: Vec<Vec<Vec<u8>>> = serde_json::from_value(value.clone())?;
    let nested = nested
        .iter()
        .map(|cell| cell.iter().map(|e| e.iter().map(|o| *o == 1).collect()).collect())
        .collect();
    Ok(Mask::from_nested(space, nested)?)
}

fn f32s(file: &SafeTensors<'_>, name: &str) -> Outcome<Vec<f32>> {
    let tensor = file.tensor(name).map_err(|e| format!("{name}: {e}"))?;
    let (values, _) = tensor.data().as_chunks::<4>();
    Ok(values.iter().map(|b| f32::from_le_bytes(*b)).collect())
}

fn f64s(file: &SafeTensors<'_>, name: &str) -> Outcome<Vec<f64>> {
    let tensor = file.tensor(name).map_err(|e| format!("{name}: {e}"))?;
    let (values, _) = tensor.data().as_chunks::<8>();
    Ok(values.iter().map(|b| f64::from_le_bytes(*b)).collect())
}

/// The flat vector of a graph's parameters, by name and shape.
fn parameters(graph: &Graph, file: &SafeTensors<'_>) -> Outcome<Vec<f32>> {
    let mut values = vec![0.0; graph.parameters.len()];
    for p in graph.parameters.iter() {
        let name = format!("param.{}", p.name);
        let shape = file.tensor(&name).map_err(|e| format!("{name}: {e}"))?.shape().to_vec();
        if shape != p.shape {
            return Err(format!("{name}: shape {shape:?}, this graph has {:?}", p.shape).into());
        }
        values[p.range()].copy_from_slice(&f32s(file, &name)?);
    }
    Ok(values)
}

/// Evaluates one task and returns what `reduce` makes of its evidence.
fn evaluate<T: Send + 'static>(
    engine: &dyn Engine,
    task: Task,
    reduce: impl Fn(Evidence<'_>) -> T + Sync,
) -> Outcome<T> {
    let mut result = None;
    let mut tasks = std::iter::once(Ok(task));
    engine.evaluate(&mut tasks, &|_, evidence| reduce(evidence), &mut |_, found| {
        result = Some(found);
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(result.ok_or("no evidence")?)
}

fn network_case(
    path: &Path,
    name: &str,
    kind: &str,
    engines: &[Tested],
    report: &mut Report,
) -> Outcome<()> {
    let bytes = std::fs::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let text = header.metadata().as_ref().and_then(|m| m.get("case")).ok_or("no case")?;
    let case: Value = serde_json::from_str(text)?;
    let Some(space) = space_kind(&case) else {
        report.skipped.push(format!("{name}: a space that this library does not have"));
        return Ok(());
    };
    let supernet = Supernet::of(space);
    let mask = mask(&supernet.space, &case["masks"])?;
    let classes = case["classes"].as_u64().ok_or("classes")? as usize;
    let values = Arc::new(f32s(&file, "input")?);
    let shape = file.tensor("input")?.shape().to_vec();
    let graph = Arc::new(match kind {
        "ntk" => supernet.ntk_network(&mask, [shape[1], shape[2], shape[3]], classes)?,
        _ => supernet.thin_network(&mask, classes)?,
    });
    let batches = case["batches"].as_u64().unwrap_or(1) as usize;
    let task = |plan: Arc<Plan>, wanted| -> Outcome<Task> {
        Ok(Task {
            mixing: mask.mixing(&supernet.space).into(),
            parameters: Parameters::Given(parameters(&graph, &file)?.into()),
            inputs: Inputs { values: values.clone(), batches, batch: shape[0] / batches },
            plan,
            wanted,
        })
    };
    let mut faults = Vec::new();
    let mut check = |engine: &Tested, what: &str, found: f64, tolerance: f64| {
        println!(
            "golden {name} {}: {what} off by {found:.2e} (at most {tolerance:.0e})",
            engine.name
        );
        if found.is_nan() || found > tolerance {
            faults.push(format!("{}: {what} off by {found:e}, at most {tolerance:e}", engine.name));
        }
    };
    for tested in engines {
        let engine = tested.engine.as_ref();
        let plan = engine.prepare(graph.clone());
        if kind == "ntk" {
            let logits = evaluate(engine, task(plan.clone(), Wanted::logits())?, |evidence| {
                evidence.logits.map_or(vec![], <[f64]>::to_vec)
            })?;
            let error = relative(&logits, &f64s(&file, "expected.logits")?);
            check(tested, "logits", error, tested.matrix);
            let (k, condition) = evaluate(engine, task(plan, Wanted::kernel())?, |evidence| {
                match evidence.kernel {
                    Some(k) => (k.values.to_vec(), condition_number(k.values, k.images)),
                    None => (vec![], f64::NAN),
                }
            })?;
            let error = relative(&k, &f64s(&file, "expected.ntk")?);
            check(tested, "K", error, tested.matrix);
            let expected = case["condition_number"].as_f64().ok_or("condition_number")?;
            if expected < 1e5 {
                let error = (condition - expected).abs() / expected;
                check(tested, "condition number", error, tested.condition);
            }
        } else {
            let (regions, units) =
                evaluate(engine, task(plan, Wanted::bits())?, |evidence| match evidence.bits {
                    Some(bits) => (linear_regions(bits), bits.units()),
                    None => (f64::NAN, 0),
                })?;
            let expected = case["regions"].as_f64().ok_or("regions")?;
            let error = (regions - expected).abs() / expected;
            check(tested, "regions", error, tested.regions);
            let expected = case["relu_units"].as_f64().ok_or("relu_units")?;
            check(tested, "relu units", (units as f64 - expected).abs(), 0.0);
        }
    }
    report.case(kind, name, faults);
    Ok(())
}

/// Relative error in Frobenius norm; infinite for different lengths.
fn relative(found: &[f64], expected: &[f64]) -> f64 {
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(expected).map(|(a, b)| a - b)) / norm(&mut expected.iter().copied())
}

/// From recorded scores to masks; an edge-groups case is six rounds.
fn ranking_case(case: &Value, space: &Space) -> Outcome<Vec<String>> {
    let precision = case["precision"].as_u64().ok_or("precision")? as u32;
    let prune = case["prune_number"].as_u64().ok_or("prune_number")? as usize;
    let mut left = mask(space, &case["masks_before"])?;
    let recorded = case["candidates"].as_array().ok_or("candidates")?;
    let rounds = if case["stage"] == "edge-groups" { 6 } else { 1 };
    let deltas = |pairs: &Value| -> Outcome<f64> {
        let pairs: Vec<[f64; 2]> = serde_json::from_value(pairs.clone())?;
        Ok(mean(&pairs.iter().map(|p| delta(p[0], p[1], precision)).collect::<Vec<_>>()))
    };
    let mut used = 0;
    for _ in 0..rounds {
        let stage = stage(space, &left).ok_or("the search is over")?;
        let choices = candidates(stage, space, &left);
        let mut scored = Vec::new();
        for choice in &choices {
            let scores = recorded.get(used).ok_or("fewer candidates than recorded")?;
            used += 1;
            scored.push(Scored {
                choice: *choice,
                ntk_delta: deltas(&scores["ntk"])?,
                regions_delta: deltas(&scores["regions"])?,
            });
        }
        let (order, _) = order(&scored, precision);
        for i in pruned(stage, &left, &choices, &order, prune) {
            left.remove(choices[i]);
        }
    }
    let mut faults = Vec::new();
    if used != recorded.len() {
        faults.push(format!("{used} candidates, {} recorded", recorded.len()));
    }
    if left != mask(space, &case["masks_after"])? {
        faults.push(format!("masks {:?}, expected {}", left.nested(), case["masks_after"]));
    }
    Ok(faults)
}

fn genotype_case(case: &Value, space: &Space) -> Outcome<Vec<String>> {
    let mask = mask(space, &case["masks"])?;
    let expected = case["genotype"].as_str().ok_or("genotype")?;
    let text = Genotype::from_mask(space, &mask)?.to_text(GenotypeFormat::Native);
    let mut faults = Vec::new();
    if text != expected {
        faults.push(format!("found {text}, expected {expected}"));
    }
    let again = Genotype::parse(space, expected)?.to_text(GenotypeFormat::Native);
    if again != expected {
        faults.push(format!("parsed and printed {again}, expected {expected}"));
    }
    Ok(faults)
}

/// The 2,000 images of section 6's formula, normalised as CIFAR-10.
fn formula_images() -> Outcome<Dataset> {
    const G: [f64; 7] = [
        0.7548776662466927,
        0.5698402909980532,
        0.8191725133961645,
        0.6710436067037893,
        0.5497004779019703,
        0.8566748838545029,
        0.733891856627126,
    ];
    let sin = |turns: f64| (std::f64::consts::TAU * turns).sin();
    let mut bytes = Vec::with_capacity(2000 * 3072);
    for n in 0..2000 {
        let u = G.map(|g| ((n + 1) as f64 * g).fract());
        for c in 0..3 {
            for y in 0..32 {
                for x in 0..32 {
                    let (c, y, x) = (c as f64, y as f64 / 32.0, x as f64 / 32.0);
                    let s = 0.5 * sin(3.0 * u[0] * x + 3.0 * u[1] * y + u[2] + c / 9.0)
                        + 0.35 * sin(6.0 * u[3] * x - 6.0 * u[4] * y + u[5] + c / 5.0)
                        + 0.4 * (2.0 * u[6] - 1.0);
                    bytes.push((127.5 + 90.0 * s + 0.5).floor().clamp(0.0, 255.0) as u8);
                }
            }
        }
    }
    let cifar = DatasetKind::Cifar10.published().ok_or("published")?;
    let normalisation = Some((&cifar.mean[..], &cifar.stddev[..]));
    Ok(Dataset::from_images(&bytes, 2000, [3, 32, 32], normalisation, 10)?)
}

/// Forty draws of our own of the first-round supernet's indicators, against the published code's.
/// On the native engine alone: it is the random half, which engines share, that is tested.
fn distribution_case(case: &Value, kind: SpaceKind) -> Outcome<Vec<String>> {
    let init = match case["init"].as_str() {
        Some("kaiming_normal") => Init::KaimingNormal,
        Some("torch_default") => Init::TorchDefault,
        other => return Err(format!("init {other:?}").into()),
    };
    let batch = case["batch"].as_u64().ok_or("batch")? as usize;
    let supernet = Supernet::of(kind);
    let space = &supernet.space;
    let dataset = formula_images()?;
    let engine = compute::native(0)?;
    let mask = Mask::full(space);
    let plan = |graph| engine.prepare(Arc::new(graph));
    let ntk_plan = plan(supernet.ntk_network(&mask, dataset.shape(), 10)?);
    let thin_plan = plan(supernet.thin_network(&mask, 10)?);
    let draws = case["condition_numbers"].as_array().ok_or("condition_numbers")?.len() as u64;
    let key = |purpose, repeat| Key { seed: 2021, purpose, round: 0, candidate: 0, repeat };
    let mut tasks = Vec::new();
    for repeat in 0..draws {
        let mut task = |plan: &Arc<Plan>, wanted, fan, purpose, images: tenas::data::Images| {
            let initialiser = Initialiser { init, fan, key: key(purpose, repeat) };
            tasks.push(Ok(Task {
                plan: plan.clone(),
                mixing: mask.mixing(space).into(),
                parameters: Parameters::Drawn(initialiser),
                inputs: Inputs {
                    values: Arc::new(images.values),
                    batches: images.batches,
                    batch: images.batch,
                },
                wanted,
            }));
        };
        let images = dataset.ntk_batch(batch, &key(Purpose::NtkImages, repeat))?;
        task(&ntk_plan, Wanted::kernel(), Fan::Out, Purpose::NtkParameters, images);
        let images = dataset.region_batches(3, 1000, &key(Purpose::RegionInputs, repeat))?;
        task(&thin_plan, Wanted::bits(), Fan::In, Purpose::RegionParameters, images);
    }
    let mut found = [Vec::new(), Vec::new()];
    let reduce = |_: usize, evidence: Evidence<'_>| match (evidence.kernel, evidence.bits) {
        (Some(k), _) => condition_number(k.values, k.images),
        (None, Some(bits)) => linear_regions(bits),
        _ => f64::NAN,
    };
    engine.evaluate(&mut tasks.into_iter(), &reduce, &mut |number, value| {
        found[number % 2].push(value);
        std::ops::ControlFlow::Continue(())
    })?;
    let mut faults = Vec::new();
    for (what, found) in ["condition_numbers", "regions"].iter().zip(found) {
        let expected: Vec<f64> = serde_json::from_value(case[what].clone())?;
        let distance = kolmogorov_smirnov(&found, &expected);
        let (n, m) = (found.len() as f64, expected.len() as f64);
        // Critical value at 0.01: sqrt(-ln(0.01 / 2) / 2) sqrt((n + m) / (n m)).
        let critical = (-(0.005f64).ln() / 2.0).sqrt() * ((n + m) / (n * m)).sqrt();
        println!("golden distribution {what}: D = {distance:.3}, rejected above {critical:.3}");
        if distance > critical || found.len() != expected.len() {
            faults.push(format!("{what}: Kolmogorov-Smirnov D = {distance}, above {critical}"));
        }
    }
    Ok(faults)
}

/// Largest distance of the two empirical distribution functions.
fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let below = |v: &[f64], x: f64| v.iter().filter(|y| **y <= x).count() as f64 / v.len() as f64;
    let distance = |x: &f64| (below(a, *x) - below(b, *x)).abs();
    a.iter().chain(b).map(distance).fold(0.0, f64::max)
}
