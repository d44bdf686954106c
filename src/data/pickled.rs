//! Batches of images as Python pickled them.
//!
//! Keys and label fields are those that public readers ask for: CIFAR-10 and CIFAR-100 as in
//! torchvision (`torchvision/datasets/cifar.py`), ImageNet16 as in AutoDL-Projects
//! (`xautodl/datasets/DownsampledImageNet.py`), whose labels count from 1 and whose first 120
//! classes are ImageNet16-120.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::array::{Array, count_images, dimensions, keeps};
use super::files::{Checked, append, broken, read as read_file, reserved};
use super::pickle::{Fault, Id, Pickle, Value};
use super::{DatasetKind, Published};
use crate::error::Result;
use crate::message::clip;

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
    let problem = |problem: String| broken(file, problem);
    let pickle = Pickle::parse(bytes).map_err(|Fault { offset, problem }| {
        broken(file, format_args!("not a pickle that can be read: {problem}, at offset {offset}"))
    })?;
    let entry = |key: &str| pickle.entry(pickle.root(), key);
    let label_keys: &[&str] = match kind {
        DatasetKind::Cifar100 => &["fine_labels"],
        _ => &["labels"],
    };
    let missing = |key: &str| {
        problem(format!(
            "found a pickle without the key '{key}', expected a batch of {}",
            facts.name
        ))
    };
    let data = array(&pickle, entry("data").ok_or_else(|| missing("data"))?)
        .map_err(|p| problem(format!("key 'data': {p}")))?;
    let count = count_images(facts, data.dtype, &data.shape)
        .map_err(|p| problem(format!("key 'data': {p}")))?;
    let key = label_keys[0];
    let labels = integers(&pickle, entry(key).ok_or_else(|| missing(key))?)
        .map_err(|p| problem(format!("key '{key}': {p}")))?;
    if labels.len() != count {
        return Err(problem(format!(
            "key '{key}': found {} labels, expected {count}, as there are images",
            labels.len()
        )));
    }
    let image = facts.shape.iter().product::<usize>();
    for (i, (&label, image)) in labels.iter().zip(data.bytes.chunks_exact(image)).enumerate() {
        if keeps(kind, label, i).map_err(|p| problem(format!("key '{key}': {p}")))? {
            append(images, image, file)?;
        }
    }
    Ok(())
}

/// A value that NumPy pickled: by `_reconstruct` and a state, or (protocol 5) by `_frombuffer`.
fn array<'a>(pickle: &Pickle<'a>, id: Id) -> Checked<Array<'a>> {
    let no_array = || "found something else, expected a NumPy array".to_owned();
    let Value::Call { function, arguments, state } = pickle.get(id) else {
        return Err(no_array());
    };
    let Value::Global(module, name) = pickle.get(*function) else { return Err(no_array()) };
    let tuple = |id: Id| match pickle.get(id) {
        Value::Tuple(items) => Ok(items.as_slice()),
        _ => Err(no_array()),
    };
    let (shape, dtype, fortran, raw) = match (*module, *name, *state) {
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct", Some(state)) => {
            // Version, shape, type, whether columns come first, bytes.
            let &[_, shape, dtype, fortran, raw] = tuple(state)? else { return Err(no_array()) };
            let fortran = match pickle.get(fortran) {
                Value::Bool(fortran) => *fortran,
                Value::Int(fortran) => *fortran != 0,
                _ => return Err(no_array()),
            };
            (shape, dtype, fortran, raw)
        }
        ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer", _) => {
            let &[raw, dtype, shape, order] = tuple(*arguments)? else { return Err(no_array()) };
            (shape, dtype, !matches!(pickle.get(order), Value::Text("C")), raw)
        }
        (module, name, _) => {
            let made = clip(&format!("{module}.{name}"));
            return Err(format!("found what {made} makes, expected a NumPy array"));
        }
    };
    if fortran {
        return Err("found an array in Fortran's order, expected C's".to_owned());
    }
    let shape = tuple(shape)?
        .iter()
        .map(|&n| match *pickle.get(n) {
            Value::Int(n) => usize::try_from(n).map_err(|_| no_array()),
            _ => Err(no_array()),
        })
        .collect::<Checked<Vec<usize>>>()?;
    let (dtype, size) = dtype_of(pickle, dtype).ok_or_else(no_array)?;
    let bytes = bytes_of(pickle, raw).ok_or("found an array without its bytes")?;
    let expected = shape.iter().try_fold(size, |len, &n| len.checked_mul(n));
    if expected != Some(bytes.len()) {
        return Err(format!(
            "found {} bytes, expected those of {} values of type {dtype}",
            bytes.len(),
            dimensions(&shape)
        ));
    }
    Ok(Array { dtype, shape, bytes })
}

/// The type of an array and its size; only integers and bytes have one here.
fn dtype_of<'a>(pickle: &Pickle<'a>, id: Id) -> Option<(&'a str, usize)> {
    let Value::Call { function, arguments, state } = pickle.get(id) else { return None };
    let Value::Global("numpy", "dtype") = pickle.get(*function) else { return None };
    let Value::Tuple(arguments) = pickle.get(*arguments) else { return None };
    let text = |id: Id| match *pickle.get(id) {
        Value::Text(text) => Some(text),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    };
    // The byte order is the state's second field.
    if let Some(Value::Tuple(state)) = state.map(|state| pickle.get(state))
        && text(*state.get(1)?)? == ">"
    {
        return None;
    }
    let dtype = text(*arguments.first()?)?.trim_start_matches(['|', '<', '=']);
    Some((dtype, dtype.get(1..)?.parse().ok()?))
}

/// Bytes, also as Python 3 writes them in protocol 2: a text to be encoded as Latin-1.
fn bytes_of<'a>(pickle: &Pickle<'a>, id: Id) -> Option<Cow<'a, [u8]>> {
    match pickle.get(id) {
        Value::Bytes(bytes) => Some(Cow::Borrowed(bytes)),
        Value::Call { function, arguments, .. } => {
            let Value::Global("_codecs", "encode") = pickle.get(*function) else { return None };
            let Value::Tuple(arguments) = pickle.get(*arguments) else { return None };
            let Value::Text(text) = *pickle.get(*arguments.first()?) else { return None };
            let mut bytes = reserved(text.len())?;
            for c in text.chars() {
                bytes.push(u8::try_from(u32::from(c)).ok()?);
            }
            Some(Cow::Owned(bytes))
        }
        _ => None,
    }
}

/// A list of integers, or an array of them.
fn integers(pickle: &Pickle<'_>, id: Id) -> Checked<Vec<i64>> {
    let no_integers = || "found something else, expected a list of integers".to_owned();
    match pickle.get(id) {
        Value::List(items) | Value::Tuple(items) => {
            let mut integers = reserved(items.len()).ok_or("out of memory")?;
            for &item in items {
                let Value::Int(integer) = *pickle.get(item) else { return Err(no_integers()) };
                integers.push(integer);
            }
            Ok(integers)
        }
        Value::Call { .. } => array(pickle, id)?.integers().ok_or_else(no_integers),
        _ => Err(no_integers()),
    }
}
