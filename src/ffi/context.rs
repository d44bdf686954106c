//! Searches
//!
//! A context is one search: run it to the end, or round by round, watch it,
//! stop it and go on, and take the genotype.
//!
//! One call at a time: while a call works on a context, any other on the same
//! context returns TENAS_ERROR_BUSY, from another thread as from inside the
//! progress callback. Only tenas_context_cancel, _clear_cancel, _progress and
//! _work are never busy. Different contexts are independent.
//!
//! After TENAS_ERROR_INTERNAL (a bug in the library) a context answers
//! everything but these four with TENAS_ERROR_INVALID_STATE and a message that
//! tells what happened; free it.
//!
//! In a forked child a context of the parent answers every call, these four
//! included, with TENAS_ERROR_INVALID_STATE; free it, or leave it.

use std::ops::ControlFlow;
use std::sync::Arc;

use libc::{c_char, c_void, size_t};

use super::arguments::{Out, OutStruct, Versioned, choose};
use super::config::{self, tenas_config};
use super::dataset::tenas_dataset;
use super::error::Failure;
use super::exclusive::Exclusive;
use super::guard::guard;
use super::handle::{self, Handle};
use super::status::{tenas_status, tenas_status_code};
use super::text::OutText;
use crate::float_state::in_callers;
use crate::hooks::{Hook, reach};
use crate::{Context, Control, GenotypeFormat, Progress, Record};

/// A search. Made by tenas_context_new or tenas_context_load, freed by
/// tenas_context_free.
pub struct tenas_context {
    _opaque: [u8; 0],
}

impl Handle for tenas_context {
    type Object = Search;
    const NAME: &'static str = "tenas_context";
    const TAG: u64 = u64::from_be_bytes(*b"tenasCTX");
    const SURVIVES_FORK: bool = false;

    fn is_whole(search: &Search) -> bool {
        search.state.is_idle()
    }
}

/// What a `tenas_context` stands for: the search under its lock, its control beside it.
pub(super) struct Search {
    control: Arc<Control>,
    state: Exclusive<State>,
}

impl Search {
    /// Borrows the state for one call.
    pub(super) fn with<R>(
        &self,
        body: impl FnOnce(&mut State) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        self.state.with("context", |state| {
            reach(Hook::Context)?;
            body(state)
        })
    }
}

pub(super) struct State {
    pub(super) context: Context,
    pub(super) callback: Option<Callback>,
}

impl tenas_context {
    /// Gives a search away to C.
    pub(super) fn from_search(context: Context) -> *mut Self {
        let control = context.control();
        let state = Exclusive::new(State { context, callback: None });
        handle::into_raw(Search { control, state })
    }
}

/// A host's progress function and its user pointer.
#[derive(Clone, Copy)]
pub(super) struct Callback {
    pub(super) function: unsafe extern "C" fn(*const tenas_progress, *mut c_void) -> i32,
    pub(super) user: *mut c_void,
}

// SAFETY: the pointer is only handed back to the host, whose function runs on the thread that
// called in: tenas.h says so, and that it must be fit for that.
unsafe impl Send for Callback {}

impl Callback {
    pub(super) fn call(&self, progress: &Progress) -> ControlFlow<()> {
        let progress = tenas_progress::from(progress);
        // SAFETY: a function of that type, as tenas.h asks; the struct lives during the call.
        match in_callers(|| unsafe { (self.function)(&raw const progress, self.user) }) {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

/// How a genotype is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_genotype_format {
    /// The text that training code for the space reads. NAS-Bench-201:
    /// "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|". DARTS: "Genotype(normal=[...],
    /// normal_concat=[...], reduce=[...], reduce_concat=[...])".
    TENAS_GENOTYPE_NATIVE = 1,
    /// JSON.
    TENAS_GENOTYPE_JSON = 2,
}
use tenas_genotype_format::*;

/// How far a search is.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_progress {
    /// Size of the struct: set it to sizeof(tenas_progress) before you ask. In
    /// a callback the library has set it.
    pub struct_size: size_t,
    /// The round being worked on, from 0; equal to rounds at the end.
    pub round: u32,
    /// Rounds of the whole search.
    pub rounds: u32,
    /// Candidates of this round that are finished.
    pub candidate: u32,
    /// Candidates of this round.
    pub candidates: u32,
    /// Seconds that this search has computed so far, all its runs together.
    pub seconds: f64,
}

impl Versioned for tenas_progress {
    const FIRST_SIZE: usize = size_of::<Self>();
}

impl From<&Progress> for tenas_progress {
    fn from(p: &Progress) -> Self {
        tenas_progress {
            struct_size: size_of::<Self>(),
            round: p.round,
            rounds: p.rounds,
            candidate: p.candidate,
            candidates: p.candidates,
            seconds: p.seconds,
        }
    }
}

/// A candidate of a finished round: an operation, and what its removal would
/// do. In a round that prunes whole edges it stands for its edge.
///
/// A delta is the relative change, (now - without) / now, rounded to the
/// configuration's score_decimals; deltas, condition numbers and counts are
/// means over the repeats.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_record {
    /// Size of the struct: set it to sizeof(tenas_record) before you ask.
    pub struct_size: size_t,
    /// The round, from 0.
    pub round: u32,
    /// The cell; tenas_space_cell_name has its name.
    pub cell: u32,
    /// The edge of the cell; tenas_space_edge_name has its name.
    pub edge: u32,
    /// The operation; tenas_space_operation_name has its name.
    pub operation: u32,
    /// Rank among the round's candidates by ntk_delta, from 1: the highest
    /// first.
    pub ntk_rank: u32,
    /// Rank among the round's candidates by regions_delta, from 1: the lowest
    /// first.
    pub regions_rank: u32,
    /// 1 if the round removed it, else 0.
    pub pruned: i32,
    /// Relative change of the condition number: above 0 if the network is
    /// easier to train without the operation.
    pub ntk_delta: f64,
    /// Relative change of the count of linear regions: above 0 if the network
    /// is less expressive without the operation.
    pub regions_delta: f64,
    /// Condition number of the neural tangent kernel of the supernet.
    pub ntk_now: f64,
    /// The same without the operation.
    pub ntk_without: f64,
    /// Linear regions of the supernet.
    pub regions_now: f64,
    /// The same without the operation.
    pub regions_without: f64,
}

impl Versioned for tenas_record {
    const FIRST_SIZE: usize = size_of::<Self>();
}

impl From<&Record> for tenas_record {
    fn from(r: &Record) -> Self {
        tenas_record {
            struct_size: size_of::<Self>(),
            round: r.round,
            cell: r.score.choice.cell as u32,
            edge: r.score.choice.edge as u32,
            operation: r.score.choice.operation as u32,
            ntk_rank: r.ranks.ntk,
            regions_rank: r.ranks.regions,
            pruned: r.pruned.into(),
            ntk_delta: r.score.ntk_delta,
            regions_delta: r.score.regions_delta,
            ntk_now: r.score.ntk_now,
            ntk_without: r.score.ntk_without,
            regions_now: r.score.regions_now,
            regions_without: r.score.regions_without,
        }
    }
}

/// A function that a search calls after each candidate, on the thread that
/// called in, one call at a time. Return 0 to go on, anything else to cancel
/// (as tenas_context_cancel would).
///
/// progress is valid during the call; user is what tenas_context_set_progress
/// was given. The function must return: no C++ exception and no longjmp may
/// pass through the library.
pub type tenas_progress_fn =
    Option<unsafe extern "C" fn(progress: *const tenas_progress, user: *mut c_void) -> i32>;

/// Makes a search of a configuration on a data set. It copies or shares what
/// it needs: both may be changed and freed afterwards.
///
/// On success *out is a new context: free it with tenas_context_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: configuration and data set do not fit each
///   other (a batch larger than the data set, images of a size that the space
///   cannot take).
/// - TENAS_ERROR_DEVICE: the device is not there.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_NULL_POINTER: config, dataset or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_new(
    config: *const tenas_config,
    dataset: *const tenas_dataset,
    out: *mut *mut tenas_context,
) -> tenas_status {
    guard("tenas_context_new", || {
        // SAFETY: NULL or live handles, as tenas.h asks.
        let (config, dataset) =
            unsafe { (config::copy(config, "config")?, handle::borrow(dataset, "dataset")?) };
        // SAFETY: NULL or writable, as tenas.h asks.
        let out = unsafe { Out::new(out, "out") }?;
        out.set(tenas_context::from_search(Context::new(&config, dataset)?));
        Ok(())
    })
}

/// Frees a search and ends its threads. NULL is a no-op. Do not free a context
/// while a call works on it: cancel, and wait for that call to return.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_free(context: *mut tenas_context) {
    // SAFETY: NULL or a handle that nobody uses any more, as tenas.h asks.
    unsafe { handle::free(context) }
}

/// Borrows the search of a context.
///
/// # Safety
///
/// `context` is NULL or a handle that nobody frees during `'a`.
pub(super) unsafe fn search_of<'a>(context: *const tenas_context) -> Result<&'a Search, Failure> {
    // SAFETY: as the caller promises.
    unsafe { handle::borrow(context, "context") }
}

/// Sets the function that is called after each candidate, and the pointer that
/// it is handed. A NULL function clears it. user may be NULL; it stays yours
/// and must be valid for as long as it is set.
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_set_progress(
    context: *mut tenas_context,
    progress: tenas_progress_fn,
    user: *mut c_void,
) -> tenas_status {
    guard("tenas_context_set_progress", || {
        let callback = progress.map(|function| Callback { function, user });
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        search.with(|state| {
            state.callback = callback;
            Ok(())
        })
    })
}

/// Runs one round and sets *finished to whether it was the last. On a
/// finished search nothing is done, and *finished is true.
///
/// - TENAS_ERROR_CANCELLED: stopped on request. What was completed is kept;
///   the next run goes on from there, and the result is the same as if it had
///   never been stopped.
/// - TENAS_ERROR_OUT_OF_MEMORY, TENAS_ERROR_DEVICE: the engine failed; likewise
///   the next run goes on.
/// - TENAS_ERROR_IO, TENAS_ERROR_FORMAT: images that are read as they are needed
///   (a folder of JPEG files, a loader) could not be had; likewise.
/// - TENAS_ERROR_IO: the checkpoint that tenas_context_set_checkpoint asked for
///   could not be written; likewise.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or finished is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_run_round(
    context: *mut tenas_context,
    finished: *mut bool,
) -> tenas_status {
    guard("tenas_context_run_round", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, Out::new(finished, "finished")) };
        search.with(|state| {
            let out = out?;
            let callback = state.callback;
            let last = state.context.run_round(&mut |p| report(callback, p))?;
            out.set(last);
            Ok(())
        })
    })
}

/// Runs all rounds that remain. On a finished search nothing is done.
///
/// Returns what tenas_context_run_round returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_run(context: *mut tenas_context) -> tenas_status {
    guard("tenas_context_run", || {
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        search.with(|state| {
            let callback = state.callback;
            Ok(state.context.run(&mut |p| report(callback, p))?)
        })
    })
}

pub(super) fn report(callback: Option<Callback>, progress: &Progress) -> ControlFlow<()> {
    callback.map_or(ControlFlow::Continue(()), |c| c.call(progress))
}

/// Asks the running call to return TENAS_ERROR_CANCELLED, which it does within
/// the time of one candidate. If nothing is running, the next run returns it at
/// once. The call that returns it uses the request up.
///
/// May be called at any time, from any thread, from the callback and from a
/// signal handler: it sets an atomic flag, and no error message.
///
/// - TENAS_ERROR_NULL_POINTER: context is NULL.
/// - TENAS_ERROR_INVALID_ARGUMENT: context is no live context.
/// - TENAS_ERROR_INVALID_STATE: this is a forked child, and its parent made the
///   context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_cancel(context: *mut tenas_context) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    let status = match unsafe { handle::find(context.cast_const()) } {
        Ok(search) => {
            search.control.cancel();
            tenas_status_code::TENAS_OK
        }
        Err(unusable) => unusable.status(),
    };
    status as tenas_status
}

/// Drops a request to cancel that no call has reported yet.
///
/// - TENAS_ERROR_NULL_POINTER: context is NULL.
/// - TENAS_ERROR_INVALID_STATE: as tenas_context_cancel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_clear_cancel(context: *mut tenas_context) -> tenas_status {
    guard("tenas_context_clear_cancel", || {
        // SAFETY: NULL or a live handle, as tenas.h asks.
        unsafe { search_of(context) }?.control.clear_cancel();
        Ok(())
    })
}

/// Tells how far the search is, at any time and from any thread: it reads
/// atomic values only. Set out->struct_size before the call.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: out->struct_size is smaller than the struct
///   was in its first version, or larger than 4096.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
/// - TENAS_ERROR_INVALID_STATE: as tenas_context_cancel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_progress(
    context: *const tenas_context,
    out: *mut tenas_progress,
) -> tenas_status {
    guard("tenas_context_progress", || {
        // SAFETY: NULL or a live handle; NULL or a struct with its size set, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, OutStruct::new(out, "out")?) };
        out.set(tenas_progress::from(&search.control.progress()));
        Ok(())
    })
}

/// Sets *done and *all to how much of the search is done, and how much there is,
/// as far as that can be foreseen: evaluations of a candidate on a draw. What is
/// left takes about seconds * (*all - *done) / *done, with the seconds of
/// tenas_context_progress. At any time and from any thread, in the progress
/// function too: it reads atomic values only.
///
/// - TENAS_ERROR_NULL_POINTER: context, done or all is NULL.
/// - TENAS_ERROR_INVALID_STATE: as tenas_context_cancel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_work(
    context: *const tenas_context,
    done: *mut u32,
    all: *mut u32,
) -> tenas_status {
    guard("tenas_context_work", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, done, all) = unsafe {
            (handle::borrow(context, "context")?, Out::new(done, "done")?, Out::new(all, "all")?)
        };
        let work = search.control.work();
        done.set(work.0);
        all.set(work.1);
        Ok(())
    })
}

/// Sets *out to whether no round is left.
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_is_finished(
    context: *const tenas_context,
    out: *mut bool,
) -> tenas_status {
    guard("tenas_context_is_finished", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, Out::new(out, "out")) };
        search.with(|state| {
            out?.set(state.context.is_finished());
            Ok(())
        })
    })
}

/// Makes a copy of a search's configuration: of a search that was loaded, for
/// example, to learn its space. Free it with tenas_config_free.
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_config(
    context: *const tenas_context,
    out: *mut *mut tenas_config,
) -> tenas_status {
    guard("tenas_context_config", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, Out::new(out, "out")) };
        search.with(|state| {
            out?.set(tenas_config::from_config(state.context.config().clone()));
            Ok(())
        })
    })
}

/// Sets *kind (a tenas_device) and *index to where the search computes.
/// TENAS_DEVICE_AUTO was resolved when the context was made: it is CUDA or the
/// CPU here.
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context, kind or index is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_device(
    context: *const tenas_context,
    kind: *mut i32,
    index: *mut i32,
) -> tenas_status {
    guard("tenas_context_device", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, kind, index) =
            unsafe { (search_of(context)?, Out::new(kind, "kind"), Out::new(index, "index")) };
        search.with(|state| {
            let (kind, index) = (kind?, index?);
            let device = state.context.device();
            kind.set(device.0 as i32);
            index.set(device.1);
            Ok(())
        })
    })
}

/// Writes the architecture that a finished search has found, in a format (a
/// tenas_genotype_format), with a terminating NUL.
///
/// *length is the length of the text without its NUL: allocate one byte more.
/// A NULL buffer with a capacity of 0 asks for it. *length is set by failing
/// calls too, to 0 where there is no text.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_STATE: the search is not finished, or see above.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such format.
/// - TENAS_ERROR_BUSY: see above.
/// - TENAS_ERROR_NULL_POINTER: context or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_genotype(
    context: *const tenas_context,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_context_genotype", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        let format = choose!(
            "format", format,
            TENAS_GENOTYPE_NATIVE => GenotypeFormat::Native,
            TENAS_GENOTYPE_JSON => GenotypeFormat::Json,
        )?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        out.set(&search.with(|state| Ok(state.context.genotype()?.to_text(format)))?)
    })
}

/// Sets *out to the number of records: the candidates of all finished rounds. 0
/// with TENAS_STRATEGY_RANK, which has a ranking (tenas_context_ranked).
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_record_count(
    context: *const tenas_context,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_context_record_count", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, Out::new(out, "out")) };
        search.with(|state| {
            out?.set(state.context.records().len());
            Ok(())
        })
    })
}

/// Tells how a candidate of a finished round was scored, and whether it was
/// pruned. Records stand in the order of rounds, cells, edges and operations.
/// Set out->struct_size before the call.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_context_record_count.
/// - TENAS_ERROR_INVALID_ARGUMENT: out->struct_size is smaller than the struct
///   was in its first version, or larger than 4096.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_record(
    context: *const tenas_context,
    index: size_t,
    out: *mut tenas_record,
) -> tenas_status {
    guard("tenas_context_record", || {
        // SAFETY: NULL or a live handle; NULL or a struct with its size set, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, OutStruct::new(out, "out")) };
        search.with(|state| {
            let out = out?;
            let records = state.context.records();
            let record = records.get(index).ok_or_else(|| Failure {
                status: tenas_status_code::TENAS_ERROR_NOT_FOUND,
                message: format!("index: found {index}, expected below {}", records.len()),
            })?;
            out.set(tenas_record::from(record));
            Ok(())
        })
    })
}
