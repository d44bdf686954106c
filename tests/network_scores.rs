//! Scores of networks that are no part of a space: the same numbers as by hand, through a file and
//! back, and what makes no sense.

use std::ops::ControlFlow;
use std::sync::Arc;

use tenas::compute::{Evidence, Wanted};
use tenas::model::Settings;
use tenas::network::{Builder, Convolution, Graph, Window};
use tenas::onnx::Import;
use tenas::proxy::{Need, named, registry};
use tenas::random::{Key, Purpose};
use tenas::{
    Config, Dataset, DatasetKind, Error, Genotype, Init, Network, NetworkWeights, Progress, Scores,
    SpaceKind, scores_of_networks,
};

fn config() -> Config {
    let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::Cifar10);
    config.set_seed(3);
    config.set_repeats(2).unwrap();
    config.set_batch_size(6).unwrap();
    config.set_threads(2).unwrap();
    config
}

fn images() -> Dataset {
    Dataset::synthetic(DatasetKind::Cifar10, 0).unwrap()
}

fn scores(
    config: &Config,
    networks: &[&Network],
    names: &[&str],
    weights: NetworkWeights,
) -> tenas::Result<Vec<Scores>> {
    let proxies: Vec<_> = names.iter().map(|name| named(name).unwrap()).collect();
    let go_on = &mut |_: &Progress| ControlFlow::Continue(());
    scores_of_networks(config, &images(), networks, &proxies, weights, go_on)
}

/// A residual network of plain layers.
fn residual(channels: usize, relu: bool) -> Graph {
    let mut b = Builder::new([3, 32, 32], 0);
    let mut x = b.stem("stem.0", "stem.1", 0, channels).unwrap();
    for n in 0..3 {
        let y = if relu { b.relu(x) } else { x };
        let y = b.conv(&format!("{n}.conv"), y, channels, Convolution::same(3)).unwrap();
        let y = b.batch_norm(&format!("{n}.norm"), y);
        let shape = b.shape(y);
        x = b.mix(&[(x, None), (y, None)], shape);
        x = b.max_pool(x, Window::square(2, 2, 0));
    }
    b.pool_and_classify("classifier", x, 7);
    let mut graph = b.finish();
    graph.blocks = (0..graph.nodes.len())
        .filter(|n| graph.nodes[*n].operation == tenas::network::Operation::Mix(vec![None; 2]))
        .collect();
    graph
}

fn network(channels: usize) -> Network {
    Network::new("residual", Arc::new(residual(channels, true)), None).unwrap()
}

/// All scores that need no thin network.
fn of_any_network() -> Vec<String> {
    let all = registry().into_iter().filter(|proxy| match proxy.need() {
        Need::Cost => true,
        Need::Evaluation(setup) => setup.network == tenas::proxy::Shape::Proxy,
    });
    all.map(|proxy| proxy.name().to_owned()).collect()
}

#[test]
fn every_score_of_the_registry_is_finite_and_depends_on_nothing_else() {
    let names = of_any_network();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(names.len(), registry().len() - 1, "all but the regions: {names:?}");
    let (config, small, large) = (config(), network(4), network(6));
    let fresh = NetworkWeights::Fresh;
    let both = scores(&config, &[&small, &large], &names, fresh).unwrap();
    for scores in &both {
        assert!(scores.connected);
        assert!(scores.values.iter().all(|v| v.mean.is_finite() && v.deviation.is_finite()));
    }
    // The same alone, one by one, on another number of threads.
    let mut other = config.clone();
    other.set_threads(1).unwrap();
    for (p, name) in names.iter().enumerate() {
        let alone = scores(&other, &[&large], &[name], fresh).unwrap();
        assert_eq!(alone[0].values[0], both[1].values[p], "{name}");
    }
    // Size by hand: a larger network costs more.
    let at = |name: &str| names.iter().position(|n| *n == name).unwrap();
    let cost = small.cost();
    assert_eq!(both[0].values[at("flops")].mean, cost.multiply_adds as f64);
    assert_eq!(both[0].values[at("parameters")].mean, cost.parameters as f64);
    assert!(both[1].values[at("flops")].mean > both[0].values[at("flops")].mean);
}

#[test]
fn kept_weights_are_those_of_the_network() {
    let config = config();
    let network = network(4);
    let [one, two] = [1, 2].map(|seed| network.initialise(Init::KaimingNormal, seed).unwrap());
    let of = |network: &Network, weights| {
        scores(&config, &[network], &["ntk", "synflow"], weights).unwrap()[0].values.clone()
    };
    assert_ne!(of(&one, NetworkWeights::Kept), of(&two, NetworkWeights::Kept));
    assert_eq!(of(&one, NetworkWeights::Fresh), of(&two, NetworkWeights::Fresh));
    // Synflow reads one image of ones: with the same weights, repeats are equal.
    assert_eq!(of(&one, NetworkWeights::Kept)[1].deviation, 0.0);
    assert!(of(&one, NetworkWeights::Fresh)[1].deviation > 0.0);
    let error = scores(&config, &[&network], &["ntk"], NetworkWeights::Kept).unwrap_err();
    assert!(matches!(error, Error::InvalidState(_)));
    assert_eq!(error.to_string(), "network 0 (residual): found no weights, expected some to keep");
}

/// Five genotypes of each space, as they are trained: out and in again, the same size and scores.
#[test]
fn a_round_trip_changes_no_score() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.onnx");
    let config = config();
    for kind in SpaceKind::ALL {
        let space = kind.space();
        for candidate in 0..5 {
            let purpose = Purpose::Genotypes;
            let key = Key { seed: 8, purpose, round: 0, candidate, repeat: 0 };
            let genotype = Genotype::sample(&space, &mut key.stream(0)).unwrap();
            let size = Settings { channels: Some(4), cells: Some(1), ..Default::default() };
            let network = Network::of_genotype(&genotype, &size).unwrap();
            let network = network.initialise(Init::KaimingNormal, candidate).unwrap();
            network.write_onnx(&path).unwrap();
            let back = Network::from_onnx(&path, &Import::default()).unwrap();
            assert_eq!(back.cost(), network.cost());
            let pixels: Vec<f32> =
                (0..2 * 3 * 32 * 32).map(|n| (n % 17) as f32 / 8.0 - 1.0).collect();
            let (a, b) = (network.logits(&pixels).unwrap(), back.logits(&pixels).unwrap());
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + a.abs())));
            let names =
                ["ntk", "naswot", "swap", "synflow", "zico", "jacov", "flops", "parameters"];
            for weights in [NetworkWeights::Kept, NetworkWeights::Fresh] {
                let found = scores(&config, &[&network, &back], &names, weights).unwrap();
                for ((a, b), name) in found[0].values.iter().zip(&found[1].values).zip(names) {
                    let near = (a.mean - b.mean).abs() <= 1e-4 * a.mean.abs();
                    assert!(near, "{kind:?} {candidate} {name} {weights:?}: {} {}", a.mean, b.mean);
                }
            }
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let config = config();
    let fresh = NetworkWeights::Fresh;
    let plain = Network::new("plain", Arc::new(residual(4, false)), None).unwrap();
    let large = {
        let mut b = Builder::new([3, 16, 16], 0);
        b.pool_and_classify("classifier", 0, 2);
        Network::new("large", Arc::new(b.finish()), None).unwrap()
    };
    for (network, name, words) in [
        (
            &plain,
            "regions",
            "proxy regions: network 0 (plain): found a score of a search space's thin",
        ),
        (&plain, "naswot", "proxy naswot: network 0 (plain): found a network without ReLUs"),
        (
            &large,
            "ntk",
            "network 0 (large): found a network for images of 3 x 16 x 16, expected 3 x 32",
        ),
    ] {
        let error = scores(&config, &[network], &[name], fresh).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
        assert!(error.to_string().starts_with(words), "{error}");
    }
    let chain = {
        let mut b = Builder::new([3, 32, 32], 0);
        b.pool_and_classify("classifier", 0, 2);
        Network::new("chain", Arc::new(b.finish()), None).unwrap()
    };
    let error = scores(&config, &[&chain], &["trainability"], fresh).unwrap_err();
    assert!(error.to_string().contains("found a network that is no chain of blocks"), "{error}");
    let proxies = [named("ntk").unwrap()];
    let stop = &mut |_: &Progress| ControlFlow::Break(());
    let stopped = scores_of_networks(&config, &images(), &[&plain], &proxies, fresh, stop);
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert!(scores(&config, &[], &["ntk"], fresh).unwrap().is_empty());
}

/// What a score asks for reaches it: the evidence of a plain network, by a proxy of the host's.
#[test]
fn a_proxy_of_the_hosts_measures_networks() {
    #[derive(Debug)]
    struct Largest;
    impl tenas::proxy::Proxy for Largest {
        fn name(&self) -> &str {
            "largest"
        }
        fn title(&self) -> &str {
            "the largest logit"
        }
        fn source(&self) -> &str {
            "a test"
        }
        fn direction(&self) -> tenas::proxy::Direction {
            tenas::proxy::Direction::Higher
        }
        fn need(&self) -> Need {
            Need::Evaluation(tenas::proxy::Setup::IMAGES)
        }
        fn worst(&self, _: usize) -> f64 {
            0.0
        }
        fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
            Wanted::logits()
        }
        fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
            evidence.logits.unwrap().iter().copied().fold(f64::NEG_INFINITY, f64::max)
        }
    }
    let proxies: Vec<Arc<dyn tenas::proxy::Proxy>> = vec![Arc::new(Largest)];
    let go_on = &mut |_: &Progress| ControlFlow::Continue(());
    let fresh = NetworkWeights::Fresh;
    let found =
        scores_of_networks(&config(), &images(), &[&network(4)], &proxies, fresh, go_on).unwrap();
    assert!(found[0].values[0].mean.is_finite());
}
