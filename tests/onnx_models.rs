//! Networks of torchvision and timm, which PyTorch's two exporters write as ONNX files
//! (tests/python/networks_in.py): the same size, the same logits in evaluation, the same K in training mode.

#[path = "common/python.rs"]
mod python;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tenas::Network;
use tenas::compute::{self, Engine, Evidence, Inputs, Parameters, Task, Wanted};
use tenas::onnx::Import;

/// Billions of multiply-adds of an image of 224 x 224, and parameters, as torchvision's documentation has
/// them (<https://pytorch.org/vision/stable/models.html>).
const PUBLISHED: [(&str, f64, u64); 7] = [
    ("resnet18", 1.81, 11_689_512),
    ("mobilenet_v2", 0.3, 3_504_872),
    ("densenet121", 2.83, 7_978_856),
    ("efficientnet_b0", 0.39, 5_288_548),
    ("squeezenet1_1", 0.35, 1_235_496),
    ("shufflenet_v2_x1_0", 0.14, 2_278_604),
    ("mobilenet_v3_small", 0.06, 2_542_856),
];

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    let values = case[key].as_array().unwrap();
    values.iter().map(|value| value.as_f64().unwrap()).collect()
}

/// The distance of two lists, relative to the second, by the Frobenius norm.
fn distance(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut found.iter().zip(expected).map(|(a, b)| a - b)) / norm(&mut expected.iter().copied())
}

/// K with the statistics of the batch.
fn kernel(engine: &dyn Engine, network: &Network, images: &[f32], batch: usize) -> Vec<f64> {
    let task = Task {
        plan: engine.prepare(network.graph().clone()),
        mixing: Arc::from([]),
        parameters: Parameters::Given(network.values().unwrap().clone()),
        inputs: Inputs { values: Arc::new(images.to_vec()), batches: 1, batch },
        wanted: Wanted::kernel(),
    };
    let mut kernel = Vec::new();
    let reduce = |_: usize, e: Evidence<'_>| e.kernel.map_or(vec![], |k| k.values.to_vec());
    let mut tasks = std::iter::once(Ok(task));
    engine
        .evaluate(&mut tasks, &reduce, &mut |_, found| {
            kernel = found;
            ControlFlow::Continue(())
        })
        .unwrap();
    kernel
}

fn check(folder: &Path, name: &str) {
    let network = Network::from_onnx(&folder.join(format!("{name}.onnx")), &Import::default());
    let network = network.unwrap();
    let case: Value =
        serde_json::from_slice(&fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap();
    let cost = network.cost();
    assert_eq!(cost.multiply_adds, case["multiply_adds"].as_u64().unwrap(), "{name}");
    if let Some(parameters) = case["parameters"].as_u64() {
        assert_eq!(cost.parameters, parameters, "{name}");
    }
    if let Some((_, billions, parameters)) = PUBLISHED.iter().find(|p| p.0 == name) {
        let import = Import { image: Some([3, 224, 224]) };
        let large =
            Network::from_onnx(&folder.join(format!("{name}.onnx")), &import).unwrap().cost();
        let found = large.multiply_adds as f64 / 1e9;
        assert!((found - billions).abs() < 0.0055, "{name}: {found}, published {billions}");
        assert_eq!(large.parameters, *parameters, "{name}");
        println!("{name}: {found:.4} billion multiply-adds at 224 x 224");
    }
    let images: Vec<f32> = numbers(&case, "images").into_iter().map(|v| v as f32).collect();
    let expected = numbers(&case, "logits");
    let batch = expected.len() / network.graph().classes();
    let logits = network.logits(&images).unwrap();
    let logits: Vec<f64> = logits.into_iter().map(f64::from).collect();
    let of_logits = distance(&logits, &expected);
    assert!(of_logits < 1e-4, "{name}: logits {of_logits}");
    // Batch normalisation in the convolutions makes another network of the one in training mode.
    if case["kernel"].is_null() {
        println!("{name}: {} multiply-adds, logits {of_logits:.1e}", cost.multiply_adds);
        return;
    }
    let begin = Instant::now();
    let found = kernel(compute::native(0).unwrap().as_ref(), &network, &images, batch);
    let seconds = begin.elapsed().as_secs_f64();
    let of_kernel = distance(&found, &numbers(&case, "kernel"));
    println!(
        "{name}: {} operations, {} multiply-adds, {} parameters, logits {of_logits:.1e}, K \
         {of_kernel:.1e}, {seconds:.1} s",
        network.graph().nodes.len(),
        cost.multiply_adds,
        cost.parameters
    );
    // In f64, where no ReLU is on the other side of zero, as far as the numbers in a file are f32 (the
    // sixth of a hard sigmoid); slow, so for small networks.
    if cost.multiply_adds < 13_000_000 {
        let engine = compute::reference(0).unwrap();
        let exact = kernel(engine.as_ref(), &network, &images, batch);
        let of_exact = distance(&exact, &numbers(&case, "kernel"));
        println!("{name}: K in f64 {of_exact:.1e}");
        assert!(of_exact < 1e-7, "{name}: K in f64 {of_exact}");
    }
    assert!(of_kernel < 1e-3, "{name}: K {of_kernel}");
}

#[test]
fn networks_of_pytorch_are_what_it_computes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages =
        python::path_of(&["pytorch", "torchvision", "timm", "onnx"], "scripts/setup-pytorch.sh");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("python3")
        .arg(root.join("tests/python/networks_in.py"))
        .arg(folder.path())
        .env("PYTHONPATH", packages)
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names.len(), 19, "{names:?}");
    names.iter().for_each(|name| check(folder.path(), name));
}

/// A folder of models that somebody has, for a look at them: TENAS_ONNX_MODELS names it.
#[test]
fn models_of_a_folder() {
    let Some(folder) = std::env::var_os("TENAS_ONNX_MODELS") else { return };
    let mut failed = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "onnx") {
            continue;
        }
        match Network::from_onnx(&path, &Import::default()) {
            Err(error) => failed.push(error.to_string()),
            Ok(_) if path.with_extension("json").exists() => {
                check(path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
            }
            Ok(network) => println!("{}: {:?}", path.display(), network.cost()),
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
