//! Checkpoints
//!
//! A checkpoint is a search as a file, JSON, from which it goes on to the same
//! result, to the last bit, as if it had never stopped. It has the
//! configuration, the rounds so far and what the round at hand has scored; of
//! the images only a digest. A file is written beside its place and renamed,
//! and synced before: whenever program or machine stop, there is the old file
//! or the new one.

use std::path::Path;
use std::time::Duration;

use libc::c_char;

use super::arguments::{self, Out};
use super::config::{self, tenas_config};
use super::context::{search_of, tenas_context};
use super::dataset::tenas_dataset;
use super::error::Failure;
use super::guard::guard;
use super::handle;
use super::status::tenas_status;
use crate::Context;

/// Writes a checkpoint of a search to path, a file that is replaced if it
/// exists. Between runs, or after a cancelled or failed one: nothing that has
/// been scored is lost.
///
/// - TENAS_ERROR_IO: the file cannot be written; the message names it. What
///   was there is still there.
/// - TENAS_ERROR_FORMAT: images that are read as they are needed could not be
///   had, for their digest.
/// - TENAS_ERROR_INVALID_ARGUMENT: path is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or path is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_save(
    context: *const tenas_context,
    path: *const c_char,
) -> tenas_status {
    guard("tenas_context_save", || {
        // SAFETY: NULL or a live handle; NULL or a C string, as tenas.h asks.
        let (search, path) = unsafe { (search_of(context)?, arguments::text(path, "path")) };
        search.with(|state| Ok(state.context.save(Path::new(path?))?))
    })
}

/// Makes a search from a checkpoint. dataset must have the images that the
/// search began with. machine is NULL, to compute where the search did before,
/// or a configuration whose device and threads are taken; all else is in the
/// file.
///
/// On success *out is a new context: free it with tenas_context_free. Callbacks
/// and tenas_context_set_checkpoint are to be set again.
///
/// - TENAS_ERROR_IO: the file cannot be read.
/// - TENAS_ERROR_FORMAT: it is damaged, something else, or of a newer library;
///   the message names the place.
/// - TENAS_ERROR_INVALID_ARGUMENT: dataset has other images, or path is not
///   UTF-8.
/// - TENAS_ERROR_DEVICE: the device is not there; name another by machine.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_NULL_POINTER: path, dataset or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_load(
    path: *const c_char,
    dataset: *const tenas_dataset,
    machine: *const tenas_config,
    out: *mut *mut tenas_context,
) -> tenas_status {
    guard("tenas_context_load", || {
        // SAFETY: NULL or a C string; NULL or live handles; NULL or writable, as tenas.h asks.
        let (path, dataset, machine, out) = unsafe {
            (
                arguments::text(path, "path")?,
                handle::borrow(dataset, "dataset")?,
                match machine.is_null() {
                    true => None,
                    false => Some(config::copy(machine, "machine")?),
                },
                Out::new(out, "out")?,
            )
        };
        let context = Context::load(Path::new(path), dataset, machine.as_ref())?;
        out.set(tenas_context::from_search(context));
        Ok(())
    })
}

/// Has a search save itself to path: now, at the end of each round, at each
/// tenas_context_prune, and after a candidate if the last checkpoint is at
/// least seconds old (0: after each). path NULL switches that off; seconds does
/// not matter then.
///
/// A run whose checkpoint cannot be written stops with TENAS_ERROR_IO and
/// keeps its scores: nothing is lost, but the round ends only when it can be
/// saved, or when this is switched off.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: seconds is negative or not finite, or path
///   is not UTF-8.
/// - TENAS_ERROR_IO, TENAS_ERROR_FORMAT, TENAS_ERROR_OUT_OF_MEMORY: as
///   tenas_context_save; then nothing has changed.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_set_checkpoint(
    context: *mut tenas_context,
    path: *const c_char,
    seconds: f64,
) -> tenas_status {
    guard("tenas_context_set_checkpoint", || {
        let place = if path.is_null() {
            None
        } else {
            // SAFETY: a C string, as tenas.h asks.
            let path = unsafe { arguments::text(path, "path") };
            let interval = interval(seconds);
            Some((path, interval))
        };
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        search.with(|state| {
            let place = match place {
                None => None,
                Some((path, interval)) => Some((Path::new(path?), interval?)),
            };
            Ok(state.context.set_checkpoint(place)?)
        })
    })
}

fn interval(seconds: f64) -> Result<Duration, Failure> {
    if !(seconds.is_finite() && seconds >= 0.0) {
        return Err(Failure::invalid_argument(format!(
            "seconds: found {seconds}, expected a finite number, at least 0"
        )));
    }
    // Longer than any search.
    Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}
