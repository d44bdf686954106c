//! NumPy's array files: `.npy`, and `.npz`, a zip archive of them. The format is that of
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>; its header is read by
//! hand, as crates for it bring a parser of Python's literals or a whole array library along.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipArchive};

use super::array::{Array, count_images, dimensions, keep_labelled};
use super::files::{Checked, MOST_RATIO, broken, read as read_file, reserved, size_of, too_large};
use super::{DatasetKind, Published};
use crate::error::{Error, Result};
use crate::message::{clip, list, whole};

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
struct Header<'a> {
    dtype: &'a str,
    shape: Vec<usize>,
    /// Where the values begin, and how many bytes they have.
    start: usize,
    len: usize,
}

/// Bytes of a header, and axes of an array: NumPy's own headers are shorter by far.
const MOST_HEADER: usize = 1 << 16;
const MOST_AXES: usize = 8;
/// An array may expand to this; all of ImageNet at 32x32 has half.
const MOST_BYTES: u64 = 8 << 30;

/// Reads the header of an array; what is wrong otherwise.
fn header(bytes: &[u8]) -> Checked<Header<'_>> {
    let cut = || format!("found {} bytes, expected an array's header", bytes.len());
    if !bytes.starts_with(MAGIC) {
        return Err("found no array in NumPy's format".to_owned());
    }
    // Version 1 has two bytes for the header's length, later ones four.
    let (size, text) = match *bytes.get(6).ok_or_else(cut)? {
        1 => (2, bytes.get(8..10).ok_or_else(cut)?),
        2 | 3 => (4, bytes.get(8..12).ok_or_else(cut)?),
        version => return Err(format!("found version {version} at offset 6, expected 1 to 3")),
    };
    let mut length = [0; 4];
    length[..size].copy_from_slice(text);
    let length = u32::from_le_bytes(length) as usize;
    if length > MOST_HEADER {
        return Err(format!("found a header of {length} bytes, expected at most {MOST_HEADER}"));
    }
    let start = 8 + size + length;
    let text = bytes.get(8 + size..start).ok_or_else(cut)?;
    let text = std::str::from_utf8(text).map_err(|_| "found a header that is no text")?;
    let field = |name: &str| {
        let key = format!("'{name}':");
        let at = text.find(&key).ok_or_else(|| format!("found a header without '{name}'"))?;
        Ok::<&str, String>(text[at + key.len()..].trim_start())
    };
    let unreadable =
        |name: &str| format!("found an unreadable '{name}' in the header {}", clip(text));
    let descr = field("descr")?;
    let descr = descr.strip_prefix('\'').and_then(|d| d.split_once('\'')).map(|(d, _)| d);
    let descr = descr.ok_or_else(|| unreadable("descr"))?;
    let dtype = descr.trim_start_matches(['|', '<', '=']);
    if dtype.len() > 16 {
        return Err(unreadable("descr"));
    }
    if field("fortran_order")?.starts_with("True") {
        return Err("found an array in Fortran's order, expected C's".to_owned());
    }
    let shape = field("shape")?.strip_prefix('(').and_then(|s| s.split_once(')'));
    let (shape, _) = shape.ok_or_else(|| unreadable("shape"))?;
    let shape = shape
        .split(',')
        .map(str::trim)
        .filter(|n| !n.is_empty())
        .map(|n| n.parse().map_err(|_| unreadable("shape")))
        .take(MOST_AXES + 1)
        .collect::<Checked<Vec<usize>>>()?;
    if shape.len() > MOST_AXES {
        return Err(unreadable("shape"));
    }
    let size = dtype.get(1..).and_then(|size| size.parse().ok()).unwrap_or(1usize);
    let len = shape.iter().try_fold(size, |len, &n| len.checked_mul(n));
    let left = bytes.len() - start;
    match len {
        Some(len) if len <= left => Ok(Header { dtype, shape, start, len }),
        _ => Err(format!(
            "found {left} bytes from offset {start} on, expected {} values of type {dtype}",
            dimensions(&shape)
        )),
    }
}

/// The images of a `.npy` file.
pub(super) fn read(facts: &Published, file: &Path) -> Result<Vec<u8>> {
    images(facts, read_file(file)?).map_err(|problem| broken(file, problem))
}

/// The images of an array's bytes, in the same memory.
fn images(facts: &Published, mut bytes: Vec<u8>) -> Checked<Vec<u8>> {
    let Header { dtype, shape, start, len } = header(&bytes)?;
    count_images(facts, dtype, &shape)?;
    bytes.truncate(start + len);
    bytes.drain(..start);
    Ok(bytes)
}

/// The images of a `.npz` file: its array `images`, or else `data`. If there is an array `labels`,
/// it must have one for each image.
pub(super) fn read_archive(kind: DatasetKind, facts: &Published, file: &Path) -> Result<Vec<u8>> {
    let file_size = size_of(file)?;
    let zip = |error: rawzip::Error| {
        broken(file, format_args!("found a broken or cut zip archive ({})", whole(error)))
    };
    let opened = File::open(file).map_err(|error| Error::io(file, error))?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(opened, &mut buffer).map_err(zip)?;
    let mut names = Vec::new();
    let mut arrays = [None, None, None];
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(zip)? {
        let path = entry.file_path();
        let name = String::from_utf8_lossy(path.as_ref());
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let sizes = [entry.compressed_size_hint(), entry.uncompressed_size_hint()];
        let found = (entry.wayfinder(), entry.compression_method(), sizes);
        if let Some(i) = ["images", "data", "labels"].iter().position(|n| **n == *name) {
            arrays[i] = Some((name.clone(), found));
        }
        names.push(name);
    }
    let [images_array, data_array, labels_array] = arrays;
    let member = |(name, (wayfinder, method, sizes)): (String, _)| -> Result<(String, Vec<u8>)> {
        let [packed, size]: [u64; 2] = sizes;
        if packed > file_size {
            return Err(broken(
                file,
                format_args!("array {name}: found {packed} bytes in a file of {file_size}"),
            ));
        }
        if size > MOST_BYTES || size > packed.saturating_mul(MOST_RATIO).saturating_add(64) {
            return Err(broken(
                file,
                format_args!(
                    "array {name}: found {size} bytes in {packed}, expected at most {MOST_BYTES} \
                     and {MOST_RATIO} for each"
                ),
            ));
        }
        let entry = archive.get_entry(wayfinder).map_err(zip)?;
        let mut bytes = usize::try_from(size).ok().and_then(reserved);
        let bytes = bytes.as_mut().ok_or_else(|| too_large(&file.join(&name), size))?;
        // Size and checksum are verified at the end.
        let result = match method {
            CompressionMethod::STORE => {
                entry.verifying_reader(entry.reader()).take(size + 1).read_to_end(bytes)
            }
            CompressionMethod::DEFLATE => {
                let inflated = DeflateDecoder::new(entry.reader());
                entry.verifying_reader(inflated).take(size + 1).read_to_end(bytes)
            }
            other => {
                return Err(broken(
                    file,
                    format_args!("array {name}: found compression {other:?}, expected deflate"),
                ));
            }
        };
        result.map_err(|error| match error.raw_os_error() {
            Some(_) => Error::io(file, error),
            None => {
                broken(file, format_args!("array {name}: found broken data ({})", whole(error)))
            }
        })?;
        Ok((name, std::mem::take(bytes)))
    };
    let chosen = images_array.or(data_array).ok_or_else(|| {
        broken(
            file,
            format_args!(
                "found the arrays {}, expected images or data",
                list(names.iter().map(String::as_str))
            ),
        )
    })?;
    let (name, bytes) = member(chosen)?;
    let of = |name: &str, problem: String| broken(file, format_args!("array {name}: {problem}"));
    let mut bytes = images(facts, bytes).map_err(|problem| of(&name, problem))?;
    if let Some(found) = labels_array {
        let (name, labels) = member(found)?;
        let header = header(&labels).map_err(|problem| of(&name, problem))?;
        let labels = Array {
            dtype: header.dtype,
            shape: header.shape,
            bytes: Cow::Borrowed(&labels[header.start..][..header.len]),
        };
        keep_labelled(kind, facts, &labels, &mut bytes).map_err(|problem| of(&name, problem))?;
    }
    Ok(bytes)
}
