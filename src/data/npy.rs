//! NumPy's array files: `.npy`, and `.npz`, a zip archive of them. The format is that of
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>; its header is read by
//! hand, as crates for it bring a parser of Python's literals or a whole array library along.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipLocator};

use super::array::{Layout, NAMES, keep_labelled};
use super::files::{
    Checked, MOST_DEFLATED, append, broken, read as read_file, reserved, size_of, too_large,
};
use super::{DatasetKind, Published};
use crate::error::{Error, Result};
use crate::message::{clip, list, whole};
use crate::numpy::{Array, Dtype, bytes_of, dimensions, unknown_dtype};

const MAGIC: &[u8] = b"\x93NUMPY";

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    dtype: Dtype,
    shape: Vec<usize>,
    fortran: bool,
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
fn header(bytes: &[u8]) -> Checked<Header> {
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
    let dtype = Dtype::parse(descr).ok_or_else(|| unknown_dtype(descr))?;
    let fortran = field("fortran_order")?.starts_with("True");
    let shape = field("shape")?.strip_prefix('(').and_then(|s| s.split_once(')'));
    let (shape, _) = shape.ok_or_else(|| unreadable("shape"))?;
    let shape = shape
        .split(',')
        .map(str::trim)
        .filter(|n| !n.is_empty())
        // Python 2 writes long integers with an L.
        .map(|n| n.strip_suffix('L').unwrap_or(n).parse().map_err(|_| unreadable("shape")))
        .take(MOST_AXES + 1)
        .collect::<Checked<Vec<usize>>>()?;
    if shape.len() > MOST_AXES {
        return Err(unreadable("shape"));
    }
    let left = bytes.len() - start;
    match bytes_of(dtype, &shape) {
        Some(len) if len <= left => Ok(Header { dtype, shape, fortran, start, len }),
        _ => Err(format!(
            "found {left} bytes from offset {start} on, expected {} values of type {dtype}",
            dimensions(&shape)
        )),
    }
}

/// The images of a `.npy` file.
pub(super) fn read(facts: &Published, file: &Path) -> Result<Vec<u8>> {
    let bytes = read_file(file)?;
    images(facts, bytes, file)?.map_err(|problem| broken(file, problem))
}

/// The images of an array's bytes, in the same memory if they are in order there.
fn images(facts: &Published, mut bytes: Vec<u8>, file: &Path) -> Result<Checked<Vec<u8>>> {
    let layout = header(&bytes).and_then(|header| {
        let layout = Layout::of(facts, header.dtype, &header.shape, header.fortran)?;
        Ok((layout, header))
    });
    let (layout, Header { start, len, .. }) = match layout {
        Ok(found) => found,
        Err(problem) => return Ok(Err(problem)),
    };
    bytes.truncate(start + len);
    bytes.drain(..start);
    Ok(Ok(layout.arrange(bytes).ok_or_else(|| too_large(file, len as u64))?))
}

/// The images of all `.npz` files, one after the other.
pub(super) fn read_all(kind: DatasetKind, facts: &Published, files: &[PathBuf]) -> Result<Vec<u8>> {
    let mut images = Vec::new();
    for file in files {
        let more = read_archive(kind, facts, file)?;
        if images.is_empty() {
            images = more;
        } else {
            append(&mut images, &more, file)?;
        }
    }
    Ok(images)
}

/// The images of a `.npz` file.
pub(super) fn read_archive(kind: DatasetKind, facts: &Published, file: &Path) -> Result<Vec<u8>> {
    let size = size_of(file)?;
    let opened = File::open(file).map_err(|error| Error::io(file, error))?;
    read_zip(kind, facts, rawzip::FileReader::from(opened), size, file)
}

/// The images of a `.npz` file in `zip`, which has `size` bytes: its array `images`, `data` or
/// `x_train`. If there is an array of labels, it must have one for each image. `file` is for
/// messages.
pub(super) fn read_zip<R: ReaderAt>(
    kind: DatasetKind,
    facts: &Published,
    zip: R,
    size: u64,
    file: &Path,
) -> Result<Vec<u8>> {
    let file_size = size;
    let fault = |error: rawzip::Error| {
        broken(file, format_args!("found a broken or cut zip archive ({})", whole(error)))
    };
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipLocator::new().locate_in_reader(zip, &mut buffer, size);
    let archive = archive.map_err(|(_, error)| fault(error))?;
    let mut names = Vec::new();
    let mut arrays = [const { None }; 2 * NAMES.len()];
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(fault)? {
        let path = entry.file_path();
        let name = String::from_utf8_lossy(path.as_ref());
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let sizes = [entry.compressed_size_hint(), entry.uncompressed_size_hint()];
        let found = (entry.wayfinder(), entry.compression_method(), sizes);
        let wanted = NAMES.iter().flat_map(|(images, labels)| [*images, *labels]);
        for (place, _) in wanted.enumerate().filter(|(_, wanted)| **wanted == *name) {
            arrays[place] = Some((name.clone(), found));
        }
        // As many as a message shows, and one more.
        if names.len() <= 10 {
            names.push(name);
        }
    }
    type Member = (rawzip::ZipArchiveEntryWayfinder, CompressionMethod, [u64; 2]);
    let member = |(name, (wayfinder, method, sizes)): (String, Member)| -> Result<Vec<u8>> {
        let [packed, size] = sizes;
        if packed > file_size {
            return Err(broken(
                file,
                format_args!("array {name}: found {packed} bytes in a file of {file_size}"),
            ));
        }
        if size > MOST_BYTES || size > packed.saturating_mul(MOST_DEFLATED).saturating_add(64) {
            return Err(broken(
                file,
                format_args!(
                    "array {name}: found {size} bytes in {packed}, expected at most {MOST_BYTES} \
                     and {MOST_DEFLATED} for each"
                ),
            ));
        }
        let entry = archive.get_entry(wayfinder).map_err(fault)?;
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
        Ok(std::mem::take(bytes))
    };
    let Some(pair) = (0..NAMES.len()).find(|pair| arrays[2 * pair].is_some()) else {
        return Err(broken(file, without_images(&names)));
    };
    let of = |name: &str, problem: String| broken(file, format_args!("array {name}: {problem}"));
    let (images_name, labels_name) = NAMES[pair];
    let [chosen, labels] = [2 * pair, 2 * pair + 1].map(|place| arrays[place].take());
    let mut bytes = match chosen {
        Some(found) => images(facts, member(found)?, file)?,
        None => Err("found no array".to_owned()),
    }
    .map_err(|problem| of(images_name, problem))?;
    if let Some(found) = labels {
        let labels = member(found)?;
        let kept = header(&labels).and_then(|Header { dtype, shape, fortran, start, len }| {
            let values = Cow::Borrowed(&labels[start..][..len]);
            keep_labelled(kind, facts, &Array::new(dtype, shape, fortran, values)?, &mut bytes)
        });
        kept.map_err(|problem| of(labels_name, problem))?;
    }
    Ok(bytes)
}

/// What is wrong with a zip archive of these files.
fn without_images(names: &[String]) -> String {
    let any = |ending: &str| names.iter().any(|name| name.ends_with(ending));
    let shown = list(names.iter().map(String::as_str));
    if any("data.pkl") {
        return format!(
            "found a PyTorch file ({shown}), expected the arrays images, data or x_train; save \
             them with NumPy (numpy.savez)"
        );
    }
    let remedy = if any(".npz") || any(".bin") || any(".JPEG") || any("/") {
        "; if these are the files of a data set, unpack the archive and give the folder"
    } else {
        ""
    };
    format!("found the arrays {shown}, expected images or data (or x_train){remedy}")
}
