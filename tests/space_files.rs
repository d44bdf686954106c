//! Wrong space files, and what is said about them: the place, what was found, what was expected.

#[path = "common/python.rs"]
mod python;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tenas::{Error, SpaceKind, Supernet};

#[track_caller]
fn refused(text: &str) -> String {
    match Supernet::from_json(text) {
        Err(Error::Format(message)) => message,
        other => panic!("{other:?}: {}", &text[..text.len().min(300)]),
    }
}

/// A chain of two blocks whose channels are a choice, and the number of the last one.
fn chain() -> Value {
    json!({
        "format": "tenas space", "version": 1, "name": "chain",
        "operations": [
            {"name": "skip", "layers": []},
            {"name": "conv3", "layers": [{"conv": {"kernel": 3}}, "batch_norm", "relu"]},
            {"name": "one", "value": 1}, {"name": "two", "value": 2}
        ],
        "choices": [
            {"name": "blocks", "options": ["skip", "conv3"], "edges": ["a", "b"]},
            {"name": "width", "options": ["one", "two"], "edges": ["all"]},
            {"name": "depth", "options": ["one", "two"], "edges": ["last"]}
        ],
        "macros": {"net": {
            "stem": [{"channels": "width.all", "layers": [{"conv": {"kernel": 3}}, "batch_norm"]}],
            "body": [
                {"choice": "blocks.a", "channels": "width.all"},
                {"choice": "blocks.b", "channels": "width.all", "repeat": "depth.last"}
            ]
        }},
        "networks": {
            "ntk": {"macro": "net", "channels": 2},
            "training": {"macro": "net", "channels": 16, "cells": 2, "image": 64}
        }
    })
}

/// (place of the change, new value, words of the message)
type Case = (&'static str, Value, &'static [&'static str]);

#[track_caller]
fn check(base: &Value, cases: &[Case]) {
    Supernet::from_json(&base.to_string()).unwrap();
    for (place, value, words) in cases {
        let mut file = base.clone();
        match file.pointer_mut(place) {
            Some(target) => *target = value.clone(),
            None => {
                let (parent, key) = place.rsplit_once('/').unwrap();
                file.pointer_mut(parent).expect(place)[key] = value.clone();
            }
        }
        let message = refused(&file.to_string());
        assert!(message.starts_with("space: "), "{message}");
        for word in *words {
            assert!(message.contains(word), "{place} = {value}: {message:?} has no {word:?}");
        }
    }
}

/// Groups of channels: each kernel has the channels of its group alone, also where channels are open.
#[test]
fn convolutions_in_groups() {
    let weights = |groups: u32| -> Vec<(String, Vec<usize>)> {
        let mut file = chain();
        file["operations"][1]["layers"][0]["conv"]["groups"] = json!(groups);
        let supernet = Supernet::from_json(&file.to_string()).unwrap();
        let mask = tenas::Mask::full(&supernet.space);
        let graph = supernet.ntk_network(&mask, [3, 8, 8], 2).unwrap();
        let convs = graph.parameters.iter().filter(|p| p.shape.len() == 4 && p.shape[1] != 3);
        convs.map(|p| (p.name.clone(), p.shape.clone())).collect()
    };
    let (whole, halves) = (weights(1), weights(2));
    assert!(whole.len() >= 3);
    for ((name, whole), (other, half)) in whole.iter().zip(&halves) {
        assert_eq!(name, other);
        assert_eq!([whole[0], whole[1] / 2, 3, 3], half[..], "{name}");
    }
    // Left out, it is 1, and no part of the file.
    let space = |file: Value| Supernet::from_json(&file.to_string()).unwrap().space;
    let mut file = chain();
    file["operations"][1]["layers"][0]["conv"]["groups"] = json!(1);
    assert_eq!(space(file), space(chain()));
}

#[test]
fn wrong_chains_are_refused_by_place() {
    check(
        &chain(),
        &[
            ("/format", json!("png"), &["format: found \"png\", expected \"tenas space\""]),
            ("/version", json!(2), &["version: found 2, expected at most 1", "newer library"]),
            ("/version", json!(0), &["version: found 0, expected 1"]),
            ("/version", json!("1"), &["version: found \"1\""]),
            ("/name", json!("a b"), &["name: found \"a b\"", "expected 1 to 64 letters"]),
            ("/name", json!(""), &["name: found \"\""]),
            ("/name", json!(3), &["name: found integer `3`, expected a string"]),
            ("/nmae", json!("x"), &["found the key `nmae`, expected one of"]),
            ("/text", json!("xml"), &["text: found `xml`"]),
            (
                "/text",
                json!("nas-bench-201"),
                &["text: found \"nas-bench-201\", expected \"generic\""],
            ),
            ("/text", json!("darts"), &["text: found \"darts\", expected \"generic\""]),
            ("/operations", json!([]), &["operations: found 0, expected 1 to 64"]),
            ("/operations/1/name", json!("skip"), &["operations[1].name: found \"skip\" again"]),
            (
                "/operations/1/name",
                json!("a-b"),
                &["operations[1].name: found \"a-b\"", "underscores"],
            ),
            ("/operations/1/value", json!(1), &["operations[1]: found none or several"]),
            ("/operations/1", json!({"name": "x"}), &["operations[1]: found none or several"]),
            ("/operations/2/strided", json!([]), &["operations[2]: found \"strided\" without"]),
            ("/operations/1/layers/0", json!("conv"), &["layers[0]", "found \"conv\" alone"]),
            (
                "/operations/1/layers/0",
                json!("cnov"),
                &["layers[0]", "found `cnov`, expected one of"],
            ),
            ("/operations/1/layers/0", json!({}), &["layers[0]", "found an empty object"]),
            ("/operations/1/layers/0", json!({"relu": {}}), &["expected \"relu\" alone"]),
            (
                "/operations/1/layers/0",
                json!(7),
                &["layers[0]: found integer `7`, expected a layer"],
            ),
            (
                "/operations/1/layers/0/batch_norm",
                json!({}),
                &["found the keys \"batch_norm\" and \"conv\", expected one layer an object"],
            ),
            (
                "/operations/1/layers/0/conv/kernel",
                json!(17),
                &["operations[1].layers[0].conv.kernel: found 17, expected 1 to 15"],
            ),
            (
                "/operations/1/layers/0/conv/kernel",
                json!(-1),
                &["operations[1].layers[0].conv.kernel: found integer `-1`, expected u32"],
            ),
            ("/operations/1/layers/0/conv", json!({}), &["conv: found no key `kernel`"]),
            (
                "/operations/1/layers/0/conv/kernel",
                json!(4),
                &["conv.padding: found \"same\" for a kernel of 4"],
            ),
            (
                "/operations/1/layers/0/conv/stride",
                json!(0),
                &["conv.stride: found 0, expected 1 to 8"],
            ),
            (
                "/operations/1/layers/0/conv/stride",
                json!("x"),
                &["conv.stride: found string \"x\", expected \"given\""],
            ),
            (
                "/operations/1/layers/0/conv/padding",
                json!(-2),
                &["conv.padding: found -2, expected -1 to 2"],
            ),
            (
                "/operations/1/layers/0/conv/dilation",
                json!(9),
                &["conv.dilation: found 9, expected 1 to 8"],
            ),
            (
                "/operations/1/layers/0/conv/channels",
                json!(0),
                &["conv.channels: found 0, expected 1 to 4096"],
            ),
            (
                "/operations/1/layers/0/conv/channels",
                json!("all"),
                &["conv.channels: found string \"all\""],
            ),
            (
                "/operations/1/layers/0/conv/channels",
                json!({"of": "in", "times": 5000}),
                &["conv.channels.times: found 5000"],
            ),
            ("/operations/1/layers/0/conv/name", json!("a/b"), &["layers[0].name: found \"a/b\""]),
            (
                "/operations/1/layers/0",
                json!({"max_pool": {"kernel": 3, "padding": 2}}),
                &["max_pool.padding: found 2, expected 0 to 1"],
            ),
            (
                "/operations/1/layers/0",
                json!({"sum": {"branches": []}}),
                &["sum.branches: found no branch"],
            ),
            (
                "/operations/1/layers/0",
                json!({"conv": {"kernel": 1, "depthwise": true, "channels": "in"}}),
                &["conv.channels: found a number for a depthwise"],
            ),
            (
                "/operations/1/layers/0/conv/groups",
                json!(0),
                &["conv.groups: found 0, expected 1 to 4096"],
            ),
            (
                "/operations/1/layers/0",
                json!({"conv": {"kernel": 1, "depthwise": true, "groups": 2}}),
                &["conv.groups: found a number for a depthwise"],
            ),
            (
                "/operations/1/layers/0/conv/groups",
                json!(3),
                &["found a convolution in 3 groups from 4 to 2 channels"],
            ),
            // Choices.
            ("/choices/0/options", json!([]), &["choices[0].options: found 0"]),
            (
                "/choices/0/options/0",
                json!("conv5"),
                &["choices[0].options[0]: found \"conv5\", expected the name"],
            ),
            (
                "/choices/0/options/0",
                json!("conv3"),
                &["choices[0].options[1]: found \"conv3\" again"],
            ),
            (
                "/choices/0/options/0",
                json!("one"),
                &["choices[0].edges[0]: found the option \"one\", expected one with \"layers\""],
            ),
            (
                "/choices/1/options/0",
                json!("skip"),
                &["choices[1].edges[0]: found the option \"skip\"", "a \"value\" of 1 to 4096"],
            ),
            (
                "/choices/0/edges/1",
                json!("c"),
                &["macros.net.body[1].choice: found \"blocks.b\", expected a choice of a group"],
            ),
            ("/choices/0/edges/1", json!("a"), &["choices[0].edges[1]: found \"a\" again"]),
            ("/choices/1/name", json!("blocks"), &["choices[1].name: found \"blocks\" again"]),
            (
                "/choices/2/edges",
                json!(["last", "more"]),
                &["choices[2].edges[1]: found \"more\", which no macro"],
            ),
            (
                "/operations/3/value",
                json!(1),
                &["found the option \"two\", whose value another option has"],
            ),
            (
                "/operations/3/value",
                json!(5000),
                &[
                    "choices[1].edges[0]: found the option \"two\", expected one with a \"value\" of 1 to 4096",
                ],
            ),
            // Structures.
            ("/macros", json!({}), &["macros: found 0, expected 1 to 16"]),
            ("/macros/net/body", json!([]), &["macros.net.body: found 0, expected 1 to 256"]),
            ("/macros/net/body/0", json!({}), &["macros.net.body[0]: found none or several"]),
            ("/macros/net/body/0/cell", json!("x"), &["macros.net.body[0]: found none or several"]),
            (
                "/macros/net/body/0",
                json!({"cell": "x"}),
                &["macros.net.body[0].cell: found \"x\", expected the name of a cell"],
            ),
            (
                "/macros/net/body/0/channels",
                json!("width.none"),
                &["macros.net.body[0].channels: found \"width.none\""],
            ),
            (
                "/macros/net/body/0/channels",
                json!("depth.last"),
                &["found \"depth.last\", which another place uses for something else"],
            ),
            ("/macros/net/body/0/channels", json!(0), &["macros.net.body[0].channels: found 0"]),
            (
                "/macros/net/body/1/repeat",
                json!(65),
                &["macros.net.body[1].repeat: found 65, expected 1 to 64"],
            ),
            ("/macros/net/body/0/stride", json!(9), &["macros.net.body[0].stride: found 9"]),
            ("/macros/net/divisible_by", json!(0), &["macros.net.divisible_by: found 0"]),
            ("/macros/net/stem/0/name", json!(""), &["macros.net.stem[0].name: found \"\""]),
            ("/networks/ntk/macro", json!("ent"), &["networks.ntk.macro: found \"ent\""]),
            ("/networks/ntk/channels", json!(0), &["networks.ntk.channels: found 0"]),
            ("/networks/ntk/image", json!(32), &["networks.ntk.image: found a size"]),
            (
                "/networks/training/image",
                json!(2),
                &["networks.training.image: found 2, expected 3 to 1024"],
            ),
            ("/networks/training", Value::Null, &["networks.training: found null"]),
            ("/networks/test", json!(1), &["networks.test: found the key `test`"]),
            ("/stages", json!([]), &["stages: found 0"]),
            (
                "/stages",
                json!(["operations", "operations"]),
                &["stages[1]: found \"operations\" again"],
            ),
            (
                "/stages",
                json!([{"edges": {"cell": "x", "node": 1, "keep": 1}}]),
                &["stages[0]: found another stage"],
            ),
            (
                "/preset",
                json!({"batch_size": 1, "prune_per_edge": 1}),
                &["preset.batch_size: found 1, expected 2 to 1024"],
            ),
            (
                "/presets",
                json!({"cifar10": {"batch_size": 8, "prune_per_edge": 17}}),
                &["presets.cifar10.prune_per_edge: found 17"],
            ),
            // What does not fit shows when the networks are built.
            (
                "/macros/net/body/0/channels",
                json!(3),
                &["networks.ntk: cells.0.skip: found", "channels behind skip, expected 6"],
            ),
            (
                "/macros/net/body/1/stride",
                json!(2),
                &["networks.ntk: cells.1", "found a stride of 1 in skip, expected 2"],
            ),
            (
                "/operations/1/layers/0",
                json!({"conv": {"kernel": 3, "channels": {"of": "in", "divide": 4096}}}),
                &["networks.ntk: cells.0.conv3.0: found a convolution to 0 channels"],
            ),
            (
                "/operations/1/layers/0",
                json!({"conv": {"kernel": 15, "padding": 0}}),
                &["networks.ntk: cells.0: found a sum of 2 x 18 x 18 and 2 x 32 x 32"],
            ),
        ],
    );
}

#[test]
fn wrong_cells_are_refused_by_place() {
    let base: Value = serde_json::from_str(SpaceKind::Darts.json()).unwrap();
    let listed = |edges: Value| json!({ "listed": edges });
    check(
        &base,
        &[
            (
                "/operations/1",
                json!({"name": "zero", "zero": true}),
                &["operations: found more than one that is zero"],
            ),
            ("/cells/0/nodes", json!(65), &["cells[0].nodes: found 65, expected 1 to 64"]),
            ("/cells/0/inputs", json!(3), &["cells[0].inputs: found 3, expected 1 to 2"]),
            ("/cells/1/name", json!("normal"), &["cells[1].name: found \"normal\" again"]),
            ("/cells/0/output", json!("mean"), &["cells[0].output: found `mean`"]),
            (
                "/cells/0/options",
                json!(["sep_conv_9x9"]),
                &["cells[0].options[0]: found \"sep_conv_9x9\""],
            ),
            (
                "/cells/0/path",
                json!("op"),
                &["cells[0].path: found \"op\", expected a text with {edge}"],
            ),
            (
                "/cells/0/preprocess",
                json!([{"layers": []}]),
                &["cells[0].preprocess: found 1 recipes, expected none or one for each of 2"],
            ),
            ("/cells/0/edges", listed(json!([])), &["cells[0].edges.listed: found 0"]),
            (
                "/cells/0/edges",
                listed(json!([{"from": 2, "to": 0}])),
                &[
                    "cells[0].edges.listed[0].from: found 2, expected a state before node 0, below 2",
                ],
            ),
            (
                "/cells/0/edges",
                listed(json!([{"from": 0, "to": 4}])),
                &["cells[0].edges.listed[0].to: found 4, expected 0 to 3"],
            ),
            (
                "/cells/0/edges",
                listed(json!([{"from": 0, "to": 1}, {"from": 0, "to": 0}])),
                &["listed[1]: found an edge into an earlier node"],
            ),
            (
                "/cells/0/edges",
                listed(json!([{"from": 0, "to": 0}, {"from": 0, "to": 0}])),
                &["listed[1]: found 0<-0 again"],
            ),
            (
                "/cells/0/edges",
                listed(json!([{"from": 0, "to": 0}])),
                &["cells[0].edges: found no edge into node 1"],
            ),
            ("/cells/0/edges", json!("some"), &["cells[0].edges: found `some`"]),
            ("/stages/1/edges/cell", json!("x"), &["stages[1].edges.cell: found \"x\""]),
            ("/stages/1/edges/node", json!(9), &["stages[1].edges.node: found 9, expected a node"]),
            ("/stages/1/edges/keep", json!(4), &["stages[1].edges.keep: found 4, expected 1 to 3"]),
            ("/stages/2/edges/node", json!(1), &["stages[2].edges: found a node again"]),
            ("/stages/2/edges/keep", json!(3), &["stages[2].edges.keep: found 3, expected 2"]),
            (
                "/stages",
                json!(["operations", {"edges": {"cell": "normal", "node": 2, "keep": 2}}]),
                &[
                    "stages: found no stage for the 3 edges into node 1 of the normal cell, which keeps 2",
                ],
            ),
            ("/cells/0/preprocess/0/layers", json!([]), &["networks.", "channels"]),
        ],
    );
}

#[test]
fn hostile_files_are_refused_before_they_take_the_machine() {
    assert!(refused(&" ".repeat((1 << 20) + 1)).contains("expected at most 1048576"));
    assert!(refused(&"[".repeat(100_000)).contains("recursion limit"));
    assert!(refused("{").contains("EOF"));
    assert!(refused("[]").contains("space: "));
    assert!(refused("{} {}").contains("space: "));
    let mut twice = chain().to_string();
    twice.insert_str(1, "\"name\": \"other\",");
    assert!(refused(&twice).contains("found twice the key `name`"));
    let trailing = chain().to_string() + " x";
    assert!(refused(&trailing).contains("trailing characters"));

    // Layers inside each other.
    let mut deep = json!("relu");
    for _ in 0..9 {
        deep = json!({"sequence": {"layers": [deep]}});
    }
    let mut file = chain();
    file["operations"][1]["layers"] = json!([deep]);
    assert!(refused(&file.to_string()).contains("found more than 8 layers inside each other"));
    file["operations"][1]["layers"] = json!(vec!["relu"; 65]);
    assert!(refused(&file.to_string()).contains("found more than 64 layers of one recipe"));

    // Within all bounds, and yet too large: nodes, channels, sizes.
    let mut file: Value = serde_json::from_str(SpaceKind::Darts.json()).unwrap();
    for cell in [0, 1] {
        file["cells"][cell]["nodes"] = json!(31);
    }
    let stages: Vec<Value> = std::iter::once(json!("operations"))
        .chain(["normal", "reduction"].iter().flat_map(|cell| {
            (1..31).map(move |node| json!({"edges": {"cell": cell, "node": node, "keep": 2}}))
        }))
        .collect();
    file["stages"] = json!(stages);
    file["text"] = json!("generic");
    assert!(refused(&file.to_string()).contains("found 1054, expected 1 to 1024"));
    let mut many = chain();
    many["macros"]["net"]["body"] = json!(vec![json!({"choice": "blocks.a", "repeat": 64}); 256]);
    many["operations"][1]["layers"] = json!(vec![json!({"conv": {"kernel": 1}}); 64]);
    many["choices"] = json!([chain()["choices"][0].clone()]);
    many["choices"][0]["edges"] = json!(["a"]);
    many["choices"][0]["options"] = json!(["conv3"]);
    many["macros"]["net"]["stem"] = json!([]);
    let message = refused(&many.to_string());
    assert!(message.contains("found a network of more than 65536 nodes"), "{message}");
    let mut wide = chain();
    wide["networks"]["training"]["channels"] = json!(4096);
    wide["networks"]["training"]["image"] = json!(1024);
    let message = refused(&wide.to_string());
    assert!(
        message.contains("networks.training") && message.contains("found a tensor of"),
        "{message}"
    );
    wide["networks"]["training"]["image"] = json!(3);
    wide["operations"][3]["value"] = json!(64);
    let message = refused(&wide.to_string());
    assert!(message.contains("networks.training: "), "{message}");
    assert!(message.contains("parameters"), "{message}");
}

/// The schema takes the files that ship, and refuses what the table above has for it to see.
#[test]
fn the_schema_agrees() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = python::path_of(&["pytorch"], "scripts/setup-pytorch.sh");
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<_> =
        fs::read_dir(root.join("spaces")).unwrap().map(|f| f.unwrap().path()).collect();
    let mut write = |name: &str, file: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, file.to_string()).unwrap();
        files.push(path);
    };
    write("chain.json", &chain());
    // What the library writes is by the schema, too.
    for kind in SpaceKind::ALL {
        write(&format!("{kind:?}.json"), &kind.space().to_json());
    }
    for (i, (place, value)) in [
        ("/format", json!("png")),
        ("/version", json!(2)),
        ("/name", json!("a b")),
        ("/nmae", json!("x")),
        ("/text", json!("xml")),
        ("/operations", json!([])),
        ("/operations/1/value", json!(1)),
        ("/operations/2/strided", json!([])),
        ("/operations/1/layers/0", json!("conv")),
        ("/operations/1/layers/0", json!({})),
        ("/operations/1/layers/0/conv/kernel", json!(17)),
        ("/operations/1/layers/0/conv/stride", json!("x")),
        ("/operations/1/layers/0/conv/channels", json!("all")),
        ("/choices/0/options", json!([])),
        ("/macros/net/body/0", json!({})),
        ("/macros/net/body/0/channels", json!(0)),
        ("/networks/ntk/channels", json!(0)),
        ("/networks/training/image", json!(2)),
        ("/stages", json!([])),
        ("/preset", json!({"batch_size": 1, "prune_per_edge": 1})),
    ]
    .iter()
    .enumerate()
    {
        let mut file = chain();
        match file.pointer_mut(place) {
            Some(target) => *target = value.clone(),
            None => {
                let (parent, key) = place.rsplit_once('/').unwrap();
                file.pointer_mut(parent).unwrap()[key] = value.clone();
            }
        }
        refused(&file.to_string());
        write(&format!("bad-schema-{i}.json"), &file);
    }
    let output = Command::new("python3")
        .arg(root.join("tests/python/check_schema.py"))
        .args(&files)
        .env("PYTHONPATH", packages)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}
