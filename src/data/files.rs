//! Files of a data set: what all readers check alike.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result, has_room, try_reserve};
use crate::message::of_path;

/// Bytes that deflate can make of one byte, at most.
pub(super) const MOST_DEFLATED: u64 = 1032;

/// A value, or what is wrong with what was read. The caller adds the name of the file.
pub(super) type Checked<T> = std::result::Result<T, String>;

/// A [`Error::Format`] of `file`.
pub(super) fn broken(file: &Path, problem: impl std::fmt::Display) -> Error {
    Error::Format(format!("{}: {problem}", of_path(file)))
}

/// Size of a regular file. Anything else is refused: opening a pipe could wait for ever, and a device
/// may have no end.
pub(super) fn size_of(file: &Path) -> Result<u64> {
    let metadata = fs::metadata(file).map_err(|error| Error::io(file, error))?;
    if !metadata.is_file() {
        return Err(broken(file, "found something else, expected a regular file"));
    }
    Ok(metadata.len())
}

/// All bytes of a regular file.
pub(super) fn read(file: &Path) -> Result<Vec<u8>> {
    let size = size_of(file)?;
    let mut bytes =
        usize::try_from(size).ok().and_then(reserved).ok_or_else(|| too_large(file, size))?;
    // A file that grows meanwhile is read as far as there is memory reserved for it.
    let mut reader = File::open(file).map_err(|error| Error::io(file, error))?.take(size);
    reader.read_to_end(&mut bytes).map_err(|error| Error::io(file, error))?;
    Ok(bytes)
}

pub(super) fn too_large(file: &Path, bytes: u64) -> Error {
    Error::OutOfMemory(format!("{}: {bytes} bytes", of_path(file)))
}

/// An empty vector with room for `len` values.
pub(super) fn reserved<T>(len: usize) -> Option<Vec<T>> {
    let mut values = Vec::new();
    try_reserve(&mut values, len).ok()?;
    Some(values)
}

/// Appends `bytes`, which came from `file`, or is [`Error::OutOfMemory`].
pub(super) fn append(to: &mut Vec<u8>, bytes: &[u8], file: &Path) -> Result<()> {
    let len = to.len() + bytes.len();
    let refused = || too_large(file, len as u64);
    if bytes.len() > to.capacity() - to.len() {
        // Growing takes up to twice the length, and the old memory beside it.
        if !has_room(2 * len) {
            return Err(refused());
        }
    }
    to.try_reserve(bytes.len()).map_err(|_| refused())?;
    to.extend_from_slice(bytes);
    Ok(())
}
