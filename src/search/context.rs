//! A search: its mask, its rounds, its history.

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checkpoint::{self, State, fault};
use super::log::{Log, LogLevel, LogSink};
use super::prune::Prune;
use super::rank::{Measured, Rank, Ranked};
use super::records::{self, HostPruning, Place, Record, RoundSummary};
use super::round::check_prune;
use super::scoring::Score;
use super::strategy::{Bench, Found, Round, RoundValues, Search};
use super::trace::Trace;
use super::{Config, Control, DeviceKind, Progress, Strategy};
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
    search: Search,
    /// The round at hand, once it has begun.
    at_hand: Option<Round>,
    seconds: f64,
    schedule: Option<Schedule>,
    trace: Option<Trace>,
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
            search: Search::new(config, dataset)?,
            at_hand: None,
            seconds: 0.0,
            schedule: None,
            trace: None,
            log: Log::default(),
            skipped: dataset.skipped(),
        };
        if config.strategy() == Strategy::Rank {
            context.search.begin(context.bench())?;
        }
        context.show(0);
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
        let search = saved.replay(&config, dataset)?.map_err(in_file)?;
        let values = saved.round_at_hand(&config, &search).map_err(in_file)?;
        saved.check_whole()?.map_err(in_file)?;
        saved.check_dataset(path, dataset)?;

        let mut context = Self::new(&config, dataset)?;
        (context.search, context.seconds) = (search, saved.seconds);
        if let Some(values) = values {
            let mut round = context.search.begin(context.bench())?;
            values.into_round(&mut round, &config);
            context.at_hand = Some(round);
        }
        context.show(context.finished());
        Ok(context)
    }

    fn bench(&self) -> Bench<'_> {
        Bench { config: &self.config, dataset: &self.dataset, engine: self.engine.as_ref() }
    }

    /// Writes a checkpoint, from which [`load`](Self::load) goes on. The file holds its old content
    /// or the new one at any moment.
    ///
    /// Errors: [`Error::Io`]; those of reading all images for their digest.
    pub fn save(&self, path: &Path) -> Result<()> {
        checkpoint::write(path, &self.state(self.at_hand.as_ref().map(Round::found)))
    }

    fn state<'a>(&'a self, found: Option<Found<'a>>) -> State<'a> {
        State {
            config: &self.config,
            device: self.device,
            dataset: &self.dataset,
            seconds: self.seconds,
            search: &self.search,
            found,
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

    /// Writes what this search finds to a file of JSON lines from now on, a line for each candidate
    /// as soon as its values are there; docs/REPORT.md names the fields. `None` ends that.
    ///
    /// A file that is not there is begun. A trace of the same search (configuration and images) is
    /// continued: a last line that was cut short goes, and nothing is written twice. With the
    /// strategy `prune`, `arch_parameters_history.npy` in the same folder is replaced now and at the
    /// end of each round.
    ///
    /// A run whose trace cannot be written ends with that error, and keeps its scores, as with
    /// [`set_checkpoint`](Self::set_checkpoint).
    ///
    /// Errors: [`Error::Io`]; [`Error::Format`] for a file that is no trace;
    /// [`Error::InvalidArgument`] for the trace of another search; those of reading all images for
    /// their digest. Then the setting stays what it was.
    pub fn set_trace(&mut self, path: Option<&Path>) -> Result<()> {
        self.trace = match path {
            None => None,
            Some(path) => {
                let trace = Trace::open(path, &self.config, &self.dataset)?;
                trace.write_history(&self.config, &self.search)?;
                Some(trace)
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

    /// The candidates of the round at hand; none at the end, and none with the strategy `rank`.
    pub fn candidates(&self) -> Vec<Choice> {
        match &self.search {
            Search::Prune(search) => search.candidates(&self.config),
            Search::Rank(_) => Vec::new(),
        }
    }

    /// Number of candidates of the round at hand, whatever the strategy; 0 at the end.
    pub fn candidate_count(&self) -> usize {
        self.search.candidates(&self.config)
    }

    fn progress(&self, candidate: usize) -> Progress {
        Progress {
            round: self.search.round(),
            rounds: self.search.rounds(&self.config),
            candidate: candidate as u32,
            candidates: self.candidate_count() as u32,
            seconds: self.seconds,
        }
    }

    /// Shows other threads how far the search is.
    fn show(&self, finished: usize) {
        self.control.set_progress(&self.progress(finished));
        let work = self.search.work(&self.config);
        self.control.set_work(work.counts(finished, self.candidate_count()));
    }

    /// Candidates of the round at hand that are finished.
    fn finished(&self) -> usize {
        self.at_hand.as_ref().map_or(0, |round| round.found().finished())
    }

    /// The state of a search that prunes; an error that says what asked for it otherwise.
    fn pruning(&self, what: &str) -> Result<&Prune> {
        match &self.search {
            Search::Prune(search) => Ok(search),
            Search::Rank(_) => Err(Error::InvalidState(format!(
                "strategy: found rank, expected prune, which {what} belongs to"
            ))),
        }
    }

    /// The state of a search that ranks; an error that says what asked for it otherwise.
    fn ranks(&self, what: &str) -> Result<&Rank> {
        match &self.search {
            Search::Rank(search) => Ok(search),
            Search::Prune(_) => Err(Error::InvalidState(format!(
                "strategy: found prune, expected rank, which {what} belongs to"
            ))),
        }
    }

    /// One round; true when it was the last. A finished search does nothing.
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
        let values = self.evaluated(0..self.candidate_count(), observer)?;
        self.close(values)
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
    /// Errors: [`Error::InvalidArgument`] if there are fewer candidates; [`Error::InvalidState`] with
    /// the strategy `rank`, for which there is [`measure`](Self::measure); those of `run_round`.
    pub fn evaluate(
        &mut self,
        range: Range<usize>,
        observer: Observer<'_>,
    ) -> Result<Vec<Evaluation>> {
        self.pruning("evaluate")?;
        let Some((digest, round)) = self.check_piece(&range)? else { return Ok(Vec::new()) };
        let RoundValues::Prune(scores) = self.evaluated(range, observer)? else {
            return Err(Error::Internal("a round of another strategy".into()));
        };
        Ok(scores.into_iter().map(|score| Evaluation { digest, round, score }).collect())
    }

    /// Measures candidates of the round at hand, by their places in it, and ranks nothing: all
    /// draws of each, draw by draw. The counterpart of [`evaluate`](Self::evaluate) for the strategy
    /// `rank`.
    ///
    /// Errors: [`Error::InvalidArgument`] if there are fewer candidates; [`Error::InvalidState`] with
    /// another strategy; those of `run_round`.
    pub fn measure(
        &mut self,
        range: Range<usize>,
        observer: Observer<'_>,
    ) -> Result<Vec<Measured>> {
        let draws = self.ranks("measure")?.draws(&self.config);
        let Some((digest, round)) = self.check_piece(&range)? else { return Ok(Vec::new()) };
        let RoundValues::Rank(rows) = self.evaluated(range.clone(), observer)? else {
            return Err(Error::Internal("a round of another strategy".into()));
        };
        let width = self.config.proxies().len();
        let of_row = |(candidate, row): (usize, Vec<f64>)| -> Vec<Measured> {
            let one = |(draw, values): (usize, &[f64])| Measured {
                digest,
                round,
                candidate: candidate as u32,
                draw: draw as u32,
                values: values.to_vec(),
            };
            draws.clone().zip(row.chunks(width)).map(one).collect()
        };
        Ok(range.zip(rows).flat_map(of_row).collect())
    }

    /// Draws of each candidate of the round at hand: so many [`Measured`] has each. 1 while the
    /// strategy is not `rank`.
    pub fn draws(&self) -> usize {
        match &self.search {
            Search::Prune(_) => 1,
            Search::Rank(search) => search.draws(&self.config).len(),
        }
    }

    /// Checks the candidates that a piece of a round is of; the round's digest and number, or `None`
    /// if there is nothing to do.
    fn check_piece(&self, range: &Range<usize>) -> Result<Option<(u64, u32)>> {
        let count = self.candidate_count();
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
            return Ok(None);
        }
        Ok(Some((self.round_digest()?, self.search.round())))
    }

    /// Ends the round at hand with the scores of all its candidates, wherever they were computed;
    /// true when it was the last. They come in any order. A finished search takes none.
    ///
    /// Errors: [`Error::InvalidArgument`] for a candidate that is missing, twice or of another
    /// round, configuration or data set, or a score that is not finite; [`Error::InvalidState`] with
    /// the strategy `rank`, for which there is [`settle`](Self::settle); [`Error::Io`] if the
    /// checkpoint cannot be written. Then nothing has changed.
    pub fn apply(&mut self, evaluations: &[Evaluation]) -> Result<bool> {
        let search = self.pruning("apply")?;
        if self.is_finished() && evaluations.is_empty() {
            return Ok(true);
        }
        let scores = search.sorted(&self.config, self.round_digest()?, evaluations)?;
        self.close(RoundValues::Prune(scores))
    }

    /// Ends the round at hand with the values of all its candidates and draws, wherever they were
    /// measured; true when it was the last. They come in any order. The counterpart of
    /// [`apply`](Self::apply) for the strategy `rank`, with the same errors.
    pub fn settle(&mut self, measured: &[Measured]) -> Result<bool> {
        let search = self.ranks("settle")?;
        if self.is_finished() && measured.is_empty() {
            return Ok(true);
        }
        let values = search.sorted(&self.config, self.round_digest()?, measured)?;
        self.close(RoundValues::Rank(values))
    }

    /// What the scores of the round at hand depend on, but for the machine: configuration, data
    /// set, round and mask or candidates.
    ///
    /// Errors: those of reading all images for their digest.
    pub fn round_digest(&self) -> Result<u64> {
        let mut text = self.config.identity();
        text += &format!("images={:016x}\nround={}\n", self.dataset.digest()?, self.search.round());
        text += &self.search.identity();
        Ok(digest_of(text.as_bytes()))
    }

    /// Removes an operation, as the host's own ranking has it. A round that has begun ends with
    /// that: its scores, of a supernet that is no more, are dropped, and the next round begins.
    ///
    /// Errors: [`Error::InvalidArgument`] for indices that the space does not have;
    /// [`Error::InvalidState`] if the operation is not active, or the last of an edge that must keep
    /// one; [`Error::Io`] if the checkpoint cannot be written. Then nothing has changed.
    pub fn prune(&mut self, choice: Choice) -> Result<()> {
        let search = self.pruning("prune")?;
        check_prune(&self.config.supernet().space, &search.mask, choice)?;
        let next = search.without(choice, self.at_hand.is_some())?;
        let next = Search::Prune(next);
        if let Some(trace) = &mut self.trace {
            trace.pruned_by_host(&self.config, &next, self.seconds)?;
            trace.write_history(&self.config, &next)?;
        }
        self.commit(next)?;
        let place = Place::new(&self.config.supernet().space, choice);
        self.log.write(LogLevel::Info, || format!("pruned by the host: {place}"));
        Ok(())
    }

    /// Evaluates candidates of the round at hand that have no values yet, and returns those of all
    /// in `range`.
    fn evaluated(&mut self, range: Range<usize>, observer: Observer<'_>) -> Result<RoundValues> {
        let start = Instant::now();
        let result = self.evaluate_open(range.clone(), observer, start);
        self.seconds += start.elapsed().as_secs_f64();
        self.show(self.finished());
        let skipped = self.dataset.skipped();
        if skipped > self.skipped {
            self.log.write(LogLevel::Warning, || {
                format!("{}: skipped {skipped} broken images so far", whole(self.dataset.origin()))
            });
            self.skipped = skipped;
        }
        result?;
        let values = self.at_hand.as_ref().and_then(|round| round.values(range));
        values.ok_or_else(|| Error::Internal("a round without all values".into()))
    }

    fn evaluate_open(
        &mut self,
        range: Range<usize>,
        observer: Observer<'_>,
        start: Instant,
    ) -> Result<()> {
        let mut round = match self.at_hand.take() {
            Some(round) => round,
            None => {
                let round = self.search.begin(self.bench())?;
                let p = self.progress(0);
                self.log.write(LogLevel::Info, || {
                    format!("round {} of {}: {} candidates", p.round + 1, p.rounds, p.candidates)
                });
                round
            }
        };
        let mut progress = self.progress(round.found().finished());
        let mut schedule = self.schedule.take();
        let mut trace = self.trace.take();
        let mut log = std::mem::take(&mut self.log);
        let control = &self.control;
        control.set_progress(&progress);
        let work = self.search.work(&self.config);
        let cancel = control.watch();
        let mut unsaved = Ok(());
        let failed = Cell::new(false);
        let stop = || cancel.is_stopped() || failed.get();
        let mut after = |place: usize, found: Found<'_>| {
            progress.candidate = found.finished() as u32;
            progress.seconds = self.seconds + start.elapsed().as_secs_f64();
            control.set_progress(&progress);
            control.set_work(work.counts(found.finished(), progress.candidates as usize));
            if let Some(trace) = &mut trace {
                let line = found.one(place).map_or(Ok(()), |one| {
                    trace.candidate(&self.config, &self.search, place, one, progress.seconds)
                });
                failed.set(line.is_err());
                unsaved = line;
            }
            if let Some(s) = &mut schedule
                && !failed.get()
                && s.last.elapsed() >= s.interval
            {
                let state = State { seconds: progress.seconds, ..self.state(Some(found)) };
                unsaved = s.write(&state, &mut log);
                failed.set(unsaved.is_err());
            }
            if !stop() && observer(&progress).is_break() {
                cancel.stop();
            }
        };
        let result = round.evaluate(self.bench(), range, &mut after, &stop);
        let cancelled = cancel.finish();
        (self.at_hand, self.schedule, self.trace, self.log) = (Some(round), schedule, trace, log);
        if cancelled {
            return Err(Error::Cancelled);
        }
        unsaved.and(result)
    }

    /// Ends the round at hand; true if it was the last. If that fails, the round is as it was.
    fn close(&mut self, values: RoundValues) -> Result<bool> {
        let mut trace = self.trace.take();
        let next = self.traced(trace.as_mut(), values);
        self.trace = trace;
        let next = next?;
        let rounds = self.search.rounds(&self.config);
        self.commit(next)?;
        self.search.tell(&self.config, rounds, &mut self.log);
        Ok(self.is_finished())
    }

    /// The search after the round at hand, which the trace tells of first.
    fn traced(&self, trace: Option<&mut Trace>, values: RoundValues) -> Result<Search> {
        let Some(trace) = trace else { return self.search.after(self.bench(), values) };
        // Those that another machine has measured have no line yet.
        for (place, one) in values.each().enumerate() {
            trace.candidate(&self.config, &self.search, place, one, self.seconds)?;
        }
        let next = self.search.after(self.bench(), values)?;
        trace.round(&self.config, &self.search, &next, self.seconds)?;
        trace.write_history(&self.config, &next)?;
        Ok(next)
    }

    /// Goes on to another state of the search, which ends the round at hand, and saves. If that
    /// fails, nothing has changed.
    fn commit(&mut self, next: Search) -> Result<()> {
        let before = (std::mem::replace(&mut self.search, next), self.at_hand.take());
        if let Some(mut schedule) = self.schedule.take() {
            let mut log = std::mem::take(&mut self.log);
            let saved = schedule.write(&self.state(None), &mut log);
            (self.schedule, self.log) = (Some(schedule), log);
            if let Err(error) = saved {
                (self.search, self.at_hand) = before;
                return Err(error);
            }
        }
        self.show(0);
        Ok(())
    }

    /// Whether no round is left.
    pub fn is_finished(&self) -> bool {
        self.search.is_finished(&self.config)
    }

    /// How the space is searched.
    pub fn strategy(&self) -> Strategy {
        self.config.strategy()
    }

    /// The operations still active. With the strategy `rank` all, and at the end those of the best.
    pub fn mask(&self) -> &Mask {
        self.search.mask()
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
        self.search.genotype(&self.config)
    }

    /// What the finished rounds of the strategy `rank` say, the best first: all that was measured,
    /// and then what is not connected. Empty before the first round has ended, and with another
    /// strategy.
    pub fn ranking(&self) -> &[Ranked] {
        match &self.search {
            Search::Prune(_) => &[],
            Search::Rank(search) => &search.ranking,
        }
    }

    /// Every candidate of every finished round, in order; none with the strategy `rank`, which has a
    /// [`ranking`](Self::ranking).
    pub fn records(&self) -> &[Record] {
        match &self.search {
            Search::Prune(search) => &search.records,
            Search::Rank(_) => &[],
        }
    }

    /// The finished rounds, in order; not those that the host ended by [`prune`](Self::prune). None
    /// with the strategy `rank`.
    pub fn rounds(&self) -> Vec<RoundSummary> {
        records::rounds(self.records())
    }

    /// What the host pruned, in order.
    pub fn pruned_by_host(&self) -> &[HostPruning] {
        match &self.search {
            Search::Prune(search) => &search.by_host,
            Search::Rank(_) => &[],
        }
    }

    /// The whole history as JSON, by names.
    pub fn records_json(&self) -> serde_json::Value {
        match &self.search {
            Search::Prune(search) => {
                records::to_json(&self.config, &search.records, &search.by_host)
            }
            Search::Rank(search) => records::ranking_to_json(&self.config, &search.ranking),
        }
    }

    /// Where it computes, AUTO resolved; as the config says if the engine was given.
    pub fn device(&self) -> (DeviceKind, i32) {
        self.device
    }

    /// The images that it is measured on.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Seconds that this search has computed so far, all its runs together.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The operations that were active at the beginning, and then after each round that is
    /// finished, in order. With the strategy `rank` those at the beginning alone.
    pub fn masks(&self) -> Vec<Mask> {
        match &self.search {
            Search::Prune(search) => search.masks(&self.config),
            Search::Rank(_) => vec![Mask::full(&self.config.supernet().space)],
        }
    }

    /// The values of an architecture by each draw, `[draw][proxy]`, with the strategy `rank`; none
    /// for one that was not measured.
    pub fn draws_of(&self, number: u64) -> &[f64] {
        match &self.search {
            Search::Prune(_) => &[],
            Search::Rank(search) => search.values_of(number),
        }
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
