//! Batches of images as Python pickled them.
//!
//! Keys and label fields are those that public readers ask for: CIFAR-10 and CIFAR-100 as in
//! torchvision (`torchvision/datasets/cifar.py`), ImageNet16 as in AutoDL-Projects
//! (`xautodl/datasets/DownsampledImageNet.py`), whose labels count from 1 and whose first 120
//! classes are ImageNet16-120. ImageNet at 32x32 has the same form.

use std::path::{Path, PathBuf};

use super::array::{Layout, check_labels, keeps};
use super::files::{Checked, append, broken, read as read_file, reserved};
use super::{DatasetKind, Published};
use crate::error::{Error, Result, try_vec};
use crate::message::{list, of_path};
use crate::pickle::{Fault, Id, Pickle};

/// The images of all files, one after the other.
pub(super) fn read(kind: DatasetKind, facts: &Published, files: &[PathBuf]) -> Result<Vec<u8>> {
    let mut images = Vec::new();
    for file in files {
        read_batch(kind, facts, &read_file(file)?, file, &mut images)?;
    }
    Ok(images)
}

/// Appends the images of one pickled batch.
pub(super) fn read_batch(
    kind: DatasetKind,
    facts: &Published,
    bytes: &[u8],
    file: &Path,
    images: &mut Vec<u8>,
) -> Result<()> {
    let pickle = Pickle::parse(bytes).map_err(|fault| match fault {
        Fault::Broken { offset, problem } => broken(
            file,
            format_args!("not a pickle that can be read: {problem}, at offset {offset}"),
        ),
        Fault::Memory => Error::OutOfMemory(format!("{}: the values of a pickle", of_path(file))),
    })?;
    let problem = |problem: String| broken(file, problem);
    let of = |key: &str, what: String| problem(format!("key '{key}': {what}"));
    let need = |key: &str| {
        pickle.entry(pickle.root(), key).ok_or_else(|| {
            problem(format!(
                "found a pickle without the key '{key}'{}, expected a batch of {}",
                keys_of(&pickle),
                facts.name
            ))
        })
    };
    let label_key = match kind {
        DatasetKind::Cifar100 => "fine_labels",
        _ => "labels",
    };
    let data = pickle.array(need("data")?).map_err(|what| of("data", what))?;
    let layout = Layout::of(facts, data.dtype, &data.shape, data.fortran);
    let layout = layout.map_err(|what| of("data", what))?;
    let labels = integers(&pickle, need(label_key)?).map_err(|what| of(label_key, what))?;
    if labels.len() != layout.count {
        let (found, expected) = (labels.len(), layout.count);
        let what = format!("found {found} labels, expected {expected}, as there are images");
        return Err(of(label_key, what));
    }
    check_labels(kind, &labels).map_err(|what| of(label_key, what))?;
    let mut image = try_vec(0u8, facts.shape.iter().product(), "an image")?;
    for (index, &label) in labels.iter().enumerate() {
        if keeps(kind, label) {
            layout.copy(&data.bytes, index, &mut image);
            append(images, &image, file)?;
        }
    }
    Ok(())
}

/// " (it has a, b)", for a dictionary with keys that are text.
fn keys_of(pickle: &Pickle<'_>) -> String {
    let entries = pickle.entries(pickle.root()).unwrap_or_default();
    let keys: Vec<&str> = entries.iter().filter_map(|(key, _)| pickle.text(*key)).collect();
    if keys.is_empty() { String::new() } else { format!(" (it has {})", list(keys)) }
}

/// A list of integers, also of NumPy's, or an array of them.
fn integers(pickle: &Pickle<'_>, id: Id) -> Checked<Vec<i64>> {
    let no_integers = || "found something else, expected a list of integers".to_owned();
    match pickle.items(id) {
        Some(items) => {
            let mut integers = reserved(items.len()).ok_or("out of memory")?;
            for &item in items {
                integers.push(pickle.int(item).ok_or_else(no_integers)?);
            }
            Ok(integers)
        }
        None if pickle.function(id).is_some() => {
            pickle.array(id)?.integers().ok_or_else(no_integers)
        }
        None => Err(no_integers()),
    }
}
