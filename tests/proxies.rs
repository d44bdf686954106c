//! Every proxy against numbers computed directly, in f64, by automatic differentiation
//! (tests/python/proxies.py), on each engine; and what proxies promise.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;
use tenas::compute::{
    self, Engine, Evidence, Inputs, InstructionSet, Parameters, Task, TorchDevice,
};
use tenas::network::{Graph, NetworkConfig, ParameterKind};
use tenas::proxy::{InputKind, Need, Norms, Proxy, ProxyNetwork, Weights, named, registry};
use tenas::random::{Key, Purpose};
use tenas::{Config, Dataset, DatasetKind, DeviceKind, Genotype, SpaceKind, Supernet};

fn golden() -> Value {
    let text = std::fs::read_to_string("tests/golden/proxies.json").expect("the golden cases");
    serde_json::from_str(&text).expect("JSON")
}

/// The parameters of tests/python/proxies.py.
fn parameters(graph: &Graph, magnitudes: bool) -> Vec<f32> {
    let mut values = Vec::with_capacity(graph.parameters.len());
    for p in graph.parameters.iter() {
        let phase: u32 = p.name.bytes().map(u32::from).sum();
        let receptive: usize = p.shape.iter().skip(2).product();
        let scale = (4.0 / (p.shape[0] * receptive) as f64).sqrt();
        values.extend((0..p.len()).map(|i| match p.kind {
            ParameterKind::NormScale => 1.0,
            ParameterKind::NormShift => 0.0,
            _ => (scale * (12.9898 * i as f64 + 0.37 * f64::from(phase)).sin()) as f32,
        }));
    }
    if magnitudes {
        values.iter_mut().for_each(|v| *v = v.abs());
    }
    values
}

/// The inputs of tests/python/proxies.py.
fn images(count: usize) -> Vec<f32> {
    let value = |i: usize| {
        let i = i as f64;
        ((0.013 * (i * i % 7919.0) + 0.7 * i).sin()) as f32
    };
    (0..count).map(value).collect()
}

fn value(engine: &dyn Engine, proxy: &dyn Proxy, graph: &Graph, batch: usize) -> f64 {
    let Need::Evaluation(setup) = proxy.need() else { panic!("{} is evaluated", proxy.name()) };
    let graph = if setup.norms == Norms::Frozen { graph.frozen() } else { graph.clone() };
    let image: usize = graph.input_shape().iter().product();
    let (values, batches, batch) = match setup.inputs {
        InputKind::Images { batches } => (images(batches * batch * image), batches, batch),
        InputKind::NoisePair => (images(2 * batch * image), 2, batch),
        InputKind::Noise => (images(batch * image), 1, batch),
        InputKind::Ones => (vec![1.0; image], 1, 1),
        InputKind::Crops => panic!("{} is a golden case of its own", proxy.name()),
    };
    let key = Key { seed: 3, purpose: Purpose::Proxies, round: 0, candidate: 0, repeat: 1 };
    let task = Task {
        wanted: proxy.wanted(&graph, &key),
        parameters: Parameters::Given(
            parameters(&graph, setup.weights == Weights::Magnitudes).into(),
        ),
        mixing: vec![1.0; graph.slots].into(),
        plan: engine.prepare(Arc::new(graph)),
        inputs: Inputs { values: values.into(), batches, batch },
    };
    let mut found = f64::NAN;
    let mut tasks = std::iter::once(Ok(task));
    let reduce = |_: usize, evidence: Evidence<'_>| proxy.reduce(&evidence);
    engine
        .evaluate(&mut tasks, &reduce, &mut |_, value| {
            found = value;
            ControlFlow::Continue(())
        })
        .expect("an evaluation");
    found
}

#[test]
fn every_proxy_is_what_its_paper_says() {
    let golden = golden();
    let number = |v: &Value| v.as_u64().expect("a number") as usize;
    let (classes, size) = (number(&golden["classes"]), number(&golden["size"]));
    let batch = number(&golden["batch"]);
    let mut engines = vec![
        ("reference", compute::reference(1).expect("an engine"), 1e-7),
        ("portable", compute::native_with(1, InstructionSet::Portable).expect("an engine"), 2e-3),
        ("native", compute::native(1).expect("an engine"), 2e-3),
    ];
    if let Ok(torch) = compute::torch(TorchDevice::Cpu) {
        engines.push(("torch", torch, 2e-3));
    }
    let supernet = Supernet::of(SpaceKind::NasBench201);
    let mut seen = BTreeMap::new();
    for case in golden["cases"].as_array().expect("cases") {
        let operations: Vec<usize> =
            case["operations"].as_array().expect("operations").iter().map(number).collect();
        let genotype = Genotype::from_operations(&supernet.space, &operations).expect("a genotype");
        let config = NetworkConfig {
            input: [3, size, size],
            classes,
            channels: number(&case["channels"]),
            cells: number(&case["cells"]),
            thin: false,
        };
        let graph = supernet.lower(genotype.mask(), &config).expect("a network");
        for (name, expected) in case["scores"].as_object().expect("scores") {
            let (proxy, expected) =
                (named(name).expect("a proxy"), expected.as_f64().expect("f64"));
            for (engine, evaluate, tolerance) in &engines {
                let found = value(evaluate.as_ref(), proxy.as_ref(), &graph, batch);
                let error = (found - expected).abs() / expected.abs().max(1.0);
                println!("{operations:?} {name} {engine}: {found}, expected {expected}");
                assert!(error < *tolerance, "{operations:?}, {name} of {engine}: off by {error:e}");
            }
            *seen.entry(name.clone()).or_insert(0) += 1;
        }
    }
    // Those left out have golden cases of their own, or are counted.
    for proxy in registry() {
        let elsewhere = ["regions", "naswot", "swap", "swap_regularised", "flops", "parameters"];
        let here = seen.contains_key(proxy.name());
        assert_ne!(here, elsewhere.contains(&proxy.name()), "{}", proxy.name());
    }
}

fn setting() -> (Config, Dataset) {
    let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::ImageNet16);
    config.set_device(DeviceKind::Cpu, 0).expect("the native engine");
    config.set_batch_size(8).expect("a batch");
    config.set_repeats(2).expect("repeats");
    (config, Dataset::synthetic(DatasetKind::ImageNet16, 1).expect("images"))
}

fn some_genotypes(config: &Config) -> Vec<Genotype> {
    let space = &config.supernet().space;
    let of = |operations: [usize; 6]| {
        Genotype::from_operations(space, &operations).expect("an architecture")
    };
    // The output of the first depends on nothing.
    [[0; 6], [3, 1, 3, 3, 4, 2], [1, 0, 3, 1, 2, 3], [4, 2, 0, 3, 1, 0], [3; 6]].map(of).to_vec()
}

/// Scores do not depend on what is scored beside, on proxies that share a task, or on threads.
#[test]
fn scores_are_the_same_alone_and_together() {
    let (mut config, dataset) = setting();
    let genotypes = some_genotypes(&config);
    let all = registry();
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let together = tenas::scores(&config, &dataset, &genotypes, &all, go_on).expect("scores");
    config.set_threads(1).expect("threads");
    for (place, proxy) in all.iter().enumerate() {
        let proxy = std::slice::from_ref(proxy);
        for (genotype, together) in genotypes.iter().zip(&together) {
            let genotype = std::slice::from_ref(genotype);
            let alone = tenas::scores(&config, &dataset, genotype, proxy, go_on).expect("scores");
            assert_eq!(alone[0].values[0], together.values[place], "{}", proxy[0].name());
            assert_eq!(alone[0].connected, together.connected);
        }
    }
}

/// A network that does not depend on the image has the worst value there is, and costs no evaluation.
#[test]
fn a_disconnected_network_is_worst() {
    let (config, dataset) = setting();
    let genotypes = some_genotypes(&config);
    let all = registry();
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let scores = tenas::scores(&config, &dataset, &genotypes, &all, go_on).expect("scores");
    assert!(!scores[0].connected && scores[1..].iter().all(|s| s.connected));
    for (place, proxy) in all.iter().enumerate() {
        let batch = config.network_of(proxy.as_ref()).batch_size as usize;
        if proxy.need() != Need::Cost {
            assert_eq!(scores[0].values[place].mean, proxy.worst(batch), "{}", proxy.name());
        }
        for other in &scores[1..] {
            let (worst, value) = (scores[0].values[place].mean, other.values[place].mean);
            let better = match proxy.direction() {
                tenas::proxy::Direction::Higher => value >= worst,
                tenas::proxy::Direction::Lower => value <= worst,
            };
            assert!(better, "{}: {value}, the worst is {worst}", proxy.name());
        }
    }
}

/// The size of the proxy network is a setting: of all, and of one.
#[test]
fn proxy_networks_are_a_setting() {
    let (mut config, dataset) = setting();
    let genotypes = &some_genotypes(&config)[1..2];
    let proxies = ["ntk", "naswot", "regions"].map(|n| named(n).expect("a proxy"));
    let go_on = &mut |_: &_| ControlFlow::Continue(());
    let mut of = |config: &Config| {
        let scores = tenas::scores(config, &dataset, genotypes, &proxies, go_on).expect("scores");
        scores[0].values.iter().map(|v| v.mean).collect::<Vec<_>>()
    };
    let published = of(&config);
    let deep = ProxyNetwork { cells: 2, ..Default::default() };
    config.set_proxy_network(None, deep).expect("a size");
    let all = of(&config);
    assert!(all[0] != published[0] && all[1] != published[1]);
    // The thin network is always the published one.
    assert_eq!(all[2], published[2]);
    config.set_proxy_network(Some("ntk"), ProxyNetwork { cells: 1, ..deep }).expect("a size");
    assert_eq!(of(&config), [published[0], all[1], all[2]]);
    let small = ProxyNetwork { image_size: 8, batch_size: 4, channels: 5, ..Default::default() };
    config.set_proxy_network(Some("ntk"), small).expect("a size");
    assert_ne!(of(&config)[0], published[0]);
    // Images shrink by whole factors: 16 x 16 to no less than asked for, at most to themselves.
    for (asked, shrunk) in [(7, 8), (5, 8), (9, 0), (64, 0)] {
        let mut of_size = |image_size| {
            let mut config = config.clone();
            let size = ProxyNetwork { image_size, ..Default::default() };
            config.set_proxy_network(Some("naswot"), size).expect("a size");
            of(&config)
        };
        assert_eq!(of_size(asked), of_size(shrunk), "{asked}");
        assert_eq!(of_size(asked) == of_size(0), shrunk == 0, "{asked}");
    }
    let many = ProxyNetwork { channels: 257, ..Default::default() };
    let text = config.set_proxy_network(None, many).expect_err("too many").to_string();
    assert!(text.contains("channels: found 257, expected 0 to 256"), "{text}");
}

/// Names, texts and bounds that tables and bindings rely on.
#[test]
fn the_registry_is_in_order() {
    let all = registry();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|p| p.name()).collect();
    assert_eq!(names.len(), all.len());
    for proxy in &all {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        assert!(proxy.name().bytes().all(plain) && !proxy.title().is_empty());
        assert!(!proxy.source().is_empty() && proxy.worst(8).is_finite());
    }
    let error = named("accuracy").expect_err("no such proxy").to_string();
    assert!(error.contains("found \"accuracy\", expected one of ntk, regions"), "{error}");
}
