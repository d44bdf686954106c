//! Two architectures of each space that ships, in PyTorch, where networks are written by hand
//! (tests/python/check_spaces.py): the same logits, the same K.

#[path = "common/python.rs"]
mod python;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tenas::compute::{self, Inputs, Parameters, Task, Wanted};
use tenas::network::{Fan, Initialiser};
use tenas::random::{Key, Purpose};
use tenas::{Genotype, GenotypeFormat, Init, Supernet};

const BATCH: usize = 5;
const INPUT: [usize; 3] = [3, 12, 12];
const CLASSES: usize = 4;

fn key(purpose: Purpose, candidate: u64) -> Key {
    Key { seed: 21, purpose, round: 0, candidate, repeat: 0 }
}

/// Writes a case: what the reference engine computes of an architecture.
fn write(folder: &Path, supernet: &Supernet, number: u64) {
    let space = &supernet.space;
    let mut stream = key(Purpose::Genotypes, number).stream(0);
    // One whose output depends on the image.
    let (genotype, graph) = loop {
        let genotype = Genotype::sample(space, &mut stream).unwrap();
        let graph = supernet.ntk_network(genotype.mask(), INPUT, CLASSES).unwrap();
        if graph.is_connected() {
            break (genotype, Arc::new(graph));
        }
    };
    let init = Initialiser {
        init: Init::KaimingNormal,
        fan: Fan::Out,
        key: key(Purpose::NtkParameters, number),
    };
    let parameters = init.draw(&graph.parameters).unwrap();
    let mut stream = key(Purpose::NtkImages, number).stream(0);
    let images: Vec<f32> =
        (0..BATCH * INPUT.iter().product::<usize>()).map(|_| stream.normal() as f32).collect();
    let engine = compute::reference(1).unwrap();
    let plan = engine.prepare(graph.clone());
    let gradients = Wanted::kernel();
    let wanted = gradients.union(&Wanted::logits()).unwrap();
    let task = Task {
        plan,
        mixing: genotype.mask().mixing(space).into(),
        parameters: Parameters::Given(parameters.clone().into()),
        inputs: Inputs { values: Arc::new(images.clone()), batches: 1, batch: BATCH },
        wanted,
    };
    let found = Mutex::new((vec![], vec![]));
    let reduce = |_: usize, evidence: compute::Evidence<'_>| {
        let kernel = evidence.kernel.map_or(vec![], |k| k.values.to_vec());
        *found.lock().unwrap() = (evidence.logits.map_or(vec![], <[f64]>::to_vec), kernel);
    };
    let mut tasks = [task].into_iter().map(Ok);
    engine.evaluate(&mut tasks, &reduce, &mut |_, ()| std::ops::ControlFlow::Continue(())).unwrap();
    let (logits, kernel) = found.into_inner().unwrap();
    let described = graph
        .parameters
        .iter()
        .map(|p| json!({ "name": p.name, "shape": p.shape, "counted": p.column.is_some() }));
    let case = json!({
        "space": space.name,
        "genotype": genotype.to_text(GenotypeFormat::Native),
        "batch": BATCH, "input": INPUT, "classes": CLASSES,
        "parameters": described.collect::<Vec<_>>(),
        "logits": logits, "kernel": kernel,
    });
    let place = folder.join(format!("{}-{number}", space.name));
    fs::write(place.with_extension("json"), case.to_string()).unwrap();
    let values = images.iter().chain(&parameters);
    let bytes: Vec<u8> = values.flat_map(|v| v.to_le_bytes()).collect();
    fs::write(place.with_extension("bin"), bytes).unwrap();
}

#[test]
fn pytorch_computes_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = python::path_of(&["pytorch"], "scripts/setup-pytorch.sh");
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(root.join("spaces")).unwrap() {
        let supernet = Supernet::open(&file.unwrap().path()).unwrap();
        (0..2).for_each(|number| write(folder.path(), &supernet, number));
    }
    let output = Command::new("python3")
        .arg(root.join("tests/python/check_spaces.py"))
        .arg(folder.path())
        .env("PYTHONPATH", packages)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    println!("{said}");
    assert!(output.status.success() && said.contains("10 passed, 0 failed"), "{said}");
}
