//! Genotypes as things: numbers, operation indices, samples, isomorphism.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use tenas::random::{Key, Purpose, Stream};
use tenas::{Error, Genotype, GenotypeFormat, Space, SpaceKind};

const SPACES: [SpaceKind; 2] = [SpaceKind::NasBench201, SpaceKind::Darts];

fn stream(seed: u64) -> Stream {
    Key { seed, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 }.stream(0)
}

fn native(genotype: &Genotype) -> String {
    genotype.to_text(GenotypeFormat::Native)
}

fn indices(genotype: &Genotype) -> Vec<usize> {
    genotype
        .operations()
        .expect("one an edge")
        .into_iter()
        .map(|o| o.expect("both spaces have none"))
        .collect()
}

/// Every architecture of NAS-Bench-201, in order.
fn all() -> (Space, Vec<Genotype>) {
    let space = SpaceKind::NasBench201.space();
    let genotypes = (0..space.size().unwrap()).map(|i| Genotype::at(&space, i).unwrap()).collect();
    (space, genotypes)
}

#[test]
fn spaces_have_their_published_sizes() {
    assert_eq!(SpaceKind::NasBench201.space().size(), Some(15_625));
    // A cell: steps of 1, 3, 6 and 10 pairs of edges, 7 operations on each of 8 edges.
    let cell = 3 * 6 * 10 * 7u64.pow(8);
    assert_eq!(SpaceKind::Darts.space().size(), Some(cell * cell));
}

#[test]
fn nas_bench_201_in_order() {
    let (space, genotypes) = all();
    let mut texts = HashSet::new();
    for (i, genotype) in genotypes.iter().enumerate() {
        assert_eq!(genotype.index(), Some(i as u64));
        // Base 5, the first edge first.
        let digits: Vec<usize> = (0..6).map(|e| i / 5usize.pow(5 - e) % 5).collect();
        assert_eq!(indices(genotype), digits);
        let back = Genotype::from_operations(&space, &digits).unwrap();
        assert_eq!(native(&back), native(genotype));
        texts.insert(native(genotype));
    }
    assert_eq!(texts.len(), 15_625);
    assert_eq!(native(&genotypes[0]), "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|");
    assert_eq!(
        native(&genotypes[5 * 4 + 3]),
        "|none~0|+|none~0|none~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"
    );
    for outside in [15_625, u64::MAX] {
        let refused = Genotype::at(&space, outside).unwrap_err();
        assert!(matches!(&refused, Error::NotFound(m) if m.contains("below 15625")), "{refused}");
    }
}

#[test]
fn nas_bench_201_has_6466_classes() {
    let (space, genotypes) = all();
    let classes: HashSet<String> = genotypes.iter().map(Genotype::canonical).collect();
    assert_eq!(classes.len(), 6_466);
    let parse = |text: &str| Genotype::parse(&space, text).unwrap();
    let a = parse("|skip_connect~0|+|nor_conv_3x3~0|none~1|+|nor_conv_1x1~0|none~1|none~2|");
    let b = parse("|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|nor_conv_1x1~1|none~2|");
    assert!(a.is_isomorphic(&b) && native(&a) != native(&b));
    let c = parse("|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|nor_conv_3x3~1|none~2|");
    assert!(!a.is_isomorphic(&c));
}

#[test]
fn darts_steps_may_change_places() {
    let space = SpaceKind::Darts.space();
    let text = |middle: &str| {
        format!(
            "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), {middle}, \
             ('skip_connect', 0), ('skip_connect', 1)], normal_concat=range(2, 6), \
             reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 0), \
             ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), \
             ('max_pool_3x3', 0), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
        )
    };
    let parse = |middle: &str| Genotype::parse(&space, &text(middle)).unwrap();
    let (p, q) =
        ("('sep_conv_5x5', 0), ('dil_conv_3x3', 1)", "('avg_pool_3x3', 0), ('dil_conv_5x5', 2)");
    let a = parse(&format!("{p}, {q}"));
    let b = parse(&format!("{q}, {p}"));
    assert!(a.is_isomorphic(&a) && a.is_isomorphic(&b));
    assert!(native(&a) != native(&b));
    // A step that reads the moved one follows it.
    let c = parse(&format!("{p}, ('avg_pool_3x3', 0), ('dil_conv_5x5', 3)"));
    assert!(!a.is_isomorphic(&c));
    assert!(!a.is_isomorphic(&Genotype::at(&SpaceKind::NasBench201.space(), 0).unwrap()));
}

#[test]
fn samples_are_uniform_and_follow_the_seed() {
    for kind in SPACES {
        let space = kind.space();
        let draw = |seed| {
            let mut stream = stream(seed);
            let texts = (0..50).map(|_| native(&Genotype::sample(&space, &mut stream).unwrap()));
            texts.collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
    // Chi-squared over operations of each edge and, in DARTS, over which edges are kept.
    let n = 20_000;
    for (kind, operations, edge) in [(SpaceKind::NasBench201, 5, 3), (SpaceKind::Darts, 7, 0)] {
        let space = kind.space();
        let mut stream = stream(7);
        let mut counts: HashMap<usize, usize> = HashMap::new();
        let mut pairs: HashMap<Vec<usize>, usize> = HashMap::new();
        for _ in 0..n {
            let found = indices(&Genotype::sample(&space, &mut stream).unwrap());
            *counts.entry(found[edge]).or_default() += 1;
            if kind == SpaceKind::Darts {
                // Step 3 of the reduction cell.
                let kept = (14 + 9..14 + 14).filter(|e| found[*e] != 0).collect();
                *pairs.entry(kept).or_default() += 1;
            }
        }
        let chi = |counts: Vec<usize>, cells: usize| {
            assert_eq!(counts.len(), cells);
            let expected = n as f64 / cells as f64;
            counts.iter().map(|c| (*c as f64 - expected).powi(2) / expected).sum::<f64>()
        };
        // The 0.9999 quantile of chi-squared with 9 degrees of freedom is 33.7.
        assert!(chi(counts.into_values().collect(), operations) < 33.7);
        if kind == SpaceKind::Darts {
            assert!(chi(pairs.into_values().collect(), 10) < 33.7);
        }
    }
}

#[test]
fn operations_that_are_no_architecture_are_refused() {
    let refused =
        |kind: SpaceKind, operations: &[usize], words: &str| match Genotype::from_operations(
            &kind.space(),
            operations,
        ) {
            Err(Error::InvalidArgument(message)) => assert!(message.contains(words), "{message}"),
            other => panic!("{other:?}"),
        };
    refused(SpaceKind::NasBench201, &[0; 5], "found 5, expected 6");
    refused(SpaceKind::NasBench201, &[0, 0, 5, 0, 0, 0], "edge 2<-1 of the normal cell: found 5");
    refused(SpaceKind::NasBench201, &[usize::MAX; 6], "expected 0 to 4");
    refused(SpaceKind::Darts, &[1; 28], "found 3 edges into node 1 of the normal cell, expected 2");
    refused(SpaceKind::Darts, &[0; 28], "found 0 edges into node 0");
}

#[test]
fn json_is_read_back_and_bad_json_refused() {
    for kind in SPACES {
        let space = kind.space();
        let mut stream = stream(3);
        for _ in 0..200 {
            let genotype = Genotype::sample(&space, &mut stream).unwrap();
            let json = genotype.to_text(GenotypeFormat::Json);
            assert_eq!(native(&Genotype::parse(&space, &json).unwrap()), native(&genotype));
        }
    }
    let nb = |text: &str| Genotype::parse(&SpaceKind::NasBench201.space(), text);
    let architecture = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
    assert!(nb(&format!("{{\"architecture\": \"{architecture}\"}}")).is_ok());
    let good: serde_json::Value = serde_json::from_str(
        &Genotype::at(&SpaceKind::NasBench201.space(), 77).unwrap().to_text(GenotypeFormat::Json),
    )
    .unwrap();
    let mut wrong = good.clone();
    wrong["architecture"] = architecture.into();
    let mut short = good.clone();
    short["edges"].as_array_mut().unwrap().pop();
    let mut twice = good.clone();
    twice["edges"][1] = twice["edges"][0].clone();
    let mut far = good.clone();
    far["edges"][0]["from"] = 3.into();
    let mut unknown = good.clone();
    unknown["edges"][0]["operation"] = "sep_conv_3x3".into();
    let mut number = good.clone();
    number["edges"][0]["operation"] = 3.into();
    let darts: serde_json::Value = serde_json::from_str(
        &Genotype::at(&SpaceKind::Darts.space(), 77).unwrap().to_text(GenotypeFormat::Json),
    )
    .unwrap();
    let mut few = darts.clone();
    few["reduce"].as_array_mut().unwrap().pop();
    let mut later = darts.clone();
    later["normal"][0][1] = 2.into();
    let mut odd = darts.clone();
    odd["normal"][0] = serde_json::json!(["skip_connect"]);
    let mut concat = darts.clone();
    concat["reduce_concat"] = serde_json::json!([2, 3]);
    let mut named = darts.clone();
    named["normal"][0][0] = "nor_conv_3x3".into();
    for (kind, text, words) in [
        (SpaceKind::NasBench201, "{".into(), "byte 0: found \"{\", expected JSON (EOF"),
        (SpaceKind::NasBench201, "{}".into(), "\"architecture\": found nothing"),
        (SpaceKind::NasBench201, "{\"architecture\": 3}".into(), "found 3, expected a text"),
        (SpaceKind::NasBench201, "{\"edges\": 3}".into(), "\"edges\": found 3"),
        (SpaceKind::NasBench201, "{\"architecture\": \"|\"}".into(), "byte 1"),
        (SpaceKind::NasBench201, darts.to_string(), "\"space\": found \"darts\""),
        (SpaceKind::NasBench201, wrong.to_string(), "expected that of \"edges\""),
        (SpaceKind::NasBench201, short.to_string(), "expected a list of 6"),
        (SpaceKind::NasBench201, twice.to_string(), "each edge once"),
        (SpaceKind::NasBench201, far.to_string(), "each edge once"),
        (SpaceKind::NasBench201, unknown.to_string(), "found \"sep_conv_3x3\""),
        (SpaceKind::NasBench201, number.to_string(), "\"operation\": found 3"),
        (SpaceKind::Darts, good.to_string(), "\"space\": found \"nas-bench-201\""),
        (SpaceKind::Darts, "{}".into(), "\"normal\": found nothing, expected a list of 8"),
        (SpaceKind::Darts, few.to_string(), "\"reduce\": found"),
        (SpaceKind::Darts, later.to_string(), "a state below 2"),
        (SpaceKind::Darts, odd.to_string(), "\"normal\": found [\"skip_connect\"]"),
        (SpaceKind::Darts, concat.to_string(), "\"reduce_concat\": found [2,3]"),
        (SpaceKind::Darts, named.to_string(), "found \"nor_conv_3x3\""),
    ] {
        match Genotype::parse(&kind.space(), &text) {
            Err(Error::Format(message)) => assert!(message.contains(words), "{message}: {words}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn darts_numbers_go_there_and_back(index in 0..(180 * 7u64.pow(8)).pow(2)) {
        let space = SpaceKind::Darts.space();
        let genotype = Genotype::at(&space, index).unwrap();
        prop_assert_eq!(genotype.index(), Some(index));
        let parsed = Genotype::parse(&space, &native(&genotype)).unwrap();
        prop_assert_eq!(parsed.index(), Some(index));
        let back = Genotype::from_operations(&space, &indices(&genotype)).unwrap();
        prop_assert_eq!(back.index(), Some(index));
    }
}
