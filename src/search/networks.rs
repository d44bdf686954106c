//! What networks of any origin are worth without training: [`scores`](super::scores) of what is no
//! part of a space.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::draws::{Draw, SharedImages, Wish, batch_of};
use super::indicators::{Scores, Spread, spread};
use super::{Config, Observer, Progress};
use crate::compute::{self, Engine, Evidence, Parameters, Plan, Task, Wanted};
use crate::data::Dataset;
use crate::error::{Error, Result, try_vec};
use crate::message::clip;
use crate::model::Network;
use crate::network::Graph;
use crate::proxy::{InputKind, Need, Norms, Precision, Proxy, Setup, Shape, Weights};
use crate::random::Purpose;

/// Numbers of all rows of gradients that a score may ask for, 4 GiB in f32.
const MOST_GRADIENTS: usize = 1 << 30;

/// With which weights networks are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum NetworkWeights {
    /// Weights that are drawn as the configuration says, anew for each repeat.
    #[default]
    Fresh,
    /// Those that the networks have. Scores that ask for standard normal weights draw them all the
    /// same; those that ask for magnitudes take the magnitudes of the network's own.
    Kept,
}

/// Proxies that one task of a network serves.
struct Group {
    setup: Setup,
    wish: Wish,
    plan: Arc<Plan>,
    wanted: Wanted,
    /// Places among the proxies.
    members: Vec<usize>,
}

/// One evaluation: of network `network` for its group `group`.
#[derive(Clone, Copy)]
struct NetworkTask {
    network: usize,
    group: usize,
    repeat: usize,
}

/// The scores of networks by `proxies`, in their order, as one batch of work for the config's device.
/// What an image is must be the same for the networks and the data set; classes need not be.
///
/// Repeat r draws the same images for every network, and of the same parameters the same weights. Of
/// the config, seed, repeats, batch size, initialisation, device and threads count. Each network is
/// measured itself, in its own size: sizes of proxy networks do not count, but for their batch.
///
/// `observer` is called after each network (round 0 of 1, networks as candidates).
///
/// Errors: [`Error::InvalidArgument`] for images that do not fit, and for a score that makes no sense
/// on a network, named; [`Error::InvalidState`] if the weights of a network that is to keep them are
/// not there; [`Error::Cancelled`] if the observer breaks off; [`Error::Device`];
/// [`Error::OutOfMemory`].
pub fn scores_of_networks(
    config: &Config,
    dataset: &Dataset,
    networks: &[&Network],
    proxies: &[Arc<dyn Proxy>],
    weights: NetworkWeights,
    observer: Observer<'_>,
) -> Result<Vec<Scores>> {
    let start = Instant::now();
    let engine = config.engine()?;
    let double = compute::reference(config.threads() as usize)?;
    let engine_of = |precision: Precision| match precision {
        Precision::Engine => engine.as_ref(),
        Precision::Double => double.as_ref(),
    };
    let repeats = config.repeats() as usize;
    let mut groups = Vec::new();
    let mut done = Vec::new();
    for (n, network) in networks.iter().enumerate() {
        check_network(n, network, dataset, weights)?;
        let connected = network.graph().is_connected();
        let exactly = |mean: f64| Spread { mean, deviation: 0.0 };
        let values = proxies.iter().map(|proxy| match proxy.need() {
            Need::Cost => finite(proxy.as_ref(), n, network, proxy.of_cost(network.cost())),
            Need::Evaluation(_) => {
                Ok(proxy.worst(config.network_of(proxy.as_ref()).batch_size as usize))
            }
        });
        let values: Vec<f64> = values.collect::<Result<_>>()?;
        let values = values.into_iter().map(exactly).collect();
        done.push(Scores { values, connected, seconds: 0.0 });
        groups.push(match connected {
            true => groups_of(config, dataset, n, network, proxies, &engine_of)?,
            false => Vec::new(),
        });
    }
    let mut progress =
        Progress { rounds: 1, candidates: networks.len() as u32, ..Default::default() };
    let mut after = || {
        progress.candidate += 1;
        progress.seconds = start.elapsed().as_secs_f64();
        observer(&progress)
    };
    // What is not evaluated is finished.
    for _ in groups.iter().filter(|groups| groups.is_empty()) {
        if after().is_break() {
            return Err(Error::Cancelled);
        }
    }
    let mut left: Vec<usize> = groups.iter().map(|groups| groups.len() * repeats).collect();
    // `[network][proxy][repeat]`.
    let mut values = try_vec(0.0, networks.len() * proxies.len() * repeats, "values of proxies")?;
    let mut shared = SharedImages::default();
    for precision in [Precision::Engine, Precision::Double] {
        let mut jobs = Vec::new();
        for (network, groups) in groups.iter().enumerate() {
            for (group, g) in groups.iter().enumerate().filter(|g| g.1.setup.precision == precision)
            {
                debug_assert!(!g.members.is_empty());
                jobs.extend((0..repeats).map(|repeat| NetworkTask { network, group, repeat }));
            }
        }
        let mut tasks = jobs.iter().map(|job| {
            let group = &groups[job.network][job.group];
            let draw = Draw { round: 0, candidate: 0, repeat: job.repeat };
            let key = draw.key(config.seed(), Purpose::Proxies);
            let graph = group.plan.graph();
            let wanted = group.members.iter().map(|m| proxies[*m].wanted(graph, &key));
            let wanted = wanted.map(Some).reduce(|a, b| a?.union(&b?)).flatten();
            Ok(Task {
                plan: group.plan.clone(),
                mixing: vec![1.0; graph.slots].into(),
                parameters: parameters(
                    config,
                    &draw,
                    group.setup,
                    graph,
                    networks[job.network],
                    weights,
                )?,
                inputs: shared.get(&draw, group.wish, config, dataset)?,
                wanted: wanted.unwrap_or_default(),
            })
        });
        let reduce = |number: usize, evidence: Evidence<'_>| -> Vec<f64> {
            let NetworkTask { network, group, .. } = jobs[number];
            let members = &groups[network][group].members;
            members.iter().map(|m| proxies[*m].reduce(&evidence)).collect()
        };
        let mut outcome = Ok(());
        engine_of(precision).evaluate(&mut tasks, &reduce, &mut |number, found| {
            let NetworkTask { network, group, repeat } = jobs[number];
            for (proxy, value) in groups[network][group].members.iter().zip(found) {
                match finite(proxies[*proxy].as_ref(), network, networks[network], value) {
                    Ok(value) => {
                        values[(network * proxies.len() + proxy) * repeats + repeat] = value;
                    }
                    Err(error) => {
                        outcome = Err(error);
                        return ControlFlow::Break(());
                    }
                }
            }
            left[network] -= 1;
            if left[network] == 0 && after().is_break() {
                outcome = Err(Error::Cancelled);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        outcome?;
    }
    for (network, scores) in done.iter_mut().enumerate() {
        for proxy in groups[network].iter().flat_map(|group| &group.members) {
            let first = (network * proxies.len() + proxy) * repeats;
            scores.values[*proxy] = spread(&values[first..first + repeats]);
        }
    }
    let seconds = start.elapsed().as_secs_f64() / networks.len().max(1) as f64;
    done.iter_mut().for_each(|scores| scores.seconds = seconds);
    Ok(done)
}

/// A network's name, for messages.
fn called(n: usize, network: &Network) -> String {
    format!("network {n} ({})", clip(network.name()))
}

fn check_network(
    n: usize,
    network: &Network,
    dataset: &Dataset,
    weights: NetworkWeights,
) -> Result<()> {
    let (found, expected) = (network.graph().input_shape(), dataset.shape());
    if found != expected {
        let [[a, b, c], [d, e, f]] = [found, expected];
        return Err(Error::InvalidArgument(format!(
            "{}: found a network for images of {a} x {b} x {c}, expected {d} x {e} x {f}, as the data \
             set has",
            called(n, network)
        )));
    }
    if weights == NetworkWeights::Kept && network.values().is_none() {
        return Err(Error::InvalidState(format!(
            "{}: found no weights, expected some to keep",
            called(n, network)
        )));
    }
    Ok(())
}

/// What several proxies need of a network, in as few evaluations as there can be.
fn groups_of<'e>(
    config: &Config,
    dataset: &Dataset,
    n: usize,
    network: &Network,
    proxies: &[Arc<dyn Proxy>],
    engine: &dyn Fn(Precision) -> &'e dyn Engine,
) -> Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    let draw = Draw { round: 0, candidate: 0, repeat: 0 };
    let key = draw.key(config.seed(), Purpose::Proxies);
    let [_, height, _] = dataset.shape();
    for (place, proxy) in proxies.iter().enumerate() {
        let Need::Evaluation(setup) = proxy.need() else { continue };
        let wrong = |text: &str| {
            let (name, network) = (proxy.name(), called(n, network));
            Err(Error::InvalidArgument(format!("proxy {name}: {network}: {text}")))
        };
        if setup.network == Shape::Thin || setup.inputs == InputKind::Crops {
            return wrong(
                "found a score of a search space's thin network, expected one that any network has",
            );
        }
        let size = config.network_of(proxy.as_ref());
        if size.image_size != 0 && size.image_size as usize != height {
            return wrong("found an image_size of its own, expected that of the data set's images");
        }
        let batch = batch_of(setup.inputs, size, dataset)?;
        let wish = Wish { source: setup.inputs, batch, height };
        let graph = match setup.norms {
            Norms::Batch => network.graph().clone(),
            Norms::Frozen => Arc::new(network.graph().frozen()),
        };
        let wanted = proxy.wanted(&graph, &key);
        if wanted == Wanted::default() {
            return wrong("found a network that is no chain of blocks, expected two at least");
        }
        if wanted.bits && graph.relus().next().is_none() {
            return wrong("found a network without ReLUs, expected one at least");
        }
        if let Some(gradients) = wanted.gradients.filter(|gradients| gradients.rows) {
            let rows = gradients.seed.rows(batch, graph.classes());
            let numbers = rows.saturating_mul(graph.parameters.columns());
            if numbers > MOST_GRADIENTS {
                return wrong(&format!(
                    "found {rows} rows of {} gradients, expected at most {MOST_GRADIENTS} numbers",
                    graph.parameters.columns()
                ));
            }
        }
        let known = groups.iter_mut().find_map(|group| {
            let same = group.setup == setup && group.wish == wish;
            let both = group.wanted.union(&wanted).filter(|_| same)?;
            Some((group, both))
        });
        match known {
            Some((group, both)) => {
                group.wanted = both;
                group.members.push(place);
            }
            None => {
                let plan = engine(setup.precision).prepare(graph);
                groups.push(Group { setup, wish, plan, wanted, members: vec![place] });
            }
        }
    }
    Ok(groups)
}

/// The weights of one draw.
fn parameters(
    config: &Config,
    draw: &Draw,
    setup: Setup,
    graph: &Graph,
    network: &Network,
    weights: NetworkWeights,
) -> Result<Parameters> {
    match (weights, setup.weights, network.values()) {
        (NetworkWeights::Kept, Weights::Configured, Some(values)) => {
            Ok(Parameters::Given(values.clone()))
        }
        (NetworkWeights::Kept, Weights::Magnitudes, Some(values)) => {
            Ok(Parameters::Given(values.iter().map(|v| v.abs()).collect()))
        }
        _ => draw.parameters(config, setup.network, setup.weights, graph),
    }
}

/// That a score says something of a network.
fn finite(proxy: &dyn Proxy, n: usize, network: &Network, value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::InvalidArgument(format!(
        "proxy {}: {}: found the value {value}, expected a finite one: this score says nothing of \
         such a network",
        proxy.name(),
        called(n, network)
    )))
}
