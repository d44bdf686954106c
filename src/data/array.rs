//! Arrays that files hold, whatever the format: checked and turned into images.

use std::borrow::Cow;

use super::DatasetKind;
use super::files::{Checked, reserved};
use super::kind::Published;

/// An array as a file has it: C order, little endian.
#[derive(Debug)]
pub(super) struct Array<'a> {
    /// NumPy's name of the type without the byte order, for example `u1`.
    pub(super) dtype: &'a str,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Cow<'a, [u8]>,
}

/// "3 x 32 x 32".
pub(super) fn dimensions(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "a single value".to_owned();
    }
    let shown: Vec<String> = shape.iter().take(8).map(usize::to_string).collect();
    shown.join(" x ") + if shape.len() > 8 { " x ..." } else { "" }
}

/// The number of images of `facts` that an array of bytes holds: N x C x H x W, or N x (C H W).
/// What is wrong otherwise.
pub(super) fn count_images(facts: &Published, dtype: &str, shape: &[usize]) -> Checked<usize> {
    let [c, h, w] = facts.shape;
    let expected = format!("N x {c} x {h} x {w} bytes (u1)");
    if dtype != "u1" {
        return Err(format!("found values of type {dtype}, expected {expected}"));
    }
    match shape {
        [0, ..] => Err(format!("found no images, expected {expected}")),
        &[n, c2, h2, w2] if [c2, h2, w2] == facts.shape => Ok(n),
        &[n, len] if len == c * h * w => Ok(n),
        _ => Err(format!("found {}, expected {expected}", dimensions(shape))),
    }
}

/// The labels of a data set: the first, and how many there are in its files.
pub(super) fn labels_of(kind: DatasetKind) -> (i64, i64) {
    match kind {
        // All of ImageNet's; the images of the first 120 classes are the data set.
        DatasetKind::ImageNet16 => (1, 1000),
        kind => (0, kind.published().map_or(0, |facts| facts.classes as i64)),
    }
}

/// Whether an image with this label is part of the data set; what is wrong otherwise.
pub(super) fn keeps(kind: DatasetKind, label: i64, index: usize) -> Checked<bool> {
    let (first, count) = labels_of(kind);
    let last = first + count - 1;
    if !(first..=last).contains(&label) {
        return Err(format!("found label {label} of image {index}, expected {first} to {last}"));
    }
    let classes = kind.published().map_or(0, |facts| facts.classes as i64);
    Ok(label - first < classes)
}

impl Array<'_> {
    /// The values as integers, if that is what they are.
    pub(super) fn integers(&self) -> Option<Vec<i64>> {
        let size = match self.dtype {
            "u1" | "i1" => 1,
            "u2" | "i2" => 2,
            "u4" | "i4" => 4,
            "u8" | "i8" => 8,
            _ => return None,
        };
        let signed = self.dtype.starts_with('i');
        let mut values = reserved(self.bytes.len() / size)?;
        values.extend(self.bytes.chunks_exact(size).map(|bytes| {
            let fill = if signed && bytes[size - 1] & 0x80 != 0 { 0xff } else { 0 };
            let mut full = [fill; 8];
            full[..size].copy_from_slice(bytes);
            i64::from_le_bytes(full)
        }));
        Some(values)
    }
}

/// Checks that each image has a label that the data set knows, and drops the images of classes that
/// are not part of it.
pub(super) fn keep_labelled(
    kind: DatasetKind,
    facts: &Published,
    labels: &Array<'_>,
    images: &mut Vec<u8>,
) -> Checked<()> {
    let len = facts.shape.iter().product::<usize>();
    let count = images.len() / len;
    let integers = labels.integers().filter(|_| labels.shape == [count]);
    let integers = integers.ok_or_else(|| {
        format!(
            "found {} values of type {}, expected {count} integers, as there are images",
            dimensions(&labels.shape),
            labels.dtype
        )
    })?;
    let mut kept = 0;
    for (i, &label) in integers.iter().enumerate() {
        if keeps(kind, label, i)? {
            images.copy_within(i * len..(i + 1) * len, kept * len);
            kept += 1;
        }
    }
    images.truncate(kept * len);
    Ok(())
}
