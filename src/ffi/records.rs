//! The history of a search
//!
//! tenas_context_record tells of each candidate, the functions here of rounds
//! and of everything at once.

use libc::{c_char, size_t};

use super::arguments::{Out, OutStruct, Versioned};
use super::context::{search_of, tenas_context};
use super::error::Failure;
use super::guard::guard;
use super::status::{tenas_status, tenas_status_code};
use super::text::OutText;
use crate::RoundSummary;

/// A finished round in short.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_round {
    /// Size of the struct: set it to sizeof(tenas_round) before you ask.
    pub struct_size: size_t,
    /// The round, from 0.
    pub round: u32,
    /// Its candidates: as many records.
    pub candidates: u32,
    /// How many of them it removed.
    pub pruned: u32,
    /// 0.
    pub reserved: u32,
    /// Index of its first record, for tenas_context_record.
    pub first_record: size_t,
    /// Condition number of the supernet that it began with: the mean over its
    /// candidates.
    pub ntk: f64,
    /// Linear regions of that supernet, likewise.
    pub regions: f64,
}

impl Versioned for tenas_round {
    const FIRST_SIZE: usize = size_of::<Self>();
}

impl From<&RoundSummary> for tenas_round {
    fn from(r: &RoundSummary) -> Self {
        tenas_round {
            struct_size: size_of::<Self>(),
            round: r.round,
            candidates: r.candidates as u32,
            pruned: r.pruned as u32,
            reserved: 0,
            first_record: r.first_record,
            ntk: r.ntk,
            regions: r.regions,
        }
    }
}

/// Sets *out to the number of rounds that were finished by their scores (not by
/// tenas_context_prune).
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_round_count(
    context: *const tenas_context,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_context_round_count", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, Out::new(out, "out")) };
        search.with(|state| {
            out?.set(state.context.rounds().len());
            Ok(())
        })
    })
}

/// Tells of a finished round. Set out->struct_size before the call.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_context_round_count.
/// - TENAS_ERROR_INVALID_ARGUMENT: out->struct_size is smaller than the struct
///   was in its first version, or larger than 4096.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_round(
    context: *const tenas_context,
    index: size_t,
    out: *mut tenas_round,
) -> tenas_status {
    guard("tenas_context_round", || {
        // SAFETY: NULL or a live handle; NULL or a struct with its size set, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, OutStruct::new(out, "out")) };
        search.with(|state| {
            let out = out?;
            let rounds = state.context.rounds();
            let round = rounds.get(index).ok_or_else(|| Failure {
                status: tenas_status_code::TENAS_ERROR_NOT_FOUND,
                message: format!("index: found {index}, expected below {}", rounds.len()),
            })?;
            out.set(tenas_round::from(round));
            Ok(())
        })
    })
}

/// Writes the whole history as JSON, with a terminating NUL: "space",
/// "dataset"; "rounds", each with "round", "pruned", "ntk", "regions" and
/// "candidates", which have the fields of a tenas_record with cell, edge and
/// operation by name; "pruned_by_host", each with "round" (the one at hand
/// afterwards), "cell", "edge" and "operation". Numbers read back as the same
/// doubles. With TENAS_STRATEGY_RANK "ranking" stands for these: the best first,
/// each with "genotype", "number", "connected", "rung", "draws", "total", and
/// "values" and "ranks" by the scores' names.
///
/// buffer, capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_records_json(
    context: *const tenas_context,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_context_records_json", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        out.set(&search.with(|state| Ok(state.context.records_json().to_string()))?)
    })
}
