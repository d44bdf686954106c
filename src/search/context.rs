//! A search: its masks, its rounds, its history.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Config, Control, Progress};
use crate::data::Dataset;
use crate::error::Result;
use crate::space::{Choice, Genotype, Mask};

/// A candidate of a finished round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// The round, from 0.
    pub round: u32,
    /// The operation whose removal was scored. In an edge group, the edge's one operation.
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
    /// Rank by `ntk_delta`, from 1: the highest delta first.
    pub ntk_rank: u32,
    /// Rank by `regions_delta`, from 1: the lowest delta first.
    pub regions_rank: u32,
    /// Whether the round removed it.
    pub pruned: bool,
}

/// Called after each candidate; `Break` cancels.
pub type Observer<'a> = &'a mut dyn FnMut(&Progress) -> ControlFlow<()>;

/// One search.
#[derive(Debug)]
pub struct Context {}

impl Context {
    /// A search of `config`'s space on `dataset`.
    pub fn new(_config: &Config, _dataset: &Dataset) -> Result<Self> {
        todo!()
    }
    /// What other threads may touch while the search runs.
    pub fn control(&self) -> Arc<Control> {
        todo!()
    }
    /// One pruning round; true when it was the last. A finished search does nothing.
    pub fn run_round(&mut self, _observer: Observer<'_>) -> Result<bool> {
        todo!()
    }
    /// All rounds that remain.
    pub fn run(&mut self, _observer: Observer<'_>) -> Result<()> {
        todo!()
    }
    /// Whether nothing is left to prune.
    pub fn is_finished(&self) -> bool {
        todo!()
    }
    /// The operations still active.
    pub fn mask(&self) -> &Mask {
        todo!()
    }
    /// The result; an error before the end.
    pub fn genotype(&self) -> Result<Genotype> {
        todo!()
    }
    /// Every candidate of every finished round, in order.
    pub fn records(&self) -> &[Record] {
        todo!()
    }
    /// The parameters of the search.
    pub fn config(&self) -> &Config {
        todo!()
    }
}
