//! Images in a safetensors file: tensors by the names that `.npz` files have for their arrays.

use std::borrow::Cow;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype as TensorType;

use super::array::{Layout, NAMES, keep_labelled};
use super::files::{broken, read as read_file, too_large};
use super::{DatasetKind, Published};
use crate::error::Result;
use crate::message::{list, whole};
use crate::numpy::{Array, Dtype};

/// Whether a file of `size` bytes may be one, by its first nine bytes: the length of the header,
/// and the brace that it begins with.
pub(super) fn looks_like(first: &[u8], size: u64) -> bool {
    match first.first_chunk::<9>() {
        Some(&[ref length @ .., b'{']) => {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(length);
            u64::from_le_bytes(bytes).checked_add(8).is_some_and(|end| end <= size)
        }
        _ => false,
    }
}

pub(super) fn read(kind: DatasetKind, facts: &Published, file: &Path) -> Result<Vec<u8>> {
    let mut bytes = read_file(file)?;
    let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| {
        broken(file, format_args!("found broken safetensors ({})", whole(error)))
    })?;
    let tensors = header + 8;
    // Type, shape and place; the header covers the whole file.
    let tensor = |name: &str| {
        let info = metadata.info(name)?;
        let (start, end) = info.data_offsets;
        Some((dtype_of(info.dtype), info.shape.clone(), tensors + start..tensors + end))
    };
    let found = NAMES.iter().find_map(|names| Some((names, tensor(names.0)?)));
    let Some(((name, labels_name), (dtype, shape, images))) = found else {
        let names = metadata.offset_keys();
        return Err(broken(
            file,
            format_args!(
                "found the tensors {}, expected images or data (or x_train)",
                list(names.iter().map(String::as_str))
            ),
        ));
    };
    let of = |name: &str, problem: String| broken(file, format_args!("tensor {name}: {problem}"));
    let known = |dtype: Option<Dtype>| {
        dtype.ok_or_else(|| "found values of a type that NumPy lacks, expected integers".to_owned())
    };
    let layout = known(dtype).and_then(|dtype| Layout::of(facts, dtype, &shape, false));
    let layout = layout.map_err(|problem| of(name, problem))?;
    let labels = tensor(labels_name).map(|(dtype, shape, place)| {
        let values = Cow::Owned(bytes.get(place).unwrap_or_default().to_vec());
        Array::new(known(dtype)?, shape, false, values)
    });
    bytes.truncate(images.end);
    bytes.drain(..images.start);
    let len = bytes.len() as u64;
    let mut bytes = layout.arrange(bytes).ok_or_else(|| too_large(file, len))?;
    if let Some(labels) = labels {
        let kept = labels.and_then(|labels| keep_labelled(kind, facts, &labels, &mut bytes));
        kept.map_err(|problem| of(labels_name, problem))?;
    }
    Ok(bytes)
}

/// NumPy's type, if it has this one.
fn dtype_of(dtype: TensorType) -> Option<Dtype> {
    Dtype::parse(match dtype {
        TensorType::U8 => "u1",
        TensorType::I8 => "i1",
        TensorType::U16 => "u2",
        TensorType::I16 => "i2",
        TensorType::U32 => "u4",
        TensorType::I32 => "i4",
        TensorType::U64 => "u8",
        TensorType::I64 => "i8",
        TensorType::F16 => "f2",
        TensorType::F32 => "f4",
        TensorType::F64 => "f8",
        TensorType::BOOL => "b1",
        _ => return None,
    })
}
