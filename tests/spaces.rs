//! Spaces from files: those that ship, searched; their sizes as published; texts, numbers,
//! mutations, isomorphism; finite checks of files that are wrong.

use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tenas::network::Training;
use tenas::random::{Key, Purpose, Stream};
use tenas::space::Choice;
use tenas::{
    Config, Context, Dataset, DatasetKind, DeviceKind, Error, Genotype, GenotypeFormat, Mask,
    Space, SpaceKind, Supernet, indicators,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spaces")
}

/// Every file that ships.
fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 5);
    files
}

fn open(name: &str) -> Supernet {
    Supernet::open(&folder().join(format!("{name}.json"))).unwrap()
}

fn stream(seed: u64) -> Stream {
    let purpose = Purpose::Genotypes;
    Key { seed, purpose, round: 0, candidate: 0, repeat: 0 }.stream(0)
}

fn noise(side: usize) -> Dataset {
    let mut stream = stream(7);
    let bytes: Vec<u8> = (0..6 * 3 * side * side).map(|_| stream.below(256) as u8).collect();
    Dataset::from_images(&bytes, 6, [3, side, side], None, 3).unwrap()
}

fn config(supernet: Supernet, threads: u32) -> Config {
    let mut config = Config::for_supernet(Arc::new(supernet), DatasetKind::Custom);
    config.set_device(DeviceKind::Cpu, 0).unwrap();
    config.set_batch_size(4).unwrap();
    config.set_repeats(1).unwrap();
    config.set_prune_per_edge(16).unwrap();
    config.set_threads(threads).unwrap();
    config
}

fn watch(_: &tenas::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

// ---- Files that ship -------------------------------------------------------------------------

#[test]
fn built_in_spaces_are_files_like_others() {
    for file in files() {
        let supernet = Supernet::open(&file).unwrap();
        let space = &supernet.space;
        assert_eq!(file.file_stem().unwrap().to_str().unwrap(), space.name);
        // Written and read back, with its description or without.
        let again = Space::from_json(&space.to_json().to_string()).unwrap();
        assert_eq!((again.digest(), &again), (space.digest(), space));
        assert_eq!(again.to_json(), space.to_json());
        let mut other = space.to_json();
        other["description"] = json!("another");
        assert_eq!(Space::from_json(&other.to_string()).unwrap(), *space);
        other["preset"] = json!({"batch_size": 9, "prune_per_edge": 1});
        assert_ne!(Space::from_json(&other.to_string()).unwrap(), *space);
        let built_in = SpaceKind::ALL.into_iter().find(|kind| kind.space().name == space.name);
        assert_eq!(SpaceKind::of(space), built_in);
    }
}

/// A search of each, from its file, to its end: the same on one thread and on two, and resumed.
#[test]
fn every_space_is_searched() {
    let dataset = noise(8);
    for file in files() {
        let supernet = || Supernet::open(&file).unwrap();
        let run = |threads| {
            let mut search = Context::new(&config(supernet(), threads), &dataset).unwrap();
            search.run(&mut watch).unwrap();
            search
        };
        let (one, two) = (run(1), run(2));
        assert_eq!(one.records(), two.records(), "{}", file.display());
        assert_eq!(one.mask(), two.mask());
        let genotype = one.genotype().unwrap();
        for format in [GenotypeFormat::Native, GenotypeFormat::Json] {
            let text = genotype.to_text(format);
            let parsed = Genotype::parse(genotype.space(), &text).unwrap();
            assert_eq!(parsed.to_text(format), text);
            assert!(parsed.is_isomorphic(&genotype));
        }
        // A checkpoint holds the space.
        let mut search = Context::new(&config(supernet(), 2), &dataset).unwrap();
        search.evaluate(0..2, &mut watch).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("search.json");
        search.save(&path).unwrap();
        let mut search = Context::load(&path, &dataset, None).unwrap();
        assert_eq!(search.config().supernet().space, genotype.space().clone());
        search.run(&mut watch).unwrap();
        assert_eq!(search.records(), one.records());
        // And indicators of finished architectures.
        let mut stream = stream(1);
        let sampled: Vec<Genotype> =
            (0..3).map(|_| Genotype::sample(genotype.space(), &mut stream).unwrap()).collect();
        let found = indicators(&config(supernet(), 1), &dataset, &sampled, &mut watch).unwrap();
        let again =
            indicators(&config(supernet(), 2), &dataset, &sampled[1..], &mut watch).unwrap();
        for (a, b) in found[1..].iter().zip(&again) {
            assert_eq!((a.ntk, a.regions, a.naswot, a.cost), (b.ntk, b.regions, b.naswot, b.cost));
        }
    }
}

fn cost(supernet: &Supernet, text: &str, side: usize, classes: usize) -> tenas::Cost {
    let genotype = Genotype::parse(&supernet.space, text).unwrap();
    let training = Training { dataset: "custom", input: [3, side, side], classes };
    supernet.training_network(genotype.mask(), &training).unwrap().cost()
}

/// Parameters as the benchmark's files have them; multiply-adds counted layer by layer.
#[test]
fn sizes_of_the_size_space_are_the_published_ones() {
    let supernet = open("nats-bench-size");
    let size = |channels: [usize; 5]| {
        let text =
            format!("nats-bench-size[channels: {}]", channels.map(|c| c.to_string()).join(", "));
        cost(&supernet, &text, 32, 10)
    };
    for (channels, parameters) in
        [([64; 5], 713_674), ([8; 5], 11_714), ([8, 8, 16, 40, 40], 107_826)]
    {
        assert_eq!(size(channels).parameters, parameters, "{channels:?}");
    }
    let cell = |side: u64| 5 * 64 * 64 * 9 * side * side;
    let block = |side: u64| (2 * 64 * 64 * 9 + 64 * 64) * side * side;
    let stem = 3 * 64 * 9 * 32 * 32;
    let all = stem + cell(32) + block(16) + cell(16) + block(8) + cell(8) + 64 * 10 + 10;
    assert_eq!(size([64; 5]).multiply_adds, all);
    assert_eq!(supernet.space.size(), Some(32_768));
}

/// About 3.5 M parameters and 300 M multiply-adds, as published; exactly those of torchvision's model.
#[test]
fn the_chain_of_six_fold_blocks_is_mobilenet_v2() {
    let supernet = open("mobilenet-v2");
    let all = |n| vec!["k3_e6"; n].join(", ");
    let text = format!("mobilenet-v2[first: {}; more: {}]", all(6), all(10));
    let found = cost(&supernet, &text, 32, 1000);
    assert_eq!(found.parameters, 3_504_872);
    assert!((298_000_000..303_000_000).contains(&found.multiply_adds), "{found:?}");
}

#[test]
fn transnas_has_the_published_cell() {
    let supernet = open("transnas-bench-101-micro");
    assert_eq!(supernet.space.size(), Some(4096));
    let text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+\
                |nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
    let found = cost(&supernet, text, 256, 75);
    // Counted by hand: stem, two cells a module of which the first may change channels, linear layer.
    let conv = |from: u64, to: u64| from * to * 9 + 2 * to;
    let cell = |from, to| 3 * conv(from, to) + 3 * conv(to, to);
    let modules = [(64, 128), (128, 128), (128, 256), (256, 256), (256, 512)];
    let cells: u64 = modules.iter().map(|(from, to)| cell(*from, *to) + cell(*to, *to)).sum();
    assert_eq!(found.parameters, conv(3, 32) + conv(32, 64) + cells + 512 * 75 + 75);
}

/// The space of docs/SPACES.md: twenty lines, searched.
#[test]
fn the_documented_space_is_searched() {
    let page = include_str!("../docs/SPACES.md");
    let text = page.split_once("```json\n").unwrap().1.split_once("```").unwrap().0;
    assert!(text.lines().count() <= 20);
    let supernet = Supernet::from_json(text).unwrap();
    assert_eq!(supernet.space.size(), Some(54));
    let mut search = Context::new(&config(supernet, 2), &noise(8)).unwrap();
    search.run(&mut watch).unwrap();
    let found = search.genotype().unwrap().to_text(GenotypeFormat::Native);
    assert!(found.starts_with("mine[blocks: ") && found.contains("; channels: "), "{found}");
    // Names of parameters, as the page says.
    let space = &search.config().supernet().space;
    let supernet = search.config().supernet();
    let graph = supernet.ntk_network(&Mask::full(space), [3, 8, 8], 2).unwrap();
    let has = |name: &str| graph.parameters.iter().any(|p| p.name == name);
    assert!(has("cells.0.conv3.1.wide.weight") && has("cells.0.conv3.1.narrow.weight"));
}

/// A number of repetitions: the network of each option, and the average of their outputs.
#[test]
fn repetitions_are_a_choice() {
    let text = r#"{
        "format": "tenas space", "version": 1, "name": "deep",
        "operations": [{"name": "none_at_all", "value": 0}, {"name": "one", "value": 1}, {"name": "three", "value": 3}],
        "choices": [{"name": "depth", "options": ["none_at_all", "one", "three"], "edges": ["stage"]}],
        "macros": {"net": {
            "stem": [{"layers": [{"conv": {"kernel": 3}}, "batch_norm"]}],
            "body": [{"repeat": "depth.stage", "layers": ["relu", {"conv": {"kernel": 3}}, "batch_norm"]}]
        }},
        "networks": {"ntk": {"macro": "net", "channels": 2}, "training": {"macro": "net", "channels": 4}}
    }"#;
    let supernet = Supernet::from_json(text).unwrap();
    let parameters = |index| {
        let genotype = Genotype::at(&supernet.space, index).unwrap();
        let training = Training { dataset: "custom", input: [3, 8, 8], classes: 2 };
        supernet.training_network(genotype.mask(), &training).unwrap().cost().parameters
    };
    let block = 4 * 4 * 9 + 8;
    let [zero, one, three] = [0, 1, 2].map(parameters);
    assert_eq!([one - zero, three - zero], [block, 3 * block]);
    let mut search = Context::new(&config(supernet, 1), &noise(8)).unwrap();
    search.run(&mut watch).unwrap();
    assert!(search.genotype().unwrap().index().is_some());
}

// ---- Texts, numbers, mutations, isomorphism --------------------------------------------------

#[test]
fn architectures_survive_texts_and_numbers() {
    for file in files() {
        let space = &Supernet::open(&file).unwrap().space;
        let mut stream = stream(3);
        let mut seen = HashSet::new();
        for _ in 0..200 {
            let genotype = Genotype::sample(space, &mut stream).unwrap();
            for format in [GenotypeFormat::Native, GenotypeFormat::Json] {
                let text = genotype.to_text(format);
                let parsed = Genotype::parse(space, &text).unwrap();
                assert_eq!(parsed.mask(), genotype.mask(), "{text}");
            }
            let index = genotype.index().unwrap();
            assert_eq!(Genotype::at(space, index).unwrap().mask(), genotype.mask());
            let indices: Vec<usize> = genotype
                .operations()
                .unwrap()
                .into_iter()
                .map(|o| o.unwrap_or(Genotype::ABSENT))
                .collect();
            let again = Genotype::from_operations(space, &indices).unwrap();
            assert_eq!(again.mask(), genotype.mask());
            seen.insert(index);
        }
        assert!(seen.len() > 150, "{}", seen.len());
        // The first and the last.
        let size = space.size().unwrap();
        for index in [0, size - 1] {
            assert_eq!(Genotype::at(space, index).unwrap().index(), Some(index));
        }
        assert!(Genotype::at(space, size).is_err());
    }
}

#[test]
fn mutations_are_one_decision_away() {
    for file in files() {
        let space = &Supernet::open(&file).unwrap().space;
        let genotype = Genotype::sample(space, &mut stream(9)).unwrap();
        let mut seen = HashSet::new();
        for seed in 0..400 {
            let mutant = genotype.mutate(&mut stream(seed)).unwrap();
            assert_eq!(mutant.mask(), genotype.mutate(&mut stream(seed)).unwrap().mask());
            assert!(mutant.index().is_some());
            let differ = genotype
                .operations()
                .iter()
                .zip(mutant.operations())
                .filter(|(a, b)| **a != *b)
                .count();
            // Two where one edge goes and another comes.
            let most = if space.name == "darts" { 2 } else { 1 };
            assert!((1..=most).contains(&differ), "{differ}");
            seen.insert(mutant.index());
        }
        // Most of the neighbours turn up; there is none that is the architecture itself.
        assert!(!seen.contains(&genotype.index()));
        assert!(seen.len() > 10, "{}", seen.len());
    }
}

#[test]
fn all_neighbours_are_as_likely() {
    let space = &open("nats-bench-size").space;
    let genotype = Genotype::at(space, 4242).unwrap();
    let mut counts = std::collections::HashMap::new();
    for seed in 0..3500 {
        *counts.entry(genotype.mutate(&mut stream(seed)).unwrap().index()).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 5 * 7);
    // 100 each: five deviations.
    assert!(counts.values().all(|n| (50..150).contains(n)), "{counts:?}");
}

#[test]
fn isomorphic_architectures_are_found() {
    // Which block of a stage is skipped does not matter, but which stage it is in does.
    let space = &open("mobilenet-v2").space;
    let chain = |more: [&str; 10]| {
        let text =
            format!("mobilenet-v2[first: {}; more: {}]", ["k3_e3"; 6].join(", "), more.join(", "));
        Genotype::parse(space, &text).unwrap()
    };
    // stage_2_2; stage_3_2, stage_3_3; stage_4_2, ...
    let mut blocks = ["k3_e6"; 10];
    (blocks[1], blocks[2]) = ("skip", "k7_e3");
    let first = chain(blocks);
    (blocks[1], blocks[2]) = ("k7_e3", "skip");
    assert!(first.is_isomorphic(&chain(blocks)));
    (blocks[0], blocks[1], blocks[2]) = ("skip", "k7_e3", "k3_e6");
    assert!(!first.is_isomorphic(&chain(blocks)));

    // NAS-Bench-201's cell with a generic text: zeros are dropped from sums, which leaves the 5,390
    // classes of functions where the benchmark's rule finds 6,466.
    let mut file: Value = serde_json::from_str(SpaceKind::NasBench201.json()).unwrap();
    file["text"] = json!("generic");
    let space = Space::from_json(&file.to_string()).unwrap();
    let classes = |space: &Space| {
        let all = (0..15_625).map(|i| Genotype::at(space, i).unwrap().canonical());
        all.collect::<HashSet<_>>().len()
    };
    assert_eq!(classes(&space), 5390);
    assert_eq!(classes(&SpaceKind::NasBench201.space()), 6466);
}

#[test]
fn spaces_of_one_name_never_mix() {
    let mut file: Value = serde_json::from_str(SpaceKind::NasBench201.json()).unwrap();
    file["operations"][3]["layers"][0]["sequence"]["layers"][1]["conv"]["kernel"] = json!(5);
    let other = Supernet::from_json(&file.to_string()).unwrap();
    let own = Supernet::of(SpaceKind::NasBench201);
    let genotype = Genotype::at(&own.space, 99).unwrap();
    assert!(!genotype.is_isomorphic(&Genotype::at(&other.space, 99).unwrap()));
    let dataset = noise(8);
    match indicators(&config(other.clone(), 1), &dataset, &[genotype], &mut watch) {
        Err(Error::InvalidArgument(text)) => {
            assert!(text.contains("genotype 0: found one of nas-bench-201 (digest "), "{text}");
        }
        result => panic!("{result:?}"),
    }
    // Scores of the one are none of the other.
    let mut a = Context::new(&config(own, 1), &dataset).unwrap();
    let mut b = Context::new(&config(other, 1), &dataset).unwrap();
    let scores = a.evaluate(0..24, &mut watch).unwrap();
    match b.apply(&scores) {
        Err(Error::InvalidArgument(text)) => assert!(text.contains("scores[0].digest"), "{text}"),
        result => panic!("{result:?}"),
    }
    // A configuration goes by the content of its space.
    let json = b.config().to_json();
    assert!(json["space"].is_object());
    assert_eq!(Config::from_json(&json).unwrap().supernet().space, b.config().supernet().space);
    assert_eq!(a.config().to_json()["space"], "nas-bench-201");
}

#[test]
fn edges_take_what_they_offer_only() {
    let space = &open("mobilenet-v2").space;
    let skip = space.operations.iter().position(|o| o == "skip").unwrap();
    let refused = |result: Result<(), Error>, words: &str| match result {
        Err(Error::InvalidArgument(text) | Error::Format(text)) => {
            assert!(text.contains(words), "{text:?} does not contain {words:?}");
        }
        other => panic!("{other:?}"),
    };
    let mut flat: Vec<u8> =
        Mask::full(space).nested().iter().flatten().flatten().map(|a| u8::from(*a)).collect();
    flat[space.slot(Choice { cell: 0, edge: 2, operation: skip })] = 1;
    refused(
        Mask::from_flat(space, &flat).map(drop),
        "found skip on edge stage_4 of the first cell",
    );
    let mut indices = [1; 16];
    indices[3] = skip;
    refused(
        Genotype::from_operations(space, &indices).map(drop),
        "operation of edge stage_5 of the first cell: found skip, expected one of k3_e3",
    );
    let text = "mobilenet-v2[first: skip, ";
    refused(
        Genotype::parse(space, text).map(drop),
        "an operation of edge stage_2 of the first cell",
    );
}
