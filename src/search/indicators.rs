//! What finished architectures are worth without training (section 3.8).

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::draws::Draw;
use super::measure::{Job, Measurement, Networks, costs, worst};
use super::{Config, Observer, Progress};
use crate::compute::Engine;
use crate::data::Dataset;
use crate::error::{Error, Result, room_for, try_reserve, try_vec};
use crate::network::Cost;
use crate::proxy::{Need, Proxy, named};
use crate::space::{Choice, Genotype, Mask, Space};

/// So many networks take far less than the headroom that large allocations leave.
const AT_ONCE: usize = 16;

/// A score over the repeats.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the sample (R - 1 in the denominator); 0 for one repeat.
    pub deviation: f64,
}

/// The scores of one network by a list of proxies. All are finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// One for each proxy, in the order that was asked for.
    pub values: Vec<Spread>,
    /// Whether the output depends on the image. If not, nothing is measured and the scores are the
    /// worst that each proxy has.
    pub connected: bool,
    /// Seconds of the whole call, divided by the number of networks.
    pub seconds: f64,
}

/// The indicators of one architecture that the C ABI has a struct of. All are finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Indicators {
    /// Condition number of the neural tangent kernel: lower is better. Of the NTK network.
    pub ntk: Spread,
    /// Linear regions: more is better. Of the thin network.
    pub regions: Spread,
    /// NASWOT score: higher is better. Of the NTK network on the NTK's images.
    pub naswot: Spread,
    /// SWAP score: higher is better. Of the NTK network on the NTK's images.
    pub swap: Spread,
    /// Multiply-adds and parameters of the network that papers train.
    pub cost: Cost,
    /// Whether the output depends on the image. If not, nothing is measured and the scores are the
    /// worst there are: condition number 2^24 / batch size, 1 region, NASWOT 0, SWAP 1.
    pub connected: bool,
    /// Seconds of the whole call, divided by the number of architectures.
    pub seconds: f64,
}

/// The scores of all `genotypes` by `proxies`, in their order, as one batch of work for the
/// config's device.
///
/// Repeat r draws the same weights and images for every architecture: those that repeat r of the
/// first round of a search with [common](super::Sampling::Common) sampling has. So an
/// architecture's scores do not depend on what else is scored, in which order, or on threads. Of
/// the config, seed, repeats, batch size, initialisation, proxy networks, device and threads count.
///
/// `observer` is called after each architecture (round 0 of 1, architectures as candidates).
///
/// Errors: [`Error::InvalidArgument`] for genotypes of another space, or images that do not fit;
/// [`Error::Cancelled`] if the observer breaks off; [`Error::Device`]; [`Error::OutOfMemory`].
pub fn scores(
    config: &Config,
    dataset: &Dataset,
    genotypes: &[Genotype],
    proxies: &[Arc<dyn Proxy>],
    observer: Observer<'_>,
) -> Result<Vec<Scores>> {
    let engine = config.engine()?;
    of_networks(
        config,
        dataset,
        &networks_of(config, genotypes)?,
        proxies,
        engine.as_ref(),
        observer,
    )
}

/// [`scores`] on a given engine, whatever the config's device and threads.
pub fn scores_with(
    config: &Config,
    dataset: &Dataset,
    genotypes: &[Genotype],
    proxies: &[Arc<dyn Proxy>],
    engine: &dyn Engine,
    observer: Observer<'_>,
) -> Result<Vec<Scores>> {
    of_networks(config, dataset, &networks_of(config, genotypes)?, proxies, engine, observer)
}

/// [`scores`] by the proxies of [`Indicators`].
pub fn indicators(
    config: &Config,
    dataset: &Dataset,
    genotypes: &[Genotype],
    observer: Observer<'_>,
) -> Result<Vec<Indicators>> {
    let engine = config.engine()?;
    indicators_with(config, dataset, genotypes, engine.as_ref(), observer)
}

/// [`indicators`] on a given engine, whatever the config's device and threads.
pub fn indicators_with(
    config: &Config,
    dataset: &Dataset,
    genotypes: &[Genotype],
    engine: &dyn Engine,
    observer: Observer<'_>,
) -> Result<Vec<Indicators>> {
    indicators_of(config, dataset, &networks_of(config, genotypes)?, engine, observer)
}

/// A network: a mask, and the space that it is of. That is the configuration's, or the same with
/// parallel edges.
type Masked<'a> = (&'a Space, &'a Mask);

fn networks_of<'g>(config: &Config, genotypes: &'g [Genotype]) -> Result<Vec<Masked<'g>>> {
    let space = &config.supernet().space;
    let mut masks = Vec::new();
    masks
        .try_reserve_exact(genotypes.len())
        .map_err(|_| Error::OutOfMemory(format!("{} architectures", genotypes.len())))?;
    for (i, genotype) in genotypes.iter().enumerate() {
        if genotype.space() != space {
            return Err(Error::InvalidArgument(format!(
                "genotype {i}: found one of {}, expected one of {}",
                genotype.space().told_from(space),
                space.told_from(genotype.space())
            )));
        }
        masks.push((genotype.space(), genotype.mask()));
    }
    Ok(masks)
}

/// The indicators of supernets: [`indicators`] of networks that mix the active operations of each
/// edge, as a search does. Multiply-adds and parameters count all active operations.
///
/// Errors: those of [`indicators`]; [`Error::InvalidArgument`] for a mask in which `none` is active,
/// which it never is in a supernet.
pub fn indicators_of_masks(
    config: &Config,
    dataset: &Dataset,
    masks: &[Mask],
    observer: Observer<'_>,
) -> Result<Vec<Indicators>> {
    let space = &config.supernet().space;
    for mask in masks {
        // Of the same shape.
        Mask::from_nested(space, mask.nested().to_vec())?;
        for (cell, edge) in space.edges() {
            if let Some(operation) = space.none
                && mask.is_active(Choice { cell, edge, operation })
            {
                return Err(Error::InvalidArgument(format!(
                    "mask: found {} active on edge {} of the {} cell, expected an edge without an \
                     operation to have none active",
                    space.operations[operation],
                    space.cells[cell].edge_names[edge],
                    space.cells[cell].name
                )));
            }
        }
    }
    let engine = config.engine()?;
    let networks: Vec<Masked<'_>> = masks.iter().map(|mask| (space, mask)).collect();
    indicators_of(config, dataset, &networks, engine.as_ref(), observer)
}

fn indicators_of(
    config: &Config,
    dataset: &Dataset,
    networks: &[Masked<'_>],
    engine: &dyn Engine,
    observer: Observer<'_>,
) -> Result<Vec<Indicators>> {
    let proxies = ["ntk", "regions", "naswot", "swap", "flops", "parameters"].map(named);
    let proxies = proxies.into_iter().collect::<Result<Vec<_>>>()?;
    let found = of_networks(config, dataset, networks, &proxies, engine, observer)?;
    let named = |scores: Scores| {
        let &[ntk, regions, naswot, swap, flops, parameters] = &scores.values[..] else {
            return Err(Error::Internal("scores of other proxies".into()));
        };
        let [multiply_adds, parameters] = [flops, parameters].map(|count| count.mean as u64);
        let cost = Cost { multiply_adds, parameters };
        let Scores { connected, seconds, .. } = scores;
        Ok(Indicators { ntk, regions, naswot, swap, cost, connected, seconds })
    };
    found.into_iter().map(named).collect()
}

/// The scores of networks, in their order. Those with parallel edges are parts of a supernet of
/// their own, and come last.
fn of_networks(
    config: &Config,
    dataset: &Dataset,
    networks: &[Masked<'_>],
    proxies: &[Arc<dyn Proxy>],
    engine: &dyn Engine,
    observer: Observer<'_>,
) -> Result<Vec<Scores>> {
    let start = Instant::now();
    let mut progress =
        Progress { rounds: 1, candidates: networks.len() as u32, ..Default::default() };
    let mut after = || {
        progress.candidate += 1;
        progress.seconds = start.elapsed().as_secs_f64();
        observer(&progress)
    };
    let slots = config.supernet().space.slots();
    let (own, parallel): (Vec<usize>, Vec<usize>) =
        (0..networks.len()).partition(|n| networks[*n].0.slots() == slots);
    let mut done = try_vec(None, networks.len(), "scores of networks")?;
    let parallel_space = parallel.first().map(|n| networks[*n].0);
    let parallel_config = parallel_space.map(|space| config.with_space(space));
    let parts = [(Some(config), own), (parallel_config.as_ref(), parallel)];
    for (config, places) in parts {
        let Some(config) = config.filter(|_| !places.is_empty()) else { continue };
        let masks: Vec<&Mask> = places.iter().map(|n| networks[*n].1).collect();
        let found = of_masks(config, dataset, &masks, proxies, engine, &mut after)?;
        for (place, scores) in places.into_iter().zip(found) {
            done[place] = Some(scores);
        }
    }
    let seconds = start.elapsed().as_secs_f64() / networks.len() as f64;
    Ok(done.into_iter().flatten().map(|scores: Scores| Scores { seconds, ..scores }).collect())
}

/// The scores of masks of the configuration's space, but for the seconds. `after` is called after
/// each.
fn of_masks(
    config: &Config,
    dataset: &Dataset,
    masks: &[&Mask],
    proxies: &[Arc<dyn Proxy>],
    engine: &dyn Engine,
    after: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Vec<Scores>> {
    let supernet = config.supernet();
    let space = &supernet.space;
    let repeats = config.repeats() as usize;
    // One plan for all, where an architecture is its mixing weights.
    let mut measurement = Measurement::new(config, dataset, engine, proxies, &Mask::full(space))?;
    let no_room = || Error::OutOfMemory(format!("scores of {} networks", masks.len()));
    let mut done: Vec<Scores> = Vec::new();
    done.try_reserve_exact(masks.len()).map_err(|_| no_room())?;
    let (mut jobs, mut disconnected) = (Vec::new(), 0);
    for (network, &mask) in masks.iter().enumerate() {
        // What a network takes is small, and cannot be refused: there must be room for some.
        if network % AT_ONCE == 0 {
            room_for(0, || format!("scores of {} networks, from {network} on", masks.len()))?;
        }
        let connected =
            supernet.ntk_network(mask, dataset.shape(), dataset.classes())?.is_connected();
        let exactly = |mean: f64| Spread { mean, deviation: 0.0 };
        let mut values: Vec<Spread> = worst(proxies, config).into_iter().map(exactly).collect();
        for (place, value) in costs(proxies, config, dataset, mask)? {
            values[place] = exactly(value);
        }
        done.push(Scores { values, connected, seconds: 0.0 });
        if !connected {
            disconnected += 1;
            continue;
        }
        try_reserve(&mut jobs, repeats * measurement.groups()).map_err(|()| no_room())?;
        for repeat in 0..repeats {
            let draw = Draw { round: 0, candidate: 0, repeat };
            let all = 0..measurement.groups();
            jobs.extend(all.map(|group| Job { network, group, draw, shared: true }));
        }
    }
    let each = repeats * measurement.groups();
    // What is not evaluated is finished.
    for _ in 0..if each == 0 { masks.len() } else { disconnected } {
        if after().is_break() {
            return Err(Error::Cancelled);
        }
    }
    // `[network][proxy][repeat]`.
    let mut values = try_vec(0.0, masks.len() * proxies.len() * repeats, "values of proxies")?;
    let mut left = try_vec(each, masks.len(), "counts of scores")?;
    let members: Vec<Vec<usize>> =
        (0..measurement.groups()).map(|g| measurement.members(g).to_vec()).collect();
    let mixing = |network: usize| masks[network].mixing(space).into();
    let mut cancelled = false;
    let mut sink = |job: &Job, found: &[f64]| {
        for (proxy, value) in members[job.group].iter().zip(found) {
            let place = (job.network * proxies.len() + proxy) * repeats + job.draw.repeat;
            values[place] = *value;
        }
        left[job.network] -= 1;
        if left[job.network] == 0 && after().is_break() {
            cancelled = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let mask = |network: usize| Some(masks[network].clone());
    let networks = Networks { mixing: &mixing, mask: &mask };
    measurement.evaluate(config, dataset, engine, &jobs, networks, &mut sink)?;
    if cancelled {
        return Err(Error::Cancelled);
    }
    let evaluated = |p: &Arc<dyn Proxy>| p.need() != Need::Cost;
    for (network, scores) in done.iter_mut().enumerate() {
        if !scores.connected {
            continue;
        }
        if left[network] != 0 {
            return Err(Error::Internal("an engine that leaves out tasks".into()));
        }
        for (p, _) in proxies.iter().enumerate().filter(|(_, p)| evaluated(p)) {
            let first = (network * proxies.len() + p) * repeats;
            scores.values[p] = spread(&values[first..first + repeats]);
        }
    }
    Ok(done)
}

pub(super) fn spread(values: &[f64]) -> Spread {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let deviation = if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 };
    Spread { mean, deviation }
}
