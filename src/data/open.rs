//! Finds out how a data set is laid out on disk, and reads it.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::batches::{Batches, Format, in_folder};
use super::files::{broken, size_of};
use super::image_folder::ImageFolder;
use super::source::Memory;
use super::{DatasetKind, Published, Source, archive, cifar, npy, pickled, tensors};
use crate::error::{Error, Result};

/// The images at `path` and the name of the layout that they have there.
pub(super) fn open(
    kind: DatasetKind,
    facts: &Published,
    path: &Path,
) -> Result<(Arc<dyn Source>, &'static str)> {
    let batches = Batches::of(kind);
    let is_folder = fs::metadata(path).map_err(|error| Error::io(path, error))?.is_dir();
    let (images, layout) = match (is_folder, batches) {
        (true, None) => {
            return Ok((Arc::new(ImageFolder::open(facts, path)?), "folder of JPEG files"));
        }
        (true, Some(batches)) => read_folder(kind, facts, &batches, path)?,
        (false, batches) => read_file(kind, facts, batches.as_ref(), path)?,
    };
    if images.is_empty() {
        return Err(broken(path, format_args!("found no images of {}", facts.name)));
    }
    Ok((Arc::new(Memory::new(images, facts.shape)), layout))
}

fn read_folder(
    kind: DatasetKind,
    facts: &Published,
    batches: &Batches,
    folder: &Path,
) -> Result<(Vec<u8>, &'static str)> {
    match (in_folder(batches, folder)?, cifar::labels(kind)) {
        (Some((Format::Binary, files)), Some(labels)) => {
            Ok((cifar::read(&files, labels)?, "binary version"))
        }
        (Some((_, files)), _) => Ok((pickled::read(kind, facts, &files)?, "pickled batches")),
        (None, _) => Err(broken(
            folder,
            format_args!("found none of {batches}, expected the folder of {}", facts.name),
        )),
    }
}

fn read_file(
    kind: DatasetKind,
    facts: &Published,
    batches: Option<&Batches>,
    file: &Path,
) -> Result<(Vec<u8>, &'static str)> {
    let size = size_of(file)?;
    let io = |error| Error::io(file, error);
    let mut first = Vec::new();
    File::open(file).map_err(io)?.take(16).read_to_end(&mut first).map_err(io)?;
    if first.starts_with(npy::MAGIC) {
        return Ok((npy::read(facts, file)?, ".npy file"));
    }
    // A zip archive, also an empty one.
    if first.starts_with(b"PK\x03\x04") || first.starts_with(b"PK\x05\x06") {
        return Ok((npy::read_archive(kind, facts, file)?, ".npz file"));
    }
    if tensors::looks_like(&first, size) || file.extension().is_some_and(|e| e == "safetensors") {
        return Ok((tensors::read(kind, facts, file)?, "safetensors file"));
    }
    let Some(batches) = batches else {
        return Err(broken(
            file,
            format_args!(
                "found a file of another kind, expected a folder of JPEG files for {}, or .npy, \
                 .npz or safetensors",
                facts.name
            ),
        ));
    };
    if first.starts_with(b"\x1f\x8b") {
        let (images, format) = archive::read(kind, facts, batches, file)?;
        return Ok(match format {
            Format::Binary => (images, "archive of the binary version"),
            Format::Pickled => (images, "archive of pickled batches"),
        });
    }
    let files = [file.to_owned()];
    match cifar::labels(kind) {
        // No label is as large as the byte that pickles begin with.
        Some(labels) if first.first() != Some(&0x80) => {
            Ok((cifar::read(&files, labels)?, "binary version"))
        }
        _ => Ok((pickled::read(kind, facts, &files)?, "pickled batch")),
    }
}
