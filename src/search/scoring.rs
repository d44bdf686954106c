//! The tasks that score the candidates of a round, and what their results add up to.

use std::ops::Range;
use std::sync::Arc;

use super::draws::Draw;
use super::measure::{self, Measurement, Networks};
use super::ranking::{delta, mean};
use super::{Config, Sampling};
use crate::compute::Engine;
use crate::data::Dataset;
use crate::error::{Result, try_vec};
use crate::proxy;
use crate::space::{Choice, Mask};

/// The proxies of the published search, in the order of evaluation.
const PROXIES: [&str; 2] = ["regions", "ntk"];
/// Their places.
const REGIONS: usize = 0;
const NTK: usize = 1;

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
struct RoundTask {
    /// `None`: shared by all candidates.
    candidate: Option<usize>,
    repeat: usize,
    /// The candidate's operation is removed.
    without: bool,
    /// Place among the proxies.
    proxy: usize,
}

/// Values of one candidate's repeats, or of the supernet's: `[proxy][repeat]`.
pub(super) type RepeatValues = [Vec<Option<f64>>; 2];

/// How far a round is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'a> {
    /// Candidates that have a score.
    pub(super) finished: usize,
    /// The supernet's values: one entry with common sampling, else one a candidate.
    pub(super) now: &'a [RepeatValues],
    /// The candidates' values.
    pub(super) without: &'a [RepeatValues],
    /// The scores of the candidates that have one.
    pub(super) scores: &'a [Option<Score>],
}

/// A round being scored.
#[derive(Debug)]
pub(super) struct Scoring {
    round: u32,
    candidates: Vec<Choice>,
    mixing: Vec<Arc<[f64]>>,
    mixing_now: Arc<[f64]>,
    mask: Mask,
    measurement: Measurement,
    now: Vec<RepeatValues>,
    without: Vec<RepeatValues>,
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
        let space = &config.supernet().space;
        let proxies = PROXIES.into_iter().map(proxy::named).collect::<Result<Vec<_>>>()?;
        let measurement = Measurement::new(config, dataset, engine, &proxies, mask)?;
        let repeats = config.repeats() as usize;
        let values = |_| -> Result<RepeatValues> {
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
            measurement,
            now: (0..now).map(values).collect::<Result<_>>()?,
            without: (0..candidates.len()).map(values).collect::<Result<_>>()?,
            scores: vec![None; candidates.len()],
            candidates,
        })
    }

    /// Takes over the values of a round that was saved; they have this round's lengths.
    pub(super) fn restore(
        &mut self,
        now: Vec<RepeatValues>,
        without: Vec<RepeatValues>,
        decimals: u32,
    ) {
        (self.now, self.without) = (now, without);
        for (c, place) in self.scores.iter_mut().enumerate() {
            let now = now_of(&self.now, c);
            *place = score(self.candidates[c], now, &self.without[c], decimals);
        }
    }

    pub(super) fn scored(&self) -> Scored<'_> {
        let finished = self.scores.iter().flatten().count();
        Scored { finished, now: &self.now, without: &self.without, scores: &self.scores }
    }

    /// The scores of a range of candidates, once all are there.
    pub(super) fn scores(&self, range: Range<usize>) -> Option<Vec<Score>> {
        self.scores.get(range)?.iter().copied().collect()
    }

    /// Scores the candidates in `range` that have none. After each, `after` is called with its place;
    /// `stop` is asked after each task.
    pub(super) fn evaluate(
        &mut self,
        config: &Config,
        dataset: &Dataset,
        engine: &dyn Engine,
        range: Range<usize>,
        after: &mut dyn FnMut(usize, Scored<'_>),
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        use std::ops::ControlFlow::{Break, Continue};
        let jobs = self.jobs(config, range.clone())?;
        let (mixing, mixing_now) = (&self.mixing, &self.mixing_now);
        let round = self.round;
        let common = config.sampling() == Sampling::Common;
        let task = |(number, job): (usize, &RoundTask)| {
            // Candidate 0 stands for all where they share their draws.
            let candidate = if common { 0 } else { job.candidate.unwrap_or(0) as u64 };
            let draw = Draw { round, candidate, repeat: job.repeat };
            // Each of the proxies is a group of its own: their networks differ.
            measure::Job { network: number, group: job.proxy, draw, shared: common }
        };
        let tasks: Vec<measure::Job> = jobs.iter().enumerate().map(task).collect();
        let mixing = |number: usize| match jobs[number].candidate {
            Some(c) if jobs[number].without => mixing[c].clone(),
            _ => mixing_now.clone(),
        };
        let (base, choices) = (&self.mask, &self.candidates);
        let mask = |number: usize| {
            let RoundTask { candidate, without, .. } = jobs[number];
            candidate.filter(|_| without).map(|c| base.without(choices[c]))
        };
        let networks = Networks { mixing: &mixing, mask: &mask };
        let (now, without, scores) = (&mut self.now, &mut self.without, &mut self.scores);
        let (candidates, decimals) = (&self.candidates, config.score_decimals());
        // Scores those of some candidates whose values are all there, until told to stop.
        let mut complete = |now: &[RepeatValues],
                            without: &[RepeatValues],
                            touched: Range<usize>| {
            for c in touched {
                if stop() {
                    return Break(());
                }
                if scores[c].is_none()
                    && let Some(score) = score(candidates[c], now_of(now, c), &without[c], decimals)
                {
                    scores[c] = Some(score);
                    let finished = scores.iter().flatten().count();
                    after(c, Scored { finished, now, without, scores: &scores[..] });
                }
            }
            if stop() { Break(()) } else { Continue(()) }
        };
        // What a call that was stopped left without a score.
        if complete(now, without, range).is_break() {
            return Ok(());
        }
        let sink = &mut |task: &measure::Job, found: &[f64]| {
            let job = &jobs[task.network];
            let values = match (job.candidate, job.without) {
                (Some(c), true) => &mut without[c],
                (Some(c), false) => &mut now[c],
                (None, _) => &mut now[0],
            };
            values[job.proxy][job.repeat] = found.first().copied();
            // A shared value may complete many candidates.
            let touched = job.candidate.map_or(0..candidates.len(), |c| c..c + 1);
            complete(now, without, touched)
        };
        self.measurement.evaluate(config, dataset, engine, &tasks, networks, sink)
    }

    /// The tasks still to do for a range of candidates, in order.
    fn jobs(&self, config: &Config, range: Range<usize>) -> Result<Vec<RoundTask>> {
        let mut jobs = Vec::new();
        let mut add =
            |values: &RepeatValues, candidate: Option<usize>, without: bool| -> Result<()> {
                let [regions, ntk] = values;
                let more = regions.len() + ntk.len();
                jobs.try_reserve(more).map_err(|_| {
                    crate::Error::OutOfMemory(format!("{} tasks", jobs.len() + more))
                })?;
                for (repeat, values) in regions.iter().zip(ntk).enumerate() {
                    for (proxy, value) in [(REGIONS, values.0), (NTK, values.1)] {
                        if value.is_none() {
                            jobs.push(RoundTask { candidate, repeat, without, proxy });
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

/// The supernet's values that a candidate is compared with.
fn now_of(now: &[RepeatValues], candidate: usize) -> &RepeatValues {
    &now[if now.len() == 1 { 0 } else { candidate }]
}

/// A candidate's score, if all its values are there.
fn score(
    choice: Choice,
    now: &RepeatValues,
    without: &RepeatValues,
    decimals: u32,
) -> Option<Score> {
    let all = |values: &RepeatValues, proxy: usize| -> Option<Vec<f64>> {
        values[proxy].iter().copied().collect()
    };
    let of = |proxy: usize| {
        let (now, without) = (all(now, proxy)?, all(without, proxy)?);
        let deltas: Vec<f64> =
            now.iter().zip(&without).map(|(n, w)| delta(*n, *w, decimals)).collect();
        Some((mean(&deltas), mean(&now), mean(&without)))
    };
    let (ntk_delta, ntk_now, ntk_without) = of(NTK)?;
    let (regions_delta, regions_now, regions_without) = of(REGIONS)?;
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
