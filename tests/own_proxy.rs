//! A tenth score, added from outside the crate by the public trait alone: scored, ranked, saved and
//! read back beside those that are built in.

use std::ops::ControlFlow::Continue;
use std::sync::Arc;

use tenas::compute::{Evidence, Wanted};
use tenas::network::{Cost, Graph};
use tenas::proxy::{Direction, Need, Proxy, ProxyNetwork, Setup, named};
use tenas::random::Key;
use tenas::{
    Config, Context, Dataset, DatasetKind, DeviceKind, Error, Genotype, SpaceKind, Strategy, scores,
};

/// How far the logits of a batch spread: one whose logits are all alike cannot tell images apart.
#[derive(Debug)]
struct Spread;

impl Proxy for Spread {
    fn name(&self) -> &str {
        "logit_spread"
    }
    fn title(&self) -> &str {
        "standard deviation of the logits"
    }
    fn source(&self) -> &str {
        "this test"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup::IMAGES)
    }
    fn worst(&self, _: usize) -> f64 {
        0.0
    }
    fn network(&self) -> ProxyNetwork {
        ProxyNetwork { cells: 2, ..Default::default() }
    }
    fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
        Wanted::logits()
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let Some(logits) = evidence.logits else { return f64::NAN };
        let n = logits.len() as f64;
        let mean = logits.iter().sum::<f64>() / n;
        (logits.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / n).sqrt()
    }
    /// The median, which one draw does not decide.
    fn settle(&self, draws: &[f64]) -> f64 {
        let mut sorted = draws.to_vec();
        sorted.sort_by(f64::total_cmp);
        (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
    }
}

/// The network's size in another unit; needs no evaluation.
#[derive(Debug)]
struct Kilobytes;

impl Proxy for Kilobytes {
    fn name(&self) -> &str {
        "kilobytes"
    }
    fn title(&self) -> &str {
        "memory of the parameters"
    }
    fn source(&self) -> &str {
        "this test"
    }
    fn direction(&self) -> Direction {
        Direction::Lower
    }
    fn need(&self) -> Need {
        Need::Cost
    }
    fn worst(&self, _: usize) -> f64 {
        f64::MAX
    }
    fn of_cost(&self, cost: Cost) -> f64 {
        4.0 * cost.parameters as f64 / 1024.0
    }
}

fn dataset() -> Dataset {
    Dataset::synthetic(DatasetKind::ImageNet16, 3).unwrap()
}

fn proxies() -> Vec<Arc<dyn Proxy>> {
    vec![Arc::new(Spread), named("ntk").unwrap(), Arc::new(Kilobytes), named("parameters").unwrap()]
}

fn config() -> Config {
    let mut config = Config::new(SpaceKind::NasBench201, DatasetKind::ImageNet16);
    config.set_device(DeviceKind::Cpu, 0).unwrap();
    config.set_batch_size(4).unwrap();
    config.set_repeats(2).unwrap();
    config
}

#[test]
fn it_scores_beside_those_that_are_built_in() {
    let (config, dataset) = (config(), dataset());
    let space = &config.supernet().space;
    let texts = [
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    ];
    let genotypes = texts.map(|text| Genotype::parse(space, text).unwrap());
    let found = scores(&config, &dataset, &genotypes, &proxies(), &mut |_| Continue(())).unwrap();
    let [spread, _, kilobytes, parameters] = &found[0].values[..] else { panic!("{found:?}") };
    assert!(spread.mean > 0.0 && spread.deviation > 0.0, "{spread:?}");
    assert_eq!(kilobytes.mean, 4.0 * parameters.mean / 1024.0);
    // What cannot be measured has its worst value.
    assert!(!found[1].connected);
    assert_eq!(found[1].values[0].mean, 0.0);
    // Its network is its own, and can be set.
    let one_cell = |c: &mut Config, cells| {
        let size = ProxyNetwork { cells, ..Default::default() };
        c.set_proxy_network(Some("logit_spread"), size).unwrap();
    };
    for (cells, same) in [(1, false), (2, true)] {
        let mut other = config.clone();
        one_cell(&mut other, cells);
        let again =
            scores(&other, &dataset, &genotypes[..1], &proxies(), &mut |_| Continue(())).unwrap();
        assert_eq!(again[0].values[0] == *spread, same);
        assert_eq!(again[0].values[1], found[0].values[1], "the other scores stay");
    }
}

#[test]
fn it_ranks_is_saved_and_read_back() {
    let dataset = dataset();
    let mut config = config();
    config.set_strategy(Strategy::Rank);
    config.set_proxies(&proxies()).unwrap();
    config.set_budget(20).unwrap();
    let size = ProxyNetwork { cells: 1, image_size: 8, ..Default::default() };
    config.set_proxy_network(None, size).unwrap();
    let mut search = Context::new(&config, &dataset).unwrap();
    search.run_round(&mut |_| Continue(())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("search.tenas");
    search.save(&path).unwrap();
    // A file has its name; who reads it brings the score.
    match Context::load(&path, &dataset, None) {
        Err(Error::Format(text)) => assert!(text.contains("\"logit_spread\""), "{text}"),
        other => panic!("{:?}", other.err()),
    }
    let mut again = Context::load(&path, &dataset, Some(&config)).unwrap();
    for search in [&mut search, &mut again] {
        search.run(&mut |_| Continue(())).unwrap();
    }
    assert_eq!(search.ranking(), again.ranking());
    let best = &search.ranking()[0];
    assert_eq!((best.values.len(), best.ranks.len()), (4, 4));
    assert!(search.ranking().iter().any(|r| r.ranks[0] == 1.0));
    assert!(search.records_json()["ranking"][0]["values"]["kilobytes"].is_f64());
}
