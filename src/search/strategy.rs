//! What the strategies of a search have in common: rounds of candidates that are evaluated one by
//! one, by whichever machine, and what the values of a whole round lead to.

use std::ops::Range;

use super::log::Log;
use super::prune::Prune;
use super::rank::{Measuring, Rank, Row};
use super::scoring::{Score, Scored, Scoring};
use super::{Config, LogLevel, Strategy};
use crate::compute::Engine;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::space::{Genotype, Mask};

/// What a search computes with.
#[derive(Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) config: &'a Config,
    pub(super) dataset: &'a Dataset,
    pub(super) engine: &'a dyn Engine,
}

/// Evaluations of a candidate on a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Work {
    /// Of the rounds behind.
    pub(super) before: u64,
    /// Of each candidate of the round at hand.
    pub(super) each: u64,
    /// Of the rounds ahead.
    pub(super) later: u64,
}

impl Work {
    /// What is done, and all there is, where so many candidates of the round at hand are finished.
    pub(super) fn counts(&self, finished: usize, candidates: usize) -> (u64, u64) {
        let done = self.before + self.each * finished as u64;
        (done, self.before + self.each * candidates as u64 + self.later)
    }
}

/// A search between two rounds.
#[derive(Debug, Clone)]
pub(super) enum Search {
    Prune(Prune),
    Rank(Rank),
}

/// A round that has begun.
#[derive(Debug)]
pub(super) enum Round {
    Prune(Scoring),
    Rank(Measuring),
}

/// How far a round is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    Prune(Scored<'a>),
    Rank(&'a [Row]),
}

/// The values of a whole round, in the order of its candidates.
#[derive(Debug)]
pub(super) enum RoundValues {
    Prune(Vec<Score>),
    /// `[draw][proxy]` of each.
    Rank(Vec<Vec<f64>>),
}

/// The values of one candidate.
#[derive(Debug, Clone, Copy)]
pub(super) enum One<'a> {
    Prune(&'a Score),
    /// `[draw][proxy]`.
    Rank(&'a [f64]),
}

impl RoundValues {
    /// Those of each candidate.
    pub(super) fn each(&self) -> Box<dyn Iterator<Item = One<'_>> + '_> {
        match self {
            RoundValues::Prune(scores) => Box::new(scores.iter().map(One::Prune)),
            RoundValues::Rank(rows) => Box::new(rows.iter().map(|row| One::Rank(row))),
        }
    }
}

impl Search {
    /// At its beginning.
    pub(super) fn new(config: &Config, dataset: &Dataset) -> Result<Self> {
        Ok(match config.strategy() {
            Strategy::Prune => Search::Prune(Prune::new(config)),
            Strategy::Rank => Search::Rank(Rank::new(config, dataset)?),
        })
    }

    /// The round at hand, from 0; the number of rounds at the end.
    pub(super) fn round(&self) -> u32 {
        match self {
            Search::Prune(search) => search.round,
            Search::Rank(search) => search.round,
        }
    }

    /// Rounds of the whole search.
    pub(super) fn rounds(&self, config: &Config) -> u32 {
        match self {
            Search::Prune(search) => search.rounds(config),
            Search::Rank(search) => search.rounds(config),
        }
    }

    /// Candidates of the round at hand.
    pub(super) fn candidates(&self, config: &Config) -> usize {
        match self {
            Search::Prune(search) => search.candidates(config).len(),
            Search::Rank(search) => search.candidates.len(),
        }
    }

    /// Evaluations of a candidate on a draw: what the finished rounds took, what each candidate of
    /// the round at hand takes, and what later rounds will, as far as that can be foreseen.
    pub(super) fn work(&self, config: &Config) -> Work {
        match self {
            Search::Prune(search) => search.work(config),
            Search::Rank(search) => search.work(config),
        }
    }

    /// Whether no round is left.
    pub(super) fn is_finished(&self, config: &Config) -> bool {
        match self {
            Search::Prune(search) => search.is_finished(config),
            Search::Rank(search) => search.round == search.rounds(config),
        }
    }

    /// The operations that are active, as far as the search has come.
    pub(super) fn mask(&self) -> &Mask {
        match self {
            Search::Prune(search) => &search.mask,
            Search::Rank(search) => &search.mask,
        }
    }

    /// What a finished search has found.
    pub(super) fn genotype(&self, config: &Config) -> Result<Genotype> {
        Genotype::from_mask(&config.supernet().space, self.mask())
    }

    /// What the values of the round at hand depend on beside configuration, images and round.
    pub(super) fn identity(&self) -> String {
        match self {
            Search::Prune(search) => search.identity(),
            Search::Rank(search) => search.identity(),
        }
    }

    /// The round at hand, nothing evaluated yet.
    pub(super) fn begin(&self, bench: Bench<'_>) -> Result<Round> {
        Ok(match self {
            Search::Prune(search) => Round::Prune(search.begin(bench)?),
            Search::Rank(search) => Round::Rank(search.begin(bench)?),
        })
    }

    /// The search after the round at hand.
    pub(super) fn after(&self, bench: Bench<'_>, values: RoundValues) -> Result<Self> {
        Ok(match (self, values) {
            (Search::Prune(search), RoundValues::Prune(scores)) => {
                Search::Prune(search.after(bench.config, &scores)?)
            }
            (Search::Rank(search), RoundValues::Rank(values)) => {
                Search::Rank(search.after(bench.config, bench.dataset, values)?)
            }
            _ => return Err(Error::Internal("a round of another strategy".into())),
        })
    }

    /// Tells of the round that has just been finished.
    pub(super) fn tell(&self, config: &Config, rounds: u32, log: &mut Log) {
        log.write(LogLevel::Info, || {
            let what = match self {
                Search::Prune(search) => search.told(config),
                Search::Rank(search) => search.told(config),
            };
            format!("round {} of {rounds}: {what}", self.round())
        });
    }
}

impl Round {
    pub(super) fn found(&self) -> Found<'_> {
        match self {
            Round::Prune(round) => Found::Prune(round.scored()),
            Round::Rank(round) => Found::Rank(round.found()),
        }
    }

    /// The values of a range of candidates, once all are there.
    pub(super) fn values(&self, range: Range<usize>) -> Option<RoundValues> {
        Some(match self {
            Round::Prune(round) => RoundValues::Prune(round.scores(range)?),
            Round::Rank(round) => RoundValues::Rank(round.values(range)?),
        })
    }

    /// Evaluates the candidates in `range` that have no values. After each, `after` is called with
    /// its place; `stop` is asked after each task.
    pub(super) fn evaluate(
        &mut self,
        bench: Bench<'_>,
        range: Range<usize>,
        after: &mut dyn FnMut(usize, Found<'_>),
        stop: &dyn Fn() -> bool,
    ) -> Result<()> {
        let Bench { config, dataset, engine } = bench;
        match self {
            Round::Prune(round) => {
                let after = &mut |place, scored: Scored<'_>| after(place, Found::Prune(scored));
                round.evaluate(config, dataset, engine, range, after, stop)
            }
            Round::Rank(round) => {
                let after = &mut |place, found: &[Row]| after(place, Found::Rank(found));
                round.evaluate(bench, range, after, stop)
            }
        }
    }
}

impl<'a> Found<'a> {
    /// The values of a candidate, if it is finished.
    pub(super) fn one(self, place: usize) -> Option<One<'a>> {
        match self {
            Found::Prune(scored) => scored.scores.get(place)?.as_ref().map(One::Prune),
            Found::Rank(rows) => rows.get(place)?.as_deref().map(One::Rank),
        }
    }

    /// Candidates that are finished.
    pub(super) fn finished(&self) -> usize {
        match self {
            Found::Prune(scored) => scored.finished,
            Found::Rank(found) => found.iter().flatten().count(),
        }
    }
}
