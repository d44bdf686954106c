//! A third space: search, indicators and engines know no space.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;
use tenas::compute::{self, Engine};
use tenas::{
    Config, Context, Dataset, DatasetKind, Error, Genotype, GenotypeFormat, Space, Supernet,
};

/// Two nodes after the input: 1 reads 0; 2 reads 0 and 1, and keeps one of the two in the end.
/// There is no operation `none`, and no built-in space has these operations.
const TOY: &str = r#"{
    "format": "tenas space", "version": 1, "name": "toy",
    "operations": [
        {"name": "identity", "layers": []},
        {"name": "blur", "layers": [{"avg_pool": {"kernel": 3}}]},
        {"name": "squeeze", "layers": [
            {"concat": {"name": "", "branches": [
                {"sequence": {"name": "a", "layers": [
                    "relu", {"conv": {"kernel": 1, "channels": 1}}, "batch_norm"]}},
                {"max_pool": {"kernel": 3}}
            ]}},
            {"sequence": {"name": "b", "layers": ["relu", {"conv": {"kernel": 3}}, "batch_norm"]}}
        ]},
        {"name": "grow", "layers": [
            "relu",
            {"conv": {"name": "wide", "kernel": 3, "dilation": 2, "channels": {"of": "in", "times": 2}}},
            {"batch_norm": {"name": "norm"}},
            {"sequence": {"name": "narrow", "layers": ["relu", {"conv": {"kernel": 1}}, "batch_norm"]}}
        ]}
    ],
    "cells": [{"name": "only", "nodes": 2, "edges": {"listed": [
        {"from": 0, "to": 1}, {"from": 0, "to": 2}, {"from": 1, "to": 2}]}}],
    "macros": {"blocks": {
        "stem": [{"layers": [{"conv": {"kernel": 3}}, "batch_norm"]}],
        "body": [{"cell": "only", "repeat": "cells"}],
        "head": {"layers": ["batch_norm", "relu"]},
        "path": "blocks"
    }},
    "networks": {
        "ntk": {"macro": "blocks", "channels": 2},
        "thin": {"macro": "blocks", "channels": 1, "stem": false},
        "training": {"macro": "blocks", "channels": 4, "cells": 2}
    },
    "stages": ["operations", {"edges": {"cell": "only", "node": 2, "keep": 1}}],
    "preset": {"batch_size": 6, "prune_per_edge": 2}
}"#;

fn toy() -> Space {
    Space::from_json(TOY).unwrap()
}

fn search(engine: Box<dyn Engine>) -> Context {
    let supernet = Supernet::from_json(TOY).unwrap();
    let mut config = Config::for_supernet(Arc::new(supernet), DatasetKind::Custom);
    assert_eq!([config.batch_size(), config.prune_per_edge()], [6, 2]);
    config.set_seed(11);
    let bytes: Vec<u8> = (0..9 * 2 * 35u32).map(|i| (i * i * 7919 % 65_521 % 256) as u8).collect();
    let dataset = Dataset::from_images(&bytes, 9, [2, 5, 7], None, 3).unwrap();
    let mut context = Context::with_engine(&config, &dataset, engine).unwrap();
    let mut seen = Vec::new();
    context
        .run(&mut |p| {
            seen.push((p.round, p.rounds, p.candidate, p.candidates));
            ControlFlow::Continue(())
        })
        .unwrap();
    // Two rounds of operations, 4 on 3 edges and then 2; one of edges.
    let round =
        |round: u32, candidates: u32| (1..=candidates).map(move |c| (round, 3, c, candidates));
    assert!(seen.into_iter().eq(round(0, 12).chain(round(1, 6)).chain(round(2, 2))));
    context
}

#[test]
fn a_toy_space_is_searched_to_its_end() {
    let context = search(compute::native(2).unwrap());
    let space = &toy();
    // One operation on the first edge, and on one of the two others.
    let active: Vec<usize> = (0..3).map(|e| context.mask().active_on(0, e)).collect();
    assert!(active == [1, 1, 0] || active == [1, 0, 1], "{active:?}");
    let pruned = context.records().iter().filter(|r| r.pruned);
    assert_eq!(pruned.count(), 3 * 2 + 3 + 1);

    let genotype = context.genotype().unwrap();
    let text = genotype.to_text(GenotypeFormat::Native);
    assert_eq!(Genotype::parse(space, &text).unwrap().mask(), context.mask(), "{text}");
    let value: Value = serde_json::from_str(&genotype.to_text(GenotypeFormat::Json)).unwrap();
    let edges = value["cells"]["only"].as_object().unwrap();
    assert_eq!(edges.values().filter(|v| v.is_string()).count(), 2);
    assert_eq!(Genotype::parse(space, &value.to_string()).unwrap().mask(), context.mask());
    match Genotype::parse(space, "toy[only: blur, sharpen, -]") {
        Err(Error::Format(message)) => {
            for part in ["byte 16", "sharpen", "an operation of toy (identity, blur"] {
                assert!(message.contains(part), "{message:?} does not contain {part:?}");
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn engines_agree_on_a_toy_space() {
    let native = search(compute::native(1).unwrap());
    let again = search(compute::native(3).unwrap());
    assert_eq!(native.records(), again.records());
    let reference = search(compute::reference(2).unwrap());
    // The first round is the same supernet, whatever rounding makes of the next.
    let mut scores = Vec::new();
    for (n, r) in native.records()[..12].iter().zip(&reference.records()[..12]) {
        assert_eq!(n.score.choice, r.score.choice);
        for (n, r) in [
            (n.score.ntk_now, r.score.ntk_now),
            (n.score.ntk_without, r.score.ntk_without),
            (n.score.regions_now, r.score.regions_now),
            (n.score.regions_without, r.score.regions_without),
        ] {
            assert!((n - r).abs() <= 2e-3 * r, "{n} {r}");
        }
        scores.push(n.score.ntk_without);
    }
    // Each candidate is a network of its own.
    scores.sort_by(f64::total_cmp);
    scores.dedup();
    assert_eq!(scores.len(), 12);
}
