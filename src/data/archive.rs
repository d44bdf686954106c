//! Batches in a gzipped tar archive, as data sets are downloaded.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::batches::{Batches, Format, find};
use super::files::{MOST_RATIO, append, broken, size_of, too_large};
use super::{DatasetKind, Published, cifar, pickled};
use crate::error::{Error, Result, try_reserve};
use crate::message::{of_path, whole};

/// An archive may expand to this: the largest that is published, ImageNet16, has 1 GB.
const MOST_BYTES: u64 = 2 << 30;

/// What an archive of `size` bytes can hold: deflate makes no more of a byte, and a member may claim
/// anything.
fn most_bytes(size: u64) -> u64 {
    size.saturating_mul(MOST_RATIO).saturating_add(64).min(MOST_BYTES)
}

/// A reader that counts, and that fails beyond [`MOST_BYTES`].
struct Counted<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read += n as u64;
        if self.read > MOST_BYTES {
            return Err(io::Error::other(format!(
                "found more than {MOST_BYTES} bytes when expanded, expected a data set"
            )));
        }
        Ok(n)
    }
}

/// The images of all batches in the archive, in the byte order of the batches' names, and the
/// format that they have.
pub(super) fn read(
    kind: DatasetKind,
    facts: &Published,
    batches: &Batches,
    file: &Path,
) -> Result<(Vec<u8>, Format)> {
    let most = most_bytes(size_of(file)?);
    let reader = BufReader::new(File::open(file).map_err(|error| Error::io(file, error))?);
    let mut archive = tar::Archive::new(Counted { inner: GzDecoder::new(reader), read: 0 });
    // Images by format and name.
    let mut members: Vec<(Format, String, Vec<u8>)> = Vec::new();
    let entries = archive.entries().map_err(|error| fault(file, error, 0))?;
    let mut at = 0;
    for entry in entries {
        let mut entry = entry.map_err(|error| fault(file, error, at))?;
        at = entry.raw_file_position();
        let path = entry.path().map_err(|error| fault(file, error, at))?.into_owned();
        let Some((format, name)) = path.file_name().and_then(|name| find(batches, name)) else {
            continue;
        };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        // Not joined: a member's path may be absolute.
        let member = format!("{}: {}", of_path(file), of_path(&path));
        let member = Path::new(&member);
        let images = read_member(kind, facts, format, most, &mut entry, member)?;
        members.push((format, name, images));
    }
    // The rest, up to the checksum.
    let rest = io::copy(&mut archive.into_inner(), &mut io::sink());
    rest.map_err(|error| fault(file, error, at))?;
    // The binary version first, as in a folder that has both.
    members.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let Some(format) = members.first().map(|(format, ..)| *format) else {
        return Err(broken(file, format_args!("found none of {batches}, expected {}", facts.name)));
    };
    let mut images = Vec::new();
    for (_, _, more) in members.into_iter().filter(|member| member.0 == format) {
        if images.is_empty() {
            images = more;
        } else {
            append(&mut images, &more, file)?;
        }
    }
    Ok((images, format))
}

fn read_member<R: Read>(
    kind: DatasetKind,
    facts: &Published,
    format: Format,
    most: u64,
    entry: &mut tar::Entry<'_, R>,
    member: &Path,
) -> Result<Vec<u8>> {
    let (size, at) = (entry.size(), entry.raw_file_position());
    if size > most {
        return Err(broken(
            member,
            format_args!(
                "found {size} bytes, expected at most the {most} that the archive can hold"
            ),
        ));
    }
    let mut images = Vec::new();
    let reserve = |v: &mut Vec<u8>, len: u64| {
        let len = usize::try_from(len).ok();
        len.and_then(|len| try_reserve(v, len).ok()).ok_or_else(|| too_large(member, size))
    };
    match (format, cifar::labels(kind)) {
        (Format::Binary, Some(labels)) => {
            let records = cifar::count_records(member, size, labels)?;
            reserve(&mut images, size)?;
            let io = |error| fault(member, error, at);
            cifar::read_records(entry, member, records, labels, &io, &mut images)?;
        }
        _ => {
            let mut bytes = Vec::new();
            reserve(&mut bytes, size)?;
            entry.read_to_end(&mut bytes).map_err(|error| fault(member, error, at))?;
            if bytes.len() as u64 != size {
                let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(fault(member, error, at));
            }
            pickled::read_batch(kind, facts, &bytes, member, &mut images)?;
        }
    }
    Ok(images)
}

/// What the unpacker says is the archive's fault, unless the system refused to read it.
fn fault(file: &Path, error: io::Error, at: u64) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io(file, error);
    }
    broken(
        file,
        format_args!(
            "found a broken or cut archive (in what begins at byte {at} when expanded: {}), \
             expected a gzipped tar archive",
            whole(error)
        ),
    )
}
