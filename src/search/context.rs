//! A search: its mask, its rounds, its history.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::ranking::{Ranks, Scored, order};
use super::round::{candidates, pruned, rounds_left, stage};
use super::scoring::{Score, Scoring};
use super::{Config, Control, DeviceKind, Progress};
use crate::compute::{self, Engine};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::space::{Choice, Genotype, Mask};

/// A candidate of a finished round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// The round, from 0.
    pub round: u32,
    /// Its scores. In an edge group its operation is the edge's one.
    pub score: Score,
    /// Its place in both orders of the round.
    pub ranks: Ranks,
    /// Whether the round removed it.
    pub pruned: bool,
}

/// Called after each candidate; `Break` cancels.
pub type Observer<'a> = &'a mut dyn FnMut(&Progress) -> ControlFlow<()>;

/// The engine of a config's device and threads.
pub(super) fn engine(config: &Config) -> Result<Box<dyn Engine>> {
    match config.device().0 {
        DeviceKind::Auto | DeviceKind::Cpu => compute::native(config.threads() as usize),
        kind => Err(Error::Device(format!("device: {kind:?} is not built yet"))),
    }
}

/// One search.
#[derive(Debug)]
pub struct Context {
    config: Config,
    dataset: Dataset,
    engine: Box<dyn Engine>,
    control: Arc<Control>,
    mask: Mask,
    round: u32,
    /// The round at hand, once it has begun.
    scoring: Option<Scoring>,
    records: Vec<Record>,
    seconds: f64,
}

impl Context {
    /// A search of `config`'s space on `dataset`.
    pub fn new(config: &Config, dataset: &Dataset) -> Result<Self> {
        Self::with_engine(config, dataset, engine(config)?)
    }

    /// A search on a given engine, whatever the config's device and threads.
    pub fn with_engine(
        config: &Config,
        dataset: &Dataset,
        engine: Box<dyn Engine>,
    ) -> Result<Self> {
        let supernet = config.supernet();
        let mask = Mask::full(&supernet.space);
        let (batch, count) = (config.batch_size() as usize, dataset.count());
        if batch > count {
            return Err(Error::InvalidArgument(format!(
                "batch_size: found {batch}, expected at most the data set's {count} images"
            )));
        }
        // Says now what does not fit, an image size for example.
        supernet.ntk_network(&mask, dataset.shape(), dataset.classes())?;
        supernet.thin_network(&mask, dataset.classes())?;
        let context = Context {
            config: config.clone(),
            dataset: dataset.clone(),
            engine,
            control: Arc::new(Control::default()),
            mask,
            round: 0,
            scoring: None,
            records: Vec::new(),
            seconds: 0.0,
        };
        context.control.set_progress(&context.progress(0));
        Ok(context)
    }

    /// What other threads may touch while the search runs.
    pub fn control(&self) -> Arc<Control> {
        self.control.clone()
    }

    /// The candidates of the round at hand; none at the end.
    pub fn candidates(&self) -> Vec<Choice> {
        let space = &self.config.supernet().space;
        stage(space, &self.mask).map_or_else(Vec::new, |s| candidates(s, space, &self.mask))
    }

    fn progress(&self, candidate: usize) -> Progress {
        let prune = self.config.prune_per_edge() as usize;
        let left = rounds_left(&self.config.supernet().space, &self.mask, prune);
        Progress {
            round: self.round,
            rounds: self.round + left as u32,
            candidate: candidate as u32,
            candidates: self.candidates().len() as u32,
            seconds: self.seconds,
        }
    }

    /// One pruning round; true when it was the last. A finished search does nothing.
    ///
    /// A cancelled or failed round keeps the candidates that it has scored: the next call goes on
    /// from there, to the same result. The call that reports a cancel uses the request up; it
    /// reports that even if the engine failed as well.
    pub fn run_round(&mut self, observer: Observer<'_>) -> Result<bool> {
        if self.control.take_cancel() {
            return Err(Error::Cancelled);
        }
        if self.is_finished() {
            return Ok(true);
        }
        let start = Instant::now();
        let result = self.score(observer, start);
        self.seconds += start.elapsed().as_secs_f64();
        result?;
        self.apply()?;
        self.control.set_progress(&self.progress(0));
        Ok(self.is_finished())
    }

    /// All rounds that remain.
    pub fn run(&mut self, observer: Observer<'_>) -> Result<()> {
        while !self.run_round(observer)? {}
        Ok(())
    }

    /// Scores all candidates of the round that have no score yet.
    fn score(&mut self, observer: Observer<'_>, start: Instant) -> Result<()> {
        let mut scoring = match self.scoring.take() {
            Some(scoring) => scoring,
            None => {
                let all = self.candidates();
                let engine = self.engine.as_ref();
                Scoring::new(&self.config, &self.dataset, engine, &self.mask, self.round, all)?
            }
        };
        let mut progress = self.progress(scoring.finished());
        let control = &self.control;
        control.set_progress(&progress);
        let before = self.seconds;
        // What this call acts on it reports, even if the request is taken back meanwhile.
        let stopped = Cell::new(false);
        let stop = || {
            stopped.set(stopped.get() || control.is_cancelled());
            stopped.get()
        };
        let mut after = |finished: usize| {
            progress.candidate = finished as u32;
            progress.seconds = before + start.elapsed().as_secs_f64();
            control.set_progress(&progress);
            if !stop() && observer(&progress).is_break() {
                stopped.set(true);
            }
        };
        let all = 0..scoring.candidates().len();
        let (config, dataset, engine) = (&self.config, &self.dataset, self.engine.as_ref());
        let result = scoring.evaluate(config, dataset, engine, all, &mut after, &stop);
        self.scoring = Some(scoring);
        // A request that came with the last candidate is reported too.
        if self.control.take_cancel() || stopped.get() {
            return Err(Error::Cancelled);
        }
        result
    }

    /// Ranks the round's candidates and prunes.
    fn apply(&mut self) -> Result<()> {
        let scores = self.scoring.as_ref().and_then(Scoring::scores);
        let scores = scores.ok_or_else(|| Error::Internal("a round without all scores".into()))?;
        let stage = stage(&self.config.supernet().space, &self.mask);
        let stage = stage.ok_or_else(|| Error::Internal("a round after the end".into()))?;
        let scored = |s: &Score| Scored {
            choice: s.choice,
            ntk_delta: s.ntk_delta,
            regions_delta: s.regions_delta,
        };
        let scored: Vec<Scored> = scores.iter().map(scored).collect();
        let (order, ranks) = order(&scored, self.config.score_decimals());
        let choices: Vec<Choice> = scores.iter().map(|s| s.choice).collect();
        let prune = self.config.prune_per_edge() as usize;
        let gone = pruned(stage, &self.mask, &choices, &order, prune);
        if gone.is_empty() {
            return Err(Error::Internal("a round that prunes nothing".into()));
        }
        for (i, (score, ranks)) in scores.into_iter().zip(ranks).enumerate() {
            let pruned = gone.contains(&i);
            self.records.push(Record { round: self.round, score, ranks, pruned });
        }
        gone.iter().for_each(|i| self.mask.remove(choices[*i]));
        self.scoring = None;
        self.round += 1;
        Ok(())
    }

    /// Whether nothing is left to prune.
    pub fn is_finished(&self) -> bool {
        stage(&self.config.supernet().space, &self.mask).is_none()
    }

    /// The operations still active.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// The result; an error before the end.
    pub fn genotype(&self) -> Result<Genotype> {
        if !self.is_finished() {
            let p = self.progress(0);
            return Err(Error::InvalidState(format!(
                "genotype: found a search that has finished {} of {} rounds, expected all",
                p.round, p.rounds
            )));
        }
        Genotype::from_mask(&self.config.supernet().space, &self.mask)
    }

    /// Every candidate of every finished round, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The parameters of the search.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
