//! The ranking of a search
//!
//! A search with TENAS_STRATEGY_RANK measures architectures one by one and ranks
//! them: what it knows after each round, the best first, and how a round is
//! shared by several contexts. The other functions on contexts (running,
//! progress, cancel, checkpoints, the genotype) are those of every search.
//!
//! Workers: make a context in each with the same configuration and images; have
//! each measure a part of the round's candidates (tenas_context_candidate_count);
//! hand all measurements to tenas_context_settle in each. All then stand where
//! one search on one machine stands, to the last bit. Repeat until finished.

use libc::{c_char, size_t};

use super::arguments::{self, Out, OutArray, OutStruct, Versioned};
use super::context::{report, search_of, tenas_context};
use super::error::Failure;
use super::genotype::format_of;
use super::guard::guard;
use super::status::{tenas_status, tenas_status_code};
use super::text::OutText;
use crate::{Context, Measured, Ranked, measurements_from_json, measurements_to_json};

/// An architecture of a ranking.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_ranked {
    /// Size of the struct: set it to sizeof(tenas_ranked) before you ask.
    pub struct_size: size_t,
    /// Its number (tenas_genotype_at).
    pub number: u64,
    /// The rung that it came to, from 0: those of a higher rung come first.
    pub rung: u32,
    /// Draws of weights and images that it was measured on.
    pub draws: u32,
    /// 1 if the network's output depends on the image. 0 if not: then nothing
    /// is measured, and its values are the worst there are. Those come last.
    pub connected: i32,
    /// 0.
    pub reserved: u32,
    /// What its ranks add up to: with TENAS_AGGREGATION_LOG_RANKS at most 0, the
    /// higher the better; with TENAS_AGGREGATION_RANKS the lower the better.
    pub total: f64,
}

impl Versioned for tenas_ranked {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// Scores that a search goes by, at most.
const MOST: usize = 16;

/// What a candidate's draw was found to be worth, as it travels between
/// contexts. This struct never grows: send its bytes between machines of one
/// kind, or its fields, or many as JSON (tenas_measurements_to_json).
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_measurement {
    /// Of configuration (but device and threads), images, round and candidates:
    /// measurements with different digests do not belong together.
    pub digest: u64,
    /// The round, from 0.
    pub round: u32,
    /// The candidate's place in the round.
    pub candidate: u32,
    /// The draw of weights and images, from 0.
    pub draw: u32,
    /// Number of values: the configuration's scores.
    pub count: u32,
    /// The values by each score, in the order of tenas_config_proxies; 0 behind
    /// them.
    pub values: [f64; 16],
}

impl tenas_measurement {
    fn new(m: &Measured) -> Self {
        let mut values = [0.0; MOST];
        values.iter_mut().zip(&m.values).for_each(|(place, value)| *place = *value);
        tenas_measurement {
            digest: m.digest,
            round: m.round,
            candidate: m.candidate,
            draw: m.draw,
            count: m.values.len() as u32,
            values,
        }
    }
}

impl From<&tenas_measurement> for Measured {
    fn from(m: &tenas_measurement) -> Self {
        Measured {
            digest: m.digest,
            round: m.round,
            candidate: m.candidate,
            draw: m.draw,
            values: m.values.iter().copied().take(m.count as usize).collect(),
        }
    }
}

/// The entry of a ranking at an index.
fn ranked(context: &Context, index: usize) -> Result<&Ranked, Failure> {
    let ranking = context.ranking();
    ranking.get(index).ok_or_else(|| Failure {
        status: tenas_status_code::TENAS_ERROR_NOT_FOUND,
        message: format!("index: found {index}, expected below {}", ranking.len()),
    })
}

/// Sets *out to the number of architectures that the finished rounds have
/// ranked: 0 before the first has ended, and with another strategy.
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_ranking_count(
    context: *const tenas_context,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_context_ranking_count", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, Out::new(out, "out")) };
        search.with(|state| {
            out?.set(state.context.ranking().len());
            Ok(())
        })
    })
}

/// Tells of an architecture of the ranking; index 0 is the best. Set
/// out->struct_size before the call.
///
/// values and ranks are arrays of count doubles, one for each score in the
/// order of tenas_config_proxies: what all draws say together, and its place
/// among the connected architectures by that score, 1 for the best; equal values
/// share the mean of their places. Each may be NULL.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_context_ranking_count.
/// - TENAS_ERROR_INVALID_ARGUMENT: count is not the number of scores, and
///   values or ranks is not NULL; out->struct_size is smaller than the struct
///   was in its first version, or larger than 4096.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_ranked(
    context: *const tenas_context,
    index: size_t,
    out: *mut tenas_ranked,
    values: *mut f64,
    ranks: *mut f64,
    count: size_t,
) -> tenas_status {
    guard("tenas_context_ranked", || {
        // SAFETY: NULL or a live handle; NULL or a struct with its size set; NULL or arrays of that
        // count, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, OutStruct::new(out, "out")) };
        search.with(|state| {
            let out = out?;
            let ranked = ranked(&state.context, index)?;
            let expected = ranked.values.len();
            if count != expected && !(values.is_null() && ranks.is_null()) {
                return Err(Failure::invalid_argument(format!(
                    "count: found {count}, expected {expected}, one for each score"
                )));
            }
            for (array, numbers) in [(values, &ranked.values), (ranks, &ranked.ranks)] {
                if !array.is_null() {
                    for (i, number) in numbers.iter().enumerate() {
                        // SAFETY: an array of count numbers, as tenas.h asks.
                        unsafe { array.add(i).write_unaligned(*number) };
                    }
                }
            }
            out.set(tenas_ranked {
                struct_size: size_of::<tenas_ranked>(),
                number: ranked.number,
                rung: ranked.rung,
                draws: ranked.draws,
                connected: ranked.connected.into(),
                reserved: 0,
                total: ranked.total,
            });
            Ok(())
        })
    })
}

/// Writes an architecture of the ranking in a format (a tenas_genotype_format).
/// buffer, capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_context_ranking_count.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such format.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_ranked_genotype(
    context: *const tenas_context,
    index: size_t,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_context_ranked_genotype", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        let format = format_of(format)?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        let text = search.with(|state| {
            let space = &state.context.config().supernet().space;
            Ok(ranked(&state.context, index)?.genotype(space)?.to_text(format))
        })?;
        out.set(&text)
    })
}

/// Sets *out to the number of draws that the round at hand adds: each of its
/// candidates has so many measurements. 1 with TENAS_STRATEGY_PRUNE.
///
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_draws(
    context: *const tenas_context,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_context_draws", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (search, out) = unsafe { (search_of(context)?, Out::new(out, "out")) };
        search.with(|state| {
            out?.set(state.context.draws());
            Ok(())
        })
    })
}

/// Measures count candidates of the round at hand from number first on, and
/// ranks nothing. out is an array of count * tenas_context_draws measurements:
/// those of a candidate stand one after the other. What this context has measured
/// before, in a cancelled run for example, is not computed again. The progress
/// function is called as in a run.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the round has fewer candidates.
/// - TENAS_ERROR_INVALID_STATE: the strategy is another
///   (tenas_context_evaluate belongs to TENAS_STRATEGY_PRUNE), or see above.
/// - TENAS_ERROR_CANCELLED: stopped on request; out is untouched, what was
///   measured is kept for the next call.
/// - TENAS_ERROR_OUT_OF_MEMORY, TENAS_ERROR_DEVICE, TENAS_ERROR_IO,
///   TENAS_ERROR_FORMAT: as tenas_context_run_round; likewise.
/// - TENAS_ERROR_BUSY: see above.
/// - TENAS_ERROR_NULL_POINTER: context is NULL, or out is and count is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_measure(
    context: *mut tenas_context,
    first: size_t,
    count: size_t,
    out: *mut tenas_measurement,
) -> tenas_status {
    guard("tenas_context_measure", || {
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        search.with(|state| {
            if out.is_null() && count != 0 {
                return Err(Failure::null("out"));
            }
            let callback = state.callback;
            let range = first..first.saturating_add(count);
            let measured = state.context.measure(range, &mut |p| report(callback, p))?;
            for (i, one) in measured.iter().enumerate() {
                // SAFETY: not NULL, and room for so many, as tenas.h asks.
                let place = unsafe { Out::new(out.add(i), "out") }?;
                place.set(tenas_measurement::new(one));
            }
            Ok(())
        })
    })
}

/// Ends the round at hand with the measurements of all its candidates, from
/// whichever contexts, in any order: ranks them, and sets *finished to whether
/// it was the last round. A finished search takes 0 measurements.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: a candidate's draw is missing, or there
///   twice; a measurement is of another round, configuration or data set, has
///   another number of values, or one that is not finite. The message names it.
/// - TENAS_ERROR_INVALID_STATE: the strategy is another
///   (tenas_context_apply belongs to TENAS_STRATEGY_PRUNE), or see above.
/// - TENAS_ERROR_IO: the checkpoint cannot be written
///   (tenas_context_set_checkpoint). As with every error, the round is as it
///   was: call again.
/// - TENAS_ERROR_FORMAT, TENAS_ERROR_OUT_OF_MEMORY: images could not be had,
///   for their digest, or working memory.
/// - TENAS_ERROR_BUSY: see above.
/// - TENAS_ERROR_NULL_POINTER: context or finished is NULL, or measurements is
///   and count is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_settle(
    context: *mut tenas_context,
    measurements: *const tenas_measurement,
    count: size_t,
    finished: *mut bool,
) -> tenas_status {
    guard("tenas_context_settle", || {
        // SAFETY: NULL or a live handle; NULL or writable; NULL or an array of that count, as
        // tenas.h asks.
        let (search, out, measurements) = unsafe {
            let measurements = arguments::array(measurements, count, "measurements");
            (search_of(context)?, Out::new(finished, "finished"), measurements)
        };
        search.with(|state| {
            let (out, measurements) = (out?, measurements?);
            out.set(state.context.settle(&measured(measurements)?)?);
            Ok(())
        })
    })
}

fn measured(measurements: &[tenas_measurement]) -> Result<Vec<Measured>, Failure> {
    let mut all = measurements.iter().enumerate();
    if let Some((i, m)) = all.find(|(_, m)| m.count as usize > MOST) {
        return Err(Failure::invalid_argument(format!(
            "measurements[{i}].count: found {}, expected at most {MOST}",
            m.count
        )));
    }
    let mut measured = Vec::new();
    measured
        .try_reserve_exact(measurements.len())
        .map_err(|_| crate::Error::OutOfMemory(format!("{} measurements", measurements.len())))?;
    measured.extend(measurements.iter().map(Measured::from));
    Ok(measured)
}

/// Writes measurements as JSON, with a terminating NUL, for workers in other
/// languages or on machines of another kind: an object with "format" ("tenas
/// measurements"), "version" (1) and "measurements", a list of objects with
/// "digest", a text of 16 hexadecimal digits, "round", "candidate", "draw" and
/// "values", a list. Numbers read back as the same doubles.
///
/// buffer, capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: a measurement has more than 16 values, or one
///   that is not finite; the message names it.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_OUT_OF_MEMORY: there is no room for so many.
/// - TENAS_ERROR_NULL_POINTER: length is NULL, measurements is and count is not
///   0, or buffer is and capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_measurements_to_json(
    measurements: *const tenas_measurement,
    count: size_t,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_measurements_to_json", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or an array of that count, as tenas.h asks.
        let measurements = unsafe { arguments::array(measurements, count, "measurements") }?;
        out.set(&measurements_to_json(&measured(measurements)?)?)
    })
}

/// Reads what tenas_measurements_to_json writes, into an array of capacity
/// measurements. Whether they belong to a search, tenas_context_settle says.
///
/// *count is the number of measurements. A NULL measurements with a capacity of
/// 0 asks for it. *count is set by failing calls too, to 0 where there is none.
///
/// - TENAS_ERROR_FORMAT: json is no such document, or has a measurement of more
///   than 16 values; the message names the place in it, what was found and what
///   was expected.
/// - TENAS_ERROR_INVALID_ARGUMENT: json is not UTF-8.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; measurements is
///   untouched.
/// - TENAS_ERROR_OUT_OF_MEMORY: json is too long to be parsed.
/// - TENAS_ERROR_NULL_POINTER: json or count is NULL, or measurements is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_measurements_from_json(
    json: *const c_char,
    measurements: *mut tenas_measurement,
    capacity: size_t,
    count: *mut size_t,
) -> tenas_status {
    guard("tenas_measurements_from_json", || {
        // SAFETY: an array of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutArray::new(measurements, capacity, count, "measurements") }?;
        // SAFETY: NULL or a C string, as tenas.h asks.
        let found = measurements_from_json(unsafe { arguments::text(json, "json") }?)?;
        if let Some((i, m)) = found.iter().enumerate().find(|(_, m)| m.values.len() > MOST) {
            return Err(crate::Error::Format(format!(
                "measurements[{i}].values: found {}, expected at most {MOST}",
                m.values.len()
            ))
            .into());
        }
        out.set(&found.iter().map(tenas_measurement::new).collect::<Vec<_>>())
    })
}
