//! Constants: their shapes, and their values when they are asked for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use super::super::proto::{DataLocation, DataType, TensorProto};
use crate::error::{Error, Result, try_reserve, try_vec};
use crate::message::{clip, of_path};

/// Axes of a constant.
const RANK: usize = 8;
/// Numbers of a constant.
const ELEMENTS: usize = 1 << 30;

/// Whole numbers that a shape or an index may consist of.
pub(super) const INTEGERS: usize = 1 << 13;

/// Equal numbers that a node may make of one.
const FILLED: usize = 1 << 16;

/// Where values in other files are.
pub(super) struct Weights<'a> {
    folder: Option<&'a Path>,
    /// What could not be found.
    missing: RefCell<BTreeSet<String>>,
}

/// A constant of the graph.
#[derive(Clone)]
pub(super) enum Constant<'a> {
    /// Real numbers, read when they are asked for.
    Tensor {
        tensor: &'a TensorProto,
        dims: Vec<usize>,
        /// Of a matrix: columns are rows.
        transposed: bool,
    },
    /// Whole numbers: shapes, axes, indices. `dims` is empty for a single one.
    Integers { dims: Vec<usize>, values: Vec<i64> },
    /// One real number, in all places of a shape.
    Filled { value: f64, dims: Vec<usize> },
}

/// An error's beginning: which constant.
fn named(tensor: &TensorProto) -> String {
    format!("constant {:?}", clip(tensor.name.as_deref().unwrap_or_default()))
}

impl<'a> Constant<'a> {
    /// A constant of the file.
    ///
    /// Errors: [`Error::Format`] for dimensions, a type or an amount of data that cannot be.
    pub(super) fn new(tensor: &'a TensorProto) -> Result<Self> {
        let name = named(tensor);
        let wrong = |text: String| Error::Format(format!("{name}: {text}"));
        if tensor.dims.len() > RANK {
            let rank = tensor.dims.len();
            return Err(wrong(format!("found {rank} dimensions, expected at most {RANK}")));
        }
        let mut elements = 1usize;
        let mut dims = Vec::new();
        for dim in &tensor.dims {
            let Ok(dim) = usize::try_from(*dim) else {
                return Err(wrong(format!("found a dimension of {dim}, expected 0 or more")));
            };
            elements = elements.saturating_mul(dim);
            dims.push(dim);
        }
        if elements > ELEMENTS {
            return Err(wrong(format!("found more than {ELEMENTS} numbers, expected fewer")));
        }
        let kind = tensor.data_type.unwrap_or_default();
        match DataType::try_from(kind) {
            Ok(DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16) => {
                check_length(tensor, elements)?;
                Ok(Constant::Tensor { tensor, dims, transposed: false })
            }
            Ok(DataType::Int64 | DataType::Int32 | DataType::Bool) => {
                let values = integers(tensor, elements)?;
                Ok(Constant::Integers { dims, values })
            }
            Ok(other) => Err(wrong(format!(
                "found values of type {other:?}, expected floating-point or whole numbers"
            ))),
            Err(_) => Err(wrong(format!("found values of type {kind}, which ONNX does not have"))),
        }
    }

    /// That what was made of numbers is no longer than what a file may have.
    pub(super) fn check_size(&self) -> Result<()> {
        match self {
            Constant::Integers { values, .. } if values.len() > INTEGERS => {
                let found = values.len();
                let text = format!("found {found} whole numbers, expected at most {INTEGERS}");
                Err(Error::Format(text))
            }
            Constant::Filled { dims, .. } => {
                let elements = dims.iter().fold(1usize, |n, dim| n.saturating_mul(*dim));
                if elements > FILLED || dims.len() > RANK {
                    return Err(Error::Format(format!(
                        "found a constant of {} dimensions and {elements} equal numbers, expected at \
                         most {RANK} and {FILLED}",
                        dims.len()
                    )));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Its shape.
    pub(super) fn dims(&self) -> Vec<usize> {
        match self {
            Constant::Tensor { dims, transposed, .. } => {
                let mut dims = dims.clone();
                if *transposed {
                    dims.reverse();
                }
                dims
            }
            Constant::Integers { dims, .. } => dims.clone(),
            Constant::Filled { dims, .. } => dims.clone(),
        }
    }

    /// The numbers of a small constant, as they are in memory; `None` if they are in a file that is
    /// not there, or are many.
    pub(super) fn numbers(&self, weights: &Weights<'_>) -> Result<Option<Vec<f64>>> {
        Ok(match self {
            Constant::Filled { value, dims } => Some(vec![*value; dims.iter().product()]),
            Constant::Integers { values, .. } => Some(values.iter().map(|v| *v as f64).collect()),
            Constant::Tensor { .. } => {
                let values = self.values(weights)?;
                values.map(|values| values.into_iter().map(f64::from).collect())
            }
        })
    }

    /// The values, in the order of [`dims`](Self::dims); `None` if they are in a file that is not
    /// there.
    pub(super) fn values(&self, weights: &Weights<'_>) -> Result<Option<Vec<f32>>> {
        let Constant::Tensor { tensor, dims, transposed } = self else {
            return Ok(self.numbers(weights)?.map(|v| v.into_iter().map(|v| v as f32).collect()));
        };
        let elements = dims.iter().product();
        let Some(values) = floats(tensor, elements, weights)? else { return Ok(None) };
        if !*transposed {
            return Ok(Some(values));
        }
        let (rows, columns) = (dims[0], dims[1]);
        let mut turned = try_vec(0.0, elements, "a matrix")?;
        for (at, value) in values.into_iter().enumerate() {
            turned[at % columns * rows + at / columns] = value;
        }
        Ok(Some(turned))
    }

    /// A matrix with its axes the other way round; `None` for what is none.
    pub(super) fn transposed(&self) -> Option<Self> {
        match self {
            Constant::Tensor { tensor, dims, transposed } if dims.len() == 2 => {
                let (dims, transposed) = (dims.clone(), !transposed);
                Some(Constant::Tensor { tensor, dims, transposed })
            }
            _ => None,
        }
    }
}

fn integers(tensor: &TensorProto, elements: usize) -> Result<Vec<i64>> {
    let name = named(tensor);
    let wrong = |text: String| Error::Format(format!("{name}: {text}"));
    if elements > INTEGERS {
        return Err(wrong(format!("found {elements} whole numbers, expected at most {INTEGERS}")));
    }
    if tensor.data_location == Some(DataLocation::External as i32) {
        return Err(wrong(
            "found whole numbers in another file, expected them in the model".into(),
        ));
    }
    let wide = tensor.data_type == Some(DataType::Int64 as i32);
    let values: Vec<i64> = match &tensor.raw_data {
        Some(raw) if tensor.data_type == Some(DataType::Bool as i32) => {
            raw.iter().map(|b| i64::from(*b)).collect()
        }
        Some(raw) if wide => raw.chunks_exact(8).map(|b| i64::from_le_bytes(array(b))).collect(),
        Some(raw) => raw.chunks_exact(4).map(|b| i32::from_le_bytes(array(b)).into()).collect(),
        None if wide => tensor.int64_data.clone(),
        None => tensor.int32_data.iter().map(|v| i64::from(*v)).collect(),
    };
    if values.len() != elements {
        let found = values.len();
        return Err(wrong(format!("found {found} values, expected {elements}")));
    }
    Ok(values)
}

fn is_external(tensor: &TensorProto) -> bool {
    tensor.data_location == Some(DataLocation::External as i32)
}

/// Bytes of one of a constant's real numbers.
fn size_of_number(tensor: &TensorProto) -> usize {
    match DataType::try_from(tensor.data_type.unwrap_or_default()) {
        Ok(DataType::Double) => 8,
        Ok(DataType::Float) => 4,
        _ => 2,
    }
}

/// That a constant of real numbers has as many as its dimensions say, unless they are in another file.
fn check_length(tensor: &TensorProto, elements: usize) -> Result<()> {
    let name = named(tensor);
    let wrong = |found: String| Err(Error::Format(format!("{name}: {found}")));
    if is_external(tensor) {
        return Ok(());
    }
    let found = match (&tensor.raw_data, size_of_number(tensor)) {
        (Some(raw), size) => {
            if raw.len() != elements * size {
                let (found, expected) = (raw.len(), elements * size);
                return wrong(format!("found {found} bytes of values, expected {expected}"));
            }
            elements
        }
        (None, 4) => tensor.float_data.len(),
        (None, 8) => tensor.double_data.len(),
        (None, _) => tensor.int32_data.len(),
    };
    if found == elements {
        Ok(())
    } else {
        wrong(format!("found {found} values, expected {elements}"))
    }
}

/// The bytes of one number.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

fn floats(
    tensor: &TensorProto,
    elements: usize,
    weights: &Weights<'_>,
) -> Result<Option<Vec<f32>>> {
    let name = named(tensor);
    let wrong = |found: String| Error::Format(format!("{name}: {found}"));
    let kind = DataType::try_from(tensor.data_type.unwrap_or_default());
    let size = size_of_number(tensor);
    let external;
    let raw = if is_external(tensor) {
        let Some(bytes) = weights.external(tensor, &name, elements * size)? else {
            return Ok(None);
        };
        external = bytes;
        Some(&external[..])
    } else {
        tensor.raw_data.as_deref()
    };
    let mut values = Vec::new();
    try_reserve(&mut values, elements)
        .map_err(|()| Error::OutOfMemory(format!("{elements} values of a constant")))?;
    match (raw, kind) {
        (Some(raw), Ok(DataType::Float)) => {
            values.extend(raw.chunks_exact(4).map(|b| f32::from_le_bytes(array(b))));
        }
        (Some(raw), Ok(DataType::Double)) => {
            values.extend(raw.chunks_exact(8).map(|b| f64::from_le_bytes(array(b)) as f32));
        }
        (Some(raw), Ok(kind)) => {
            values.extend(raw.chunks_exact(2).map(|b| half(u16::from_le_bytes(array(b)), kind)));
        }
        (None, Ok(DataType::Float)) => values.extend_from_slice(&tensor.float_data),
        (None, Ok(DataType::Double)) => values.extend(tensor.double_data.iter().map(|v| *v as f32)),
        (None, Ok(kind)) => {
            values.extend(tensor.int32_data.iter().map(|v| half(*v as u16, kind)));
        }
        (_, Err(_)) => return Err(wrong("found a type that ONNX does not have".into())),
    }
    if let Some(value) = values.iter().find(|v| !v.is_finite()) {
        return Err(wrong(format!("found the value {value}, expected finite numbers")));
    }
    Ok(Some(values))
}

/// A number of two bytes.
fn half(bits: u16, kind: DataType) -> f32 {
    if kind == DataType::Bfloat16 {
        return f32::from_bits(u32::from(bits) << 16);
    }
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * (-24f32).exp2(),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * ((exponent - 25) as f32).exp2(),
    }
}

impl<'a> Weights<'a> {
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        Weights { folder, missing: RefCell::default() }
    }

    /// The bytes of a constant in another file; `None` if that is not there.
    fn external(&self, tensor: &TensorProto, name: &str, length: usize) -> Result<Option<Vec<u8>>> {
        let wrong = |text: String| Error::Format(format!("{name}: {text}"));
        let entry = |key: &str| {
            let mut entries = tensor.external_data.iter();
            entries.find(|e| e.key.as_deref() == Some(key)).and_then(|e| e.value.as_deref())
        };
        let Some(location) = entry("location") else {
            return Err(wrong("found no location of its external data, expected a file".into()));
        };
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|_| {
                wrong(format!("found {key} {:?} of its data, expected a number", clip(text)))
            }),
        };
        let (offset, given) = (number("offset")?.unwrap_or(0), number("length")?);
        if given.is_some_and(|given| given != length as u64) {
            let given = given.unwrap_or_default();
            return Err(wrong(format!("found {given} bytes of external data, expected {length}")));
        }
        let relative = Path::new(location);
        let plain = relative.components().all(|c| matches!(c, Component::Normal(_)));
        if !plain || location.contains('\\') {
            return Err(wrong(format!(
                "found external data at {:?}, expected a file in the model's folder",
                clip(location)
            )));
        }
        let path = self.folder.map(|folder| folder.join(relative));
        let Some(path) = path.filter(|path| path.exists()) else {
            self.missing.borrow_mut().insert(location.to_owned());
            return Ok(None);
        };
        read_part(&path, offset, length).map(Some)
    }

    /// Files that were not there.
    pub(super) fn missing(&self) -> Vec<String> {
        self.missing.borrow().iter().map(|name| clip(name)).collect()
    }
}

fn read_part(path: &PathBuf, offset: u64, length: usize) -> Result<Vec<u8>> {
    let io = |error| Error::io(path, error);
    let mut file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    let end = offset.checked_add(length as u64);
    if !metadata.is_file() || end.is_none_or(|end| end > metadata.len()) {
        return Err(Error::Format(format!(
            "{}: found a file of {} bytes, expected {length} from byte {offset} on",
            of_path(path),
            metadata.len()
        )));
    }
    let mut bytes = try_vec(0, length, "values of a constant")?;
    file.seek(SeekFrom::Start(offset)).map_err(io)?;
    file.read_exact(&mut bytes).map_err(io)?;
    Ok(bytes)
}
