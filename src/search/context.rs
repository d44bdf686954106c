//! A search: its mask, its rounds, its history.

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checkpoint::{self, RoundValues, State, fault};
use super::log::{Log, LogLevel, LogSink};
use super::records::{self, HostPruning, Place, Record, RoundSummary, settle};
use super::round::{candidates, check_prune, rounds_left, stage};
use super::scoring::{Score, Scored, Scoring};
use super::{Config, Control, DeviceKind, Progress};
use crate::compute::Engine;
use crate::data::{Dataset, digest_of};
use crate::error::{Error, Result};
use crate::message::{of_path, whole};
use crate::space::{Choice, Genotype, Mask};

/// Called after each candidate; `Break` cancels.
pub type Observer<'a> = &'a mut dyn FnMut(&Progress) -> ControlFlow<()>;

/// A candidate's scores as they travel between searches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// [`Context::round_digest`] of the search that made it.
    pub digest: u64,
    /// The round, from 0.
    pub round: u32,
    /// The scores.
    pub score: Score,
}

/// When and where a search saves itself.
#[derive(Debug)]
struct Schedule {
    path: PathBuf,
    /// Between two checkpoints within a round.
    interval: Duration,
    last: Instant,
}

/// One search.
#[derive(Debug)]
pub struct Context {
    config: Config,
    dataset: Dataset,
    engine: Box<dyn Engine>,
    device: (DeviceKind, i32),
    control: Arc<Control>,
    mask: Mask,
    round: u32,
    /// The round at hand, once it has begun.
    scoring: Option<Scoring>,
    records: Vec<Record>,
    by_host: Vec<HostPruning>,
    seconds: f64,
    schedule: Option<Schedule>,
    log: Log,
    /// Broken images that the log has told of.
    skipped: usize,
}

impl Context {
    /// A search of `config`'s space on `dataset`.
    pub fn new(config: &Config, dataset: &Dataset) -> Result<Self> {
        let mut context = Self::with_engine(config, dataset, config.engine()?)?;
        context.device = config.resolved_device();
        Ok(context)
    }

    /// A search on a given engine, whatever the config's device and threads.
    pub fn with_engine(
        config: &Config,
        dataset: &Dataset,
        engine: Box<dyn Engine>,
    ) -> Result<Self> {
        let supernet = config.supernet();
        let mask = Mask::full(&supernet.space);
        dataset.check_batch(config.batch_size() as usize)?;
        // Says now what does not fit, an image size for example.
        supernet.ntk_network(&mask, dataset.shape(), dataset.classes())?;
        supernet.thin_network(&mask, dataset.classes())?;
        let context = Context {
            config: config.clone(),
            dataset: dataset.clone(),
            engine,
            device: config.device(),
            control: Arc::new(Control::default()),
            mask,
            round: 0,
            scoring: None,
            records: Vec::new(),
            by_host: Vec::new(),
            seconds: 0.0,
            schedule: None,
            log: Log::default(),
            skipped: dataset.skipped(),
        };
        context.control.set_progress(&context.progress(0));
        Ok(context)
    }

    /// Goes on with a search that [`save`](Self::save) wrote, on the images that it began with. It
    /// ends in the same bits as if it had never stopped. `machine` is a config whose device and
    /// threads replace the saved ones.
    ///
    /// Errors: [`Error::Io`]; [`Error::Format`] for a file that is damaged, something else or of a
    /// newer library, with the file and the place; [`Error::InvalidArgument`] for other images;
    /// [`Error::Device`] and [`Error::OutOfMemory`] as in [`new`](Self::new).
    pub fn load(path: &Path, dataset: &Dataset, machine: Option<&Config>) -> Result<Self> {
        let mut saved = checkpoint::read(path)?;
        let config = saved.config(machine).map_err(|error| match error {
            Error::Format(text) => fault(path, format!("config.{text}")),
            other => other,
        })?;
        let in_file = |problem: String| fault(path, problem);
        let (mask, records, by_host) = saved.replay(&config).map_err(in_file)?;
        let space = &config.supernet().space;
        let all = stage(space, &mask).map_or_else(Vec::new, |s| candidates(s, space, &mask));
        let values = saved.scoring(&config, all.len()).map_err(in_file)?;
        saved.check_whole()?.map_err(in_file)?;
        saved.check_dataset(path, dataset)?;

        let mut context = Self::new(&config, dataset)?;
        (context.mask, context.records, context.by_host) = (mask, records, by_host);
        (context.round, context.seconds) = (saved.round, saved.seconds);
        if let Some(RoundValues { now, without }) = values {
            let mut scoring = context.begin()?;
            scoring.restore(now, without, config.score_decimals());
            context.scoring = Some(scoring);
        }
        context.control.set_progress(&context.progress(context.finished()));
        Ok(context)
    }

    /// Writes a checkpoint, from which [`load`](Self::load) goes on. The file holds its old content
    /// or the new one at any moment.
    ///
    /// Errors: [`Error::Io`]; those of reading all images for their digest.
    pub fn save(&self, path: &Path) -> Result<()> {
        let scored = self.scoring.as_ref().map(Scoring::scored);
        checkpoint::write(path, &self.state(scored))
    }

    fn state<'a>(&'a self, scored: Option<Scored<'a>>) -> State<'a> {
        State {
            config: &self.config,
            device: self.device,
            dataset: &self.dataset,
            seconds: self.seconds,
            round: self.round,
            mask: &self.mask,
            records: &self.records,
            by_host: &self.by_host,
            scored,
        }
    }

    /// Saves the search to a path from now on: at once, when a round ends or the host prunes, and
    /// after a candidate where the last checkpoint is `interval` old. `None` ends that.
    ///
    /// A run whose checkpoint cannot be written ends with that error. It keeps its scores; the round
    /// that could not be saved ends with the next run that can save it.
    ///
    /// Errors: those of [`save`](Self::save); then the setting stays what it was.
    pub fn set_checkpoint(&mut self, place: Option<(&Path, Duration)>) -> Result<()> {
        self.schedule = match place {
            None => None,
            Some((path, interval)) => {
                self.save(path)?;
                let path = path.to_owned();
                Some(Schedule { path, interval, last: Instant::now() })
            }
        };
        Ok(())
    }

    /// Sets where this search tells what it does.
    pub fn set_log(&mut self, sink: Option<LogSink>) {
        self.log = Log(sink);
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

    /// Candidates of the round at hand that have a score.
    fn finished(&self) -> usize {
        self.scoring.as_ref().map_or(0, |s| s.scored().finished)
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
        let all = 0..self.candidates().len();
        let scores = self.score(all, observer)?;
        self.close(&scores)
    }

    /// All rounds that remain.
    pub fn run(&mut self, observer: Observer<'_>) -> Result<()> {
        while !self.run_round(observer)? {}
        Ok(())
    }

    /// Scores candidates of the round at hand, by their places among [`candidates`](Self::candidates),
    /// and prunes nothing. What this search has scored before is not computed again. Cancelled or
    /// failed, it keeps what it has, as [`run_round`](Self::run_round) does.
    ///
    /// Errors: [`Error::InvalidArgument`] if there are fewer candidates; those of `run_round`.
    pub fn evaluate(
        &mut self,
        range: Range<usize>,
        observer: Observer<'_>,
    ) -> Result<Vec<Evaluation>> {
        let count = self.candidates().len();
        if range.start > range.end || range.end > count {
            return Err(Error::InvalidArgument(format!(
                "first and count: found candidates {} to {}, expected some of the round's {count}",
                range.start, range.end
            )));
        }
        if self.control.take_cancel() {
            return Err(Error::Cancelled);
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let (digest, round) = (self.round_digest()?, self.round);
        let scores = self.score(range, observer)?;
        Ok(scores.into_iter().map(|score| Evaluation { digest, round, score }).collect())
    }

    /// Ends the round at hand with the scores of all its candidates, wherever they were computed;
    /// true when it was the last. They come in any order. A finished search takes none.
    ///
    /// Errors: [`Error::InvalidArgument`] for a candidate that is missing, twice or of another
    /// round, configuration or data set, or a score that is not finite; [`Error::Io`] if the
    /// checkpoint cannot be written. Then nothing has changed.
    pub fn apply(&mut self, evaluations: &[Evaluation]) -> Result<bool> {
        if self.is_finished() && evaluations.is_empty() {
            return Ok(true);
        }
        let scores = self.sorted(evaluations)?;
        self.close(&scores)
    }

    /// The scores in the order of the candidates.
    fn sorted(&self, evaluations: &[Evaluation]) -> Result<Vec<Score>> {
        let all = self.candidates();
        let digest = self.round_digest()?;
        let space = &self.config.supernet().space;
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

    /// What the scores of the round at hand depend on, but for the machine: configuration, data
    /// set, round and mask.
    ///
    /// Errors: those of reading all images for their digest.
    pub fn round_digest(&self) -> Result<u64> {
        let mut text = self.config.identity();
        text += &format!("images={:016x}\nround={}\nmask=", self.dataset.digest()?, self.round);
        text.extend(
            self.mask.nested().iter().flatten().flatten().map(|a| if *a { '1' } else { '0' }),
        );
        Ok(digest_of(text.as_bytes()))
    }

    /// Removes an operation, as the host's own ranking has it. A round that has begun ends with
    /// that: its scores, of a supernet that is no more, are dropped, and the next round begins.
    ///
    /// Errors: [`Error::InvalidArgument`] for indices that the space does not have;
    /// [`Error::InvalidState`] if the operation is not active, or the last of an edge that must keep
    /// one; [`Error::Io`] if the checkpoint cannot be written. Then nothing has changed.
    pub fn prune(&mut self, choice: Choice) -> Result<()> {
        check_prune(&self.config.supernet().space, &self.mask, choice)?;
        self.by_host
            .try_reserve(1)
            .map_err(|_| Error::OutOfMemory("the history of prunings".into()))?;
        self.commit(|search| {
            // The round that has begun is over.
            search.round += u32::from(search.scoring.is_some());
            search.mask.remove(choice);
            search.by_host.push(HostPruning { round: search.round, choice });
        })?;
        let place = Place::new(&self.config.supernet().space, choice);
        self.log.write(LogLevel::Info, || format!("pruned by the host: {place}"));
        Ok(())
    }

    /// The round at hand, nothing scored yet.
    fn begin(&self) -> Result<Scoring> {
        let (all, engine) = (self.candidates(), self.engine.as_ref());
        Scoring::new(&self.config, &self.dataset, engine, &self.mask, self.round, all)
    }

    /// Scores candidates of the round at hand that have no score yet, and returns those of all in
    /// `range`.
    fn score(&mut self, range: Range<usize>, observer: Observer<'_>) -> Result<Vec<Score>> {
        let start = Instant::now();
        let result = self.scored(range.clone(), observer, start);
        self.seconds += start.elapsed().as_secs_f64();
        self.control.set_progress(&self.progress(self.finished()));
        let skipped = self.dataset.skipped();
        if skipped > self.skipped {
            self.log.write(LogLevel::Warning, || {
                format!("{}: skipped {skipped} broken images so far", whole(self.dataset.origin()))
            });
            self.skipped = skipped;
        }
        result?;
        let scores = self.scoring.as_ref().and_then(|scoring| scoring.scores(range));
        scores.ok_or_else(|| Error::Internal("a round without all scores".into()))
    }

    fn scored(
        &mut self,
        range: Range<usize>,
        observer: Observer<'_>,
        start: Instant,
    ) -> Result<()> {
        let mut scoring = match self.scoring.take() {
            Some(scoring) => scoring,
            None => {
                let scoring = self.begin()?;
                let p = self.progress(0);
                self.log.write(LogLevel::Info, || {
                    format!("round {} of {}: {} candidates", p.round + 1, p.rounds, p.candidates)
                });
                scoring
            }
        };
        let mut progress = self.progress(scoring.scored().finished);
        let mut schedule = self.schedule.take();
        let mut log = std::mem::take(&mut self.log);
        let control = &self.control;
        control.set_progress(&progress);
        let cancel = control.watch();
        let mut unsaved = Ok(());
        let failed = Cell::new(false);
        let stop = || cancel.is_stopped() || failed.get();
        let mut after = |scored: Scored<'_>| {
            progress.candidate = scored.finished as u32;
            progress.seconds = self.seconds + start.elapsed().as_secs_f64();
            control.set_progress(&progress);
            if let Some(s) = &mut schedule
                && s.last.elapsed() >= s.interval
            {
                let state = State { seconds: progress.seconds, ..self.state(Some(scored)) };
                unsaved = s.write(&state, &mut log);
                failed.set(unsaved.is_err());
            }
            if !stop() && observer(&progress).is_break() {
                cancel.stop();
            }
        };
        let (config, dataset, engine) = (&self.config, &self.dataset, self.engine.as_ref());
        let result = scoring.evaluate(config, dataset, engine, range, &mut after, &stop);
        let cancelled = cancel.finish();
        (self.scoring, self.schedule, self.log) = (Some(scoring), schedule, log);
        if cancelled {
            return Err(Error::Cancelled);
        }
        unsaved.and(result)
    }

    /// Ranks the round's candidates and prunes; true if it was the last round. If that fails, the
    /// round is as it was.
    fn close(&mut self, scores: &[Score]) -> Result<bool> {
        let settled = settle(&self.config, &self.mask, self.round, scores)?;
        self.records
            .try_reserve(settled.len())
            .map_err(|_| Error::OutOfMemory("the records of a round".into()))?;
        let (first, rounds) = (self.records.len(), self.progress(0).rounds);
        self.commit(|search| {
            let pruned = settled.iter().filter(|r| r.pruned);
            pruned.for_each(|r| search.mask.remove(r.score.choice));
            search.records.extend(settled);
            search.round += 1;
        })?;
        let space = &self.config.supernet().space;
        let pruned = self.records[first..].iter().filter(|r| r.pruned);
        self.log.write(LogLevel::Info, || {
            let places: Vec<String> =
                pruned.map(|r| Place::new(space, r.score.choice).to_string()).collect();
            format!("round {} of {rounds}: pruned {}", self.round, places.join(", "))
        });
        Ok(self.is_finished())
    }

    /// Makes a change that ends the scoring at hand, and saves. If that fails, nothing has changed.
    fn commit(&mut self, change: impl FnOnce(&mut Self)) -> Result<()> {
        let before = (self.mask.clone(), self.round, self.records.len(), self.by_host.len());
        change(self);
        let scoring = self.scoring.take();
        if let Some(mut schedule) = self.schedule.take() {
            let mut log = std::mem::take(&mut self.log);
            let saved = schedule.write(&self.state(None), &mut log);
            (self.schedule, self.log) = (Some(schedule), log);
            if let Err(error) = saved {
                let (mask, round, records, by_host) = before;
                (self.mask, self.round, self.scoring) = (mask, round, scoring);
                self.records.truncate(records);
                self.by_host.truncate(by_host);
                return Err(error);
            }
        }
        self.control.set_progress(&self.progress(0));
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

    /// The finished rounds, in order; not those that the host ended by [`prune`](Self::prune).
    pub fn rounds(&self) -> Vec<RoundSummary> {
        records::rounds(&self.records)
    }

    /// What the host pruned, in order.
    pub fn pruned_by_host(&self) -> &[HostPruning] {
        &self.by_host
    }

    /// The whole history as JSON, by names.
    pub fn records_json(&self) -> serde_json::Value {
        records::to_json(&self.config, &self.records, &self.by_host)
    }

    /// Where it computes, AUTO resolved; as the config says if the engine was given.
    pub fn device(&self) -> (DeviceKind, i32) {
        self.device
    }

    /// The parameters of the search.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

impl Schedule {
    fn write(&mut self, state: &State<'_>, log: &mut Log) -> Result<()> {
        let written = checkpoint::write(&self.path, state);
        let path = of_path(&self.path);
        match &written {
            Ok(()) => {
                self.last = Instant::now();
                log.write(LogLevel::Debug, || format!("checkpoint written to {path}"));
            }
            Err(error) => {
                log.write(LogLevel::Error, || format!("checkpoint not written: {error}"));
            }
        }
        written
    }
}
