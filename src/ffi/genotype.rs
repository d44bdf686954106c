//! Genotypes
//!
//! A genotype is a finished architecture as a text: the native form of its
//! space, as tenas_context_genotype writes it, or JSON. Wherever a genotype is
//! read, both are taken, and so is what Python programs print of them:
//!
//! - any: white space, a byte order mark and comments from # to the end of the
//!   line; quotes around the whole; "NAME =" before it, also behind what a log
//!   has there.
//! - NAS-Bench-201: the edges of a node in any order; a list of six operations
//!   in the order of operation indices below, as names in quotes or as
//!   indices in square brackets; the nodes as tuples of ('operation', source).
//! - DARTS: Genotype with a module's name before it, or a dictionary; its fields
//!   by name in any order, or in their own order without names; the pairs of a
//!   step as a list of their own; range(2, 6), list(range(2, 6)); numbers and
//!   names as Python 2 and NumPy print them, 1L and np.int64(1).
//!
//! A step of DARTS may read one state twice, also with the same operation: it
//! adds up both. Such an architecture is scored and found in tables as any
//! other, but has neither a number nor operation indices.
//!
//! Operation indices: an architecture as numbers, one for each edge, cells in
//! order, in each its edges in order; tenas_space_operation_name names them.
//! NAS-Bench-201 has 6 edges (1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2) and 5
//! operations (0 none, 1 skip_connect, 2 nor_conv_1x1, 3 nor_conv_3x3,
//! 4 avg_pool_3x3). DARTS has 28 (14 of the normal cell, 14 of the reduction
//! cell) and 8; an edge that the architecture lacks has 0, and each step has
//! two others.
//!
//! Numbers: every architecture of a space has one, from 0 to
//! tenas_genotype_count - 1. For NAS-Bench-201 it is the operation indices read as
//! digits of base 5, the first edge the most significant.

use libc::{c_char, size_t};

use super::arguments::{self, Out, OutArray, choose};
use super::context::tenas_genotype_format::*;
use super::error::Failure;
use super::guard::guard;
use super::handle;
use super::search_space::tenas_search_space;
use super::space;
use super::status::{tenas_status, tenas_status_code};
use super::text::OutText;
use crate::random::{Key, Purpose};
use crate::{Genotype, GenotypeFormat, Space};

pub(super) fn format_of(format: i32) -> Result<GenotypeFormat, Failure> {
    choose!(
        "format", format,
        TENAS_GENOTYPE_NATIVE => GenotypeFormat::Native,
        TENAS_GENOTYPE_JSON => GenotypeFormat::Json,
    )
}

/// Where a function takes its space from: a number or a handle, looked at after its outputs.
type Found<'a> = &'a dyn Fn() -> Result<Space, Failure>;

/// The built-in space of a number.
pub(super) fn built_in(space: i32) -> Result<Space, Failure> {
    Ok(space::kind(space)?.space())
}

// What the functions do, for a number of a space and for a handle alike. The pointers are those of
// tenas.h.

unsafe fn count(space: Found<'_>, out: *mut u64) -> Result<(), Failure> {
    // SAFETY: NULL or writable, as tenas.h asks.
    let out = unsafe { Out::new(out, "out") }?;
    let space = space()?;
    out.set(space.size().ok_or_else(|| Failure {
        status: tenas_status_code::TENAS_ERROR_NOT_FOUND,
        message: format!("{}: found 2^64 architectures or more", space.name),
    })?);
    Ok(())
}

unsafe fn at(
    space: Found<'_>,
    index: u64,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> Result<(), Failure> {
    // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
    let out = unsafe { OutText::new(buffer, capacity, length) }?;
    let (space, format) = (space()?, format_of(format)?);
    out.set(&Genotype::at(&space, index)?.to_text(format))
}

unsafe fn index(space: Found<'_>, genotype: *const c_char, out: *mut u64) -> Result<(), Failure> {
    // SAFETY: NULL or a C string; NULL or writable, as tenas.h asks.
    let (text, out) = unsafe { (arguments::text(genotype, "genotype")?, Out::new(out, "out")?) };
    let genotype = Genotype::parse(&space()?, text)?;
    out.set(genotype.index().ok_or_else(|| {
        Failure {
            status: tenas_status_code::TENAS_ERROR_NOT_FOUND,
            message:
                "genotype: found an operation none, or a step that reads a state twice, which no \
                  numbered architecture has"
                    .into(),
        }
    })?);
    Ok(())
}

unsafe fn sample(
    space: Found<'_>,
    (seed, index): (u64, u64),
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> Result<(), Failure> {
    // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
    let out = unsafe { OutText::new(buffer, capacity, length) }?;
    let (space, format) = (space()?, format_of(format)?);
    let mut stream = key(seed, index, SAMPLES).stream(0);
    out.set(&Genotype::sample(&space, &mut stream)?.to_text(format))
}

unsafe fn convert(
    space: Found<'_>,
    genotype: *const c_char,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> Result<(), Failure> {
    // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
    let out = unsafe { OutText::new(buffer, capacity, length) }?;
    // SAFETY: NULL or a C string, as tenas.h asks.
    let text = unsafe { arguments::text(genotype, "genotype") }?;
    let (space, format) = (space()?, format_of(format)?);
    out.set(&Genotype::parse(&space, text)?.to_text(format))
}

unsafe fn canonical(
    space: Found<'_>,
    genotype: *const c_char,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> Result<(), Failure> {
    // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
    let out = unsafe { OutText::new(buffer, capacity, length) }?;
    // SAFETY: NULL or a C string, as tenas.h asks.
    let text = unsafe { arguments::text(genotype, "genotype") }?;
    out.set(&Genotype::parse(&space()?, text)?.canonical())
}

unsafe fn to_operations(
    space: Found<'_>,
    genotype: *const c_char,
    operations: *mut u32,
    capacity: size_t,
    count: *mut size_t,
) -> Result<(), Failure> {
    // SAFETY: an array of that capacity, and NULL or writable, as tenas.h asks.
    let out = unsafe { OutArray::new(operations, capacity, count, "operations") }?;
    // SAFETY: NULL or a C string, as tenas.h asks.
    let text = unsafe { arguments::text(genotype, "genotype") }?;
    let genotype = Genotype::parse(&space()?, text)?;
    let found = genotype.operations().ok_or_else(|| Failure {
        status: tenas_status_code::TENAS_ERROR_NOT_FOUND,
        message:
            "genotype: found two operations on an edge (a step reads a state twice), expected \
                  one: operation indices have a place for one"
                .into(),
    })?;
    let index = |operation: Option<usize>| operation.unwrap_or(Genotype::ABSENT) as u32;
    out.set(&found.into_iter().map(index).collect::<Vec<_>>())
}

unsafe fn from_operations(
    space: Found<'_>,
    (operations, count): (*const u32, size_t),
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> Result<(), Failure> {
    // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
    let out = unsafe { OutText::new(buffer, capacity, length) }?;
    let (space, format) = (space()?, format_of(format)?);
    if count != edges(&space) && !operations.is_null() {
        return Err(Failure::invalid_argument(format!(
            "count: found {count}, expected {}, one for each edge of {}",
            edges(&space),
            space.name
        )));
    }
    // SAFETY: NULL or an array of that count, as tenas.h asks.
    let operations = unsafe { arguments::slice(operations, count, "operations") }?;
    let operations: Vec<usize> = operations.iter().map(|o| *o as usize).collect();
    out.set(&Genotype::from_operations(&space, &operations)?.to_text(format))
}

/// Edges of all cells: the number of operation indices.
fn edges(space: &Space) -> usize {
    space.edges().count()
}

/// What draws of genotypes are for: their `repeat`.
const SAMPLES: u64 = 0;
const MUTATIONS: u64 = 1;

fn key(seed: u64, index: u64, repeat: u64) -> Key {
    Key { seed, purpose: Purpose::Genotypes, round: 0, candidate: index, repeat }
}

/// The space of a handle.
///
/// # Safety
///
/// `space` is NULL or a handle that nobody frees meanwhile.
pub(super) unsafe fn of(space: *const tenas_search_space) -> Result<Space, Failure> {
    // SAFETY: as the caller promises.
    Ok(unsafe { handle::borrow(space, "space") }?.supernet.space.clone())
}

/// Sets *out to the number of architectures of a space (a tenas_space):
/// 15625 for NAS-Bench-201, about 1.08e18 for DARTS.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_count(space: i32, out: *mut u64) -> tenas_status {
    guard("tenas_genotype_count", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { count(&|| built_in(space), out) }
    })
}

/// Writes an architecture of a space by its number, in a format (a
/// tenas_genotype_format), with a terminating NUL. buffer, capacity and length
/// are those of tenas_context_genotype.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_genotype_count.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space or format.
/// - TENAS_ERROR_NULL_POINTER: length is NULL, or buffer is and capacity is not
///   0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_at(
    space: i32,
    index: u64,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_genotype_at", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { at(&|| built_in(space), index, format, buffer, capacity, length) }
    })
}

/// Sets *out to the number of an architecture.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space.
/// - TENAS_ERROR_NOT_FOUND: it has no number (a DARTS genotype with an
///   operation none, or with a step that reads a state twice).
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space, or a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: genotype or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_index(
    space: i32,
    genotype: *const c_char,
    out: *mut u64,
) -> tenas_status {
    guard("tenas_genotype_index", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { index(&|| built_in(space), genotype, out) }
    })
}

/// Writes one architecture of a space, drawn so that each is as likely as any
/// other. Equal seeds and indices give the same one; for more, count index up.
/// buffer, capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space or format.
/// - TENAS_ERROR_NULL_POINTER: length is NULL, or buffer is and capacity is not
///   0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_sample(
    space: i32,
    seed: u64,
    index: u64,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_genotype_sample", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { sample(&|| built_in(space), (seed, index), format, buffer, capacity, length) }
    })
}

/// Reads a genotype and writes it in a format: checks it, brings it to the
/// library's own spelling, or turns one form into the other. buffer, capacity
/// and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space; the message names the
///   byte or the key.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space or format, or a text that is
///   not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: genotype or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_convert(
    space: i32,
    genotype: *const c_char,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_genotype_convert", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { convert(&|| built_in(space), genotype, format, buffer, capacity, length) }
    })
}

/// Writes a text that isomorphic architectures share and others do not: two
/// are isomorphic if these are equal.
///
/// For NAS-Bench-201 the rule is the benchmark's own, which finds 6466 classes:
/// skip_connect is the identity, an edge with none is zero, the order of a sum
/// does not matter. For DARTS, steps may change places. buffer, capacity and
/// length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space, or a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: genotype or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_canonical(
    space: i32,
    genotype: *const c_char,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_genotype_canonical", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { canonical(&|| built_in(space), genotype, buffer, capacity, length) }
    })
}

/// Sets the operation indices of a genotype: operations has room for capacity
/// numbers. *count is how many there are, 6 for NAS-Bench-201 and 28 for DARTS;
/// it is set by failing calls too, to 0 for a genotype that cannot be read.
/// NULL operations with a capacity of 0 ask for it.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space.
/// - TENAS_ERROR_NOT_FOUND: it has no operation indices (a DARTS genotype with a
///   step that reads a state twice).
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; operations is
///   untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space, or a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: genotype or count is NULL, or operations is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_to_operations(
    space: i32,
    genotype: *const c_char,
    operations: *mut u32,
    capacity: size_t,
    count: *mut size_t,
) -> tenas_status {
    guard("tenas_genotype_to_operations", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { to_operations(&|| built_in(space), genotype, operations, capacity, count) }
    })
}

/// Writes the architecture with the given operation indices, in a format (a
/// tenas_genotype_format). buffer, capacity and length are those of
/// tenas_context_genotype.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space or format, a count that is not
///   the space's, an operation that it does not have, or a DARTS step with more
///   or fewer than two edges.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: operations or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_genotype_from_operations(
    space: i32,
    operations: *const u32,
    count: size_t,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_genotype_from_operations", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe {
            from_operations(
                &|| built_in(space),
                (operations, count),
                format,
                buffer,
                capacity,
                length,
            )
        }
    })
}

// ---- Of any search space ---------------------------------------------------------------------

/// Sets *out to the number of architectures of a search space.
///
/// - TENAS_ERROR_NOT_FOUND: there are 2^64 or more.
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_count(
    space: *const tenas_search_space,
    out: *mut u64,
) -> tenas_status {
    guard("tenas_search_space_genotype_count", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { count(&|| of(space), out) }
    })
}

/// tenas_genotype_at for any search space.
///
/// - TENAS_ERROR_NOT_FOUND: the space has no such number.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such format.
/// - TENAS_ERROR_NULL_POINTER: space or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_at(
    space: *const tenas_search_space,
    index: u64,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_genotype_at", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { at(&|| of(space), index, format, buffer, capacity, length) }
    })
}

/// tenas_genotype_index for any search space.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space.
/// - TENAS_ERROR_NOT_FOUND: it has no number.
/// - TENAS_ERROR_INVALID_ARGUMENT: a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: space, genotype or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_index(
    space: *const tenas_search_space,
    genotype: *const c_char,
    out: *mut u64,
) -> tenas_status {
    guard("tenas_search_space_genotype_index", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { index(&|| of(space), genotype, out) }
    })
}

/// tenas_genotype_sample for any search space.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_STATE: a node of the space has 2^64 choices or more.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such format.
/// - TENAS_ERROR_NULL_POINTER: space or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_sample(
    space: *const tenas_search_space,
    seed: u64,
    index: u64,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_genotype_sample", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { sample(&|| of(space), (seed, index), format, buffer, capacity, length) }
    })
}

/// Writes a neighbour of a genotype, each as likely as any other: one edge has
/// another operation or, where a node keeps some of its edges, another edge
/// takes the place and the operation of one. Equal seeds and indices give the
/// same one. buffer, capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space.
/// - TENAS_ERROR_INVALID_STATE: the space has one architecture alone.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such format, or a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: space, genotype or length is NULL, or buffer is
///   and capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_mutate(
    space: *const tenas_search_space,
    genotype: *const c_char,
    seed: u64,
    index: u64,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_genotype_mutate", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or a C string; NULL or a live handle, as tenas.h asks.
        let (text, space) = unsafe { (arguments::text(genotype, "genotype")?, of(space)?) };
        let format = format_of(format)?;
        let mut stream = key(seed, index, MUTATIONS).stream(0);
        out.set(&Genotype::parse(&space, text)?.mutate(&mut stream)?.to_text(format))
    })
}

/// tenas_genotype_convert for any search space.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space; the message names the
///   byte or the key.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such format, or a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: space, genotype or length is NULL, or buffer is
///   and capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_convert(
    space: *const tenas_search_space,
    genotype: *const c_char,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_genotype_convert", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { convert(&|| of(space), genotype, format, buffer, capacity, length) }
    })
}

/// tenas_genotype_canonical for any search space. Without a rule of its own, it
/// is what each node adds up, written out from the inputs, without zeros; in a
/// chain of blocks, it does not matter which of two of the same shape is
/// skipped.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: space, genotype or length is NULL, or buffer is
///   and capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_canonical(
    space: *const tenas_search_space,
    genotype: *const c_char,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_genotype_canonical", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { canonical(&|| of(space), genotype, buffer, capacity, length) }
    })
}

/// tenas_genotype_to_operations for any search space. An edge that the
/// architecture lacks has the index of the operation that is zero, or
/// UINT32_MAX in a space without it.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; operations is
///   untouched.
/// - TENAS_ERROR_INVALID_ARGUMENT: a text that is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: space, genotype or count is NULL, or operations
///   is and capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_to_operations(
    space: *const tenas_search_space,
    genotype: *const c_char,
    operations: *mut u32,
    capacity: size_t,
    count: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_genotype_to_operations", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { to_operations(&|| of(space), genotype, operations, capacity, count) }
    })
}

/// tenas_genotype_from_operations for any search space.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such format, a count that is not the
///   space's, an operation that the edge does not offer, or more or fewer edges
///   into a node than an architecture has.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: space, operations or length is NULL, or buffer is
///   and capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_genotype_from_operations(
    space: *const tenas_search_space,
    operations: *const u32,
    count: size_t,
    format: i32,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_genotype_from_operations", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe {
            from_operations(&|| of(space), (operations, count), format, buffer, capacity, length)
        }
    })
}
