//! A round in pieces
//!
//! For schedulers and clusters, and for hosts with a ranking of their own. With
//! TENAS_STRATEGY_PRUNE; the other strategy has functions of its own, below.
//!
//! Workers: make a context in each with the same configuration and images;
//! have each evaluate a part of the round's candidates; hand all scores to
//! tenas_context_apply in each. All then stand where one search on one machine
//! stands, to the last bit (on the same kind of engine). Repeat until finished.
//!
//! An own ranking: tenas_context_evaluate, then tenas_context_prune what you
//! choose.

use libc::{c_char, size_t};

use super::arguments::{self, Out, OutArray};
use super::context::{report, search_of, tenas_context};
use super::error::Failure;
use super::guard::guard;
use super::status::tenas_status;
use super::text::OutText;
use crate::space::Choice;
use crate::{Evaluation, Score, scores_from_json, scores_to_json};

/// The scores of a candidate, as they travel between contexts. This struct
/// never grows: send its bytes between machines of one kind, or its fields, or
/// many as JSON (tenas_scores_to_json).
///
/// A delta is the mean over the repeats of the relative change, (now - without)
/// / now, each rounded to the configuration's score_decimals; the other values
/// are means too.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_score {
    /// Of configuration (but device and threads), images, round and mask:
    /// scores with different digests do not belong together.
    pub digest: u64,
    /// The round, from 0.
    pub round: u32,
    /// The cell.
    pub cell: u32,
    /// The edge of the cell.
    pub edge: u32,
    /// The operation whose removal was scored.
    pub operation: u32,
    /// Relative change of the condition number.
    pub ntk_delta: f64,
    /// Relative change of the count of linear regions.
    pub regions_delta: f64,
    /// Condition number of the supernet.
    pub ntk_now: f64,
    /// The same without the operation.
    pub ntk_without: f64,
    /// Linear regions of the supernet.
    pub regions_now: f64,
    /// The same without the operation.
    pub regions_without: f64,
}

impl From<&Evaluation> for tenas_score {
    fn from(e: &Evaluation) -> Self {
        let Score { choice, .. } = e.score;
        tenas_score {
            digest: e.digest,
            round: e.round,
            cell: choice.cell as u32,
            edge: choice.edge as u32,
            operation: choice.operation as u32,
            ntk_delta: e.score.ntk_delta,
            regions_delta: e.score.regions_delta,
            ntk_now: e.score.ntk_now,
            ntk_without: e.score.ntk_without,
            regions_now: e.score.regions_now,
            regions_without: e.score.regions_without,
        }
    }
}

impl From<&tenas_score> for Evaluation {
    fn from(s: &tenas_score) -> Self {
        Evaluation {
            digest: s.digest,
            round: s.round,
            score: Score {
                choice: choice(s.cell, s.edge, s.operation),
                ntk_delta: s.ntk_delta,
                regions_delta: s.regions_delta,
                ntk_now: s.ntk_now,
                ntk_without: s.ntk_without,
                regions_now: s.regions_now,
                regions_without: s.regions_without,
            },
        }
    }
}

fn choice(cell: u32, edge: u32, operation: u32) -> Choice {
    Choice { cell: cell as usize, edge: edge as usize, operation: operation as usize }
}

/// Sets *out to the number of candidates of the round at hand, 0 at the end. With
/// TENAS_STRATEGY_PRUNE they stand in the order of cells, edges and operations.
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_candidate_count(
    context: *const tenas_context,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_context_candidate_count", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, Out::new(out, "out")) };
        search.with(|state| {
            out?.set(state.context.candidate_count());
            Ok(())
        })
    })
}

/// Scores count candidates of the round at hand from number first on, into an
/// array of count scores, and prunes nothing. What this context has scored
/// before, in a cancelled run for example, is not computed again. The progress
/// function is called as in a run.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the round has fewer candidates.
/// - TENAS_ERROR_INVALID_STATE: the strategy is another, or see above.
/// - TENAS_ERROR_CANCELLED: stopped on request; out is untouched, what was
///   scored is kept for the next call.
/// - TENAS_ERROR_OUT_OF_MEMORY, TENAS_ERROR_DEVICE, TENAS_ERROR_IO,
///   TENAS_ERROR_FORMAT: as tenas_context_run_round; likewise.
/// - TENAS_ERROR_BUSY: see above.
/// - TENAS_ERROR_NULL_POINTER: context is NULL, or out is and count is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_evaluate(
    context: *mut tenas_context,
    first: size_t,
    count: size_t,
    out: *mut tenas_score,
) -> tenas_status {
    guard("tenas_context_evaluate", || {
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        search.with(|state| {
            if out.is_null() && count != 0 {
                return Err(Failure::null("out"));
            }
            let callback = state.callback;
            let range = first..first.saturating_add(count);
            let scores = state.context.evaluate(range, &mut |p| report(callback, p))?;
            for (i, score) in scores.iter().enumerate() {
                // SAFETY: not NULL, and room for count scores, as tenas.h asks.
                let place = unsafe { Out::new(out.add(i), "out") }?;
                place.set(tenas_score::from(score));
            }
            Ok(())
        })
    })
}

/// Ends the round at hand with the scores of all its candidates, from whichever
/// contexts, in any order: ranks them, prunes, and sets *finished to whether it
/// was the last round. A finished search takes 0 scores.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: a candidate is missing, or there twice; a
///   score is of another round, configuration, data set or mask, or is not
///   finite. The message names it.
/// - TENAS_ERROR_IO: the checkpoint cannot be written
///   (tenas_context_set_checkpoint). As with every error, the round is as it
///   was: call again.
/// - TENAS_ERROR_FORMAT, TENAS_ERROR_OUT_OF_MEMORY: images could not be had,
///   for their digest, or working memory.
/// - TENAS_ERROR_INVALID_STATE: the strategy is another, or see above.
/// - TENAS_ERROR_BUSY: see above.
/// - TENAS_ERROR_NULL_POINTER: context or finished is NULL, or scores is and
///   count is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_apply(
    context: *mut tenas_context,
    scores: *const tenas_score,
    count: size_t,
    finished: *mut bool,
) -> tenas_status {
    guard("tenas_context_apply", || {
        // SAFETY: NULL or a live handle; NULL or writable; NULL or an array of that count, as
        // tenas.h asks.
        let (search, out, scores) = unsafe {
            let scores = arguments::array(scores, count, "scores");
            (search_of(context)?, Out::new(finished, "finished"), scores)
        };
        search.with(|state| {
            let (out, scores) = (out?, scores?);
            out.set(state.context.apply(&evaluations(scores)?)?);
            Ok(())
        })
    })
}

fn evaluations(scores: &[tenas_score]) -> crate::Result<Vec<Evaluation>> {
    let mut evaluations = Vec::new();
    evaluations
        .try_reserve_exact(scores.len())
        .map_err(|_| crate::Error::OutOfMemory(format!("{} scores", scores.len())))?;
    evaluations.extend(scores.iter().map(Evaluation::from));
    Ok(evaluations)
}

/// Writes scores as JSON, with a terminating NUL, for workers in other languages
/// or on machines of another kind: an object with "format" ("tenas scores"),
/// "version" (1) and "scores", a list of objects with the fields of a
/// tenas_score, of which "digest" is a text of 16 hexadecimal digits. Numbers
/// read back as the same doubles.
///
/// buffer, capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: a value is not finite; the message names it.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_OUT_OF_MEMORY: there is no room for so many.
/// - TENAS_ERROR_NULL_POINTER: length is NULL, scores is and count is not 0, or
///   buffer is and capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_scores_to_json(
    scores: *const tenas_score,
    count: size_t,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_scores_to_json", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or an array of that count, as tenas.h asks.
        let scores = unsafe { arguments::array(scores, count, "scores") }?;
        out.set(&scores_to_json(&evaluations(scores)?)?)
    })
}

/// Reads what tenas_scores_to_json writes, into an array of capacity scores.
/// Whether they belong to a search, tenas_context_apply says.
///
/// *count is the number of scores. A NULL scores with a capacity of 0 asks for
/// it. *count is set by failing calls too, to 0 where there is none.
///
/// - TENAS_ERROR_FORMAT: json is no such document; the message names the place
///   in it, what was found and what was expected.
/// - TENAS_ERROR_INVALID_ARGUMENT: json is not UTF-8.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; scores is untouched.
/// - TENAS_ERROR_OUT_OF_MEMORY: json is too long to be parsed.
/// - TENAS_ERROR_NULL_POINTER: json or count is NULL, or scores is and capacity
///   is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_scores_from_json(
    json: *const c_char,
    scores: *mut tenas_score,
    capacity: size_t,
    count: *mut size_t,
) -> tenas_status {
    guard("tenas_scores_from_json", || {
        // SAFETY: an array of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutArray::new(scores, capacity, count, "scores") }?;
        // SAFETY: NULL or a C string, as tenas.h asks.
        let found = scores_from_json(unsafe { arguments::text(json, "json") }?)?;
        out.set(&found.iter().map(tenas_score::from).collect::<Vec<_>>())
    })
}

/// Writes which operations are active: 1 or 0 for each operation of each edge
/// of each cell, in that order.
///
/// *count is the number of values (cells x edges x operations: 30 for
/// NAS-Bench-201, 224 for DARTS). A NULL mask with a capacity of 0 asks for it.
/// *count is set by failing calls too, to 0 where there is none.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; mask is untouched.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or count is NULL, or mask is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_mask(
    context: *const tenas_context,
    mask: *mut u8,
    capacity: size_t,
    count: *mut size_t,
) -> tenas_status {
    guard("tenas_context_mask", || {
        // SAFETY: an array of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutArray::new(mask, capacity, count, "mask") }?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        let active = search.with(|state| {
            let nested = state.context.mask().nested();
            Ok(nested.iter().flatten().flatten().copied().map(u8::from).collect::<Vec<_>>())
        })?;
        out.set(&active)
    })
}

/// Removes an operation from an edge, whatever the search would do. If the
/// round at hand has begun (something of it was scored), it ends: its scores
/// are of a supernet that is no more, and are dropped; the next round begins,
/// with draws of its own. So prune all that you choose in a round, then
/// evaluate again. No tenas_record tells of it; tenas_context_records_json
/// does.
///
/// The last operation of an edge stays, but where a search would prune edges
/// (DARTS): there, an edge of a step with more than two goes with its last
/// operation.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the space has no such cell, edge or
///   operation.
/// - TENAS_ERROR_INVALID_STATE: the operation is not active, or must stay; the
///   strategy is another; or see above.
/// - TENAS_ERROR_IO: the checkpoint cannot be written
///   (tenas_context_set_checkpoint). As with every error, nothing has changed.
/// - TENAS_ERROR_FORMAT, TENAS_ERROR_OUT_OF_MEMORY: as tenas_context_save.
/// - TENAS_ERROR_BUSY: see above.
/// - TENAS_ERROR_NULL_POINTER: context is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_prune(
    context: *mut tenas_context,
    cell: u32,
    edge: u32,
    operation: u32,
) -> tenas_status {
    guard("tenas_context_prune", || {
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        search.with(|state| Ok(state.context.prune(choice(cell, edge, operation))?))
    })
}
