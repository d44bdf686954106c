//! Tar archives of batches, and single batches, compressed or not, without unpacking to disk.
//!
//! An archive gives the images that its batches would give when unpacked, or is an error: what the
//! tar format can do beyond plain files and hard links to them is refused by name.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use bzip2::read::MultiBzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

use super::batches::{Batches, Format, find};
use super::files::{MOST_DEFLATED, append, broken, size_of, too_large};
use super::{DatasetKind, Published, cifar, npy, pickled};
use crate::error::{Error, Result, room_for, try_reserve};
use crate::message::{of_path, whole};
use crate::recognise::{Content, FIRST, is_tar, recognise};

/// An archive may expand to this: the largest that is published, ImageNet16, has 1 GB.
const MOST_BYTES: u64 = 2 << 30;
/// What an unpacker may take for itself: `xz -9` asks for 64 MiB of dictionary, bzip2 for 4.
const UNPACKER_KIB: u32 = 96 << 10;

/// What a batch, or an archive of them, is compressed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Bzip2,
    Xz,
}

impl Compression {
    fn of(content: Content) -> Self {
        match content {
            Content::Gzip => Compression::Gzip,
            Content::Bzip2 => Compression::Bzip2,
            Content::Xz => Compression::Xz,
            _ => Compression::None,
        }
    }

    /// The bytes that a file of `size` can expand to.
    fn most_bytes(self, size: u64) -> u64 {
        match self {
            Compression::None => size,
            Compression::Gzip => size.saturating_mul(MOST_DEFLATED).saturating_add(64),
            // A block of zeros takes a few bytes.
            Compression::Bzip2 | Compression::Xz => MOST_BYTES,
        }
        .min(MOST_BYTES)
    }
}

/// A gzip file of any number of members, as pigz, bgzip and cat make them. Zeros may follow the last
/// one, as they do on tapes.
struct Gzip<R> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(member) = self.member.take() else { break };
            let mut rest = member.into_inner();
            while let Some(0) = rest.fill_buf()?.first() {
                rest.consume(1);
            }
            if !rest.fill_buf()?.is_empty() {
                self.member = Some(GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
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
            return Err(io::Error::other(too_many_bytes()));
        }
        Ok(n)
    }
}

fn too_many_bytes() -> String {
    format!("found more than {MOST_BYTES} bytes when expanded, expected a data set")
}

/// What a file holds when expanded.
fn expand(file: &Path, compression: Compression) -> Result<Counted<Box<dyn Read>>> {
    let opened = File::open(file).map_err(|error| Error::io(file, error))?;
    let reader = BufReader::new(opened);
    if matches!(compression, Compression::Bzip2 | Compression::Xz) {
        // The unpacker's own memory cannot be asked for fallibly: ask for as much first.
        let bytes = UNPACKER_KIB as usize * 1024;
        room_for(bytes, || format!("{}: its unpacker", of_path(file)))?;
    }
    let inner: Box<dyn Read> = match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(Gzip { member: Some(GzDecoder::new(reader)) }),
        Compression::Bzip2 => Box::new(MultiBzDecoder::new(reader)),
        Compression::Xz => Box::new(XzReader::new_mem_limit(reader, true, UNPACKER_KIB)),
    };
    Ok(Counted { inner, read: 0 })
}

/// The images of a tar archive or of a batch, which `content` says how it is compressed; the name of
/// the layout.
pub(super) fn read(
    kind: DatasetKind,
    facts: &Published,
    batches: &Batches,
    file: &Path,
    content: Content,
) -> Result<(Vec<u8>, &'static str)> {
    let compression = Compression::of(content);
    let mut reader = expand(file, compression)?;
    let mut first = Vec::new();
    let begin = reader.by_ref().take(FIRST as u64).read_to_end(&mut first);
    begin.map_err(|error| fault(file, error, 0))?;
    if compression == Compression::None {
        check_end(file)?;
    }
    // An archive without members is a block of zeros.
    if compression == Compression::None || is_tar(&first) || first == [0; FIRST] {
        let most = compression.most_bytes(size_of(file)?);
        let archive = tar::Archive::new(Cursor::new(first).chain(reader));
        let (images, format) = read_archive(kind, facts, batches, file, archive, most)?;
        let layout = match format {
            Format::Binary => "archive of the binary version",
            Format::Pickled => "archive of pickled batches",
            Format::Npz => "archive of .npz batches",
        };
        return Ok((images, layout));
    }
    read_single(kind, facts, file, content, first, reader)
}

/// Checks that an archive that nothing compresses has its end, which is blocks of zeros. Without, one
/// that is cut between two members would be a whole one of fewer.
fn check_end(file: &Path) -> Result<()> {
    let io = |error| Error::io(file, error);
    let mut opened = File::open(file).map_err(io)?;
    let mut last = [0; 512];
    opened.seek(SeekFrom::End(-(last.len() as i64))).map_err(io)?;
    opened.read_exact(&mut last).map_err(io)?;
    if last == [0; 512] {
        return Ok(());
    }
    Err(broken(
        file,
        "found a broken or cut archive (without the blocks of zeros at its end), expected a whole \
         tar archive",
    ))
}

/// The images of a compressed batch, whose beginning is read already.
fn read_single(
    kind: DatasetKind,
    facts: &Published,
    file: &Path,
    content: Content,
    first: Vec<u8>,
    mut reader: impl Read,
) -> Result<(Vec<u8>, &'static str)> {
    let mut bytes = first;
    let mut chunk = vec![0; 1 << 16];
    loop {
        let n = match reader.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result.map_err(|error| fault(file, error, 0))?,
        };
        if n == 0 {
            break;
        }
        append(&mut bytes, &chunk[..n], file)?;
    }
    let mut images = Vec::new();
    let inner = recognise(&bytes[..bytes.len().min(FIRST)], bytes.len() as u64);
    match (inner, cifar::labels(kind)) {
        (Some(Content::Pickle), _) => {
            pickled::read_batch(kind, facts, &bytes, file, &mut images)?;
            Ok((images, "pickled batch, compressed"))
        }
        (None, Some(labels)) => {
            let records = cifar::count_records(file, bytes.len() as u64, labels)?;
            try_reserve(&mut images, bytes.len())
                .map_err(|()| too_large(file, bytes.len() as u64))?;
            let io = |error| fault(file, error, 0);
            cifar::read_records(&mut &*bytes, file, records, labels, &io, &mut images)?;
            Ok((images, "binary version, compressed"))
        }
        (inner, _) => {
            let inner = inner.map_or("something else", Content::name);
            Err(broken(
                file,
                format_args!(
                    "found {inner} inside of {}, expected a tar archive or a batch of {}; unpack \
                     it first if it holds a data set",
                    content.name(),
                    facts.name
                ),
            ))
        }
    }
}

/// The images of a batch in an archive.
struct Member {
    format: Format,
    name: String,
    images: Vec<u8>,
}

/// The images of all batches in the archive, in the byte order of the batches' names, and the
/// format that they have. No member may have more than `most` bytes.
fn read_archive<R: Read>(
    kind: DatasetKind,
    facts: &Published,
    batches: &Batches,
    file: &Path,
    mut archive: tar::Archive<R>,
    most: u64,
) -> Result<(Vec<u8>, Format)> {
    // What cat appended to an archive stands behind the zeros at its end.
    archive.set_ignore_zeros(true);
    let mut members: Vec<Member> = Vec::new();
    // The place of each in `members`, by its path in the archive.
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    let mut linked = 0;
    let entries = archive.entries().map_err(|error| fault(file, error, 0))?;
    let mut at = 0;
    for entry in entries {
        let mut entry = entry.map_err(|error| fault(file, error, at))?;
        at = entry.raw_file_position();
        let path = entry.path().map_err(|error| fault(file, error, at))?.into_owned();
        let Some((format, name)) = path.file_name().and_then(|name| find(batches, name)) else {
            continue;
        };
        let entry_type = entry.header().entry_type();
        if entry_type.is_dir() {
            continue;
        }
        // Not joined: a member's path may be absolute.
        let mut shown = file.as_os_str().to_owned();
        shown.push(": ");
        shown.push(&path);
        let shown = PathBuf::from(shown);
        let refused = |found: std::fmt::Arguments<'_>| {
            broken(&shown, format_args!("found {found}; unpack the archive and give the folder"))
        };
        let images = if entry_type.is_file() {
            read_member(kind, facts, format, most, &mut entry, &shown)?
        } else if entry_type.is_hard_link() {
            let target = entry.link_name().map_err(|error| fault(file, error, at))?;
            let target = target.unwrap_or_default();
            let Some(place) = places.get(&plain(&target)) else {
                return Err(refused(format_args!(
                    "a hard link to {}, which is no batch before it in the archive",
                    of_path(&target)
                )));
            };
            let Member { format: target_format, images, .. } = &members[*place];
            if *target_format != format {
                return Err(refused(format_args!(
                    "a hard link to {}, a batch of another format",
                    of_path(&target)
                )));
            }
            linked += images.len() as u64;
            if linked > MOST_BYTES {
                return Err(broken(file, too_many_bytes()));
            }
            let mut copy = Vec::new();
            append(&mut copy, images, &shown)?;
            copy
        } else if entry_type.is_symlink() {
            return Err(refused(format_args!("a symbolic link, expected a batch")));
        } else {
            return Err(refused(format_args!(
                "an entry of type {:?}, expected a regular file",
                char::from(entry_type.as_byte())
            )));
        };
        if places.insert(plain(&path), members.len()).is_some() {
            return Err(refused(format_args!("it twice in the archive, expected it once")));
        }
        members.push(Member { format, name, images });
    }
    // The rest, up to the checksum.
    let rest = io::copy(&mut archive.into_inner(), &mut io::sink());
    rest.map_err(|error| fault(file, error, at))?;
    // The binary version first, as in a folder that has both.
    members.sort_by(|a, b| (a.format, &a.name).cmp(&(b.format, &b.name)));
    let Some(format) = members.first().map(|member| member.format) else {
        let remedy = match kind {
            DatasetKind::ImageNet => "; unpack an archive of JPEG files and give the folder",
            _ => "",
        };
        return Err(broken(
            file,
            format_args!("found none of {batches}, expected {}{remedy}", facts.name),
        ));
    };
    let mut images = Vec::new();
    for member in members.into_iter().filter(|member| member.format == format) {
        if images.is_empty() {
            images = member.images;
        } else {
            append(&mut images, &member.images, file)?;
        }
    }
    Ok((images, format))
}

/// A path without what does not change where it leads.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
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
    if let (Format::Binary, Some(labels)) = (format, cifar::labels(kind)) {
        let records = cifar::count_records(member, size, labels)?;
        reserve(&mut images, size)?;
        let io = |error| fault(member, error, at);
        cifar::read_records(entry, member, records, labels, &io, &mut images)?;
        return Ok(images);
    }
    let mut bytes = Vec::new();
    reserve(&mut bytes, size)?;
    entry.read_to_end(&mut bytes).map_err(|error| fault(member, error, at))?;
    if bytes.len() as u64 != size {
        let error = io::Error::from(io::ErrorKind::UnexpectedEof);
        return Err(fault(member, error, at));
    }
    if format == Format::Npz {
        return npy::read_zip(kind, facts, bytes, size, member);
    }
    pickled::read_batch(kind, facts, &bytes, member, &mut images)?;
    Ok(images)
}

/// What the unpacker says is the archive's fault, unless the system refused to read it.
fn fault(file: &Path, error: io::Error, at: u64) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io(file, error);
    }
    if error.kind() == io::ErrorKind::OutOfMemory {
        return Error::OutOfMemory(format!("{}: its unpacker ({})", of_path(file), whole(error)));
    }
    broken(
        file,
        format_args!(
            "found a broken or cut archive (in what begins at byte {at} when expanded: {}), \
             expected a whole tar archive or batch",
            whole(error)
        ),
    )
}
