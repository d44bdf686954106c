//! Search spaces
//!
//! A space is what is searched: kinds of cell, each with edges, and on every
//! edge a choice of operations. Cells, edges and operations are numbered from
//! 0; the functions below give their names. All these strings are owned by the
//! library and valid for the life of the program.

use std::ffi::CString;

use libc::c_char;
use once_cell::race::OnceBox;

use super::arguments::{Out, choose};
use super::error::Failure;
use super::guard::guard;
use super::status::tenas_status;
use crate::SpaceKind;

/// The search spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_space {
    /// NAS-Bench-201: one kind of cell, 6 edges, 5 operations.
    TENAS_SPACE_NAS_BENCH_201 = 1,
    /// DARTS: a normal and a reduction cell, 14 edges each, 8 operations.
    TENAS_SPACE_DARTS = 2,
}
use tenas_space::*;

pub(super) fn kind(space: i32) -> Result<SpaceKind, Failure> {
    choose!(
        "space", space,
        TENAS_SPACE_NAS_BENCH_201 => SpaceKind::NasBench201,
        TENAS_SPACE_DARTS => SpaceKind::Darts,
    )
}

/// The names of a space as C strings.
struct Names {
    space: CString,
    /// Name and edges of each cell.
    cells: Vec<(CString, Vec<CString>)>,
    operations: Vec<CString>,
}

static NAS_BENCH_201: OnceBox<Names> = OnceBox::new();
static DARTS: OnceBox<Names> = OnceBox::new();

impl Names {
    fn new(kind: SpaceKind) -> Self {
        // No name of a space has a NUL inside.
        let c = |text: &dyn ToString| CString::new(text.to_string()).unwrap_or_default();
        let space = kind.space();
        Names {
            space: c(&space.name),
            cells: space
                .cells
                .iter()
                .map(|cell| (c(&cell.name), cell.edges.iter().map(|edge| c(edge)).collect()))
                .collect(),
            operations: space.operations.iter().map(|operation| c(operation)).collect(),
        }
    }

    fn of(space: i32) -> Result<&'static Self, Failure> {
        let kind = kind(space)?;
        let names = match kind {
            SpaceKind::NasBench201 => &NAS_BENCH_201,
            SpaceKind::Darts => &DARTS,
        };
        Ok(names.get_or_init(|| Box::new(Names::new(kind))))
    }
}

/// The item with that index, or an error that names the range.
fn at<'a, T>(items: &'a [T], index: u32, argument: &str) -> Result<&'a T, Failure> {
    items.get(index as usize).ok_or_else(|| {
        Failure::invalid_argument(format!(
            "{argument}: found {index}, expected 0 to {}",
            items.len().saturating_sub(1)
        ))
    })
}

/// The name of a space (a tenas_space): "nas-bench-201" or "darts".
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_space_name(space: i32, out: *mut *const c_char) -> tenas_status {
    guard("tenas_space_name", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        let out = unsafe { Out::new(out, "out") }?;
        out.set(Names::of(space)?.space.as_ptr());
        Ok(())
    })
}

/// The name of a kind of cell, for example "normal" or "reduction".
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space, or it has no such cell.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_space_cell_name(
    space: i32,
    cell: u32,
    out: *mut *const c_char,
) -> tenas_status {
    guard("tenas_space_cell_name", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        let out = unsafe { Out::new(out, "out") }?;
        let (name, _) = at(&Names::of(space)?.cells, cell, "cell")?;
        out.set(name.as_ptr());
        Ok(())
    })
}

/// The name of an edge, for example "1<-0": the state it writes, the state it
/// reads.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space, or it has no such cell or
///   edge.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_space_edge_name(
    space: i32,
    cell: u32,
    edge: u32,
    out: *mut *const c_char,
) -> tenas_status {
    guard("tenas_space_edge_name", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        let out = unsafe { Out::new(out, "out") }?;
        let (_, edges) = at(&Names::of(space)?.cells, cell, "cell")?;
        out.set(at(edges, edge, "edge")?.as_ptr());
        Ok(())
    })
}

/// The name of an operation, for example "nor_conv_3x3".
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space, or it has no such operation.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_space_operation_name(
    space: i32,
    operation: u32,
    out: *mut *const c_char,
) -> tenas_status {
    guard("tenas_space_operation_name", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        let out = unsafe { Out::new(out, "out") }?;
        out.set(at(&Names::of(space)?.operations, operation, "operation")?.as_ptr());
        Ok(())
    })
}
