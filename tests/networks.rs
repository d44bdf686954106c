//! Networks of genotypes as other programs read them (tests/python/check_networks.py): ONNX files by
//! onnx and onnxruntime, code and weights by PyTorch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tenas::model::Settings;
use tenas::random::{Key, Purpose, Stream};
use tenas::{DatasetKind, Genotype, GenotypeFormat, Init, Network, Supernet};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn stream(candidate: u64) -> Stream {
    Key { seed: 5, purpose: Purpose::Genotypes, round: 0, candidate, repeat: 0 }.stream(0)
}

fn open(name: &str) -> Supernet {
    Supernet::open(&root().join(format!("spaces/{name}.json"))).unwrap()
}

/// Small, so that a test takes seconds: the structure is that of the network that is trained.
fn small(name: &str) -> Settings {
    let (channels, cells, side) = match name {
        "nas-bench-201" => (4, 2, 16),
        "darts" => (4, 2, 32),
        "mobilenet-v2" => (2, 1, 64),
        "nats-bench-size" => (2, 1, 16),
        "transnas-bench-101-micro" => (4, 2, 64),
        other => panic!("{other}: a new space needs a size here"),
    };
    Settings {
        dataset: DatasetKind::Custom,
        channels: Some(channels),
        cells: Some(cells),
        classes: Some(7),
        image: Some([3, side, side]),
    }
}

/// Architectures of a space: five drawn, and for the built-in spaces some that are out of the way.
fn genotypes(name: &str, supernet: &Supernet) -> Vec<Genotype> {
    let space = &supernet.space;
    let drawn = (0..5).map(|i| Genotype::sample(space, &mut stream(i)).unwrap());
    let more: &[&str] = match name {
        // Node 1 has no edge, and node 2 adds two zeros.
        "nas-bench-201" => {
            &["|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"]
        }
        // Steps that read a state twice; steps without an edge, in both cells.
        "darts" => &[
            "Genotype(normal=[('sep_conv_3x3', 0), ('dil_conv_5x5', 0), ('skip_connect', 1), \
             ('skip_connect', 1), ('max_pool_3x3', 2), ('sep_conv_5x5', 3), ('avg_pool_3x3', 0), \
             ('dil_conv_3x3', 4)], normal_concat=[2, 3, 4, 5], reduce=[('skip_connect', 0), \
             ('skip_connect', 1), ('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 2), \
             ('sep_conv_3x3', 1), ('dil_conv_5x5', 3), ('sep_conv_5x5', 0)], reduce_concat=[2, 3, 4, \
             5])",
            "Genotype(normal=[('none', 0), ('none', 1), ('skip_connect', 1), ('sep_conv_3x3', 2), \
             ('max_pool_3x3', 2), ('sep_conv_5x5', 3), ('avg_pool_3x3', 0), ('dil_conv_3x3', 4)], \
             normal_concat=[2, 3, 4, 5], reduce=[('none', 0), ('none', 1), ('max_pool_3x3', 0), \
             ('avg_pool_3x3', 1), ('skip_connect', 2), ('sep_conv_3x3', 1), ('dil_conv_5x5', 3), \
             ('sep_conv_5x5', 0)], reduce_concat=[2, 3, 4, 5])",
        ],
        _ => &[],
    };
    drawn.chain(more.iter().map(|text| Genotype::parse(space, text).unwrap())).collect()
}

fn spaces() -> Vec<(String, Supernet)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("spaces")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let name = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|file| (name(file), Supernet::open(file).unwrap())).collect()
}

/// Writes all that a network can be written as, with images and the logits that it gives.
fn write(folder: &Path, network: &Network, batch: usize) {
    fs::create_dir(folder).unwrap();
    network.write_onnx(&folder.join("model.onnx")).unwrap();
    network.write_pytorch(&folder.join("network.py")).unwrap();
    network.write_weights(&folder.join("weights.safetensors")).unwrap();
    let shape = network.graph().input_shape();
    let mut stream = stream(99);
    let images: Vec<f32> =
        (0..batch * shape.iter().product::<usize>()).map(|_| stream.normal() as f32).collect();
    let bytes: Vec<u8> = images.iter().flat_map(|v| v.to_le_bytes()).collect();
    fs::write(folder.join("images.bin"), bytes).unwrap();
    let parameters = network.graph().parameters.iter();
    let case = json!({
        "name": network.name(),
        "genotype": network.origin().unwrap().genotype.to_text(GenotypeFormat::Native),
        "batch": batch, "image": shape, "classes": network.graph().classes(),
        "multiply_adds": network.cost().multiply_adds,
        "parameters": network.cost().parameters,
        "shapes": parameters.map(|p| (p.name.clone(), json!(p.shape))).collect::<serde_json::Map<_, _>>(),
        "logits": network.logits(&images).unwrap(),
    });
    fs::write(folder.join("case.json"), case.to_string()).unwrap();
}

#[test]
fn other_programs_compute_the_same() {
    let packages = ["pytorch", "onnx"].map(|name| root().join(".cache").join(name));
    if !packages.iter().all(|folder| folder.join("installed").exists()) {
        println!("skipped: found no PyTorch and ONNX; scripts/setup-pytorch.sh installs them");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut cases = 0;
    for (name, supernet) in spaces() {
        for (i, genotype) in genotypes(&name, &supernet).iter().enumerate() {
            let network = Network::of_genotype(genotype, &small(&name)).unwrap();
            let network = network.initialise(Init::KaimingNormal, i as u64).unwrap();
            write(&folder.path().join(format!("{name}-{i}")), &network, 2);
            cases += 1;
        }
    }
    // The size that papers train.
    for (name, dataset, i) in
        [("nas-bench-201", DatasetKind::Cifar100, 0), ("darts", DatasetKind::Cifar10, 1)]
    {
        let genotype = &genotypes(name, &open(name))[i];
        let network = Network::of_genotype(genotype, &Settings { dataset, ..Default::default() });
        let network = network.unwrap().initialise(Init::TorchDefault, 3).unwrap();
        write(&folder.path().join(format!("{name}-whole")), &network, 1);
        cases += 1;
    }
    if let Some(kept) = std::env::var_os("TENAS_KEEP_NETWORKS") {
        Command::new("cp").arg("-r").arg(folder.path()).arg(kept).status().unwrap();
    }
    let output = Command::new("python3")
        .arg(root().join("tests/python/check_networks.py"))
        .arg(folder.path())
        .env("PYTHONPATH", std::env::join_paths(packages).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    println!("{said}");
    assert!(
        output.status.success() && said.contains(&format!("{cases} passed, 0 failed")),
        "{said}"
    );
}
