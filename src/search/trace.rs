//! The trace: a search as it goes, a line of JSON for each thing that it finds (docs/REPORT.md).
//!
//! A line is written by one call when its values are there, so that whatever ends the process, the
//! file has all lines before and at most a part of one more. That part is cut off when the trace is
//! continued.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Config;
use super::prune::Prune;
use super::rank::{Rank, Ranked};
use super::records::{Place, Record, rounds};
use super::round::stage;
use super::scoring::Score;
use super::strategy::{One, Search};
use crate::data::Dataset;
use crate::digest::digest_of;
use crate::error::{Error, Result};
use crate::message::{clip, of_path};
use crate::numpy::npy_file;
use crate::replace::replace;
use crate::space::{Genotype, GenotypeFormat, Mask, Stage};

const FORMAT: &str = "tenas trace";
const VERSION: u32 = 1;
/// The file of masks, by the name that the published code gives it.
const HISTORY: &str = "arch_parameters_history.npy";
/// What the published code puts in the place of an operation that is pruned, or not there.
const PRUNED: f32 = -1000.0;

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Event {
    /// The values of a candidate.
    Candidate,
    /// What a round made of a candidate.
    Decision,
    /// The end of a round; its candidate is 0.
    Round,
}

impl Event {
    const ALL: [Event; 3] = [Event::Candidate, Event::Decision, Event::Round];

    fn name(self) -> &'static str {
        match self {
            Event::Candidate => "candidate",
            Event::Decision => "decision",
            Event::Round => "round",
        }
    }
}

/// A trace that is open.
#[derive(Debug)]
pub(super) struct Trace {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines: where the next one begins, also after a write that failed.
    length: u64,
    /// What there are lines of.
    written: HashSet<(Event, u32, usize)>,
    /// Prunings by the host that there are lines of.
    by_host: usize,
}

impl Trace {
    /// Begins a trace, or goes on with one of the same search.
    pub(super) fn open(path: &Path, config: &Config, dataset: &Dataset) -> Result<Self> {
        let digest = dataset.digest()?;
        let search = digest_of(format!("{}images={digest:016x}\n", config.identity()).as_bytes());
        let search = format!("{search:016x}");
        let io = |error| Error::io(path, error);
        // A pipe would wait for a reader.
        if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(io(io::Error::new(
                ErrorKind::InvalidInput,
                "found something else, expected a regular file or none",
            )));
        }
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let (path, written) = (path.to_owned(), HashSet::new());
        let mut trace = Trace { path, file, length: 0, written, by_host: 0 };
        trace.read(&search)?;
        if trace.length == 0 {
            trace.write(&json!({
                "event": "search",
                "format": FORMAT,
                "version": VERSION,
                "library": crate::VERSION,
                "search": search,
                "dataset": {
                    "name": dataset.kind().name(),
                    "origin": dataset.origin(),
                    "images": dataset.count(),
                    "digest": format!("{digest:016x}"),
                },
                "config": config.to_json(),
            }))?;
        }
        Ok(trace)
    }

    /// Learns what the file has, up to its last whole line.
    fn read(&mut self, search: &str) -> Result<()> {
        let path = &self.path;
        let fault = |line: usize, what: String| {
            Error::Format(format!("{}: line {line}: {what}", of_path(path)))
        };
        let mut reader = BufReader::new(&self.file);
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            let read = reader.read_until(b'\n', &mut bytes).map_err(|e| Error::io(path, e))?;
            if bytes.last() != Some(&b'\n') {
                if number == 1 && read > 0 {
                    return Err(fault(1, "found no whole line, expected that of a trace".into()));
                }
                return Ok(());
            }
            let line: Value = serde_json::from_slice(&bytes)
                .map_err(|e| fault(number, format!("found no JSON ({e}), expected a trace")))?;
            if number == 1 {
                if line["format"] != FORMAT {
                    return Err(fault(1, format!("found no \"{FORMAT}\", expected a trace")));
                }
                if line["version"] != VERSION {
                    let found = clip(&line["version"].to_string());
                    return Err(fault(1, format!("version: found {found}, expected {VERSION}")));
                }
                if line["search"] != search {
                    return Err(Error::InvalidArgument(format!(
                        "{}: found the trace of another search ({}), expected none, or one of the \
                         same configuration and images ({search})",
                        of_path(path),
                        clip(line["search"].as_str().unwrap_or("none"))
                    )));
                }
            }
            let number_of = |key: &str| line[key].as_u64().unwrap_or(0);
            if let Some(event) = Event::ALL.into_iter().find(|event| line["event"] == event.name())
            {
                let candidate =
                    if event == Event::Round { 0 } else { number_of("candidate") as usize };
                self.written.insert((event, number_of("round") as u32, candidate));
            }
            self.by_host += usize::from(line["event"] == "pruned_by_host");
            self.length += read as u64;
        }
        Ok(())
    }

    /// Writes a line behind the last whole one.
    fn write(&mut self, line: &Value) -> Result<()> {
        let mut text = line.to_string();
        text.push('\n');
        let written = self
            .file
            .set_len(self.length)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
            .and_then(|_| self.file.write_all(text.as_bytes()));
        written.map_err(|error| Error::io(&self.path, error))?;
        self.length += text.len() as u64;
        Ok(())
    }

    /// The same, unless there is a line of that already.
    fn write_once(
        &mut self,
        event: Event,
        round: u32,
        candidate: usize,
        seconds: f64,
        line: impl FnOnce() -> Result<Map<String, Value>>,
    ) -> Result<()> {
        if self.written.contains(&(event, round, candidate)) {
            return Ok(());
        }
        let mut whole = Map::new();
        whole.insert("event".into(), event.name().into());
        whole.insert("round".into(), round.into());
        if event != Event::Round {
            whole.insert("candidate".into(), candidate.into());
        }
        whole.append(&mut line()?);
        whole.insert("seconds".into(), json!(seconds));
        self.write(&Value::Object(whole))?;
        self.written.insert((event, round, candidate));
        Ok(())
    }

    /// Tells of the values of a candidate of the round at hand.
    pub(super) fn candidate(
        &mut self,
        config: &Config,
        search: &Search,
        place: usize,
        one: One<'_>,
        seconds: f64,
    ) -> Result<()> {
        let round = search.round();
        self.write_once(Event::Candidate, round, place, seconds, || match (search, one) {
            (_, One::Prune(score)) => Ok(fields(scored(config, score))),
            (Search::Rank(search), One::Rank(row)) => measured(config, search, place, row),
            (Search::Prune(_), One::Rank(_)) => {
                Err(Error::Internal("a round of another strategy".into()))
            }
        })
    }

    /// Tells what a round has made of its candidates, and that it is over.
    pub(super) fn round(
        &mut self,
        config: &Config,
        before: &Search,
        after: &Search,
        seconds: f64,
    ) -> Result<()> {
        match (before, after) {
            (Search::Prune(before), Search::Prune(after)) => {
                self.pruned(config, before.round, after, seconds)
            }
            (Search::Rank(before), Search::Rank(after)) => {
                self.ranked(config, before, after, seconds)
            }
            _ => Err(Error::Internal("a round of another strategy".into())),
        }
    }

    fn pruned(&mut self, config: &Config, round: u32, after: &Prune, seconds: f64) -> Result<()> {
        let first = after.records.iter().position(|r| r.round == round);
        let records = &after.records[first.unwrap_or(after.records.len())..];
        for (place, record) in records.iter().enumerate() {
            let line = || Ok(fields(decided(config, record)));
            self.write_once(Event::Decision, round, place, seconds, line)?;
        }
        self.write_once(Event::Round, round, 0, seconds, || {
            let summary = rounds(records).pop();
            let summary = summary.ok_or_else(|| Error::Internal("a round of nothing".into()))?;
            Ok(fields(json!({
                "candidates": summary.candidates,
                "pruned": summary.pruned,
                "ntk": summary.ntk,
                "regions": summary.regions,
            })))
        })
    }

    fn ranked(&mut self, config: &Config, before: &Rank, after: &Rank, seconds: f64) -> Result<()> {
        let places: std::collections::HashMap<u64, usize> =
            after.ranking.iter().enumerate().map(|(i, r)| (r.number, i)).collect();
        let next: HashSet<u64> =
            after.candidates.iter().map(|place| after.pool[*place].number).collect();
        // Nothing is dropped while architectures are still looked for.
        let looks = after.rung() == 0 && !after.candidates.is_empty();
        let finished = after.candidates.is_empty();
        for (candidate, place) in before.candidates.iter().enumerate() {
            let number = before.pool[*place].number;
            let Some(&place) = places.get(&number) else { continue };
            let kept = looks || next.contains(&number) || finished && place == 0;
            let line = || ordered(config, &after.ranking[place], place, kept);
            self.write_once(Event::Decision, before.round, candidate, seconds, line)?;
        }
        self.write_once(Event::Round, before.round, 0, seconds, || {
            Ok(fields(json!({
                "candidates": before.candidates.len(),
                "looked_at": after.ranking.len(),
                "kept": if finished { 1 } else { next.len() },
            })))
        })
    }

    /// Tells of the prunings by the host that it has not told of.
    pub(super) fn pruned_by_host(
        &mut self,
        config: &Config,
        search: &Search,
        seconds: f64,
    ) -> Result<()> {
        let Search::Prune(search) = search else { return Ok(()) };
        for pruning in search.by_host.iter().skip(self.by_host) {
            let mut line = json!({ "event": "pruned_by_host", "round": pruning.round });
            let place = json!(Place::new(&config.supernet().space, pruning.choice));
            for (key, value) in fields(place) {
                line[key] = value;
            }
            line["seconds"] = json!(seconds);
            self.write(&line)?;
            self.by_host += 1;
        }
        Ok(())
    }

    /// Writes the masks of a search that prunes beside the trace, as the published code does: one
    /// array for the supernet, one after each round that removes operations, and one for the rounds
    /// that remove edges, once all are over. 0 stands for an active operation.
    pub(super) fn write_history(&self, config: &Config, search: &Search) -> Result<()> {
        let Search::Prune(search) = search else { return Ok(()) };
        let space = &config.supernet().space;
        let mut masks = search.masks(config);
        let finished = search.is_finished(config);
        let last = masks.len() - 1;
        let mut place = 0;
        // A mask that removes edges was reached from one that had no operations left to prune.
        let edges_go = |mask: &Mask| !matches!(stage(space, mask), Some(Stage::Operations));
        let of_edges: Vec<bool> =
            (0..masks.len()).map(|i| i > 0 && edges_go(&masks[i - 1])).collect();
        masks.retain(|_| {
            place += 1;
            !of_edges[place - 1] || (finished && place - 1 == last)
        });
        let operations = space.operations.len();
        let edges = space.cells[0].edges.len();
        let equal = space.cells.iter().all(|cell| cell.edges.len() == edges);
        let shape = match equal {
            true => [masks.len(), space.cells.len(), edges, operations],
            false => [masks.len(), 1, space.edges().count(), operations],
        };
        let active = masks.iter().flat_map(|mask| mask.nested().iter().flatten().flatten());
        let values: Vec<f32> = active.map(|active| if *active { 0.0 } else { PRUNED }).collect();
        replace(&self.path.with_file_name(HISTORY), &npy_file(&shape, &values))
    }
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The scores of an operation on an edge.
fn scored(config: &Config, score: &Score) -> Value {
    let mut line = json!(Place::new(&config.supernet().space, score.choice));
    for (key, value) in [
        ("ntk_now", score.ntk_now),
        ("ntk_without", score.ntk_without),
        ("ntk_delta", score.ntk_delta),
        ("regions_now", score.regions_now),
        ("regions_without", score.regions_without),
        ("regions_delta", score.regions_delta),
    ] {
        line[key] = json!(value);
    }
    line
}

/// The same, with what the round made of it.
fn decided(config: &Config, record: &Record) -> Value {
    let mut line = scored(config, &record.score);
    line["ntk_rank"] = record.ranks.ntk.into();
    line["regions_rank"] = record.ranks.regions.into();
    line["rank_sum"] = (record.ranks.ntk + record.ranks.regions).into();
    line["pruned"] = record.pruned.into();
    line
}

fn by_proxy(config: &Config, values: &[f64]) -> Value {
    let named = config.proxies().iter().zip(values);
    Value::Object(named.map(|(proxy, value)| (proxy.name().into(), json!(value))).collect())
}

/// The draws of an architecture that the round at hand adds.
fn measured(
    config: &Config,
    search: &Rank,
    place: usize,
    row: &[f64],
) -> Result<Map<String, Value>> {
    let number = search.pool[search.candidates[place]].number;
    let draws = row.chunks(config.proxies().len()).map(|draw| by_proxy(config, draw));
    Ok(fields(json!({
        "number": number,
        "genotype": native(config, number)?,
        "first_draw": search.draws(config).start,
        "draws": draws.collect::<Vec<_>>(),
    })))
}

/// An architecture's place in the order.
fn ordered(
    config: &Config,
    ranked: &Ranked,
    place: usize,
    kept: bool,
) -> Result<Map<String, Value>> {
    Ok(fields(json!({
        "number": ranked.number,
        "genotype": native(config, ranked.number)?,
        "rung": ranked.rung,
        "draws": ranked.draws,
        "values": by_proxy(config, &ranked.values),
        "ranks": by_proxy(config, &ranked.ranks),
        "total": ranked.total,
        "place": place + 1,
        "kept": kept,
    })))
}

fn native(config: &Config, number: u64) -> Result<String> {
    let genotype = Genotype::at(&config.supernet().space, number)?;
    Ok(genotype.to_text(GenotypeFormat::Native))
}
