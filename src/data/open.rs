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
use crate::recognise::{Content, FIRST, recognise};

/// The images at `path` and the name of the layout that they have there.
pub(super) fn open(
    kind: DatasetKind,
    facts: &Published,
    path: &Path,
) -> Result<(Arc<dyn Source>, &'static str)> {
    let batches = Batches::of(kind).ok_or_else(|| {
        Error::Internal(format!("the data set {} has no published files", facts.name))
    })?;
    let is_folder = fs::metadata(path).map_err(|error| Error::io(path, error))?.is_dir();
    let (images, layout) = if !is_folder {
        read_file(kind, facts, &batches, path)?
    } else if let Some(found) = read_folder(kind, facts, &batches, path)? {
        found
    } else if kind == DatasetKind::ImageNet {
        return Ok((Arc::new(ImageFolder::open(facts, path)?), "folder of JPEG files"));
    } else {
        return Err(broken(
            path,
            format_args!("found none of {batches}, expected the folder of {}", facts.name),
        ));
    };
    if images.is_empty() {
        return Err(broken(path, format_args!("found no images of {}", facts.name)));
    }
    Ok((Arc::new(Memory::new(images, facts.shape)), layout))
}

/// The images of a folder's batches, if it has any.
fn read_folder(
    kind: DatasetKind,
    facts: &Published,
    batches: &Batches,
    folder: &Path,
) -> Result<Option<(Vec<u8>, &'static str)>> {
    let Some((format, files)) = in_folder(batches, folder)? else { return Ok(None) };
    Ok(Some(match (format, cifar::labels(kind)) {
        (Format::Binary, Some(labels)) => (cifar::read(&files, labels)?, "binary version"),
        (Format::Npz, _) => (npy::read_all(kind, facts, &files)?, ".npz batches"),
        _ => (pickled::read(kind, facts, &files)?, "pickled batches"),
    }))
}

fn read_file(
    kind: DatasetKind,
    facts: &Published,
    batches: &Batches,
    file: &Path,
) -> Result<(Vec<u8>, &'static str)> {
    let size = size_of(file)?;
    let io = |error| Error::io(file, error);
    let mut first = Vec::new();
    File::open(file).map_err(io)?.take(FIRST as u64).read_to_end(&mut first).map_err(io)?;
    let content = recognise(&first, size);
    if tensors::looks_like(&first, size) || file.extension().is_some_and(|e| e == "safetensors") {
        return Ok((tensors::read(kind, facts, file)?, "safetensors file"));
    }
    let files = [file.to_owned()];
    match (content, cifar::labels(kind)) {
        (Some(Content::Npy), _) => Ok((npy::read(facts, file)?, ".npy file")),
        (Some(Content::Zip), _) => Ok((npy::read_archive(kind, facts, file)?, ".npz file")),
        (Some(Content::Pickle), _) => Ok((pickled::read(kind, facts, &files)?, "pickled batch")),
        (Some(content @ (Content::Gzip | Content::Bzip2 | Content::Xz | Content::Tar)), _) => {
            archive::read(kind, facts, batches, file, content)
        }
        (None, Some(labels)) => Ok((cifar::read(&files, labels)?, "binary version")),
        (content, _) => Err(broken(file, wrong_content(kind, facts, content))),
    }
}

/// What is wrong with a file of another kind.
fn wrong_content(kind: DatasetKind, facts: &Published, content: Option<Content>) -> String {
    let found = content.map_or("a file of an unknown kind", Content::name);
    let expected = match kind {
        DatasetKind::ImageNet => "a folder of JPEG files, its batches, .npy, .npz or safetensors",
        _ => "its published files, an archive of them, .npy, .npz or safetensors",
    };
    let remedy = content.and_then(Content::remedy).unwrap_or(
        "export the images of other formats with NumPy (numpy.save of images x channels x height \
         x width as uint8)",
    );
    format!("found {found}, expected {} as {expected}; {remedy}", facts.name)
}
