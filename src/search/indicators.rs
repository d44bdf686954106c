//! What finished architectures are worth without training (section 3.8).

use std::ops::ControlFlow::{Break, Continue};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::scoring::{REGION_BATCH, REGION_BATCHES};
use super::{Config, Observer, Progress};
use crate::compute::{Engine, Evidence, Inputs, Parameters, Plan, Task, Wanted};
use crate::data::{Dataset, Images};
use crate::error::{Error, Result, try_vec};
use crate::indicator::{condition_number, linear_regions, naswot, swap, worst_condition_number};
use crate::network::{Cost, Fan, Initialiser, Training};
use crate::random::{Key, Purpose};
use crate::space::{Genotype, Mask};

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
    genotype: usize,
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
    done.try_reserve_exact(genotypes.len())
        .map_err(|_| Error::OutOfMemory(format!("indicators of {} genotypes", genotypes.len())))?;
    for (i, genotype) in genotypes.iter().enumerate() {
        if genotype.space().name != space.name {
            return Err(Error::InvalidArgument(format!(
                "genotype {i}: found one of {}, expected one of {}",
                genotype.space().name,
                space.name
            )));
        }
        let mask = genotype.mask();
        let (input, classes) = (dataset.shape(), dataset.classes());
        let training = Training { dataset: config.dataset().name(), input, classes };
        done.push(Indicators {
            cost: supernet.training_network(mask, &training)?.cost(),
            connected: supernet.ntk_network(mask, input, classes)?.is_connected(),
            ..worst(batch)
        });
    }
    // One plan for all: an architecture is its mixing weights.
    let full = Mask::full(space);
    let thin = engine.prepare(Arc::new(supernet.thin_network(&full, dataset.classes())?));
    let ntk = supernet.ntk_network(&full, dataset.shape(), dataset.classes())?;
    let ntk = engine.prepare(Arc::new(ntk));
    let connected: Vec<usize> = (0..genotypes.len()).filter(|g| done[*g].connected).collect();
    let repeats = config.repeats() as usize;
    let each = KINDS.len() * repeats;
    let job = |number: usize| Job {
        genotype: connected[number / each],
        repeat: number % each / KINDS.len(),
        kind: KINDS[number % KINDS.len()],
    };
    let mut values = try_vec(Values::default(), genotypes.len() * repeats, "values of indicators")?;
    let mut left = try_vec(each, genotypes.len(), "counts of indicators")?;
    let mut progress =
        Progress { rounds: 1, candidates: genotypes.len() as u32, ..Default::default() };
    let mut after = || {
        progress.candidate += 1;
        progress.seconds = start.elapsed().as_secs_f64();
        observer(&progress)
    };
    for _ in connected.len()..genotypes.len() {
        if after().is_break() {
            return Err(Error::Cancelled);
        }
    }
    let mut draws = Draws::new(config, dataset);
    let mut tasks = (0..connected.len() * each).map(|number| {
        let job = job(number);
        let plan = if job.kind == Kind::Regions { &thin } else { &ntk };
        let mixing = genotypes[job.genotype].mask().mixing(space);
        draws.task(&job, plan, mixing.into())
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
        let Job { genotype, repeat, kind } = job(number);
        let place = &mut values[genotype * repeats + repeat];
        match kind {
            Kind::Regions => place.regions = value,
            Kind::Activations => (place.naswot, place.swap) = pairs.lock()[value as usize],
            Kind::Ntk => place.ntk = value,
        }
        left[genotype] -= 1;
        if left[genotype] == 0 && after().is_break() {
            cancelled = true;
            return Break(());
        }
        Continue(())
    })?;
    if cancelled {
        return Err(Error::Cancelled);
    }
    let seconds = start.elapsed().as_secs_f64() / genotypes.len() as f64;
    for (genotype, (indicators, values)) in done.iter_mut().zip(values.chunks(repeats)).enumerate()
    {
        indicators.seconds = seconds;
        if !indicators.connected {
            continue;
        }
        if left[genotype] != 0 {
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

/// The images of each repeat, drawn when they are first asked for.
struct Draws<'a> {
    config: &'a Config,
    dataset: &'a Dataset,
    regions: Vec<Option<Inputs>>,
    ntk: Vec<Option<Inputs>>,
}

impl<'a> Draws<'a> {
    fn new(config: &'a Config, dataset: &'a Dataset) -> Self {
        let none = || vec![None; config.repeats() as usize];
        Draws { config, dataset, regions: none(), ntk: none() }
    }

    fn task(&mut self, job: &Job, plan: &Arc<Plan>, mixing: Arc<[f64]>) -> Result<Task> {
        let key = |purpose| Key {
            seed: self.config.seed(),
            purpose,
            round: 0,
            candidate: 0,
            repeat: job.repeat as u64,
        };
        let (fan, parameters) = match job.kind {
            Kind::Regions => (Fan::In, Purpose::RegionParameters),
            Kind::Activations | Kind::Ntk => (Fan::Out, Purpose::NtkParameters),
        };
        let place = match job.kind {
            Kind::Regions => &mut self.regions[job.repeat],
            Kind::Activations | Kind::Ntk => &mut self.ntk[job.repeat],
        };
        let inputs = match place {
            Some(inputs) => inputs.clone(),
            None => {
                let Images { values, batches, batch, .. } = match job.kind {
                    Kind::Regions => self.dataset.region_batches(
                        REGION_BATCHES,
                        REGION_BATCH,
                        &key(Purpose::RegionInputs),
                    )?,
                    Kind::Activations | Kind::Ntk => self
                        .dataset
                        .ntk_batch(self.config.batch_size() as usize, &key(Purpose::NtkImages))?,
                };
                place.insert(Inputs { values: Arc::new(values), batches, batch }).clone()
            }
        };
        let initialiser = Initialiser { init: self.config.init(), fan, key: key(parameters) };
        Ok(Task {
            plan: plan.clone(),
            mixing,
            parameters: Parameters::Drawn(initialiser),
            inputs,
            wanted: if job.kind == Kind::Ntk { Wanted::Kernel } else { Wanted::Bits },
        })
    }
}
