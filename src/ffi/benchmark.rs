//! Accuracy tables
//!
//! What finished architectures reach after training, from a table: to judge a
//! search, or how well scores tell good architectures from bad ones. A table
//! never changes, so any number of threads may use one at once.

use std::path::Path;

use libc::{c_char, size_t};

use super::arguments::{self, Out};
use super::dataset;
use super::guard::guard;
use super::handle::{self, Handle};
use super::status::tenas_status;
use super::text::OutText;
use crate::Benchmark;

/// A table of accuracies. Made by tenas_benchmark_open, freed by
/// tenas_benchmark_free.
pub struct tenas_benchmark {
    _opaque: [u8; 0],
}

impl Handle for tenas_benchmark {
    type Object = Benchmark;
    const NAME: &'static str = "tenas_benchmark";
    const TAG: u64 = u64::from_be_bytes(*b"tenasBEN");
    const SURVIVES_FORK: bool = true;
}

/// Opens a table. path is UTF-8, and one of:
///
/// - a file of text: CSV with tabs, commas or semicolons between the cells,
///   which may be in double quotes. The first line names the columns:
///   arch_string (or arch_str, arch, architecture, genotype) that of the
///   architectures, names of data sets (cifar10, cifar100, ImageNet16-120,
///   imagenet-1k) those of the accuracies. Capitals and punctuation do not
///   matter; test, acc, accuracy or top1 may stand before or behind, as in
///   cifar10_test. Other columns are ignored: tenas_benchmark_ignored names
///   them. Each other line has a genotype of NAS-Bench-201 or of DARTS, and its
///   accuracies in percent, empty where there is none. Fractions are refused;
///   blank lines, and lines that begin with #, do not count;
/// - a folder of NATS-Bench's topology files in their simple form
///   (NATS-tss-v1_0-3ffb9-simple: meta.pickle.pbz2, 000000.pickle.pbz2 and so
///   on). Only the list of architectures is kept in memory; each accuracy reads
///   the file that has it. It is the test accuracy after 200 epochs, the mean of
///   all trainings. The pickles are read as data: nothing in them runs.
///
/// On success *out is a new table: free it with tenas_benchmark_free.
///
/// - TENAS_ERROR_IO: a file cannot be opened or read.
/// - TENAS_ERROR_FORMAT: a file is not of that layout; the message names the
///   line or the key.
/// - TENAS_ERROR_OUT_OF_MEMORY: the table does not fit in memory.
/// - TENAS_ERROR_INVALID_ARGUMENT: a path that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: path or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_open(
    path: *const c_char,
    out: *mut *mut tenas_benchmark,
) -> tenas_status {
    guard("tenas_benchmark_open", || {
        // SAFETY: NULL or a C string; NULL or writable, as tenas.h asks.
        let (path, out) = unsafe { (arguments::text(path, "path")?, Out::new(out, "out")?) };
        out.set(handle::into_raw(Benchmark::open(Path::new(path))?));
        Ok(())
    })
}

/// Frees a table. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_free(benchmark: *mut tenas_benchmark) {
    // SAFETY: NULL or a handle that nobody uses any more, as tenas.h asks.
    unsafe { handle::free(benchmark) }
}

/// Sets *out to the number of architectures in a table.
///
/// - TENAS_ERROR_NULL_POINTER: benchmark or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_count(
    benchmark: *const tenas_benchmark,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_benchmark_count", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (table, out) =
            unsafe { (handle::borrow(benchmark, "benchmark")?, Out::new(out, "out")?) };
        out.set(table.count());
        Ok(())
    })
}

/// Writes the names of the columns of a table that were not read, since they are
/// of no data set that is known: as a JSON list, [] where there are none. buffer,
/// capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: benchmark or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_ignored(
    benchmark: *const tenas_benchmark,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_benchmark_ignored", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let table = unsafe { handle::borrow(benchmark, "benchmark") }?;
        out.set(&serde_json::Value::from(table.ignored_columns()).to_string())
    })
}

/// Sets *out to the space of a table's architectures (a tenas_space).
///
/// - TENAS_ERROR_NULL_POINTER: benchmark or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_space(
    benchmark: *const tenas_benchmark,
    out: *mut i32,
) -> tenas_status {
    guard("tenas_benchmark_space", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (table, out) =
            unsafe { (handle::borrow(benchmark, "benchmark")?, Out::new(out, "out")?) };
        out.set(table.kind() as i32);
        Ok(())
    })
}

/// Writes the genotype of entry index, from 0, in the native form. buffer,
/// capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_benchmark_count.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: benchmark or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_genotype(
    benchmark: *const tenas_benchmark,
    index: size_t,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_benchmark_genotype", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let table = unsafe { handle::borrow(benchmark, "benchmark") }?;
        out.set(table.genotype(index)?)
    })
}

/// Sets *out to the index of an architecture: of that one, not of an isomorphic
/// one, which was trained by itself.
///
/// - TENAS_ERROR_NOT_FOUND: the table does not have it.
/// - TENAS_ERROR_FORMAT: genotype is none of the table's space.
/// - TENAS_ERROR_INVALID_ARGUMENT: a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: benchmark, genotype or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_find(
    benchmark: *const tenas_benchmark,
    genotype: *const c_char,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_benchmark_find", || {
        // SAFETY: NULL or a live handle; NULL or a C string; NULL or writable, as tenas.h asks.
        let (table, text, out) = unsafe {
            (
                handle::borrow(benchmark, "benchmark")?,
                arguments::text(genotype, "genotype")?,
                Out::new(out, "out")?,
            )
        };
        out.set(table.find(text)?);
        Ok(())
    })
}

/// Sets *out to an architecture's test accuracy on a data set (a
/// tenas_dataset_kind), in percent.
///
/// - TENAS_ERROR_NOT_FOUND: the table does not have the architecture, or no
///   accuracy of it on that data set.
/// - TENAS_ERROR_FORMAT: genotype is none of the table's space, or the file
///   that has the accuracy is not of its layout.
/// - TENAS_ERROR_IO: that file cannot be read.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such data set, or a text that is not
///   UTF-8.
/// - TENAS_ERROR_NULL_POINTER: benchmark, genotype or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_accuracy(
    benchmark: *const tenas_benchmark,
    genotype: *const c_char,
    dataset: i32,
    out: *mut f64,
) -> tenas_status {
    guard("tenas_benchmark_accuracy", || {
        // SAFETY: NULL or a live handle; NULL or a C string; NULL or writable, as tenas.h asks.
        let (table, text, out) = unsafe {
            (
                handle::borrow(benchmark, "benchmark")?,
                arguments::text(genotype, "genotype")?,
                Out::new(out, "out")?,
            )
        };
        out.set(table.accuracy(table.find(text)?, dataset::kind(dataset)?)?);
        Ok(())
    })
}

/// Sets *out to an architecture's place by accuracy on a data set (a
/// tenas_dataset_kind): 1 is the best, equals share a place. On a folder of
/// NATS-Bench the first such call reads all files, which takes minutes; calls
/// from other threads wait for it.
///
/// The errors are those of tenas_benchmark_accuracy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_rank(
    benchmark: *const tenas_benchmark,
    genotype: *const c_char,
    dataset: i32,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_benchmark_rank", || {
        // SAFETY: NULL or a live handle; NULL or a C string; NULL or writable, as tenas.h asks.
        let (table, text, out) = unsafe {
            (
                handle::borrow(benchmark, "benchmark")?,
                arguments::text(genotype, "genotype")?,
                Out::new(out, "out")?,
            )
        };
        out.set(table.rank(table.find(text)?, dataset::kind(dataset)?)?);
        Ok(())
    })
}

/// Sets *out to the index of the architecture with the highest accuracy on a
/// data set (a tenas_dataset_kind), the first of equals. On a folder of
/// NATS-Bench it reads what tenas_benchmark_rank does.
///
/// - TENAS_ERROR_NOT_FOUND: the table has no accuracy on that data set.
/// - TENAS_ERROR_IO, TENAS_ERROR_FORMAT: a file cannot be read, or is not of
///   its layout.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such data set.
/// - TENAS_ERROR_NULL_POINTER: benchmark or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_benchmark_best(
    benchmark: *const tenas_benchmark,
    dataset: i32,
    out: *mut size_t,
) -> tenas_status {
    guard("tenas_benchmark_best", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (table, out) =
            unsafe { (handle::borrow(benchmark, "benchmark")?, Out::new(out, "out")?) };
        out.set(table.best(dataset::kind(dataset)?)?);
        Ok(())
    })
}
