//! The names under which data sets publish their training batches.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::DatasetKind;
use crate::error::{Error, Result};

/// How a batch is written. Of those that a folder or archive has, only the first in this order is
/// read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Format {
    /// CIFAR's binary version.
    Binary,
    /// CIFAR's Python version, ImageNet16.
    Pickled,
    /// An archive of NumPy's.
    Npz,
}

/// How the files of a format are named: `before`, then a number if they are `numbered`, then
/// `behind`.
#[derive(Debug)]
pub(super) struct Pattern {
    format: Format,
    before: &'static str,
    behind: &'static str,
    numbered: bool,
    /// The folder that the published archive unpacks to.
    folder: &'static str,
}

/// The patterns of a data set.
#[derive(Debug)]
pub(super) struct Batches(&'static [Pattern]);

impl Batches {
    /// `None` for images of a host's own, which have no published names.
    pub(super) fn of(kind: DatasetKind) -> Option<Self> {
        use Format::*;
        const fn p(
            format: Format,
            before: &'static str,
            behind: &'static str,
            numbered: bool,
            folder: &'static str,
        ) -> Pattern {
            Pattern { format, before, behind, numbered, folder }
        }
        static CIFAR10: [Pattern; 3] = [
            p(Binary, "data_batch_", ".bin", true, "cifar-10-batches-bin"),
            p(Pickled, "data_batch_", "", true, "cifar-10-batches-py"),
            p(Npz, "data_batch_", ".npz", true, "cifar-10-batches-npz"),
        ];
        static CIFAR100: [Pattern; 3] = [
            p(Binary, "train", ".bin", false, "cifar-100-binary"),
            p(Pickled, "train", "", false, "cifar-100-python"),
            p(Npz, "train", ".npz", false, "cifar-100-npz"),
        ];
        static IMAGENET16: [Pattern; 2] = [
            p(Pickled, "train_data_batch_", "", true, "ImageNet16"),
            p(Npz, "train_data_batch_", ".npz", true, "Imagenet16_train_npz"),
        ];
        static IMAGENET: [Pattern; 2] = [
            p(Pickled, "train_data_batch_", "", true, "Imagenet32_train"),
            p(Npz, "train_data_batch_", ".npz", true, "Imagenet32_train_npz"),
        ];
        match kind {
            DatasetKind::Cifar10 => Some(Batches(&CIFAR10)),
            DatasetKind::Cifar100 => Some(Batches(&CIFAR100)),
            DatasetKind::ImageNet16 => Some(Batches(&IMAGENET16)),
            DatasetKind::ImageNet => Some(Batches(&IMAGENET)),
            DatasetKind::Custom => None,
        }
    }
}

impl fmt::Display for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, pattern) in self.0.iter().enumerate() {
            let Pattern { before, behind, numbered, .. } = pattern;
            let (or, star) = (if i == 0 { "" } else { ", " }, if *numbered { "*" } else { "" });
            write!(f, "{or}{before}{star}{behind}")?;
        }
        Ok(())
    }
}

impl Pattern {
    fn fits(&self, name: &str) -> bool {
        let middle = name.strip_prefix(self.before).and_then(|m| m.strip_suffix(self.behind));
        middle.is_some_and(|middle| {
            middle.is_empty() != self.numbered && middle.bytes().all(|b| b.is_ascii_digit())
        })
    }
}

/// The format of a batch by its file name, and the name as text.
pub(super) fn find(batches: &Batches, name: &OsStr) -> Option<(Format, String)> {
    // A name that is not UTF-8 is none of these.
    let name = name.to_str()?;
    let pattern = batches.0.iter().find(|pattern| pattern.fits(name))?;
    Some((pattern.format, name.to_owned()))
}

/// The batches of a folder, or of the published folder in it, in the byte order of their names.
pub(super) fn in_folder(
    batches: &Batches,
    folder: &Path,
) -> Result<Option<(Format, Vec<PathBuf>)>> {
    let mut folders = vec![folder.to_owned()];
    folders.extend(batches.0.iter().map(|pattern| folder.join(pattern.folder)));
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let io = |error| Error::io(folder, error);
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            // A folder named `train` is common, and is not CIFAR-100's batch of that name.
            let is_batch = |(format, name): &(Format, String)| {
                *format != Format::Pickled || !folder.join(name).is_dir()
            };
            found.extend(find(batches, &entry.file_name()).filter(is_batch));
        }
        // A folder's own order differs between machines.
        found.sort_unstable();
        if let Some(&(format, _)) = found.first() {
            let of_format = found.iter().filter(|(f, _)| *f == format);
            return Ok(Some((format, of_format.map(|(_, name)| folder.join(name)).collect())));
        }
    }
    Ok(None)
}
