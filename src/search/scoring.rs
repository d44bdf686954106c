//! The tasks that score the candidates of a round, and what their results add up to.

use std::ops::Range;
use std::sync::Arc;

use super::ranking::{delta, mean};
use super::{Config, Sampling};
use crate::compute::{Engine, Evidence, Inputs, Parameters, Plan, Task, Wanted};
use crate::data::{Dataset, Images};
use crate::error::Result;
use crate::indicator::{condition_number, linear_regions};
use crate::network::{Fan, Initialiser};
use crate::random::{Key, Purpose};
use crate::space::{Choice, Mask};

/// Batches of the thin network, and inputs of each (section 3.3).
pub(super) const REGION_BATCHES: usize = 3;
pub(super) const REGION_BATCH: usize = 1000;

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

/// The two indicators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Indicator {
    Regions,
    Ntk,
}

/// One task of a round.
#[derive(Debug, Clone, Copy)]
struct Job {
    /// `None`: shared by all candidates.
    candidate: Option<usize>,
    repeat: usize,
    /// The candidate's operation is removed.
    without: bool,
    indicator: Indicator,
}

/// Values of one candidate's repeats, or of the supernet's: `[indicator][repeat]`.
type Values = [Vec<Option<f64>>; 2];

/// A round being scored.
#[derive(Debug)]
pub(super) struct Scoring {
    round: u32,
    candidates: Vec<Choice>,
    mixing: Vec<Arc<[f64]>>,
    mixing_now: Arc<[f64]>,
    plans: [Arc<Plan>; 2],
    /// Images of each repeat, where candidates share them.
    shared: [Vec<Option<Inputs>>; 2],
    /// The supernet's values: one entry with common sampling, else one a candidate.
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
        let thin = supernet.thin_network(mask, dataset.classes())?;
        let ntk = supernet.ntk_network(mask, dataset.shape(), dataset.classes())?;
        let repeats = config.repeats() as usize;
        let values = || -> Values { std::array::from_fn(|_| vec![None; repeats]) };
        let now = match config.sampling() {
            Sampling::Common => 1,
            Sampling::Independent => candidates.len(),
        };
        Ok(Scoring {
            round,
            mixing: candidates.iter().map(|c| mask.without(*c).mixing(space).into()).collect(),
            mixing_now: mask.mixing(space).into(),
            plans: [engine.prepare(Arc::new(thin)), engine.prepare(Arc::new(ntk))],
            shared: std::array::from_fn(|_| vec![None; repeats]),
            now: (0..now).map(|_| values()).collect(),
            without: candidates.iter().map(|_| values()).collect(),
            scores: vec![None; candidates.len()],
            candidates,
        })
    }

    pub(super) fn candidates(&self) -> &[Choice] {
        &self.candidates
    }

    /// Candidates that have a score.
    pub(super) fn finished(&self) -> usize {
        self.scores.iter().flatten().count()
    }

    /// The scores, once all are there.
    pub(super) fn scores(&self) -> Option<Vec<Score>> {
        self.scores.iter().copied().collect()
    }

    /// Scores the candidates in `range` that have none. After each, `after` is called with the
    /// number of finished ones; `stop` is asked after each task.
    pub(super) fn evaluate(
        &mut self,
        config: &Config,
        dataset: &Dataset,
        engine: &dyn Engine,
        range: Range<usize>,
        after: &mut dyn FnMut(usize),
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        use std::ops::ControlFlow::{Break, Continue};
        let jobs = self.jobs(config, range.clone());
        let (plans, mixing, mixing_now) = (&self.plans, &self.mixing, &self.mixing_now);
        let (shared, round) = (&mut self.shared, self.round);
        let mut tasks = jobs.iter().map(|job| {
            let mixing = match job.candidate {
                Some(c) if job.without => &mixing[c],
                _ => mixing_now,
            };
            let plan = &plans[job.indicator as usize];
            job.task(config, dataset, round, plan, mixing, &mut shared[job.indicator as usize])
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
                let now = &now[if now.len() == 1 { 0 } else { c }];
                if scores[c].is_none()
                    && let Some(score) = score(candidates[c], now, &without[c], decimals)
                {
                    scores[c] = Some(score);
                    after(scores.iter().flatten().count());
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
            values[job.indicator as usize][job.repeat] = Some(value);
            // A shared value may complete many candidates.
            let touched = job.candidate.map_or(0..candidates.len(), |c| c..c + 1);
            complete(now, without, touched)
        })
    }

    /// The tasks still to do for a range of candidates, in order.
    fn jobs(&self, config: &Config, range: Range<usize>) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut add = |values: &Values, candidate: Option<usize>, without: bool| {
            let [regions, ntk] = values;
            for (repeat, values) in regions.iter().zip(ntk).enumerate() {
                for (indicator, value) in
                    [(Indicator::Regions, values.0), (Indicator::Ntk, values.1)]
                {
                    if value.is_none() {
                        jobs.push(Job { candidate, repeat, without, indicator });
                    }
                }
            }
        };
        if config.sampling() == Sampling::Common {
            add(&self.now[0], None, false);
        }
        for c in range.filter(|c| self.scores[*c].is_none()) {
            if config.sampling() == Sampling::Independent {
                add(&self.now[c], Some(c), false);
            }
            add(&self.without[c], Some(c), true);
        }
        jobs
    }
}

/// A candidate's score, if all its values are there.
fn score(choice: Choice, now: &Values, without: &Values, decimals: u32) -> Option<Score> {
    let all = |values: &Values, i: Indicator| -> Option<Vec<f64>> {
        values[i as usize].iter().copied().collect()
    };
    let of = |i: Indicator| {
        let (now, without) = (all(now, i)?, all(without, i)?);
        let deltas: Vec<f64> =
            now.iter().zip(&without).map(|(n, w)| delta(*n, *w, decimals)).collect();
        Some((mean(&deltas), mean(&now), mean(&without)))
    };
    let (ntk_delta, ntk_now, ntk_without) = of(Indicator::Ntk)?;
    let (regions_delta, regions_now, regions_without) = of(Indicator::Regions)?;
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
        shared: &mut [Option<Inputs>],
    ) -> Result<Task> {
        // Candidate 0 stands for all where they share their draws.
        let (candidate, common) = match config.sampling() {
            Sampling::Common => (0, true),
            Sampling::Independent => (self.candidate.unwrap_or(0) as u64, false),
        };
        let key = |purpose| Key {
            seed: config.seed(),
            purpose,
            round,
            candidate,
            repeat: self.repeat as u64,
        };
        let (parameters, images, fan, wanted) = match self.indicator {
            Indicator::Ntk => {
                (Purpose::NtkParameters, Purpose::NtkImages, Fan::Out, Wanted::Kernel)
            }
            Indicator::Regions => {
                (Purpose::RegionParameters, Purpose::RegionInputs, Fan::In, Wanted::Bits)
            }
        };
        let draw = || -> Result<Inputs> {
            let key = key(images);
            let Images { values, batches, batch, .. } = match self.indicator {
                Indicator::Ntk => dataset.ntk_batch(config.batch_size() as usize, &key)?,
                Indicator::Regions => dataset.region_batches(REGION_BATCHES, REGION_BATCH, &key)?,
            };
            Ok(Inputs { values: Arc::new(values), batches, batch })
        };
        let inputs = match &mut shared[self.repeat] {
            Some(inputs) if common => inputs.clone(),
            place if common => place.insert(draw()?).clone(),
            _ => draw()?,
        };
        let initialiser = Initialiser { init: config.init(), fan, key: key(parameters) };
        Ok(Task {
            plan: plan.clone(),
            mixing: mixing.clone(),
            parameters: Parameters::Drawn(initialiser),
            inputs,
            wanted,
        })
    }
}
