//! The binary versions of CIFAR-10 and CIFAR-100 (<https://www.cs.toronto.edu/~kriz/cifar.html>).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::DatasetKind;
use super::files::{broken, size_of};
use crate::error::{Error, Result, try_reserve};
use crate::message::of_path;

/// Bytes of an image: 3 x 32 x 32.
const IMAGE: usize = 3072;

/// The labels in front of an image, a byte each: name and last value.
type Labels = &'static [(&'static str, u8)];

/// CIFAR-100's coarse label comes first.
pub(super) fn labels(kind: DatasetKind) -> Option<Labels> {
    match kind {
        DatasetKind::Cifar10 => Some(&[("label", 9)]),
        DatasetKind::Cifar100 => Some(&[("coarse label", 19), ("fine label", 99)]),
        _ => None,
    }
}

/// The images of all files, one after the other.
pub(super) fn read(files: &[PathBuf], labels: Labels) -> Result<Vec<u8>> {
    let mut records = Vec::with_capacity(files.len());
    for file in files {
        records.push(count_records(file, size_of(file)?, labels)?);
    }
    // All memory is reserved before anything is read, so that a file far too large fails at once.
    let bytes = records.iter().try_fold(0usize, |sum, &n| n.checked_mul(IMAGE)?.checked_add(sum));
    let mut images = Vec::new();
    bytes.and_then(|bytes| try_reserve(&mut images, bytes).ok()).ok_or_else(|| {
        Error::OutOfMemory(format!(
            "{}: {} images of {IMAGE} bytes",
            of_path(files.first().map_or(Path::new(""), PathBuf::as_path)),
            records.iter().fold(0usize, |sum, &n| sum.saturating_add(n))
        ))
    })?;
    for (file, &records) in files.iter().zip(&records) {
        let io = |error| Error::io(file, error);
        let mut reader = BufReader::with_capacity(64 * 1024, File::open(file).map_err(io)?);
        read_records(&mut reader, file, records, labels, &io, &mut images)?;
    }
    Ok(images)
}

/// The number of records in a file of `size` bytes.
pub(super) fn count_records(file: &Path, size: u64, labels: Labels) -> Result<usize> {
    let record = (labels.len() + IMAGE) as u64;
    if size == 0 {
        return Err(broken(
            file,
            format_args!("found an empty file, expected records of {record} bytes"),
        ));
    }
    if !size.is_multiple_of(record) {
        return Err(broken(
            file,
            format_args!(
                "found {size} bytes, expected a multiple of {record}; the record at offset {} has \
                 {} bytes",
                size - size % record,
                size % record
            ),
        ));
    }
    usize::try_from(size / record)
        .map_err(|_| Error::OutOfMemory(format!("{}: {size} bytes", of_path(file))))
}

/// Appends the images of `records` records to `images`, which has room for them.
pub(super) fn read_records(
    reader: &mut dyn Read,
    file: &Path,
    records: usize,
    labels: Labels,
    io: &dyn Fn(io::Error) -> Error,
    images: &mut Vec<u8>,
) -> Result<()> {
    let mut record = [0u8; 2 + IMAGE];
    let record = &mut record[..labels.len() + IMAGE];
    for i in 0..records {
        reader.read_exact(record).map_err(io)?;
        for (&(name, last), &found) in labels.iter().zip(&*record) {
            if found > last {
                let offset = i * record.len();
                return Err(broken(
                    file,
                    format_args!(
                        "found {name} {found} in record {i} at offset {offset}, expected 0 to \
                         {last}"
                    ),
                ));
            }
        }
        images.extend_from_slice(&record[labels.len()..]);
    }
    Ok(())
}
