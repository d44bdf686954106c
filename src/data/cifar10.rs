//! The binary version of CIFAR-10 (<https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Bytes of an image: 3 x 32 x 32.
const IMAGE: usize = 3072;
/// Bytes of a record: a label, then the image.
const RECORD: usize = 1 + IMAGE;
const LAST_LABEL: u8 = 9;

/// The images of a file, or of all training files of a folder, one after the other.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let files = files(path)?;
    let mut records = Vec::with_capacity(files.len());
    for file in &files {
        records.push(count_records(file)?);
    }
    // Asked for in one piece: a file that is far too large fails here, not half way through.
    let bytes = records.iter().try_fold(0usize, |sum, &n| n.checked_mul(IMAGE)?.checked_add(sum));
    let mut images = Vec::new();
    bytes.and_then(|bytes| images.try_reserve_exact(bytes).ok()).ok_or_else(|| {
        Error::OutOfMemory(format!(
            "{}: {} images of {IMAGE} bytes",
            path.display(),
            records.iter().fold(0usize, |sum, &n| sum.saturating_add(n))
        ))
    })?;
    for (file, &records) in files.iter().zip(&records) {
        read_file(file, records, &mut images)?;
    }
    Ok(images)
}

/// `path` itself, or the training files in it, sorted by name.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let io = |error| Error::io(path, error);
    if !fs::metadata(path).map_err(io)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        // A name that is not UTF-8 is not one of the names below.
        if let Ok(name) = entry.map_err(io)?.file_name().into_string()
            && name.starts_with("data_batch_")
            && name.ends_with(".bin")
        {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Err(Error::Format(format!(
            "{}: found no data_batch_*.bin, expected the folder of the binary version of CIFAR-10",
            path.display()
        )));
    }
    // A folder's own order differs between machines.
    names.sort_unstable();
    Ok(names.iter().map(|name| path.join(name)).collect())
}

/// Records of `file`, going by its size.
fn count_records(file: &Path) -> Result<usize> {
    let metadata = fs::metadata(file).map_err(|error| Error::io(file, error))?;
    let size = metadata.len();
    let record = RECORD as u64;
    let problem = if !metadata.is_file() {
        // Opening a pipe could wait for ever, and a device never ends.
        "found something else, expected a regular file".to_owned()
    } else if size == 0 {
        format!("found an empty file, expected records of {RECORD} bytes")
    } else if !size.is_multiple_of(record) {
        format!(
            "found {size} bytes, expected a multiple of {RECORD}; the record at offset {} has {} \
             bytes",
            size - size % record,
            size % record
        )
    } else {
        return usize::try_from(size / record)
            .map_err(|_| Error::OutOfMemory(format!("{}: {size} bytes", file.display())));
    };
    Err(Error::Format(format!("{}: {problem}", file.display())))
}

/// Appends the images of `file` to `images`, which has room for them.
fn read_file(file: &Path, records: usize, images: &mut Vec<u8>) -> Result<()> {
    let io = |error| Error::io(file, error);
    let mut reader = BufReader::with_capacity(64 * 1024, File::open(file).map_err(io)?);
    let mut record = [0u8; RECORD];
    for i in 0..records {
        reader.read_exact(&mut record).map_err(io)?;
        if record[0] > LAST_LABEL {
            return Err(Error::Format(format!(
                "{}: found label {} in record {i} at offset {}, expected 0 to {LAST_LABEL}",
                file.display(),
                record[0],
                i * RECORD
            )));
        }
        images.extend_from_slice(&record[1..]);
    }
    Ok(())
}
