//! The strategy `prune`: a supernet loses operations, round by round (section 3.4).

use super::records::{HostPruning, Place, Record, settle};
use super::round::{candidates, pruned, rounds_left, stage};
use super::scoring::{Score, Scoring};
use super::strategy::{Bench, Work};
use super::{Config, Evaluation};
use crate::error::{Error, Result};
use crate::space::{Choice, Mask};

/// A pruning search between two rounds.
#[derive(Debug, Clone)]
pub(super) struct Prune {
    pub(super) mask: Mask,
    pub(super) round: u32,
    pub(super) records: Vec<Record>,
    pub(super) by_host: Vec<HostPruning>,
}

impl Prune {
    pub(super) fn new(config: &Config) -> Self {
        let mask = Mask::full(&config.supernet().space);
        Prune { mask, round: 0, records: Vec::new(), by_host: Vec::new() }
    }

    pub(super) fn rounds(&self, config: &Config) -> u32 {
        let prune = config.prune_per_edge() as usize;
        self.round + rounds_left(&config.supernet().space, &self.mask, prune) as u32
    }

    /// A candidate takes one evaluation, whatever its repeats. That of the rounds ahead does not
    /// depend on which operations go, only on how many.
    pub(super) fn work(&self, config: &Config) -> Work {
        let (space, prune) = (&config.supernet().space, config.prune_per_edge() as usize);
        let mut mask = self.mask.clone();
        let mut rounds = Vec::new();
        while let Some(stage) = stage(space, &mask) {
            let all = candidates(stage, space, &mask);
            rounds.push(all.len() as u64);
            let order: Vec<usize> = (0..all.len()).collect();
            let gone = pruned(stage, &mask, &all, &order, prune);
            gone.iter().for_each(|i| mask.remove(all[*i]));
        }
        let before = self.records.len() as u64;
        Work { before, each: 1, later: rounds.iter().skip(1).sum() }
    }

    /// The candidates of the round at hand; none at the end.
    pub(super) fn candidates(&self, config: &Config) -> Vec<Choice> {
        let space = &config.supernet().space;
        stage(space, &self.mask).map_or_else(Vec::new, |s| candidates(s, space, &self.mask))
    }

    pub(super) fn is_finished(&self, config: &Config) -> bool {
        stage(&config.supernet().space, &self.mask).is_none()
    }

    /// The mask as 0 and 1.
    pub(super) fn identity(&self) -> String {
        let active = self.mask.nested().iter().flatten().flatten();
        let mut text = "mask=".to_owned();
        text.extend(active.map(|a| if *a { '1' } else { '0' }));
        text
    }

    pub(super) fn begin(&self, bench: Bench<'_>) -> Result<Scoring> {
        let Bench { config, dataset, engine } = bench;
        let all = self.candidates(config);
        Scoring::new(config, dataset, engine, &self.mask, self.round, all)
    }

    /// The scores that any machines have made of the round at hand, in the order of its candidates.
    pub(super) fn sorted(
        &self,
        config: &Config,
        digest: u64,
        evaluations: &[Evaluation],
    ) -> Result<Vec<Score>> {
        let all = self.candidates(config);
        let space = &config.supernet().space;
        let mut scores = vec![None; all.len()];
        for (i, evaluation) in evaluations.iter().enumerate() {
            let Evaluation { score, round, .. } = evaluation;
            let wrong =
                |problem: String| Err(Error::InvalidArgument(format!("scores[{i}]{problem}")));
            if *round != self.round {
                return wrong(format!(".round: found {round}, expected {}", self.round));
            }
            if evaluation.digest != digest {
                return wrong(format!(
                    ".digest: found {:016x}, expected {digest:016x}: one of another configuration, \
                     data set or mask",
                    evaluation.digest
                ));
            }
            let Ok(place) = all.binary_search(&score.choice) else {
                let Choice { cell, edge, operation } = score.choice;
                return wrong(format!(
                    ": found cell {cell}, edge {edge}, operation {operation}, expected a candidate of \
                     the round"
                ));
            };
            let name = Place::new(space, score.choice);
            for (key, value) in [
                ("ntk_delta", score.ntk_delta),
                ("regions_delta", score.regions_delta),
                ("ntk_now", score.ntk_now),
                ("ntk_without", score.ntk_without),
                ("regions_now", score.regions_now),
                ("regions_without", score.regions_without),
            ] {
                if !value.is_finite() {
                    return wrong(format!(
                        ".{key}: found {value} for {name}, expected a finite number"
                    ));
                }
            }
            if scores[place].replace(*score).is_some() {
                return wrong(format!(": found {name} again, expected each candidate once"));
            }
        }
        let missing = scores.iter().position(Option::is_none);
        if let Some(place) = missing {
            return Err(Error::InvalidArgument(format!(
                "scores: found {} of {} candidates, {} is missing",
                evaluations.len(),
                all.len(),
                Place::new(space, all[place])
            )));
        }
        Ok(scores.into_iter().flatten().collect())
    }

    /// Ranks the round's candidates and prunes.
    pub(super) fn after(&self, config: &Config, scores: &[Score]) -> Result<Self> {
        let settled = settle(config, &self.mask, self.round, scores)?;
        let mut next = self.clone();
        next.records
            .try_reserve(settled.len())
            .map_err(|_| Error::OutOfMemory("the records of a round".into()))?;
        let pruned = settled.iter().filter(|r| r.pruned);
        pruned.for_each(|r| next.mask.remove(r.score.choice));
        next.records.extend(settled);
        next.round += 1;
        Ok(next)
    }

    /// The search without an operation that the host has chosen. `begun` says that the round at hand
    /// has begun, and so is over.
    pub(super) fn without(&self, choice: Choice, begun: bool) -> Result<Self> {
        let mut next = self.clone();
        next.by_host
            .try_reserve(1)
            .map_err(|_| Error::OutOfMemory("the history of prunings".into()))?;
        next.round += u32::from(begun);
        next.mask.remove(choice);
        next.by_host.push(HostPruning { round: next.round, choice });
        Ok(next)
    }

    /// The mask at the beginning, and after each finished round.
    pub(super) fn masks(&self, config: &Config) -> Vec<Mask> {
        let mut mask = Mask::full(&config.supernet().space);
        let mut masks = vec![mask.clone()];
        for round in 0..=self.round {
            // What the host pruned before a round is in the mask that the round leaves.
            self.by_host.iter().filter(|h| h.round == round).for_each(|h| mask.remove(h.choice));
            let gone = self.records.iter().filter(|r| r.round == round && r.pruned);
            gone.for_each(|r| mask.remove(r.score.choice));
            if round < self.round || mask != masks[masks.len() - 1] {
                masks.push(mask.clone());
            }
        }
        masks
    }

    /// What the last round has done.
    pub(super) fn told(&self, config: &Config) -> String {
        let space = &config.supernet().space;
        let last = self.records.iter().filter(|r| r.round + 1 == self.round && r.pruned);
        let places: Vec<String> =
            last.map(|r| Place::new(space, r.score.choice).to_string()).collect();
        format!("pruned {}", places.join(", "))
    }
}
