//! The tasks that score the candidates of a round, and what their results add up to.

use std::ops::Range;
use std::sync::Arc;

use super::draws::{Draw, Network, SharedImages};
use super::ranking::{delta, mean};
use super::{Config, Sampling};
use crate::compute::{Engine, Evidence, Parameters, Plan, Task, Wanted};
use crate::data::Dataset;
use crate::error::{Result, try_vec};
use crate::indicator::{condition_number, linear_regions};
use crate::space::{Choice, Mask};

/// The scores of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The operation whose removal was scored.
    pub choice: Choice,
    /// Mean of the rounded relative changes of the condition number.
    pub ntk_delta: f64,
    /// Mean of the rounded relative changes of the count of linear regions.
    pub regions_delta: f64,
    /// Mean condition number of the supernet.
    pub ntk_now: f64,
    /// Mean condition number without the candidate.
    pub ntk_without: f64,
    /// Mean count of regions of the supernet.
    pub regions_now: f64,
    /// Mean count of regions without the candidate.
    pub regions_without: f64,
}

/// One task of a round.
#[derive(Debug, Clone, Copy)]
struct Job {
    /// `None`: shared by all candidates.
    candidate: Option<usize>,
    repeat: usize,
    /// The candidate's operation is removed.
    without: bool,
    network: Network,
}

/// Values of one candidate's repeats, or of the supernet's: `[network][repeat]`.
pub(super) type Values = [Vec<Option<f64>>; 2];

/// How far a round is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'a> {
    /// Candidates that have a score.
    pub(super) finished: usize,
    /// The supernet's values: one entry with common sampling, else one a candidate.
    pub(super) now: &'a [Values],
    /// The candidates' values.
    pub(super) without: &'a [Values],
}

/// A round being scored.
#[derive(Debug)]
pub(super) struct Scoring {
    round: u32,
    candidates: Vec<Choice>,
    mixing: Vec<Arc<[f64]>>,
    mixing_now: Arc<[f64]>,
    mask: Mask,
    plans: [Arc<Plan>; 2],
    shared: SharedImages,
    now: Vec<Values>,
    without: Vec<Values>,
    scores: Vec<Option<Score>>,
}

impl Scoring {
    pub(super) fn new(
        config: &Config,
        dataset: &Dataset,
        engine: &dyn Engine,
        mask: &Mask,
        round: u32,
        candidates: Vec<Choice>,
    ) -> Result<Self> {
        let supernet = config.supernet();
        let space = &supernet.space;
        let repeats = config.repeats() as usize;
        let values = |_| -> Result<Values> {
            let of_repeats = || try_vec(None, repeats, "values of repeats");
            Ok([of_repeats()?, of_repeats()?])
        };
        let now = match config.sampling() {
            Sampling::Common => 1,
            Sampling::Independent => candidates.len(),
        };
        Ok(Scoring {
            round,
            mixing: candidates.iter().map(|c| mask.without(*c).mixing(space).into()).collect(),
            mixing_now: mask.mixing(space).into(),
            mask: mask.clone(),
            plans: plans(config, dataset, engine, mask)?,
            shared: SharedImages::default(),
            now: (0..now).map(values).collect::<Result<_>>()?,
            without: (0..candidates.len()).map(values).collect::<Result<_>>()?,
            scores: vec![None; candidates.len()],
            candidates,
        })
    }

    /// Takes over the values of a round that was saved; they have this round's lengths.
    pub(super) fn restore(&mut self, now: Vec<Values>, without: Vec<Values>, decimals: u32) {
        (self.now, self.without) = (now, without);
        for (c, place) in self.scores.iter_mut().enumerate() {
            let now = now_of(&self.now, c);
            *place = score(self.candidates[c], now, &self.without[c], decimals);
        }
    }

    pub(super) fn scored(&self) -> Scored<'_> {
        let finished = self.scores.iter().flatten().count();
        Scored { finished, now: &self.now, without: &self.without }
    }

    /// The scores of a range of candidates, once all are there.
    pub(super) fn scores(&self, range: Range<usize>) -> Option<Vec<Score>> {
        self.scores.get(range)?.iter().copied().collect()
    }

    /// Scores the candidates in `range` that have none. After each, `after` is called; `stop` is
    /// asked after each task.
    pub(super) fn evaluate(
        &mut self,
        config: &Config,
        dataset: &Dataset,
        engine: &dyn Engine,
        range: Range<usize>,
        after: &mut dyn FnMut(Scored<'_>),
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        use std::ops::ControlFlow::{Break, Continue};
        let jobs = self.jobs(config, range.clone())?;
        let (mixing, mixing_now) = (&self.mixing, &self.mixing_now);
        let (shared, round) = (&mut self.shared, self.round);
        let (mask, choices) = (&self.mask, &self.candidates);
        let mut own = OwnPlans::new(config, dataset, engine, &self.plans);
        let mut tasks = jobs.iter().map(|job| {
            let (mixing, plans) = match job.candidate {
                Some(c) if job.without => (&mixing[c], own.of(c, || mask.without(choices[c]))?),
                _ => (mixing_now, &self.plans),
            };
            job.task(config, dataset, round, &plans[job.network as usize], mixing, shared)
        });
        let reduce = |evidence: Evidence<'_>| match evidence {
            Evidence::Kernel { values, images } => condition_number(values, images),
            Evidence::Bits(bits) => linear_regions(bits),
            _ => unreachable!("no task here asks for J or logits"),
        };
        let (now, without, scores) = (&mut self.now, &mut self.without, &mut self.scores);
        let (candidates, decimals) = (&self.candidates, config.score_decimals());
        // Scores those of some candidates whose values are all there, until told to stop.
        let mut complete = |now: &[Values], without: &[Values], touched: Range<usize>| {
            for c in touched {
                if stop() {
                    return Break(());
                }
                if scores[c].is_none()
                    && let Some(score) = score(candidates[c], now_of(now, c), &without[c], decimals)
                {
                    scores[c] = Some(score);
                    after(Scored { finished: scores.iter().flatten().count(), now, without });
                }
            }
            if stop() { Break(()) } else { Continue(()) }
        };
        // What a call that was stopped left without a score.
        if complete(now, without, range).is_break() {
            return Ok(());
        }
        engine.evaluate(&mut tasks, &reduce, &mut |number, value| {
            let job = &jobs[number];
            let values = match (job.candidate, job.without) {
                (Some(c), true) => &mut without[c],
                (Some(c), false) => &mut now[c],
                (None, _) => &mut now[0],
            };
            values[job.network as usize][job.repeat] = Some(value);
            // A shared value may complete many candidates.
            let touched = job.candidate.map_or(0..candidates.len(), |c| c..c + 1);
            complete(now, without, touched)
        })
    }

    /// The tasks still to do for a range of candidates, in order.
    fn jobs(&self, config: &Config, range: Range<usize>) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        let mut add = |values: &Values, candidate: Option<usize>, without: bool| -> Result<()> {
            let [regions, ntk] = values;
            let more = regions.len() + ntk.len();
            jobs.try_reserve(more)
                .map_err(|_| crate::Error::OutOfMemory(format!("{} tasks", jobs.len() + more)))?;
            for (repeat, values) in regions.iter().zip(ntk).enumerate() {
                for (network, value) in [(Network::Thin, values.0), (Network::Ntk, values.1)] {
                    if value.is_none() {
                        jobs.push(Job { candidate, repeat, without, network });
                    }
                }
            }
            Ok(())
        };
        let open: Vec<usize> = range.filter(|c| self.scores[*c].is_none()).collect();
        if config.sampling() == Sampling::Common && !open.is_empty() {
            add(&self.now[0], None, false)?;
        }
        for c in open {
            if config.sampling() == Sampling::Independent {
                add(&self.now[c], Some(c), false)?;
            }
            add(&self.without[c], Some(c), true)?;
        }
        Ok(jobs)
    }
}

/// The plans of both networks of a mask, by [`Network`].
pub(super) fn plans(
    config: &Config,
    dataset: &Dataset,
    engine: &dyn Engine,
    mask: &Mask,
) -> Result<[Arc<Plan>; 2]> {
    let supernet = config.supernet();
    let thin = supernet.thin_network(mask, dataset.classes())?;
    let ntk = supernet.ntk_network(mask, dataset.shape(), dataset.classes())?;
    Ok([engine.prepare(Arc::new(thin)), engine.prepare(Arc::new(ntk))])
}

/// The plans of several masks one after the other: those of a supernet that has all of their
/// operations, or their own in a space where that is not enough.
pub(super) struct OwnPlans<'a> {
    config: &'a Config,
    dataset: &'a Dataset,
    engine: &'a dyn Engine,
    common: &'a [Arc<Plan>; 2],
    last: Option<(usize, [Arc<Plan>; 2])>,
}

impl<'a> OwnPlans<'a> {
    pub(super) fn new(
        config: &'a Config,
        dataset: &'a Dataset,
        engine: &'a dyn Engine,
        common: &'a [Arc<Plan>; 2],
    ) -> Self {
        OwnPlans { config, dataset, engine, common, last: None }
    }

    /// The plans of mask number `number`.
    pub(super) fn of(
        &mut self,
        number: usize,
        mask: impl FnOnce() -> Mask,
    ) -> Result<&[Arc<Plan>; 2]> {
        if !self.config.supernet().space.has_own_graphs() {
            return Ok(self.common);
        }
        if self.last.as_ref().is_none_or(|(last, _)| *last != number) {
            let plans = plans(self.config, self.dataset, self.engine, &mask())?;
            self.last = Some((number, plans));
        }
        Ok(self.last.as_ref().map_or(self.common, |(_, plans)| plans))
    }
}

/// The supernet's values that a candidate is compared with.
fn now_of(now: &[Values], candidate: usize) -> &Values {
    &now[if now.len() == 1 { 0 } else { candidate }]
}

/// A candidate's score, if all its values are there.
fn score(choice: Choice, now: &Values, without: &Values, decimals: u32) -> Option<Score> {
    let all = |values: &Values, network: Network| -> Option<Vec<f64>> {
        values[network as usize].iter().copied().collect()
    };
    let of = |network: Network| {
        let (now, without) = (all(now, network)?, all(without, network)?);
        let deltas: Vec<f64> =
            now.iter().zip(&without).map(|(n, w)| delta(*n, *w, decimals)).collect();
        Some((mean(&deltas), mean(&now), mean(&without)))
    };
    let (ntk_delta, ntk_now, ntk_without) = of(Network::Ntk)?;
    let (regions_delta, regions_now, regions_without) = of(Network::Thin)?;
    Some(Score {
        choice,
        ntk_delta,
        regions_delta,
        ntk_now,
        ntk_without,
        regions_now,
        regions_without,
    })
}

impl Job {
    fn task(
        &self,
        config: &Config,
        dataset: &Dataset,
        round: u32,
        plan: &Arc<Plan>,
        mixing: &Arc<[f64]>,
        shared: &mut SharedImages,
    ) -> Result<Task> {
        let draw =
            |candidate| Draw { network: self.network, round, candidate, repeat: self.repeat };
        let (draw, inputs) = match config.sampling() {
            // Candidate 0 stands for all where they share their draws.
            Sampling::Common => {
                let draw = draw(0);
                (draw, shared.get(&draw, config, dataset)?)
            }
            Sampling::Independent => {
                let draw = draw(self.candidate.unwrap_or(0) as u64);
                (draw, draw.images(config, dataset)?)
            }
        };
        Ok(Task {
            plan: plan.clone(),
            mixing: mixing.clone(),
            parameters: Parameters::Drawn(draw.weights(config)),
            inputs,
            wanted: match self.network {
                Network::Thin => Wanted::Bits,
                Network::Ntk => Wanted::Kernel,
            },
        })
    }
}
