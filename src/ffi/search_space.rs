//! Search spaces of your own
//!
//! A search space is a file: operations as recipes of layers, cells with their
//! edges, whole networks, what a search prunes. docs/SPACES.md explains it,
//! docs/space.schema.json describes it, spaces/ has some; those that are built
//! in are written the same way.
//!
//! A tenas_search_space holds one. It never changes, so that any thread may use
//! it at any time. Strings that the functions below give belong to it.
//!
//! A cell is a kind of cell, or a group of choices outside of cells: the blocks
//! of a chain, the channels of stages. Every edge, or choice, offers some of the
//! space's operations.

use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;

use libc::{c_char, size_t};

use super::arguments::{self, Out};
use super::error::Failure;
use super::guard::guard;
use super::handle::{self, Handle};
use super::space;
use super::status::tenas_status;
use super::text::OutText;
use crate::Supernet;
use crate::space::Choice;

/// A search space. Made by tenas_search_space_new, tenas_search_space_from_json
/// or tenas_search_space_open, freed by tenas_search_space_free.
pub struct tenas_search_space {
    _opaque: [u8; 0],
}

/// What a handle stands for.
pub(super) struct Object {
    pub(super) supernet: Arc<Supernet>,
    names: Names,
}

impl Handle for tenas_search_space {
    type Object = Object;
    const NAME: &'static str = "tenas_search_space";
    const TAG: u64 = u64::from_be_bytes(*b"tenasSSP");
    // It never changes.
    const SURVIVES_FORK: bool = true;
}

impl tenas_search_space {
    /// Gives a space away to C.
    pub(super) fn from_supernet(supernet: Arc<Supernet>) -> *mut Self {
        let names = Names::new(&supernet);
        handle::into_raw(Object { supernet, names })
    }
}

/// The names as C strings.
struct Names {
    space: CString,
    /// Name and edges of each cell.
    cells: Vec<(CString, Vec<CString>)>,
    operations: Vec<CString>,
}

impl Names {
    fn new(supernet: &Supernet) -> Self {
        // No name of a space has a NUL inside.
        let c = |text: &String| CString::new(text.as_str()).unwrap_or_default();
        let space = &supernet.space;
        let cells = space.cells.iter();
        Names {
            space: c(&space.name),
            cells: cells.map(|of| (c(&of.name), of.edge_names.iter().map(c).collect())).collect(),
            operations: space.operations.iter().map(c).collect(),
        }
    }
}

/// Makes a search space from one that is built in (a tenas_space).
///
/// On success *out is a new search space: free it with tenas_search_space_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_new(
    space: i32,
    out: *mut *mut tenas_search_space,
) -> tenas_status {
    guard("tenas_search_space_new", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        let out = unsafe { Out::new(out, "out") }?;
        let supernet = Supernet::of(space::kind(space)?);
        out.set(tenas_search_space::from_supernet(Arc::new(supernet)));
        Ok(())
    })
}

/// Makes a search space from the text of a space file.
///
/// On success *out is a new search space: free it with tenas_search_space_free.
///
/// - TENAS_ERROR_FORMAT: json is no sound space; the message names the place in
///   the JSON, what was found and what was expected.
/// - TENAS_ERROR_INVALID_ARGUMENT: json is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: json is too long to be parsed.
/// - TENAS_ERROR_NULL_POINTER: json or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_from_json(
    json: *const c_char,
    out: *mut *mut tenas_search_space,
) -> tenas_status {
    guard("tenas_search_space_from_json", || {
        // SAFETY: NULL or a C string; NULL or writable, as tenas.h asks.
        let (text, out) = unsafe { (arguments::text(json, "json")?, Out::new(out, "out")?) };
        out.set(tenas_search_space::from_supernet(Arc::new(Supernet::from_json(text)?)));
        Ok(())
    })
}

/// Makes a search space from a space file.
///
/// On success *out is a new search space: free it with tenas_search_space_free.
///
/// - TENAS_ERROR_IO: the file cannot be read.
/// - TENAS_ERROR_FORMAT: it is no sound space; the message names the file, the
///   place in the JSON, what was found and what was expected.
/// - TENAS_ERROR_INVALID_ARGUMENT: path is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: the file is too long to be parsed.
/// - TENAS_ERROR_NULL_POINTER: path or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_open(
    path: *const c_char,
    out: *mut *mut tenas_search_space,
) -> tenas_status {
    guard("tenas_search_space_open", || {
        // SAFETY: NULL or a C string; NULL or writable, as tenas.h asks.
        let (path, out) = unsafe { (arguments::text(path, "path")?, Out::new(out, "out")?) };
        out.set(tenas_search_space::from_supernet(Arc::new(Supernet::open(Path::new(path))?)));
        Ok(())
    })
}

/// Frees a search space. NULL is a no-op. Configurations made from it are not
/// affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_free(space: *mut tenas_search_space) {
    // SAFETY: NULL or a handle that nobody uses any more, as tenas.h asks.
    unsafe { handle::free(space) }
}

/// Writes a search space as JSON, with a terminating NUL: a space file that
/// tenas_search_space_from_json reads. buffer, capacity and length are those of
/// tenas_context_genotype.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: space or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_to_json(
    space: *const tenas_search_space,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_search_space_to_json", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let space = &unsafe { handle::borrow(space, "space") }?.supernet.space;
        out.set(&space.to_json().to_string())
    })
}

/// What functions do that give one value of a space.
///
/// # Safety
///
/// `space` is NULL or a handle that nobody frees meanwhile, `out` NULL or can be written.
unsafe fn get<'a, T>(
    function: &'static str,
    space: *const tenas_search_space,
    out: *mut T,
    value: impl FnOnce(&'a Object) -> Result<T, Failure>,
) -> tenas_status {
    guard(function, || {
        // SAFETY: as the caller promises.
        let (space, out) = unsafe { (handle::borrow(space, "space")?, Out::new(out, "out")?) };
        out.set(value(space)?);
        Ok(())
    })
}

/// Sets *out to the name of a search space, for example "nas-bench-201".
///
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_name(
    space: *const tenas_search_space,
    out: *mut *const c_char,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_search_space_name", space, out, |s| Ok(s.names.space.as_ptr())) }
}

/// Sets *out to a number that tells search spaces apart by all of their content:
/// the 64-bit FNV-1a hash of the file, without its description. It is part of
/// checkpoints, and of what scores must share to be applied.
///
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_digest(
    space: *const tenas_search_space,
    out: *mut u64,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_search_space_digest", space, out, |s| Ok(s.supernet.space.digest())) }
}

/// Sets *out to the number of cells, groups of choices included.
///
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_cell_count(
    space: *const tenas_search_space,
    out: *mut u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_search_space_cell_count", space, out, |s| Ok(s.names.cells.len() as u32)) }
}

/// Sets *out to the name of a cell.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the space has no such cell.
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_cell_name(
    space: *const tenas_search_space,
    cell: u32,
    out: *mut *const c_char,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe {
        get("tenas_search_space_cell_name", space, out, |s| {
            Ok(space::at(&s.names.cells, cell, "cell")?.0.as_ptr())
        })
    }
}

/// Sets *out to the number of edges of a cell.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the space has no such cell.
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_edge_count(
    space: *const tenas_search_space,
    cell: u32,
    out: *mut u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe {
        get("tenas_search_space_edge_count", space, out, |s| {
            Ok(space::at(&s.names.cells, cell, "cell")?.1.len() as u32)
        })
    }
}

/// Sets *out to the name of an edge, for example "1<-0", or of a choice.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the space has no such cell or edge.
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_edge_name(
    space: *const tenas_search_space,
    cell: u32,
    edge: u32,
    out: *mut *const c_char,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe {
        get("tenas_search_space_edge_name", space, out, |s| {
            let (_, edges) = space::at(&s.names.cells, cell, "cell")?;
            Ok(space::at(edges, edge, "edge")?.as_ptr())
        })
    }
}

/// Sets *out to the number of operations, those of all edges together.
///
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_operation_count(
    space: *const tenas_search_space,
    out: *mut u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe {
        get("tenas_search_space_operation_count", space, out, |s| {
            Ok(s.names.operations.len() as u32)
        })
    }
}

/// Sets *out to the name of an operation.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the space has no such operation.
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_operation_name(
    space: *const tenas_search_space,
    operation: u32,
    out: *mut *const c_char,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe {
        get("tenas_search_space_operation_name", space, out, |s| {
            Ok(space::at(&s.names.operations, operation, "operation")?.as_ptr())
        })
    }
}

/// Sets *out to 1 if an edge offers an operation, to 0 if not.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: the space has no such cell, edge or
///   operation.
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_search_space_offers(
    space: *const tenas_search_space,
    cell: u32,
    edge: u32,
    operation: u32,
    out: *mut i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe {
        get("tenas_search_space_offers", space, out, |s| {
            let (_, edges) = space::at(&s.names.cells, cell, "cell")?;
            space::at(edges, edge, "edge")?;
            space::at(&s.names.operations, operation, "operation")?;
            let [cell, edge, operation] = [cell, edge, operation].map(|n| n as usize);
            Ok(i32::from(s.supernet.space.offers(Choice { cell, edge, operation })))
        })
    }
}
