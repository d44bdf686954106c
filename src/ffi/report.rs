//! Traces and reports
//!
//! A trace tells what a search finds as it finds it, for programs; a report
//! explains a search in pictures, for people. docs/REPORT.md describes both.

use std::path::Path;

use libc::{c_char, size_t};

use super::arguments::{self, slice};
use super::benchmark::tenas_benchmark;
use super::context::{search_of, tenas_context};
use super::error::Failure;
use super::genotype::{built_in, of};
use super::guard::guard;
use super::handle;
use super::search_space::tenas_search_space;
use super::status::tenas_status;
use super::text::OutText;
use crate::{Benchmark, Genotype, Space, report};

/// Has a search write what it finds to path from now on, as lines of JSON: one
/// for each candidate as soon as its values are there, and at the end of each
/// round one for each candidate with its ranks and what became of it, and one
/// for the round. If the process dies, the file has all lines up to the last
/// candidate, and at most a part of one more. path NULL ends that.
///
/// A file that is not there is begun. The trace of the same search
/// (configuration and images) is continued: a part of a line at its end goes,
/// and nothing is written twice. With TENAS_STRATEGY_PRUNE the file
/// arch_parameters_history.npy in the same folder is replaced now and at the
/// end of each round. It has the masks so far, as the published code writes
/// them: 32-bit floats, 0 for an active operation and -1000 for another.
///
/// A run whose trace cannot be written stops with TENAS_ERROR_IO and keeps its
/// scores; the next run goes on, and writes what is missing.
///
/// - TENAS_ERROR_IO: the file cannot be read or written, or is no regular file;
///   then nothing has changed.
/// - TENAS_ERROR_FORMAT: the file is no trace, with the line at fault; or images
///   that are read as they are needed could not be had, for their digest.
/// - TENAS_ERROR_INVALID_ARGUMENT: the file is the trace of another search, or
///   path is not UTF-8.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_set_trace(
    context: *mut tenas_context,
    path: *const c_char,
) -> tenas_status {
    guard("tenas_context_set_trace", || {
        let path = match path.is_null() {
            true => None,
            // SAFETY: a C string, as tenas.h asks.
            false => Some(unsafe { arguments::text(path, "path") }),
        };
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let search = unsafe { search_of(context) }?;
        search.with(|state| {
            let path = path.transpose()?.map(Path::new);
            Ok(state.context.set_trace(path)?)
        })
    })
}

/// Writes a report of a search to path: one HTML file that needs no network. It
/// has what was found, how, and what reproduces it. Between runs, or after a
/// cancelled or failed one, it tells of the finished rounds. A file that exists
/// is replaced once the report is complete.
///
/// - TENAS_ERROR_IO: the file cannot be written; what was there is still there.
/// - TENAS_ERROR_FORMAT: images that are read as they are needed could not be
///   had, for their digest.
/// - TENAS_ERROR_INVALID_ARGUMENT: path is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_BUSY, TENAS_ERROR_INVALID_STATE: see above.
/// - TENAS_ERROR_NULL_POINTER: context or path is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_report(
    context: *const tenas_context,
    path: *const c_char,
) -> tenas_status {
    guard("tenas_context_report", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { write_report(context, None, path) }
    })
}

/// The same with the accuracies of a table, for those architectures that are in
/// it.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the table is of another space than the
///   search, or path is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: context, benchmark or path is NULL.
///
/// The other errors are those of tenas_context_report and of
/// tenas_benchmark_accuracy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_context_report_with_table(
    context: *const tenas_context,
    benchmark: *const tenas_benchmark,
    path: *const c_char,
) -> tenas_status {
    guard("tenas_context_report_with_table", || {
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let table = unsafe { handle::borrow(benchmark, "benchmark") };
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { write_report(context, Some(table), path) }
    })
}

unsafe fn write_report(
    context: *const tenas_context,
    table: Option<Result<&Benchmark, Failure>>,
    path: *const c_char,
) -> Result<(), Failure> {
    // SAFETY: NULL or a live handle; NULL or a C string, as tenas.h asks.
    let (search, path) = unsafe { (search_of(context)?, arguments::text(path, "path")) };
    search.with(|state| {
        let table = table.transpose()?;
        Ok(report::write(&state.context, table, Path::new(path?))?)
    })
}

/// Writes a drawing of an architecture's cells as SVG, for papers, notebooks and
/// web pages. It can be read on light and on dark backgrounds. space is a
/// tenas_space; buffer, capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space; the message names the
///   byte or the key.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space, or a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: genotype or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_svg(
    space: i32,
    genotype: *const c_char,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_genotype_svg", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { drawing(&|| built_in(space), genotype, buffer, capacity, length) }
    })
}

/// The same for an architecture of any search space.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space; the message names the
///   byte or the key.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: space, genotype or length is NULL, or buffer is
///   and capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_svg(
    space: *const tenas_search_space,
    genotype: *const c_char,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_genotype_svg", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { drawing(&|| of(space), genotype, buffer, capacity, length) }
    })
}

unsafe fn drawing(
    space: &dyn Fn() -> Result<Space, Failure>,
    genotype: *const c_char,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> Result<(), Failure> {
    // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
    let out = unsafe { OutText::new(buffer, capacity, length) }?;
    // SAFETY: NULL or a C string, as tenas.h asks.
    let text = unsafe { arguments::text(genotype, "genotype") }?;
    out.set(&report::genotype_svg(&Genotype::parse(&space()?, text)?))
}

/// Writes a picture of count pairs of values as SVG: points, and in the title
/// Spearman's rank correlation. For scores against accuracies, for example; turn
/// a score around for which less is better, so that 1 is full agreement. An axis
/// is logarithmic where its values are positive and span a factor of 100. buffer,
/// capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: count is below 2, a value is not finite, or a
///   title is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: a title, x, y or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_scatter_svg(
    x_title: *const c_char,
    y_title: *const c_char,
    x: *const f64,
    y: *const f64,
    count: size_t,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_scatter_svg", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or C strings; NULL or count values each, as tenas.h asks.
        let (x_title, y_title, x, y) = unsafe {
            (
                arguments::text(x_title, "x_title")?,
                arguments::text(y_title, "y_title")?,
                slice(x, count, "x")?,
                slice(y, count, "y")?,
            )
        };
        out.set(&report::scatter_svg(x_title, y_title, x, y)?)
    })
}
