//! The strategy `rank`: architectures are scored one by one and ranked (section 3.10).
//!
//! Rung 0 has one draw of each candidate: all classes of a space that has no more than the budget,
//! or else a sample and then generations of neighbours of the best. Each further rung has more
//! draws of the better part (successive halving).

use std::collections::{HashMap, HashSet};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::Config;
use super::aggregation::aggregate;
use super::draws::Draw;
use super::measure::{Job, Measurement, Networks, check_finite, costs, worst};
use super::strategy::{Bench, Work};
use crate::data::{Dataset, digest_of};
use crate::error::{Error, Result, try_reserve};
use crate::hooks::{Hook, reach};
use crate::network::Supernet;
use crate::proxy::{Direction, Need, Proxy};
use crate::random::{Key, Purpose};
use crate::space::{Genotype, GenotypeFormat, Mask, Space};

/// Spaces of more architectures are sampled, not listed.
const LISTED: u64 = 1 << 17;
/// The fewest candidates of a rung, where as many are left.
const FEWEST: usize = 16;
/// The first sample takes one SAMPLE-th of the budget, each generation one GENERATION-th.
const SAMPLE: u32 = 4;
const GENERATION: u32 = 8;
/// The best one PARENTS-th of the architectures found so far has children, and at least FEWEST_PARENTS.
const PARENTS: usize = 8;
const FEWEST_PARENTS: usize = 4;
/// Draws for an architecture that is new, before a round does with fewer.
const ATTEMPTS: u64 = 64;

/// A network and its place in the order.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The architecture's number ([`Genotype::at`]).
    pub number: u64,
    /// Whether its output depends on the image. If not, nothing is measured: its values are the
    /// worst there are, its ranks those of the last.
    pub connected: bool,
    /// The rung that it came to, from 0.
    pub rung: u32,
    /// Draws of weights and images that it was measured on.
    pub draws: u32,
    /// One for each proxy, in their order: what all its draws say together.
    pub values: Vec<f64>,
    /// Its rank by each proxy among the connected ones, 1 for the best; equal values share the
    /// mean of their places.
    pub ranks: Vec<f64>,
    /// What the ranks add up to ([`Aggregation`](super::Aggregation)).
    pub total: f64,
}

impl Ranked {
    /// The architecture.
    pub fn genotype(&self, space: &Space) -> Result<Genotype> {
        Genotype::at(space, self.number)
    }
}

/// A candidate's values of one draw, as they travel between searches.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// [`Context::round_digest`](super::Context::round_digest) of the search that made it.
    pub digest: u64,
    /// The round, from 0.
    pub round: u32,
    /// The candidate's place in the round.
    pub candidate: u32,
    /// The draw, from 0.
    pub draw: u32,
    /// One for each proxy, in their order.
    pub values: Vec<f64>,
}

/// An architecture that was looked at, or is about to be.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) number: u64,
    connected: bool,
    rung: u32,
    /// `[draw][proxy]`; empty if it is not connected.
    pub(super) values: Vec<f64>,
}

/// A ranking search between two rounds.
#[derive(Debug, Clone)]
pub(super) struct Rank {
    pub(super) round: u32,
    pub(super) pool: Vec<Entry>,
    /// The places in the pool of the round's candidates; none at the end.
    pub(super) candidates: Vec<usize>,
    /// Rounds after the first one that look for more architectures.
    generations: u32,
    /// Of all but the candidates that have no value yet.
    pub(super) ranking: Arc<Vec<Ranked>>,
    /// All operations; at the end, those of the best.
    pub(super) mask: Mask,
}

impl Rank {
    pub(super) fn new(config: &Config, dataset: &Dataset) -> Result<Self> {
        let space = &config.supernet().space;
        if space.size().is_none() {
            return Err(Error::InvalidArgument(format!(
                "strategy: found rank, expected prune: {} has 2^64 architectures or more",
                space.name
            )));
        }
        let listed = listed(space, config.budget() as usize)?;
        let mut new = Rank {
            round: 0,
            pool: Vec::new(),
            candidates: Vec::new(),
            generations: 0,
            ranking: Arc::default(),
            mask: Mask::full(space),
        };
        if let Some(numbers) = listed {
            new.add(config, dataset, &numbers)?;
        } else {
            let (sample, generation) = new.sizes(config);
            let budget = config.budget();
            new.generations = (budget - sample as u32).div_ceil(generation as u32);
            let numbers = new.sample(config, sample)?;
            new.add(config, dataset, &numbers)?;
        }
        new.candidates = new.connected_from(0);
        Ok(new)
    }

    /// Architectures of the sample, and of a generation at most.
    fn sizes(&self, config: &Config) -> (usize, usize) {
        let part = |parts: u32| config.budget().div_ceil(parts) as usize;
        (part(SAMPLE), part(GENERATION))
    }

    /// Rungs: one where nothing is drawn.
    fn rungs(config: &Config) -> u32 {
        if config.proxies().iter().all(|p| p.need() == Need::Cost) { 1 } else { config.rungs() }
    }

    pub(super) fn rounds(&self, config: &Config) -> u32 {
        self.generations + Self::rungs(config)
    }

    /// What the rounds ahead take is known but for architectures that are not connected.
    pub(super) fn work(&self, config: &Config) -> Work {
        let width = config.proxies().len();
        let values: usize = self.pool.iter().map(|entry| entry.values.len()).sum();
        let mut work = Work {
            before: (values / width) as u64,
            each: self.draws(config).len() as u64,
            later: 0,
        };
        let mut found = self.pool.len();
        for _ in self.round..self.generations {
            let more = self.sizes(config).1.min(config.budget() as usize - found);
            found += more;
            work.later += more as u64;
        }
        // Of the rung at hand.
        let mut part = if self.rung() == 0 { found } else { self.candidates.len() };
        for rung in self.rung() + 1..Self::rungs(config) {
            part = Self::better(config, part);
            work.later += (part * Self::draws_of(config, rung).len()) as u64;
        }
        work
    }

    /// The rung of the round at hand.
    pub(super) fn rung(&self) -> u32 {
        self.round.saturating_sub(self.generations)
    }

    /// The draws that the round at hand adds.
    pub(super) fn draws(&self, config: &Config) -> Range<usize> {
        Self::draws_of(config, self.rung())
    }

    fn draws_of(config: &Config, rung: u32) -> Range<usize> {
        let growth = config.draw_growth() as usize;
        match rung {
            0 => 0..1,
            rung => growth.pow(rung - 1)..growth.pow(rung),
        }
    }

    /// Of so many candidates those that go on to the next rung.
    fn better(config: &Config, candidates: usize) -> usize {
        candidates.div_ceil(config.reduction() as usize).max(FEWEST).min(candidates)
    }

    /// What the values of a round depend on: its candidates.
    pub(super) fn identity(&self) -> String {
        let numbers = self.candidates.iter().map(|place| self.pool[*place].number.to_string());
        format!("candidates={}", numbers.collect::<Vec<_>>().join(","))
    }

    fn add(&mut self, config: &Config, dataset: &Dataset, numbers: &[u64]) -> Result<()> {
        try_reserve(&mut self.pool, numbers.len())
            .map_err(|()| Error::OutOfMemory(format!("{} architectures", numbers.len())))?;
        let supernet = config.supernet();
        for &number in numbers {
            let connected = is_connected(supernet, dataset, number)?;
            self.pool.push(Entry { number, connected, rung: 0, values: Vec::new() });
        }
        Ok(())
    }

    fn connected_from(&self, first: usize) -> Vec<usize> {
        (first..self.pool.len()).filter(|place| self.pool[*place].connected).collect()
    }

    /// New architectures of the whole space.
    fn sample(&self, config: &Config, count: usize) -> Result<Vec<u64>> {
        let space = &config.supernet().space;
        let mut fresh = Fresh::new(self, config, count)?;
        fresh.fill(|stream| Genotype::sample(space, stream))?;
        Ok(fresh.numbers)
    }

    /// New neighbours of the best, and where these are few, others.
    fn offspring(&self, config: &Config, count: usize) -> Result<Vec<u64>> {
        let space = &config.supernet().space;
        let connected = self.ranking.iter().filter(|r| r.connected).count();
        let parents = (connected / PARENTS).max(FEWEST_PARENTS).min(connected);
        let mut fresh = Fresh::new(self, config, count)?;
        if parents > 0 {
            fresh.fill(|stream| {
                let parent = &self.ranking[stream.below(parents as u64) as usize];
                parent.genotype(space)?.mutate(stream)
            })?;
        }
        fresh.fill(|stream| Genotype::sample(space, stream))?;
        Ok(fresh.numbers)
    }

    pub(super) fn begin(&self, bench: Bench<'_>) -> Result<Measuring> {
        let Bench { config, dataset, engine } = bench;
        let full = Mask::full(&config.supernet().space);
        let proxies = config.proxies();
        Ok(Measuring {
            numbers: self.candidates.iter().map(|place| self.pool[*place].number).collect(),
            draws: self.draws(config),
            found: vec![None; self.candidates.len()],
            measurement: Measurement::new(config, dataset, engine, proxies, &full)?,
        })
    }

    /// The values that any machines have made of the round at hand, `[draw][proxy]` for each of its
    /// candidates in order.
    pub(super) fn sorted(
        &self,
        config: &Config,
        digest: u64,
        measured: &[Measured],
    ) -> Result<Vec<Vec<f64>>> {
        let (draws, proxies) = (self.draws(config), config.proxies());
        let width = draws.len() * proxies.len();
        let mut values = vec![vec![f64::NAN; width]; self.candidates.len()];
        for (i, one) in measured.iter().enumerate() {
            let wrong =
                |problem: String| Err(Error::InvalidArgument(format!("measured[{i}].{problem}")));
            if one.round != self.round {
                return wrong(format!("round: found {}, expected {}", one.round, self.round));
            }
            if one.digest != digest {
                return wrong(format!(
                    "digest: found {:016x}, expected {digest:016x}: one of another configuration, \
                     data set or round",
                    one.digest
                ));
            }
            let Some(row) = values.get_mut(one.candidate as usize) else {
                return wrong(format!(
                    "candidate: found {}, expected below {}",
                    one.candidate,
                    self.candidates.len()
                ));
            };
            let draw = one.draw as usize;
            if !draws.contains(&draw) {
                return wrong(format!(
                    "draw: found {draw}, expected {} to {}",
                    draws.start,
                    draws.end - 1
                ));
            }
            if one.values.len() != proxies.len() {
                return wrong(format!(
                    "values: found {}, expected {}, one for each proxy",
                    one.values.len(),
                    proxies.len()
                ));
            }
            if let Some((value, p)) =
                one.values.iter().zip(proxies).find(|(value, _)| !value.is_finite())
            {
                let name = p.name();
                return wrong(format!(
                    "values: found {value} for {name}, expected a finite number"
                ));
            }
            let place = &mut row[(draw - draws.start) * proxies.len()..][..proxies.len()];
            if !place[0].is_nan() {
                return wrong(format!(
                    "candidate: found {} again with draw {draw}, expected each once",
                    one.candidate
                ));
            }
            place.copy_from_slice(&one.values);
        }
        let missing = |row: &Vec<f64>| row.iter().position(|value| value.is_nan());
        if let Some((candidate, at)) =
            values.iter().enumerate().find_map(|(c, row)| Some((c, missing(row)?)))
        {
            return Err(Error::InvalidArgument(format!(
                "measured: found {} of {}, candidate {candidate} with draw {} is missing",
                measured.len(),
                draws.len() * self.candidates.len(),
                draws.start + at / proxies.len()
            )));
        }
        Ok(values)
    }

    /// The search after the round at hand, whose candidates have these values.
    pub(super) fn after(
        &self,
        config: &Config,
        dataset: &Dataset,
        values: Vec<Vec<f64>>,
    ) -> Result<Self> {
        reach(Hook::Ranking)?;
        let mut next = self.clone();
        for (place, values) in self.candidates.iter().zip(values) {
            let entry = &mut next.pool[*place];
            entry.rung = self.rung();
            entry.values.extend(values);
        }
        let ranking = next.ranked(config)?;
        next.round += 1;
        next.ranking = Arc::new(ranking);
        next.candidates = if next.round <= next.generations {
            let first = next.pool.len();
            let left = config.budget() as usize - first;
            let (_, generation) = next.sizes(config);
            let numbers = next.offspring(config, generation.min(left))?;
            next.add(config, dataset, &numbers)?;
            next.connected_from(first)
        } else if next.round < next.rounds(config) {
            next.better_part(config)
        } else {
            Vec::new()
        };
        if next.round == next.rounds(config)
            && let Some(best) = next.ranking.first()
        {
            next.mask = best.genotype(&config.supernet().space)?.mask().clone();
        }
        Ok(next)
    }

    /// `[draw][proxy]` of an architecture; nothing for one that was not measured.
    pub(super) fn values_of(&self, number: u64) -> &[f64] {
        let entry = self.pool.iter().find(|entry| entry.number == number);
        entry.map_or(&[], |entry| &entry.values)
    }

    /// The places of those that go on to the next rung, the best first.
    fn better_part(&self, config: &Config) -> Vec<usize> {
        let part = match self.rung() {
            1 => self.ranking.iter().filter(|r| r.connected).count(),
            _ => self.candidates.len(),
        };
        let kept = Self::better(config, part);
        let places: HashMap<u64, usize> =
            self.pool.iter().enumerate().map(|(place, entry)| (entry.number, place)).collect();
        self.ranking[..kept].iter().map(|r| places[&r.number]).collect()
    }

    /// All that have values, and those that are not connected, in order: by rung, the highest
    /// first; by total; by number.
    fn ranked(&self, config: &Config) -> Result<Vec<Ranked>> {
        let (proxies, aggregation) = (config.proxies(), config.aggregation());
        let seen = |e: &&Entry| !e.connected || !e.values.is_empty();
        let mut all = Vec::new();
        for entry in self.pool.iter().filter(seen) {
            let values = if entry.connected {
                settled(proxies, &entry.values)?
            } else {
                worst(proxies, config)
            };
            all.push(Ranked {
                number: entry.number,
                connected: entry.connected,
                rung: entry.rung,
                draws: (entry.values.len() / proxies.len()) as u32,
                values,
                ranks: Vec::new(),
                total: 0.0,
            });
        }
        let rows: Vec<&[f64]> =
            all.iter().filter(|r| r.connected).map(|r| r.values.as_slice()).collect();
        let directions: Vec<Direction> = proxies.iter().map(|p| p.direction()).collect();
        let m = rows.len().max(1);
        let (totals, ranks) = aggregate(&rows, &directions, aggregation)?;
        let mut of_connected = ranks.into_iter().zip(totals);
        for one in &mut all {
            let found = if one.connected { of_connected.next() } else { None };
            (one.ranks, one.total) = found.unwrap_or_else(|| {
                let last = vec![m as f64; proxies.len()];
                let total = aggregation.total(&last, m);
                (last, total)
            });
        }
        all.sort_by(|a, b| {
            let totals = match aggregation.direction() {
                Direction::Higher => b.total.total_cmp(&a.total),
                Direction::Lower => a.total.total_cmp(&b.total),
            };
            let connected = b.connected.cmp(&a.connected);
            connected.then(b.rung.cmp(&a.rung)).then(totals).then(a.number.cmp(&b.number))
        });
        Ok(all)
    }

    /// What the last round has done.
    pub(super) fn told(&self, config: &Config) -> String {
        let space = &config.supernet().space;
        let best = self.ranking.first().and_then(|best| best.genotype(space).ok());
        let best = best.map_or("nothing".to_owned(), |g| g.to_text(GenotypeFormat::Native));
        format!("the best of {} is {best}", self.ranking.len())
    }
}

/// What all draws of a network say, proxy by proxy.
fn settled(proxies: &[Arc<dyn Proxy>], values: &[f64]) -> Result<Vec<f64>> {
    let one = |(p, proxy): (usize, &Arc<dyn Proxy>)| {
        if proxy.need() == Need::Cost {
            return Ok(values[p]);
        }
        let draws: Vec<f64> = values.iter().skip(p).step_by(proxies.len()).copied().collect();
        let settled = proxy.settle(&draws);
        check_finite(proxy.as_ref(), settled)?;
        Ok(settled)
    };
    proxies.iter().enumerate().map(one).collect()
}

/// One architecture of each class of a space, that of the smallest number; `None` if there are more
/// than the budget.
fn listed(space: &Space, budget: usize) -> Result<Option<Vec<u64>>> {
    let Some(size) = space.size().filter(|size| *size <= LISTED) else { return Ok(None) };
    let mut classes = HashSet::new();
    let mut numbers = Vec::new();
    for number in 0..size {
        let class = class_of(&Genotype::at(space, number)?);
        if classes.insert(class) {
            if numbers.len() == budget {
                return Ok(None);
            }
            numbers.push(number);
        }
    }
    Ok(Some(numbers))
}

/// What isomorphic architectures share.
fn class_of(genotype: &Genotype) -> u64 {
    digest_of(genotype.canonical().as_bytes())
}

fn is_connected(supernet: &Supernet, dataset: &Dataset, number: u64) -> Result<bool> {
    let genotype = Genotype::at(&supernet.space, number)?;
    let graph = supernet.ntk_network(genotype.mask(), dataset.shape(), dataset.classes())?;
    Ok(graph.is_connected())
}

/// Architectures of classes that were not looked at.
struct Fresh {
    classes: HashSet<u64>,
    numbers: Vec<u64>,
    count: usize,
    key: Key,
}

impl Fresh {
    fn new(search: &Rank, config: &Config, count: usize) -> Result<Self> {
        let space = &config.supernet().space;
        let class = |e: &Entry| Ok(class_of(&Genotype::at(space, e.number)?));
        let round = if search.ranking.is_empty() { 0 } else { search.round };
        Ok(Fresh {
            classes: search.pool.iter().map(class).collect::<Result<_>>()?,
            numbers: Vec::new(),
            count,
            key: Key {
                seed: config.seed(),
                purpose: Purpose::Genotypes,
                round,
                candidate: 0,
                repeat: 0,
            },
        })
    }

    /// Draws until there are enough, or too few are new. Each has random numbers of its own.
    fn fill(
        &mut self,
        mut draw: impl FnMut(&mut crate::random::Stream) -> Result<Genotype>,
    ) -> Result<()> {
        for _ in 0..ATTEMPTS * self.count as u64 {
            if self.numbers.len() == self.count {
                break;
            }
            let genotype = draw(&mut self.key.stream(0))?;
            self.key.candidate += 1;
            let Some(number) = genotype.index() else {
                return Err(Error::Internal("an architecture without a number".into()));
            };
            if self.classes.insert(class_of(&genotype)) {
                self.numbers.push(number);
            }
        }
        Ok(())
    }
}

/// `[draw][proxy]` of a candidate that is finished.
pub(super) type Row = Option<Vec<f64>>;

/// A round whose candidates are being measured.
#[derive(Debug)]
pub(super) struct Measuring {
    numbers: Vec<u64>,
    draws: Range<usize>,
    found: Vec<Row>,
    measurement: Measurement,
}

impl Measuring {
    pub(super) fn found(&self) -> &[Row] {
        &self.found
    }

    /// Takes over the values of a round that was saved; they have this round's lengths.
    pub(super) fn restore(&mut self, found: Vec<Row>) {
        self.found = found;
    }

    pub(super) fn values(&self, range: Range<usize>) -> Option<Vec<Vec<f64>>> {
        self.found.get(range)?.iter().cloned().collect()
    }

    pub(super) fn evaluate(
        &mut self,
        bench: Bench<'_>,
        range: Range<usize>,
        after: &mut dyn FnMut(usize, &[Row]),
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        let Bench { config, dataset, engine } = bench;
        let Measuring { numbers, draws, found, measurement } = self;
        let space = &config.supernet().space;
        let (groups, width) = (measurement.groups(), config.proxies().len());
        let members: Vec<Vec<usize>> =
            (0..groups).map(|group| measurement.members(group).to_vec()).collect();
        let open: Vec<usize> = range.filter(|candidate| found[*candidate].is_none()).collect();
        let each = draws.len() * groups;
        let mut jobs = Vec::new();
        try_reserve(&mut jobs, open.len() * each)
            .map_err(|()| Error::OutOfMemory(format!("{} tasks", open.len() * each)))?;
        // Ends a candidate whose evaluations are there: fills in what needs none.
        let mut finish = |candidate: usize, mut row: Vec<f64>| -> Result<()> {
            let genotype = Genotype::at(space, numbers[candidate])?;
            for (place, value) in costs(config.proxies(), config, dataset, genotype.mask())? {
                row.iter_mut().skip(place).step_by(width).for_each(|v| *v = value);
            }
            found[candidate] = Some(row);
            after(candidate, found);
            Ok(())
        };
        let empty = || vec![f64::NAN; draws.len() * width];
        for &candidate in &open {
            if each == 0 {
                if stop() {
                    return Ok(());
                }
                finish(candidate, empty())?;
                continue;
            }
            for repeat in draws.clone() {
                let draw = Draw { round: 0, candidate: 0, repeat };
                let of_draw = |group| Job { network: candidate, group, draw, shared: true };
                jobs.extend((0..groups).map(of_draw));
            }
        }
        if stop() {
            return Ok(());
        }
        let mixing = |candidate: usize| -> Arc<[f64]> {
            let genotype = Genotype::at(space, numbers[candidate]);
            genotype.map_or_else(|_| Arc::default(), |g| g.mask().mixing(space).into())
        };
        let mask = |candidate: usize| {
            Genotype::at(space, numbers[candidate]).ok().map(|g| g.mask().clone())
        };
        let networks = Networks { mixing: &mixing, mask: &mask };
        // Values that have come of candidates that are not finished, and how many tasks they lack.
        let mut pending: HashMap<usize, (Vec<f64>, usize)> = HashMap::new();
        let mut outcome = Ok(());
        let mut sink = |job: &Job, values: &[f64]| {
            let (row, left) = pending.entry(job.network).or_insert_with(|| (empty(), each));
            let draw = &mut row[(job.draw.repeat - draws.start) * width..][..width];
            for (proxy, value) in members[job.group].iter().zip(values) {
                draw[*proxy] = *value;
            }
            *left -= 1;
            if *left == 0
                && let Some((row, _)) = pending.remove(&job.network)
            {
                outcome = finish(job.network, row);
            }
            let go_on = outcome.is_ok() && !stop();
            if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        measurement.evaluate(config, dataset, engine, &jobs, networks, &mut sink)?;
        outcome
    }
}
