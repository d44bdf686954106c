//! Images in a safetensors file: the tensor `images`, or else `data`; labels as in `.npz` files.

use std::borrow::Cow;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use super::array::{Array, count_images, keep_labelled};
use super::files::{broken, read as read_file};
use super::{DatasetKind, Published};
use crate::error::Result;
use crate::message::{list, whole};

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
    let array = |name: &str| {
        let info = metadata.info(name)?;
        let (start, end) = info.data_offsets;
        Some((name_of(info.dtype), info.shape.clone(), tensors + start..tensors + end))
    };
    let named = ["images", "data"].into_iter().find_map(|name| Some((name, array(name)?)));
    let Some((name, (dtype, shape, images))) = named else {
        let names = metadata.offset_keys();
        return Err(broken(
            file,
            format_args!(
                "found the tensors {}, expected images or data",
                list(names.iter().map(String::as_str))
            ),
        ));
    };
    let of = |name: &str, problem: String| broken(file, format_args!("tensor {name}: {problem}"));
    count_images(facts, dtype, &shape).map_err(|problem| of(name, problem))?;
    let labels = array("labels").map(|(dtype, shape, place)| {
        let bytes = Cow::Owned(bytes.get(place).unwrap_or_default().to_vec());
        Array { dtype, shape, bytes }
    });
    bytes.truncate(images.end);
    bytes.drain(..images.start);
    if let Some(labels) = labels {
        let kept = keep_labelled(kind, facts, &labels, &mut bytes);
        kept.map_err(|problem| of("labels", problem))?;
    }
    Ok(bytes)
}

/// NumPy's name of a type.
fn name_of(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::U8 => "u1",
        Dtype::I8 => "i1",
        Dtype::U16 => "u2",
        Dtype::I16 => "i2",
        Dtype::U32 => "u4",
        Dtype::I32 => "i4",
        Dtype::U64 => "u8",
        Dtype::I64 => "i8",
        Dtype::F16 => "f2",
        Dtype::F32 => "f4",
        Dtype::F64 => "f8",
        Dtype::BOOL => "b1",
        _ => "that NumPy lacks",
    }
}
