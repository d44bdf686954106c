//! Indicators of finished architectures.

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;

use tenas::compute::{self, Engine};
use tenas::random::{Key, Purpose};
use tenas::search::indicators_with;
use tenas::{
    Config, Context, Dataset, DatasetKind, Error, Genotype, Indicators, Init, Progress, Sampling,
    SpaceKind, Supernet, indicators,
};

/// A small data set: 40 synthetic images of 8 x 8.
fn dataset() -> Dataset {
    let synthetic = Dataset::synthetic(DatasetKind::Cifar10, 5).unwrap();
    let mut bytes = Vec::new();
    let mut image = vec![0; 3 * 32 * 32];
    for i in 0..40 {
        synthetic.read(i, &mut image).unwrap();
        for row in image.chunks_exact(32).enumerate().filter(|(y, _)| y % 32 < 8) {
            bytes.extend_from_slice(&row.1[..8]);
        }
    }
    Dataset::from_images(&bytes, 40, [3, 8, 8], None, 10).unwrap()
}

fn config(kind: SpaceKind) -> Config {
    let mut config = Config::new(kind, DatasetKind::Custom);
    // Equal bits are promised of the native engine; AUTO may be a GPU.
    config.set_device(tenas::DeviceKind::Cpu, 0).unwrap();
    config.set_batch_size(6).unwrap();
    config.set_repeats(2).unwrap();
    config.set_seed(11);
    config.set_threads(2).unwrap();
    config
}

fn sampled(kind: SpaceKind, count: usize) -> Vec<Genotype> {
    let key = Key { seed: 2, purpose: Purpose::Genotypes, round: 0, candidate: 0, repeat: 0 };
    let (space, mut stream) = (kind.space(), key.stream(0));
    (0..count).map(|_| Genotype::sample(&space, &mut stream).unwrap()).collect()
}

fn of(config: &Config, dataset: &Dataset, genotypes: &[Genotype]) -> Vec<Indicators> {
    let mut found = indicators(config, dataset, genotypes, &mut |_| Continue(())).unwrap();
    found.iter_mut().for_each(|i| {
        assert!(i.seconds > 0.0);
        i.seconds = 0.0;
    });
    found
}

#[test]
fn do_not_depend_on_company_order_or_threads() {
    let dataset = dataset();
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let mut config = config(kind);
        let genotypes = sampled(kind, 7);
        let all = of(&config, &dataset, &genotypes);
        let reversed: Vec<Genotype> = genotypes.iter().rev().cloned().collect();
        config.set_threads(1).unwrap();
        let mut again = of(&config, &dataset, &reversed);
        again.reverse();
        assert_eq!(all, again);
        assert_eq!(of(&config, &dataset, &genotypes[3..4]), all[3..4]);
        config.set_sampling(Sampling::Independent);
        config.set_prune_per_edge(2).unwrap();
        assert_eq!(of(&config, &dataset, &genotypes[3..4]), all[3..4]);
        config.set_seed(12);
        assert_ne!(of(&config, &dataset, &genotypes[3..4]), all[3..4]);
        config.set_seed(11);
        config.set_init(Init::TorchDefault);
        assert_ne!(of(&config, &dataset, &genotypes[3..4]), all[3..4]);
    }
}

#[test]
fn every_score_is_finite_and_in_its_range() {
    let dataset = dataset();
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        for indicators in of(&config(kind), &dataset, &sampled(kind, 12)) {
            let Indicators { ntk, regions, naswot, swap, cost, .. } = indicators;
            for score in [ntk, regions, naswot, swap] {
                assert!(score.mean.is_finite() && score.deviation.is_finite());
                assert!(score.deviation >= 0.0);
            }
            assert!((1.0..=f64::from(1 << 24) / 6.0).contains(&ntk.mean));
            assert!((1.0..=3000.0).contains(&regions.mean));
            assert!(naswot.mean >= 0.0 && (1.0..=64.0).contains(&swap.mean));
            assert!(cost.multiply_adds > 0 && cost.parameters > 0);
            assert!(indicators.connected || ntk.mean == f64::from(1 << 24) / 6.0);
        }
    }
}

/// The search's own numbers.
#[test]
fn are_those_that_a_search_measures() {
    let dataset = dataset();
    // One edge and two operations: what is left without one of them is an architecture.
    let mut file: serde_json::Value = serde_json::from_str(SpaceKind::NasBench201.json()).unwrap();
    file["operations"].as_array_mut().unwrap().truncate(3);
    file["cells"][0]["nodes"] = 1.into();
    let supernet = Supernet::from_json(&file.to_string()).unwrap();
    let mut config = Config::for_supernet(Arc::new(supernet), DatasetKind::Custom);
    config.set_batch_size(6).unwrap();
    config.set_repeats(2).unwrap();
    config.set_seed(11);
    let mut context = Context::new(&config, &dataset).unwrap();
    context.run(&mut |_| Continue(())).unwrap();
    let space = &config.supernet().space;
    for record in context.records() {
        // Without one of two operations, the other is left.
        let operation = 3 - record.score.choice.operation;
        let genotype = Genotype::from_operations(space, &[operation]).unwrap();
        let found = of(&config, &dataset, &[genotype])[0];
        let expected = (record.score.ntk_without, record.score.regions_without);
        assert_eq!((found.ntk.mean, found.regions.mean), expected);
    }
    assert_eq!(context.records().len(), 2);
}

#[test]
fn the_engines_agree() {
    let dataset = dataset();
    for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
        let (config, genotypes) = (config(kind), sampled(kind, 4));
        let with = |engine: Box<dyn Engine>| {
            indicators_with(&config, &dataset, &genotypes, engine.as_ref(), &mut |_| Continue(()))
                .unwrap()
        };
        let native = with(compute::native(2).unwrap());
        let reference = with(compute::reference(2).unwrap());
        for (a, b) in native.iter().zip(&reference) {
            let near = |a: f64, b: f64, tolerance: f64| {
                assert!((a - b).abs() <= tolerance * b.abs(), "{a} {b}");
            };
            if b.ntk.mean < 1e5 {
                near(a.ntk.mean, b.ntk.mean, 1e-3);
            }
            near(a.regions.mean, b.regions.mean, 2e-3);
            near(a.naswot.mean, b.naswot.mean, 1e-2);
            near(a.swap.mean, b.swap.mean, 5e-2);
            assert_eq!((a.cost, a.connected), (b.cost, b.connected));
        }
    }
}

#[test]
fn a_disconnected_architecture_has_the_worst_values() {
    let dataset = dataset();
    let space = SpaceKind::NasBench201.space();
    let parse = |text| Genotype::parse(&space, text).unwrap();
    let genotypes = [
        parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
        parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|none~2|"),
        parse("|skip_connect~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|"),
    ];
    let mut seen = Vec::new();
    let config = config(SpaceKind::NasBench201);
    let found = indicators(&config, &dataset, &genotypes, &mut |p| {
        seen.push((p.candidate, p.candidates));
        Continue(())
    })
    .unwrap();
    assert_eq!(seen, [(1, 3), (2, 3), (3, 3)]);
    for indicators in &found[..2] {
        assert!(!indicators.connected);
        let means = [indicators.ntk, indicators.regions, indicators.naswot, indicators.swap];
        assert_eq!(means.map(|s| s.mean), [f64::from(1 << 24) / 6.0, 1.0, 0.0, 1.0]);
        assert_eq!(means.map(|s| s.deviation), [0.0; 4]);
    }
    assert!(found[1].cost.parameters > found[0].cost.parameters);
    assert!(found[2].connected && found[2].naswot.mean > 0.0);
}

/// A step that reads a state twice adds up both operations; each counts.
#[test]
fn parallel_edges_are_added_up() {
    let (dataset, space) = (dataset(), SpaceKind::Darts.space());
    let first = "('sep_conv_3x3', 0), ('sep_conv_3x3', 1)";
    let with = |pairs: &str| {
        let text = format!(
            "Genotype(normal=[{first}, {first}, {first}, {first}], reduce=[{first}, {first}, \
             {first}, {first}])"
        );
        Genotype::parse(&space, &text.replacen(first, pairs, 1)).unwrap()
    };
    let genotypes = [
        with("('skip_connect', 0), ('none', 1)"),
        with("('none', 0), ('skip_connect', 0)"),
        with("('sep_conv_5x5', 0), ('none', 1)"),
        with("('sep_conv_5x5', 0), ('none', 0)"),
        with("('sep_conv_5x5', 0), ('sep_conv_5x5', 0)"),
        with("('sep_conv_5x5', 0), ('sep_conv_5x5', 1)"),
        with("('none', 0), ('none', 1)"),
        with("('none', 0), ('none', 0)"),
    ];
    let mut config = config(SpaceKind::Darts);
    let found = of(&config, &dataset, &genotypes);
    // `none` adds nothing, whatever it reads: the same networks. Columns of J that are zero have other
    // places, which moves the last bit of K.
    for (a, b) in [(0, 1), (2, 3), (6, 7)] {
        let (a, b) = (found[a], found[b]);
        assert!((a.ntk.mean / b.ntk.mean - 1.0).abs() < 1e-12, "{a:?} {b:?}");
        assert!((a.ntk.deviation - b.ntk.deviation).abs() < 1e-12 * a.ntk.mean, "{a:?} {b:?}");
        assert_eq!(Indicators { ntk: b.ntk, ..a }, b);
    }
    // Two of a kind are two: the cost of those from two states, but other scores than one of them.
    assert_eq!(found[4].cost, found[5].cost);
    let [one, two, nothing] = [2, 4, 6].map(|i| found[i].cost);
    assert_eq!(two.parameters - one.parameters, one.parameters - nothing.parameters);
    assert!(one.parameters > nothing.parameters && found[4].ntk != found[2].ntk);
    assert!(found.iter().all(|f| f.connected && f.ntk.mean.is_finite()));
    // Neither company nor the number of threads matters.
    config.set_threads(1).unwrap();
    assert_eq!(of(&config, &dataset, &genotypes[4..5])[0], found[4]);
}

#[test]
fn can_be_watched_and_cancelled() {
    let dataset = dataset();
    let config = config(SpaceKind::NasBench201);
    let genotypes = sampled(SpaceKind::NasBench201, 9);
    let mut seen: Vec<Progress> = Vec::new();
    let refused = indicators(&config, &dataset, &genotypes, &mut |p| {
        seen.push(*p);
        if p.candidate == 4 { Break(()) } else { Continue(()) }
    });
    assert!(matches!(refused, Err(Error::Cancelled)));
    assert_eq!(seen.iter().map(|p| p.candidate).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(seen.iter().all(|p| (p.round, p.rounds, p.candidates) == (0, 1, 9)));
    assert!(seen.windows(2).all(|p| p[0].seconds <= p[1].seconds));
}

#[test]
fn what_does_not_fit_is_named() {
    let dataset = dataset();
    let genotypes = sampled(SpaceKind::NasBench201, 1);
    let refused = |config: &Config, genotypes: &[Genotype], words: &str| match indicators(
        config,
        &dataset,
        genotypes,
        &mut |_| Continue(()),
    ) {
        Err(Error::InvalidArgument(message)) => assert!(message.contains(words), "{message}"),
        other => panic!("{other:?}"),
    };
    refused(&config(SpaceKind::Darts), &genotypes, "genotype 0: found one of nas-bench-201");
    let mut large = config(SpaceKind::NasBench201);
    large.set_batch_size(41).unwrap();
    refused(&large, &genotypes, "batch_size: found 41, expected at most the data set's 40");
    assert!(of(&config(SpaceKind::Darts), &dataset, &[]).is_empty());
}
