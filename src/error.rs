//! One error type for the whole crate; each kind is one status of the C ABI.

use std::path::{Path, PathBuf};

use crate::hooks::{Hook, reach};
use crate::message::{Escaped, of_path, whole};

/// What can go wrong. The text names the thing, what was found and what was expected; what is shown
/// of it has no control characters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that a caller handed in is outside its range or does not fit the others.
    #[error("{}", Escaped(.0))]
    InvalidArgument(String),
    /// The call does not fit the state of the object.
    #[error("{}", Escaped(.0))]
    InvalidState(String),
    /// The system refused to open, read or write a file.
    #[error("{}: {}", of_path(path), whole(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's or a text's content is not what its format asks for.
    #[error("{}", Escaped(.0))]
    Format(String),
    /// A device that is not there, or not in this build.
    #[error("{}", Escaped(.0))]
    Device(String),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// Memory that grows with the caller's input could not be had.
    #[error("out of memory: {}", Escaped(.0))]
    OutOfMemory(String),
    /// Something asked for by name or index is not there.
    #[error("{}", Escaped(.0))]
    NotFound(String),
    /// A bug in this library.
    #[error("internal error: {}", Escaped(.0))]
    Internal(String),
}

/// `Result` with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An I/O error of `path`.
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Error::Io { path: path.to_owned(), source }
    }
}

/// Checks that `value` lies in `range`; the message names both.
pub(crate) fn check_range<T>(name: &str, value: T, range: std::ops::RangeInclusive<T>) -> Result<T>
where
    T: PartialOrd + std::fmt::Display + Copy,
{
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Error::InvalidArgument(format!(
        "{name}: found {value}, expected {} to {}",
        range.start(),
        range.end()
    )))
}

/// Bytes that must be left after a large allocation. Small vectors and texts are made without asking,
/// and a process that cannot make one ends; all threads together need less than this for them.
const HEADROOM: usize = 8 << 20;
/// Allocations of fewer bytes than this need not leave the headroom.
const LARGE: usize = 64 << 10;

/// A vector of `len` copies of `value`, or [`Error::OutOfMemory`] that names `what`.
pub(crate) fn try_vec<T: Clone>(value: T, len: usize, what: &str) -> Result<Vec<T>> {
    let mut v = Vec::new();
    try_resize(&mut v, len, value, what)?;
    Ok(v)
}

/// Makes a vector `len` long, by appending copies of `value`, or returns [`Error::OutOfMemory`] that
/// names `what`.
pub(crate) fn try_resize<T: Clone>(v: &mut Vec<T>, len: usize, value: T, what: &str) -> Result<()> {
    reach(Hook::Memory)?;
    try_reserve(v, len.saturating_sub(v.len()))
        .map_err(|()| Error::OutOfMemory(format!("{what} of {len} x {} bytes", size_of::<T>())))?;
    v.resize(len, value);
    Ok(())
}

/// Makes room in a vector for exactly `more` values.
pub(crate) fn try_reserve<T>(v: &mut Vec<T>, more: usize) -> std::result::Result<(), ()> {
    if more <= v.capacity() - v.len() {
        return Ok(());
    }
    let bytes = v.len().saturating_add(more).saturating_mul(size_of::<T>());
    if bytes >= LARGE && !has_room(bytes) {
        return Err(());
    }
    v.try_reserve_exact(more).map_err(|_| ())
}

/// Whether `bytes` could be allocated now in one piece, with the headroom left.
pub(crate) fn has_room(bytes: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(bytes.saturating_add(HEADROOM)).is_ok()
}

/// Checks that `bytes` could be allocated now. To be called before code that allocates so many in a
/// way that cannot fail. The error is [`Error::OutOfMemory`] and names `what`.
pub(crate) fn room_for(bytes: usize, what: impl FnOnce() -> String) -> Result<()> {
    if has_room(bytes) { Ok(()) } else { Err(Error::OutOfMemory(what())) }
}

/// Checks that there is memory to parse a JSON text of `len` bytes. The error is
/// [`Error::OutOfMemory`] and names `what`.
pub(crate) fn room_for_json(len: usize, what: impl FnOnce() -> String) -> Result<()> {
    /// The most memory that a text takes once it is parsed, for each of its bytes: the two of `0,`
    /// become a value of 32, and the array that holds it may have grown to twice its length.
    const BYTES_PER_CHARACTER: usize = 48;
    room_for(len.saturating_mul(BYTES_PER_CHARACTER), what)
}
