//! Networks of genotypes as other programs read them (tests/python/check_networks.py): ONNX files by
//! onnx and onnxruntime, code and weights by PyTorch.

#[path = "common/python.rs"]
mod python;

use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use tenas::compute::{self, Evidence, Inputs, Parameters, Task, Wanted};
use tenas::model::Settings;
use tenas::network::{Activation, Builder, Convolution, Window};
use tenas::onnx::Import;
use tenas::random::{Key, Purpose, Stream};
use tenas::{DatasetKind, Error, Genotype, GenotypeFormat, Init, Network, Supernet};

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

/// K of some images with the statistics of the batch; the number of ReLU units and of patterns of
/// their bits; the logits.
fn measured(network: &Network, images: &[f32], batch: usize) -> (Vec<f64>, [usize; 2], Vec<f64>) {
    let engine = compute::native(2).unwrap();
    let wanted = Wanted::kernel().union(&Wanted::logits()).unwrap().union(&Wanted::bits()).unwrap();
    let task = Task {
        plan: engine.prepare(network.graph().clone()),
        mixing: vec![1.0; network.graph().slots].into(),
        parameters: Parameters::Given(network.values().unwrap().clone()),
        inputs: Inputs { values: Arc::new(images.to_vec()), batches: 1, batch },
        wanted,
    };
    let mut measured = Default::default();
    let reduce = |_: usize, evidence: Evidence<'_>| {
        let bits = evidence.bits.expect("bits");
        (
            evidence.kernel.expect("a kernel").values.to_vec(),
            [bits.units(), (0..bits.rows()).map(|row| bits.row(row)).collect::<HashSet<_>>().len()],
            evidence.logits.expect("logits").to_vec(),
        )
    };
    let mut sink = |_: usize, found| {
        measured = found;
        ControlFlow::Continue(())
    };
    engine.evaluate(&mut [task].into_iter().map(Ok), &reduce, &mut sink).unwrap();
    measured
}

fn close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let error = found.iter().zip(expected).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
    assert!(error <= 1e-5 * largest, "{what}: {error} of {largest}");
}

#[test]
fn a_network_is_written_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.onnx");
    for (name, supernet) in spaces() {
        for (i, genotype) in genotypes(&name, &supernet).iter().enumerate() {
            let network = Network::of_genotype(genotype, &small(&name)).unwrap();
            let network = network.initialise(Init::KaimingNormal, i as u64).unwrap();
            network.write_onnx(&path).unwrap();
            let read = Network::from_onnx(&path, &Import::default()).unwrap();
            let what = format!("{name}, {i}");
            assert_eq!(read.cost(), network.cost(), "{what}");
            assert_eq!(read.graph().is_connected(), network.graph().is_connected(), "{what}");
            let shape = network.graph().input_shape();
            let mut stream = stream(7);
            let images: Vec<f32> =
                (0..4 * shape.iter().product::<usize>()).map(|_| stream.normal() as f32).collect();
            let f64s = |v: Vec<f32>| v.into_iter().map(f64::from).collect::<Vec<f64>>();
            let logits = f64s(network.logits(&images).unwrap());
            close(&f64s(read.logits(&images).unwrap()), &logits, &what);
            let (kernel, units, logits) = measured(&network, &images, 4);
            let (again, units_again, logits_again) = measured(&read, &images, 4);
            assert_eq!(units_again, units, "{what}");
            close(&again, &kernel, &what);
            close(&logits_again, &logits, &what);
            // And once more: what was read writes the same network.
            read.write_onnx(&path).unwrap();
            let twice = Network::from_onnx(&path, &Import::default()).unwrap();
            assert_eq!(twice.graph(), read.graph(), "{what}");
            assert_eq!(twice.values(), read.values(), "{what}");
        }
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let supernet = open("nas-bench-201");
    let genotype = &genotypes("nas-bench-201", &supernet)[1];
    let bare = Network::of_genotype(genotype, &small("nas-bench-201")).unwrap();
    let refused = [
        bare.write_onnx(&path),
        bare.write_weights(&path),
        bare.logits(&[0.0; 3 * 16 * 16]).map(drop),
    ];
    for error in refused {
        let error = error.unwrap_err();
        assert!(matches!(error, Error::InvalidState(_)), "{error:?}");
        assert!(error.to_string().contains("found parameters without values"), "{error}");
    }
    // Code needs no values, but a genotype.
    bare.write_pytorch(&path).unwrap();
    bare.initialise(Init::KaimingNormal, 0).unwrap().write_onnx(&path).unwrap();
    let read = Network::from_onnx(&path, &Import::default()).unwrap();
    let error = read.to_pytorch().unwrap_err();
    assert!(matches!(error, Error::InvalidState(_)), "{error:?}");
    assert!(error.to_string().contains("expected that of a genotype"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "files beside");

    // Names of layers that a PyTorch module cannot have.
    let named = |first: &str, second: &str| {
        let mut space = supernet.space.to_json();
        space["name"] = json!("named");
        for operation in [2, 3] {
            space["operations"][operation]["layers"] = json!([
                {"sequence": {"name": first, "layers": ["relu", {"conv": {"kernel": 1}}]}},
                {"sequence": {"name": second, "layers": ["relu", {"conv": {"kernel": 1}}, "batch_norm"]}}
            ]);
        }
        let supernet = Supernet::from_json(&space.to_string()).unwrap();
        let cell = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|";
        let genotype = Genotype::parse(&supernet.space, cell).unwrap();
        Network::of_genotype(&genotype, &small("nas-bench-201")).unwrap().to_pytorch()
    };
    assert!(named("a", "b.c").is_ok() && named("class", "2.x").is_ok());
    for (first, second, words) in [
        ("a", "train", "found a layer named \"train\", expected a name"),
        ("b.keys", "b.c", "found a layer named \"keys\", expected a name"),
        ("a.b", "a", "found two layers of which one is named a, expected another name for each"),
        ("a", "a.b", "found two layers of which one is named a.b"),
    ] {
        let error = named(first, second).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// Writes all that a network can be written as, with images and the logits that it gives.
fn write(folder: &Path, network: &Network, batch: usize) {
    fs::create_dir(folder).unwrap();
    network.write_onnx(&folder.join("model.onnx")).unwrap();
    let genotype = network.origin().map(|origin| &origin.genotype);
    if genotype.is_some() {
        network.write_pytorch(&folder.join("network.py")).unwrap();
    }
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
        "genotype": genotype.map(|genotype| genotype.to_text(GenotypeFormat::Native)),
        "batch": batch, "image": shape, "classes": network.graph().classes(),
        "multiply_adds": network.cost().multiply_adds,
        "parameters": network.cost().parameters,
        "shapes": parameters.map(|p| (p.name.clone(), json!(p.shape))).collect::<serde_json::Map<_, _>>(),
        "logits": network.logits(&images).unwrap(),
    });
    fs::write(folder.join("case.json"), case.to_string()).unwrap();
}

/// A space with everything that no space of `spaces/` has: branches inside branches, convolutions in
/// groups, numbers as names, cells of two inputs without recipes for them, parts of all kinds in one
/// body, three stems, names with dots.
fn odd() -> Supernet {
    let conv = |kernel: u32| json!({"conv": {"kernel": kernel}});
    let named = |layer: &str, name: &str, layers: serde_json::Value| json!({layer: {"name": name, "layers": layers}});
    let space = json!({
        "format": "tenas space", "version": 1, "name": "odd",
        "operations": [
            {"name": "skip", "layers": ["identity"]},
            {"name": "nothing", "zero": true},
            // A residual block inside a sum inside a concatenation, which is no chain of layers.
            {"name": "wild", "layers": [
                "relu",
                {"concat": {"branches": [
                    {"sum": {"name": "a.b", "branches": [
                        named("residual", "", json!([{"conv": {"kernel": 1, "channels": "in"}}, {"batch_norm": {"name": "n"}}])),
                        named("sequence", "s", json!([{"conv": {"kernel": 3, "depthwise": true}}])),
                        "identity"
                    ]}},
                    {"max_pool": {"kernel": 3}},
                    {"conv": {"kernel": 1, "padding": -1, "channels": {"of": "in", "times": 2, "divide": 3, "round": "up"}}}
                ]}},
                conv(1), "batch_norm"
            ]},
            // Layers in a row whose names are numbers and words.
            {"name": "words", "layers": [conv(3), {"batch_norm": {"name": "norm"}}, "relu", named("sequence", "class", json!([conv(1)]))]},
            {"name": "grouped", "layers": [{"conv": {"kernel": 3, "groups": 2, "dilation": 2}}, {"avg_pool": {"kernel": 3}}]},
            {"name": "short", "layers": [named("shortcut", "maybe", json!([conv(1)])), named("residual", "again", json!(["relu", conv(3)]))]},
            {"name": "2_way", "layers": [{"concat": {"name": "h", "branches": [
                {"conv": {"kernel": 1, "channels": {"of": "out", "divide": 2}}},
                {"conv": {"kernel": 1, "channels": {"of": "out", "divide": 2, "round": "up"}}}
            ]}}, conv(1), "batch_norm"]},
            {"name": "one", "value": 1}, {"name": "two", "value": 2}
        ],
        "cells": [
            {"name": "two", "inputs": 2, "nodes": 2, "output": "sum", "path": "{operation}.{edge}"},
            {"name": "one_cell", "nodes": 2, "output": "concat", "options": ["skip", "nothing", "wild", "grouped"],
             "path": "e.{edge}.x.{index}"}
        ],
        "choices": [
            {"name": "blocks", "options": ["skip", "words", "short", "2_way"], "edges": ["first"]},
            {"name": "more", "options": ["words", "short", "2_way"], "edges": ["second"]},
            {"name": "numbers", "options": ["one", "two"], "edges": ["width", "depth"]}
        ],
        "macros": {"net": {
            "path": "body.parts",
            "stem": [
                {"name": "stem.one", "channels": "numbers.width", "layers": [conv(3)]},
                {"name": "stem.two", "channels": "numbers.width", "layers": ["relu", conv(3), named("sequence", "2.op", json!([conv(1)]))]},
                {"name": "last_stem", "channels": "numbers.width", "layers": ["relu"]}
            ],
            "body": [
                {"cell": "two", "channels": "numbers.width"},
                {"choice": "blocks.first", "channels": "numbers.width"},
                {"cell": "two", "channels": "numbers.width", "repeat": 2},
                {"layers": [{"sum": {"branches": [conv(1), {"conv": {"kernel": 3, "stride": 1}}]}}, "relu"],
                 "channels": "numbers.width"},
                {"cell": "one_cell", "channels": "numbers.width", "repeat": 1},
                {"choice": "more.second", "channels": 2, "repeat": "numbers.depth"},
                {"layers": ["relu", {"conv": {"kernel": 3, "stride": "given"}}], "channels": 3, "stride": 2}
            ],
            "head": {"name": "end.norm", "channels": 3, "layers": ["batch_norm"], "classifier": "end.linear"}
        }},
        "networks": {"ntk": {"macro": "net", "channels": 4}, "training": {"macro": "net", "channels": 6}}
    });
    Supernet::from_json(&space.to_string()).unwrap()
}

/// A network of every operation that no space has, but networks from files do.
fn all_operations() -> Network {
    let mut b = Builder::new([3, 11, 14], 0);
    let oblong = Convolution {
        kernel: [3, 5],
        stride: [1, 2],
        padding: [[1, 0], [-1, 2]],
        dilation: [2, 1],
        groups: 3,
    };
    let x = b.conv("oblong", 0, 6, oblong).unwrap();
    let mut x = b.batch_norm("images", x);
    for activation in [
        Activation::Clip { low: -0.5, high: 6.0 },
        Activation::Clip { low: f64::NEG_INFINITY, high: 5.0 },
        Activation::LeakyRelu { slope: 0.1 },
        Activation::HardSwish,
        Activation::Affine { scale: 3.0, shift: -0.25 },
        Activation::HardSigmoid { slope: 0.2, shift: 0.5 },
    ] {
        x = b.activation(x, activation);
    }
    // A gate, as squeeze-and-excitation has it.
    let [_, h, w] = b.shape(x);
    let gate = b.global_pool(x);
    let gate = b.linear("gate", gate, 6);
    let gate = b.activation(gate, Activation::Sigmoid);
    let gate = b.expand(gate, [h, w]);
    let x = b.mul(x, gate);
    let x = b.select(x, vec![5, 0, 3, 3]);
    let x = b.pad(x, [[2, -1], [0, 1]]);
    let counted =
        Window { kernel: [3, 2], stride: [2, 1], padding: [[1, 1], [1, 0]], counts_padding: true };
    let x = b.avg_pool(x, counted);
    let pooled = b.max_pool(x, Window::square(2, 2, 0));
    let [c, h, w] = b.shape(pooled);
    let x = b.reshape(pooled, [c * h * w, 1, 1]);
    let x = b.linear("logits", x, 5);
    b.activation(x, Activation::Sigmoid);
    Network::new("all operations", Arc::new(b.finish()), None).unwrap()
}

/// One whose last pooling window reaches beyond the plane.
fn ceil_mode() -> Network {
    let mut b = Builder::new([2, 8, 8], 0);
    let window = Window::square(3, 2, 0);
    let x = b.max_pool(0, window);
    b.pool_and_classify("classifier", x, 3);
    let mut graph = b.finish();
    graph.nodes[x].shape = [2, 4, 4];
    Network::new("ceil mode", Arc::new(graph), None).unwrap()
}

#[test]
fn other_programs_compute_the_same() {
    let packages = python::path_of(&["pytorch", "onnx"], "scripts/setup-pytorch.sh");
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
    let supernet = odd();
    for i in 0..12 {
        let genotype = Genotype::sample(&supernet.space, &mut stream(i)).unwrap();
        let settings = Settings { image: Some([3, 15, 13]), ..Settings::default() };
        let network = Network::of_genotype(&genotype, &settings).unwrap();
        let network = network.initialise(Init::TorchDefault, i).unwrap();
        write(&folder.path().join(format!("odd-{}", i + 1)), &network, 2);
        cases += 1;
    }
    for network in [all_operations(), ceil_mode()] {
        let network = network.initialise(Init::TorchDefault, 5).unwrap();
        write(&folder.path().join(network.name()), &network, 3);
        cases += 1;
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
        .env("PYTHONPATH", packages)
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    println!("{said}");
    assert!(
        output.status.success() && said.contains(&format!("{cases} passed, 0 failed")),
        "{said}"
    );
}
