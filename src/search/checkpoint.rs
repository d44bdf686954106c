//! A search as a file: everything that determines the rest of it, as JSON.
//!
//! Doubles are written with the fewest digits that name them, and read back to the same bits
//! (serde_json's `float_roundtrip`). A search replays its rounds when it is read: masks, ranks and
//! prunings must be those that the scores give.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parameters::PARAMETERS;
use super::prune::Prune;
use super::rank::{Entry, Rank, Row};
use super::records::{HostPruning, Place, RecordText, settle};
use super::round::{candidates, check_prune, stage};
use super::scoring::RepeatValues;
use super::strategy::{Found, Round, Search};
use super::{Config, DeviceKind, Sampling, Strategy};
use crate::data::{Dataset, digest_of};
use crate::error::{Error, Result, room_for, room_for_json};
use crate::message::{clip, of_path, whole};
use crate::replace::replace;
use crate::space::{Mask, Space};

/// What kind of file it is.
const FORMAT: &str = "tenas checkpoint";
/// Grows with every change that an older library would not understand.
const SCHEMA: u32 = 2;
/// Far above what any search needs: a larger file is none of these.
const LARGEST: u64 = 1 << 26;
/// Bytes of text that a value of a round at hand takes, at most.
const VALUE_BYTES: usize = 64;

/// A value, or what is wrong with the file; the caller knows which.
pub(super) type Checked<T> = std::result::Result<T, String>;

/// The values of the candidates of a round at hand.
pub(super) enum RoundValues {
    Prune { now: Vec<RepeatValues>, without: Vec<RepeatValues> },
    Rank(Vec<Row>),
}

impl RoundValues {
    /// Hands them to the round that they are of.
    pub(super) fn into_round(self, round: &mut Round, config: &Config) {
        match (round, self) {
            (Round::Prune(round), RoundValues::Prune { now, without }) => {
                round.restore(now, without, config.score_decimals());
            }
            (Round::Rank(round), RoundValues::Rank(found)) => round.restore(found),
            // A file is of one strategy.
            (Round::Prune(_), RoundValues::Rank(_))
            | (Round::Rank(_), RoundValues::Prune { .. }) => {}
        }
    }
}

/// A search, as it is to be written.
pub(super) struct State<'a> {
    pub(super) config: &'a Config,
    pub(super) device: (DeviceKind, i32),
    pub(super) dataset: &'a Dataset,
    pub(super) seconds: f64,
    pub(super) search: &'a Search,
    /// Of the round at hand, once it has begun.
    pub(super) found: Option<Found<'a>>,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    format: String,
    schema: u32,
    /// Version of the library that wrote it.
    library: String,
    /// [`digest_of`] the file with 0 here.
    checksum: u64,
    /// [`Config::to_json`]. The device is the one that was used: AUTO resolved.
    config: BTreeMap<String, Value>,
    /// Digest of the space.
    space_digest: u64,
    dataset: SavedDataset,
    pub(super) seconds: f64,
    pub(super) round: u32,
    /// Active operations of each edge of each cell.
    mask: Vec<Vec<Vec<String>>>,
    records: Vec<RecordText>,
    pruned_by_host: Vec<SavedPruning>,
    /// The round at hand, once it has begun.
    scoring: Option<SavedScoring>,
    /// With the strategy `rank`, what was looked at; nothing then stands in the four before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ranking: Option<SavedRanking>,
}

/// A search of the strategy `rank`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedRanking {
    /// All architectures that were looked at, and those of the round at hand.
    candidates: Vec<SavedCandidate>,
    /// The round at hand, once it has begun: the values of its candidates, null where there are
    /// none yet.
    measured: Option<Vec<Row>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedCandidate {
    number: u64,
    /// `[draw][proxy]` of the finished rounds.
    values: Vec<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedDataset {
    name: String,
    origin: String,
    images: usize,
    digest: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedPruning {
    round: u32,
    place: Place,
}

/// The values of each repeat; null where there is none yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedValues {
    regions: Vec<Option<f64>>,
    ntk: Vec<Option<f64>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedScoring {
    now: Vec<SavedValues>,
    without: Vec<SavedValues>,
}

impl From<&RepeatValues> for SavedValues {
    fn from([regions, ntk]: &RepeatValues) -> Self {
        SavedValues { regions: regions.clone(), ntk: ntk.clone() }
    }
}

/// What is enough of a file to tell what it is.
#[derive(Deserialize)]
struct Header {
    format: Option<Value>,
    schema: Option<Value>,
    library: Option<Value>,
}

/// Writes a search to `path`, which holds the old content or the new at any moment.
///
/// Errors: [`Error::Io`]; [`Error::OutOfMemory`]; those of the data set's digest.
pub(super) fn write(path: &Path, state: &State<'_>) -> Result<()> {
    let values = values_of(state);
    room_for(VALUE_BYTES * values, || format!("{} of {values} values", named(path)))?;
    let space = &state.config.supernet().space;
    let mut config = state.config.clone();
    config.set_device(state.device.0, state.device.1)?;
    let mut saved = Saved {
        format: FORMAT.to_owned(),
        schema: SCHEMA,
        library: crate::VERSION.to_owned(),
        checksum: 0,
        config: config.to_json().as_object().cloned().unwrap_or_default().into_iter().collect(),
        space_digest: space.digest(),
        dataset: SavedDataset {
            name: state.dataset.kind().name().to_owned(),
            origin: state.dataset.origin().to_owned(),
            images: state.dataset.count(),
            digest: state.dataset.digest()?,
        },
        seconds: state.seconds,
        round: state.search.round(),
        mask: names_of(space, state.search.mask()),
        records: Vec::new(),
        pruned_by_host: Vec::new(),
        scoring: None,
        ranking: None,
    };
    match state.search {
        Search::Prune(search) => {
            saved.records = search.records.iter().map(|r| RecordText::new(space, r)).collect();
            let pruning = |h: &HostPruning| SavedPruning {
                round: h.round,
                place: Place::new(space, h.choice),
            };
            saved.pruned_by_host = search.by_host.iter().map(pruning).collect();
            if let Some(Found::Prune(scored)) = state.found {
                saved.scoring = Some(SavedScoring {
                    now: scored.now.iter().map(SavedValues::from).collect(),
                    without: scored.without.iter().map(SavedValues::from).collect(),
                });
            }
        }
        Search::Rank(search) => {
            let candidate = |entry: &Entry| SavedCandidate {
                number: entry.number,
                values: entry.values.clone(),
            };
            saved.ranking = Some(SavedRanking {
                candidates: search.pool.iter().map(candidate).collect(),
                measured: match state.found {
                    Some(Found::Rank(found)) => Some(found.to_vec()),
                    _ => None,
                },
            });
        }
    }
    saved.checksum = saved.computed_checksum()?;
    replace(path, &saved.bytes()?)
}

/// Numbers that a checkpoint consists of, but for finished rounds of a pruning search.
fn values_of(state: &State<'_>) -> usize {
    let of_search = match state.search {
        Search::Prune(_) => 0,
        Search::Rank(search) => search.pool.iter().map(|entry| 1 + entry.values.len()).sum(),
    };
    of_search
        + match state.found {
            None => 0,
            Some(Found::Prune(scored)) => {
                2 * (scored.now.len() + scored.without.len()) * state.config.repeats() as usize
            }
            Some(Found::Rank(found)) => found.iter().flatten().map(Vec::len).sum(),
        }
}

/// Reads a checkpoint as far as that needs neither space nor data set.
///
/// Errors: [`Error::Io`]; [`Error::Format`] with the file and the place.
pub(super) fn read(path: &Path) -> Result<Saved> {
    let metadata = fs::metadata(path).map_err(|error| Error::io(path, error))?;
    if !metadata.is_file() {
        return Err(fault(path, "found something else, expected a regular file"));
    }
    let size = metadata.len();
    if size > LARGEST {
        return Err(fault(path, format!("found {size} bytes, expected at most {LARGEST}")));
    }
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(size as usize)
        .map_err(|_| Error::OutOfMemory(format!("{}: {size} bytes", named(path))))?;
    let mut file = File::open(path).map_err(|error| Error::io(path, error))?.take(size);
    file.read_to_end(&mut bytes).map_err(|error| Error::io(path, error))?;
    // Parsing asks for memory bit by bit, and cannot be refused it.
    room_for_json(bytes.len(), || format!("{}: {size} bytes as a search", named(path)))?;
    Saved::parse(&bytes).map_err(|problem| fault(path, problem))
}

/// A checkpoint in a message.
fn named(path: &Path) -> String {
    format!("checkpoint \"{}\"", of_path(path))
}

/// An [`Error::Format`] of the checkpoint `path`.
pub(super) fn fault(path: &Path, problem: impl std::fmt::Display) -> Error {
    Error::Format(format!("{}: {problem}", named(path)))
}

impl Saved {
    fn parse(bytes: &[u8]) -> Checked<Self> {
        let header: Header = serde_json::from_slice(bytes).map_err(whole)?;
        let text =
            |value: Option<Value>| value.map_or("nothing".to_owned(), |v| clip(&v.to_string()));
        if header.format.as_ref().and_then(Value::as_str) != Some(FORMAT) {
            return Err(format!("format: found {}, expected {FORMAT:?}", text(header.format)));
        }
        match header.schema.as_ref().and_then(Value::as_u64) {
            Some(schema) if schema == u64::from(SCHEMA) => {}
            Some(schema) if schema > u64::from(SCHEMA) => {
                return Err(format!(
                    "schema: found {schema}, expected {SCHEMA}: the file is of a newer library, {}",
                    text(header.library)
                ));
            }
            Some(schema @ 1..) => {
                return Err(format!(
                    "schema: found {schema}, expected {SCHEMA}: the file is of an older library, {}, \
                     and does not say which space it is of",
                    text(header.library)
                ));
            }
            _ => return Err(format!("schema: found {}, expected {SCHEMA}", text(header.schema))),
        }
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let saved: Saved = serde_path_to_error::deserialize(&mut json).map_err(|e| {
            let path = whole(e.path());
            format!("{path}: {}", whole(e.into_inner()))
        })?;
        if !(saved.seconds.is_finite() && saved.seconds >= 0.0) {
            return Err(format!("seconds: found {}, expected at least 0", saved.seconds));
        }
        Ok(saved)
    }

    /// The configuration, without what it says of the machine if another is given.
    pub(super) fn config(&self, machine: Option<&Config>) -> Result<Config> {
        let decides =
            |key: &str| machine.is_none() || PARAMETERS.iter().all(|p| p.name != key || p.decides);
        let kept = self.config.iter().filter(|(key, _)| decides(key));
        let json = Value::Object(kept.map(|(k, v)| (k.clone(), v.clone())).collect());
        let own = machine.map_or(&[][..], Config::proxies);
        let mut config = Config::from_json_with(own, &json)?;
        // A preset of another version must not fill in.
        let others = ["proxies", "proxy_networks"];
        let mut names = PARAMETERS.iter().map(|p| p.name).chain(others);
        if let Some(name) = names.find(|name| !self.config.contains_key(*name)) {
            return Err(Error::Format(format!("{name}: found nothing, expected a value")));
        }
        let (digest, space) = (self.space_digest, &config.supernet().space);
        if space.digest() != digest {
            return Err(Error::Format(format!(
                "space: found {} of digest {digest:016x}, expected {:016x}: another space of that name",
                space.name,
                space.digest()
            )));
        }
        if let Some(machine) = machine {
            config.set_threads(machine.threads())?;
            let (kind, index) = machine.device();
            config.set_device(kind, index)?;
        }
        Ok(config)
    }

    /// What [`check_whole`](Self::check_whole) compares.
    fn computed_checksum(&mut self) -> Result<u64> {
        self.checksum = 0;
        Ok(digest_of(&self.bytes()?))
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)
            .map_err(|e| Error::Internal(format!("a checkpoint that cannot be written: {e}")))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Finds the damage that leaves every value in its range.
    pub(super) fn check_whole(&mut self) -> Result<Checked<()>> {
        let found = self.checksum;
        let expected = self.computed_checksum()?;
        self.checksum = found;
        Ok(if found == expected {
            Ok(())
        } else {
            Err(format!("checksum: found {found}, expected {expected}: the file is damaged"))
        })
    }

    /// Whether the images are those that the search began with.
    pub(super) fn check_dataset(&self, path: &Path, dataset: &Dataset) -> Result<()> {
        let digest = dataset.digest()?;
        if digest == self.dataset.digest {
            return Ok(());
        }
        let describe = |origin: &str, images: usize, digest: u64| {
            format!("{origin} ({images} images, digest {digest:016x})")
        };
        let saved = &self.dataset;
        Err(Error::InvalidArgument(format!(
            "dataset: found {}, expected that of the {}: {}",
            describe(&whole(dataset.origin()), dataset.count(), digest),
            named(path),
            describe(&whole(&saved.origin), saved.images, saved.digest)
        )))
    }

    /// Plays the finished rounds again: the search that they leave.
    pub(super) fn replay(&self, config: &Config, dataset: &Dataset) -> Result<Checked<Search>> {
        Ok(match (config.strategy(), &self.ranking) {
            (Strategy::Prune, None) => self.replay_pruning(config).map(Search::Prune),
            (Strategy::Prune, Some(_)) => {
                Err("ranking: found one, expected none with the strategy prune".to_owned())
            }
            (Strategy::Rank, None) => {
                Err("ranking: found nothing, expected that of the strategy rank".to_owned())
            }
            (Strategy::Rank, Some(saved)) => {
                let begun = Rank::new(config, dataset)?;
                self.replay_ranking(config, dataset, saved, begun).map(Search::Rank)
            }
        })
    }

    fn replay_ranking(
        &self,
        config: &Config,
        dataset: &Dataset,
        saved: &SavedRanking,
        mut search: Rank,
    ) -> Checked<Rank> {
        if !(self.records.is_empty() && self.pruned_by_host.is_empty() && self.scoring.is_none()) {
            return Err(
                "found rounds of a pruning search, expected none with the strategy rank".to_owned()
            );
        }
        let rounds = search.rounds(config);
        if self.round > rounds {
            return Err(format!("round: found {}, expected at most {rounds}", self.round));
        }
        let width = config.proxies().len();
        for (i, candidate) in saved.candidates.iter().enumerate() {
            if let Some(bad) = candidate.values.iter().find(|v| !v.is_finite()) {
                return Err(format!(
                    "ranking.candidates[{i}].values: found {bad}, expected finite numbers"
                ));
            }
        }
        for _ in 0..self.round {
            let draws = search.draws(config);
            let row = |place: &usize| {
                let found = saved.candidates.get(*place);
                let values = found.map_or(&[][..], |c| &c.values[..]);
                let row = values.get(draws.start * width..draws.end * width);
                row.map(<[f64]>::to_vec).ok_or_else(|| {
                    format!(
                        "ranking.candidates[{place}].values: found {}, expected at least {}",
                        values.len(),
                        draws.end * width
                    )
                })
            };
            let rows = search.candidates.iter().map(row).collect::<Checked<Vec<_>>>()?;
            search = search.after(config, dataset, rows).map_err(|e| format!("ranking: {e}"))?;
        }
        if saved.candidates.len() != search.pool.len() {
            return Err(format!(
                "ranking.candidates: found {}, expected {}",
                saved.candidates.len(),
                search.pool.len()
            ));
        }
        for (i, (found, expected)) in saved.candidates.iter().zip(&search.pool).enumerate() {
            if found.number != expected.number {
                return Err(format!(
                    "ranking.candidates[{i}].number: found {}, expected {}",
                    found.number, expected.number
                ));
            }
            if found.values.len() != expected.values.len() {
                return Err(format!(
                    "ranking.candidates[{i}].values: found {}, expected {}",
                    found.values.len(),
                    expected.values.len()
                ));
            }
        }
        if self.mask != names_of(&config.supernet().space, &search.mask) {
            return Err("mask: found other operations than the rounds leave".to_owned());
        }
        Ok(search)
    }

    fn replay_pruning(&self, config: &Config) -> Checked<Prune> {
        let space = &config.supernet().space;
        let mut mask = Mask::full(space);
        if self.round as usize > space.slots() {
            return Err(format!("round: found {}, expected at most {}", self.round, space.slots()));
        }
        let (mut records, mut by_host) = (Vec::new(), Vec::new());
        for round in 0..=self.round {
            let rest = &self.pruned_by_host[by_host.len()..];
            let prunings = rest.iter().take_while(|h| h.round == round).count();
            for pruning in &rest[..prunings] {
                let at =
                    |problem: String| format!("pruned_by_host[{}].place.{problem}", by_host.len());
                let choice = pruning.place.choice(space).map_err(at)?;
                check_prune(space, &mask, choice)
                    .map_err(|e| format!("pruned_by_host[{}]: {e}", by_host.len()))?;
                mask.remove(choice);
                by_host.push(HostPruning { round, choice });
            }
            let first = records.len();
            let of_round: Vec<&RecordText> =
                self.records[first..].iter().take_while(|r| r.round == round).collect();
            if of_round.is_empty() {
                let next = self.pruned_by_host.get(by_host.len());
                if round < self.round && next.is_none_or(|h| h.round != round + 1) {
                    return Err(format!("records: found none of round {round}"));
                }
                continue;
            }
            if round == self.round {
                return Err(format!(
                    "records[{first}].round: found {round}, expected one below the round at hand"
                ));
            }
            let all = stage(space, &mask).map_or_else(Vec::new, |s| candidates(s, space, &mask));
            if all.len() != of_round.len() {
                return Err(format!(
                    "records: found {} of round {round}, expected {}",
                    of_round.len(),
                    all.len()
                ));
            }
            let mut scores = Vec::with_capacity(all.len());
            for (i, (record, choice)) in of_round.iter().zip(&all).enumerate() {
                let at = |problem: String| format!("records[{}].{problem}", first + i);
                let score = record.score(space).map_err(at)?;
                if score.choice != *choice {
                    return Err(format!(
                        "records[{}]: found {}, expected {}",
                        first + i,
                        Place::new(space, score.choice),
                        Place::new(space, *choice)
                    ));
                }
                scores.push(score);
            }
            let settled = settle(config, &mask, round, &scores).map_err(|e| e.to_string())?;
            for (i, record) in settled.into_iter().enumerate() {
                if RecordText::new(space, &record) != *of_round[i] {
                    return Err(format!(
                        "records[{}]: found ranks or a pruning that its round's scores do not give",
                        first + i
                    ));
                }
                if record.pruned {
                    mask.remove(record.score.choice);
                }
                records.push(record);
            }
        }
        if let Some(left) = self.records.get(records.len()) {
            return Err(format!(
                "records[{}].round: found {}, expected rounds in order, below {}",
                records.len(),
                left.round,
                self.round
            ));
        }
        if let Some(left) = self.pruned_by_host.get(by_host.len()) {
            return Err(format!(
                "pruned_by_host[{}].round: found {}, expected rounds in order, up to {}",
                by_host.len(),
                left.round,
                self.round
            ));
        }
        if self.mask != names_of(space, &mask) {
            return Err("mask: found operations that the rounds before do not leave".to_owned());
        }
        Ok(Prune { mask, round: self.round, records, by_host })
    }

    /// The values of the round at hand, if it has begun.
    pub(super) fn round_at_hand(
        &self,
        config: &Config,
        search: &Search,
    ) -> Checked<Option<RoundValues>> {
        match search {
            Search::Prune(search) => self.scoring(config, search.candidates(config).len()),
            Search::Rank(search) => self.measured(config, search),
        }
    }

    /// Those of a ranking search.
    fn measured(&self, config: &Config, search: &Rank) -> Checked<Option<RoundValues>> {
        let measured = self.ranking.as_ref().and_then(|r| r.measured.as_ref());
        let Some(measured) = measured else { return Ok(None) };
        let expected = search.candidates.len();
        if search.round == search.rounds(config) {
            return Err("ranking.measured: found values, expected none in a finished search".into());
        }
        if measured.len() != expected {
            let found = measured.len();
            return Err(format!("ranking.measured: found {found} candidates, expected {expected}"));
        }
        let width = search.draws(config).len() * config.proxies().len();
        for (i, row) in measured.iter().enumerate() {
            let Some(row) = row else { continue };
            if row.len() != width {
                let found = row.len();
                return Err(format!(
                    "ranking.measured[{i}]: found {found} values, expected {width}"
                ));
            }
            if let Some(bad) = row.iter().find(|v| !v.is_finite()) {
                return Err(format!("ranking.measured[{i}]: found {bad}, expected finite numbers"));
            }
        }
        Ok(Some(RoundValues::Rank(measured.clone())))
    }

    /// Those of a pruning search: now, without.
    fn scoring(&self, config: &Config, candidates: usize) -> Checked<Option<RoundValues>> {
        let Some(saved) = &self.scoring else { return Ok(None) };
        let shared = match config.sampling() {
            Sampling::Common => 1,
            Sampling::Independent => candidates,
        };
        if candidates == 0 {
            return Err("scoring: found values, expected none in a finished search".to_owned());
        }
        let repeats = config.repeats() as usize;
        let all = |name: &str, values: &[SavedValues], expected: usize| {
            if values.len() != expected {
                return Err(format!(
                    "scoring.{name}: found {} candidates, expected {expected}",
                    values.len()
                ));
            }
            let one = |(i, v): (usize, &SavedValues)| -> Checked<RepeatValues> {
                for (indicator, values) in [("regions", &v.regions), ("ntk", &v.ntk)] {
                    let at = format!("scoring.{name}[{i}].{indicator}");
                    if values.len() != repeats {
                        return Err(format!(
                            "{at}: found {} repeats, expected {repeats}",
                            values.len()
                        ));
                    }
                    if let Some(bad) =
                        values.iter().flatten().find(|v| !(v.is_finite() && **v > 0.0))
                    {
                        return Err(format!("{at}: found {bad}, expected a number above 0"));
                    }
                }
                Ok([v.regions.clone(), v.ntk.clone()])
            };
            values.iter().enumerate().map(one).collect::<Checked<Vec<_>>>()
        };
        let now = all("now", &saved.now, shared)?;
        let without = all("without", &saved.without, candidates)?;
        Ok(Some(RoundValues::Prune { now, without }))
    }
}

/// The active operations by name: cell, edge.
fn names_of(space: &Space, mask: &Mask) -> Vec<Vec<Vec<String>>> {
    let edge =
        |cell, edge| mask.operations_on(cell, edge).map(|o| space.operations[o].clone()).collect();
    space
        .cells
        .iter()
        .enumerate()
        .map(|(c, cell)| (0..cell.edges.len()).map(|e| edge(c, e)).collect())
        .collect()
}
