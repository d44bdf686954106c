//! What finished architectures are worth without training (section 3.8).

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::draws::{Draw, Network, SharedImages};
use super::scoring::{OwnPlans, plans};
use super::{Config, Observer, Progress};
use crate::compute::{Engine, Evidence, Parameters, Plan, Task, Wanted};
use crate::data::Dataset;
use crate::error::{Error, Result, try_reserve, try_vec};
use crate::indicator::{condition_number, linear_regions, naswot, swap, worst_condition_number};
use crate::network::{Cost, Training};
use crate::space::{Choice, Genotype, Mask};

/// A score over the repeats.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation of the sample (R - 1 in the denominator); 0 for one repeat.
    pub deviation: f64,
}

/// The indicators of one architecture. All are finite.
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

/// What a task measures, in the order of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Regions,
    /// NASWOT and SWAP, from one set of bits.
    Activations,
    Ntk,
}
const KINDS: [Kind; 3] = [Kind::Regions, Kind::Activations, Kind::Ntk];

/// What is measured in one repeat.
#[derive(Debug, Clone, Copy, Default)]
struct Values {
    regions: f64,
    naswot: f64,
    swap: f64,
    ntk: f64,
}

/// One task.
#[derive(Debug, Clone, Copy)]
struct Job {
    network: usize,
    repeat: usize,
    kind: Kind,
}

/// The indicators of all `genotypes`, in their order, as one batch of work for the config's device.
///
/// Repeat r draws the same weights and images for every architecture: those that repeat r of the
/// first round of a search with [common](super::Sampling::Common) sampling has. So an
/// architecture's scores do not depend on what else is scored, in which order, or on threads. Of
/// the config, seed, repeats, batch size, initialisation, device and threads count.
///
/// `observer` is called after each architecture (round 0 of 1, architectures as candidates).
///
/// Errors: [`Error::InvalidArgument`] for genotypes of another space, or images that do not fit;
/// [`Error::Cancelled`] if the observer breaks off; [`Error::Device`]; [`Error::OutOfMemory`].
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
        masks.push(genotype.mask());
    }
    of_masks(config, dataset, &masks, engine, observer)
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
    let masks: Vec<&Mask> = masks.iter().collect();
    of_masks(config, dataset, &masks, engine.as_ref(), observer)
}

fn of_masks(
    config: &Config,
    dataset: &Dataset,
    masks: &[&Mask],
    engine: &dyn Engine,
    observer: Observer<'_>,
) -> Result<Vec<Indicators>> {
    let start = Instant::now();
    let supernet = config.supernet();
    let space = &supernet.space;
    let (batch, count) = (config.batch_size() as usize, dataset.count());
    if batch > count {
        return Err(Error::InvalidArgument(format!(
            "batch_size: found {batch}, expected at most the data set's {count} images"
        )));
    }
    let mut done = Vec::new();
    done.try_reserve_exact(masks.len())
        .map_err(|_| Error::OutOfMemory(format!("indicators of {} networks", masks.len())))?;
    for &mask in masks {
        let (input, classes) = (dataset.shape(), dataset.classes());
        let training = Training { dataset: config.dataset().name(), input, classes };
        done.push(Indicators {
            cost: supernet.training_network(mask, &training)?.cost(),
            connected: supernet.ntk_network(mask, input, classes)?.is_connected(),
            ..worst(batch)
        });
    }
    // One plan for all, where an architecture is its mixing weights.
    let common = plans(config, dataset, engine, &Mask::full(space))?;
    let mut own = OwnPlans::new(config, dataset, engine, &common);
    let mut connected = Vec::new();
    try_reserve(&mut connected, masks.len())
        .map_err(|()| Error::OutOfMemory(format!("numbers of {} networks", masks.len())))?;
    connected.extend((0..masks.len()).filter(|g| done[*g].connected));
    let repeats = config.repeats() as usize;
    let each = KINDS.len() * repeats;
    let job = |number: usize| Job {
        network: connected[number / each],
        repeat: number % each / KINDS.len(),
        kind: KINDS[number % KINDS.len()],
    };
    let mut values = try_vec(Values::default(), masks.len() * repeats, "values of indicators")?;
    let mut left = try_vec(each, masks.len(), "counts of indicators")?;
    let mut progress = Progress { rounds: 1, candidates: masks.len() as u32, ..Default::default() };
    let mut after = || {
        progress.candidate += 1;
        progress.seconds = start.elapsed().as_secs_f64();
        observer(&progress)
    };
    for _ in connected.len()..masks.len() {
        if after().is_break() {
            return Err(Error::Cancelled);
        }
    }
    let mut shared = SharedImages::default();
    let mut tasks = (0..connected.len() * each).map(|number| {
        let job = job(number);
        let plans = own.of(job.network, || masks[job.network].clone())?;
        let network = if job.kind == Kind::Regions { Network::Thin } else { Network::Ntk };
        let plan = &plans[network as usize];
        let mixing = masks[job.network].mixing(space);
        job.task(config, dataset, plan, mixing.into(), &mut shared)
    });
    // A task leaves one number. That of two scores is their place here.
    let pairs: Mutex<Vec<(f64, f64)>> = Mutex::new(Vec::new());
    let reduce = |evidence: Evidence<'_>| match evidence {
        Evidence::Kernel { values, images } => condition_number(values, images),
        // No batch is as large as the inputs of the thin network.
        Evidence::Bits(bits) if bits.rows() != batch => linear_regions(bits),
        Evidence::Bits(bits) => {
            let pair = (naswot(bits), swap(bits));
            let mut pairs = pairs.lock();
            pairs.push(pair);
            (pairs.len() - 1) as f64
        }
        _ => unreachable!("no task here asks for J or logits"),
    };
    let mut cancelled = false;
    engine.evaluate(&mut tasks, &reduce, &mut |number, value| {
        let Job { network, repeat, kind } = job(number);
        let place = &mut values[network * repeats + repeat];
        match kind {
            Kind::Regions => place.regions = value,
            Kind::Activations => (place.naswot, place.swap) = pairs.lock()[value as usize],
            Kind::Ntk => place.ntk = value,
        }
        left[network] -= 1;
        if left[network] == 0 && after().is_break() {
            cancelled = true;
            return Break(());
        }
        Continue(())
    })?;
    if cancelled {
        return Err(Error::Cancelled);
    }
    let seconds = start.elapsed().as_secs_f64() / masks.len() as f64;
    for (network, (indicators, values)) in done.iter_mut().zip(values.chunks(repeats)).enumerate() {
        indicators.seconds = seconds;
        if !indicators.connected {
            continue;
        }
        if left[network] != 0 {
            return Err(Error::Internal("an engine that leaves out tasks".into()));
        }
        indicators.regions = spread(values, |v| v.regions);
        indicators.naswot = spread(values, |v| v.naswot);
        indicators.swap = spread(values, |v| v.swap);
        indicators.ntk = spread(values, |v| v.ntk);
    }
    Ok(done)
}

/// The scores of an architecture whose output does not depend on the image.
fn worst(batch: usize) -> Indicators {
    let exactly = |mean| Spread { mean, deviation: 0.0 };
    Indicators {
        ntk: exactly(worst_condition_number(batch)),
        regions: exactly(1.0),
        naswot: exactly(0.0),
        swap: exactly(1.0),
        cost: Cost::default(),
        connected: false,
        seconds: 0.0,
    }
}

fn spread(values: &[Values], score: impl Fn(&Values) -> f64) -> Spread {
    let n = values.len() as f64;
    let mean = values.iter().map(&score).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (score(v) - mean) * (score(v) - mean)).sum();
    let deviation = if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 };
    Spread { mean, deviation }
}

impl Job {
    fn task(
        &self,
        config: &Config,
        dataset: &Dataset,
        plan: &Arc<Plan>,
        mixing: Arc<[f64]>,
        shared: &mut SharedImages,
    ) -> Result<Task> {
        let network = match self.kind {
            Kind::Regions => Network::Thin,
            Kind::Activations | Kind::Ntk => Network::Ntk,
        };
        let draw = Draw { network, round: 0, candidate: 0, repeat: self.repeat };
        Ok(Task {
            plan: plan.clone(),
            mixing,
            inputs: shared.get(&draw, config, dataset)?,
            parameters: Parameters::Drawn(draw.weights(config)),
            wanted: if self.kind == Kind::Ntk { Wanted::Kernel } else { Wanted::Bits },
        })
    }
}
