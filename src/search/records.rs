//! The history of a search: what each round scored and pruned.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::checkpoint::Checked;
use super::rank::Ranked;
use super::ranking::{Ranks, Scored, mean, order};
use super::round::{pruned, stage};
use super::{Config, Score};
use crate::error::{Error, Result};
use crate::hooks::{Hook, reach};
use crate::message::clip;
use crate::space::{Choice, GenotypeFormat, Mask, Space};

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

/// What the host pruned by itself, before a round's candidates were scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPruning {
    /// The round at hand afterwards.
    pub round: u32,
    /// What is gone.
    pub choice: Choice,
}

/// A finished round in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundSummary {
    /// The round, from 0.
    pub round: u32,
    /// The first of its records.
    pub first_record: usize,
    /// Its candidates, each a record.
    pub candidates: usize,
    /// How many of them it removed.
    pub pruned: usize,
    /// Condition number of the supernet that it began with: the mean over its candidates.
    pub ntk: f64,
    /// Linear regions of that supernet, likewise.
    pub regions: f64,
}

/// The finished rounds, in order.
pub(super) fn rounds(records: &[Record]) -> Vec<RoundSummary> {
    let mut first_record = 0;
    let summary = |of_round: &[Record]| {
        let of = |f: fn(&Record) -> f64| mean(&of_round.iter().map(f).collect::<Vec<_>>());
        let summary = RoundSummary {
            round: of_round[0].round,
            first_record,
            candidates: of_round.len(),
            pruned: of_round.iter().filter(|r| r.pruned).count(),
            ntk: of(|r| r.score.ntk_now),
            regions: of(|r| r.score.regions_now),
        };
        first_record += of_round.len();
        summary
    };
    records.chunk_by(|a, b| a.round == b.round).map(summary).collect()
}

/// Ranks the scores of all of a round's candidates, which stand in their order, and decides what is
/// pruned.
pub(super) fn settle(
    config: &Config,
    mask: &Mask,
    round: u32,
    scores: &[Score],
) -> Result<Vec<Record>> {
    reach(Hook::Ranking)?;
    let stage = stage(&config.supernet().space, mask)
        .ok_or_else(|| Error::Internal("a round after the end".into()))?;
    let scored = |s: &Score| Scored {
        choice: s.choice,
        ntk_delta: s.ntk_delta,
        regions_delta: s.regions_delta,
    };
    let scored: Vec<Scored> = scores.iter().map(scored).collect();
    let (order, ranks) = order(&scored, config.score_decimals());
    let choices: Vec<Choice> = scores.iter().map(|s| s.choice).collect();
    let gone = pruned(stage, mask, &choices, &order, config.prune_per_edge() as usize);
    if gone.is_empty() {
        return Err(Error::Internal("a round that prunes nothing".into()));
    }
    let record = |(i, (score, ranks)): (usize, (&Score, Ranks))| Record {
        round,
        score: *score,
        ranks,
        pruned: gone.contains(&i),
    };
    Ok(scores.iter().zip(ranks).enumerate().map(record).collect())
}

/// An operation on an edge by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    cell: String,
    edge: String,
    operation: String,
}

impl Place {
    pub(super) fn new(space: &Space, c: Choice) -> Self {
        Place {
            cell: space.cells[c.cell].name.to_owned(),
            edge: space.cells[c.cell].edges[c.edge].to_string(),
            operation: space.operations[c.operation].to_owned(),
        }
    }

    /// What it names, or what is wrong with it.
    pub(super) fn choice(&self, space: &Space) -> Checked<Choice> {
        let Place { cell, edge, operation } = self;
        let unknown = |key: &str, found: &str, of: &str| {
            format!("{key}: found \"{}\", expected one of {of}", clip(found))
        };
        let c = space.cells.iter().position(|c| c.name == cell);
        let c = c.ok_or_else(|| unknown("cell", cell, space.name))?;
        let e = space.cells[c].edges.iter().position(|e| e.to_string() == *edge);
        let e = e.ok_or_else(|| unknown("edge", edge, &format!("the {cell} cell")))?;
        let o = space.operations.iter().position(|o| o == operation);
        let o = o.ok_or_else(|| unknown("operation", operation, space.name))?;
        Ok(Choice { cell: c, edge: e, operation: o })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.cell, self.edge, self.operation)
    }
}

/// A record as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordText {
    pub(super) round: u32,
    cell: String,
    edge: String,
    operation: String,
    ntk_now: f64,
    ntk_without: f64,
    ntk_delta: f64,
    ntk_rank: u32,
    regions_now: f64,
    regions_without: f64,
    regions_delta: f64,
    regions_rank: u32,
    pruned: bool,
}

impl RecordText {
    pub(super) fn new(space: &Space, r: &Record) -> Self {
        let Place { cell, edge, operation } = Place::new(space, r.score.choice);
        RecordText {
            round: r.round,
            cell,
            edge,
            operation,
            ntk_now: r.score.ntk_now,
            ntk_without: r.score.ntk_without,
            ntk_delta: r.score.ntk_delta,
            ntk_rank: r.ranks.ntk,
            regions_now: r.score.regions_now,
            regions_without: r.score.regions_without,
            regions_delta: r.score.regions_delta,
            regions_rank: r.ranks.regions,
            pruned: r.pruned,
        }
    }

    /// The scores, or what is wrong with their place.
    pub(super) fn score(&self, space: &Space) -> Checked<Score> {
        let RecordText { cell, edge, operation, .. } = self.clone();
        Ok(Score {
            choice: Place { cell, edge, operation }.choice(space)?,
            ntk_delta: self.ntk_delta,
            regions_delta: self.regions_delta,
            ntk_now: self.ntk_now,
            ntk_without: self.ntk_without,
            regions_now: self.regions_now,
            regions_without: self.regions_without,
        })
    }
}

/// The whole history as JSON, by names.
pub(super) fn to_json(config: &Config, records: &[Record], by_host: &[HostPruning]) -> Value {
    let space = &config.supernet().space;
    let round = |r: RoundSummary| {
        let of_round = &records[r.first_record..][..r.candidates];
        json!({
            "round": r.round,
            "pruned": r.pruned,
            "ntk": r.ntk,
            "regions": r.regions,
            "candidates":
                of_round.iter().map(|r| json!(RecordText::new(space, r))).collect::<Vec<_>>(),
        })
    };
    let pruning = |h: &HostPruning| {
        let mut pruning = json!(Place::new(space, h.choice));
        pruning["round"] = h.round.into();
        pruning
    };
    json!({
        "space": space.name,
        "dataset": config.dataset().name(),
        "rounds": rounds(records).into_iter().map(round).collect::<Vec<_>>(),
        "pruned_by_host": by_host.iter().map(pruning).collect::<Vec<_>>(),
    })
}

/// The ranking of a search as JSON: values and ranks by the proxies' names.
pub(super) fn ranking_to_json(config: &Config, ranking: &[Ranked]) -> Value {
    let space = &config.supernet().space;
    let named = |values: &[f64]| -> Value {
        let pair = |(proxy, value): (&std::sync::Arc<dyn crate::proxy::Proxy>, &f64)| {
            (proxy.name().to_owned(), json!(value))
        };
        Value::Object(config.proxies().iter().zip(values).map(pair).collect())
    };
    let one = |r: &Ranked| {
        let text = r.genotype(space).map(|g| g.to_text(GenotypeFormat::Native));
        json!({
            "genotype": text.unwrap_or_default(),
            "number": r.number,
            "connected": r.connected,
            "rung": r.rung,
            "draws": r.draws,
            "values": named(&r.values),
            "ranks": named(&r.ranks),
            "total": r.total,
        })
    };
    json!({
        "space": space.name,
        "dataset": config.dataset().name(),
        "ranking": ranking.iter().map(one).collect::<Vec<_>>(),
    })
}
