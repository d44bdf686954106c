//! NumPy's arrays and types, whatever file or pickle holds them.

use std::borrow::Cow;

use crate::error::try_reserve;
use crate::message::clip;

/// What the values of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dtype {
    /// NumPy's letter: `u`, `i`, `f`, `b`, `O` and more.
    kind: char,
    /// Bytes of a value.
    size: usize,
    /// Whether the first byte of a value is its most significant.
    big_endian: bool,
}

impl Dtype {
    /// The type of NumPy's name for it, as `u1` or `>i8`; `None` for one that has no size of its own
    /// or fields.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (big_endian, name) = match name.strip_prefix('>') {
            Some(name) => (true, name),
            None => (false, name.strip_prefix(['|', '<', '=']).unwrap_or(name)),
        };
        let kind = name.chars().next().filter(char::is_ascii_alphabetic)?;
        let size = match &name[1..] {
            // A pointer to a Python object.
            "" if kind == 'O' => 8,
            size if size.bytes().all(|b| b.is_ascii_digit()) => size.parse().ok()?,
            _ => return None,
        };
        Some(Dtype { kind, size, big_endian })
    }

    /// The same in the byte order of a pickled type's state: `<`, `>`, `=` or `|`.
    pub(crate) fn in_order(self, order: &str) -> Self {
        Dtype { big_endian: self.big_endian || order == ">", ..self }
    }

    /// Bytes of a value.
    pub(crate) fn size(self) -> usize {
        self.size
    }

    /// Whether the values are bytes.
    pub(crate) fn is_byte(self) -> bool {
        self.kind == 'u' && self.size == 1
    }

    /// A value as an integer, if it is one of at most 64 bits.
    pub(crate) fn integer(self, value: &[u8]) -> Option<i64> {
        let signed = match self.kind {
            'i' => true,
            'u' => false,
            _ => return None,
        };
        let bytes = self.little_endian(value)?;
        let last = *bytes.get(self.size.checked_sub(1)?)?;
        let mut full = if signed && last & 0x80 != 0 { [0xff; 8] } else { [0; 8] };
        full[..self.size].copy_from_slice(&bytes[..self.size]);
        let integer = i64::from_le_bytes(full);
        (signed || integer >= 0).then_some(integer)
    }

    /// A value as a number, if it is an integer or a float of 32 or 64 bits.
    pub(crate) fn number(self, value: &[u8]) -> Option<f64> {
        let bytes = self.little_endian(value);
        match (self.kind, self.size) {
            ('f', 8) => Some(f64::from_le_bytes(bytes?)),
            ('f', 4) => Some(f32::from_le_bytes(*bytes?.first_chunk()?).into()),
            _ => Some(self.integer(value)? as f64),
        }
    }

    fn little_endian(self, value: &[u8]) -> Option<[u8; 8]> {
        let mut bytes = [0; 8];
        let value = value.get(..self.size)?;
        bytes.get_mut(..self.size)?.copy_from_slice(value);
        if self.big_endian {
            bytes[..self.size].reverse();
        }
        Some(bytes)
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let order = if self.big_endian && self.size > 1 { ">" } else { "" };
        match self.kind {
            'O' => write!(f, "O (Python objects)"),
            kind => write!(f, "{order}{kind}{}", self.size),
        }
    }
}

/// A file (`.npy`, version 1.0) of 32-bit floats, the last index running fastest. There are as many
/// values as the shape says.
pub(crate) fn npy_file(shape: &[usize], values: &[f32]) -> Vec<u8> {
    // Header and values begin at multiples of so many bytes.
    const ALIGNMENT: usize = 64;
    const BEGINNING: &[u8] = b"\x93NUMPY\x01\x00";
    let axes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", axes.trim_end());
    let before = BEGINNING.len() + size_of::<u16>();
    let length = (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before;
    header.extend(std::iter::repeat_n(' ', length - 1 - header.len()));
    header.push('\n');
    let mut file = BEGINNING.to_vec();
    file.extend((length as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    file
}

/// An array.
#[derive(Debug)]
pub(crate) struct Array<'a> {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Whether the first index runs fastest (Fortran's order), not the last (C's).
    pub(crate) fortran: bool,
    /// As many bytes as `shape` and `dtype` say.
    pub(crate) bytes: Cow<'a, [u8]>,
}

impl<'a> Array<'a> {
    /// Checks that there are as many bytes as the rest says; what is wrong otherwise.
    pub(crate) fn new(
        dtype: Dtype,
        shape: Vec<usize>,
        fortran: bool,
        bytes: Cow<'a, [u8]>,
    ) -> Result<Self, String> {
        if bytes_of(dtype, &shape) == Some(bytes.len()) {
            return Ok(Array { dtype, shape, fortran, bytes });
        }
        Err(format!(
            "found {} bytes, expected those of {} values of type {dtype}",
            bytes.len(),
            dimensions(&shape)
        ))
    }

    /// The values as integers, if that is what they are.
    pub(crate) fn integers(&self) -> Option<Vec<i64>> {
        let mut values = Vec::new();
        try_reserve(&mut values, self.bytes.len().checked_div(self.dtype.size())?).ok()?;
        for value in self.bytes.chunks_exact(self.dtype.size()) {
            values.push(self.dtype.integer(value)?);
        }
        Some(values)
    }
}

/// Bytes of an array, if they can be counted.
pub(crate) fn bytes_of(dtype: Dtype, shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(dtype.size(), |len, &n| len.checked_mul(n))
}

/// "3 x 32 x 32".
pub(crate) fn dimensions(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "a single value".to_owned();
    }
    let shown: Vec<String> = shape.iter().take(8).map(usize::to_string).collect();
    shown.join(" x ") + if shape.len() > 8 { " x ..." } else { "" }
}

/// What is wrong with a type that [`Dtype::parse`] does not know.
pub(crate) fn unknown_dtype(name: &str) -> String {
    format!("found values of type \"{}\", expected numbers", clip(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_width_and_order() {
        let integer = |name: &str, bytes: &[u8]| Dtype::parse(name).unwrap().integer(bytes);
        for (name, bytes, value) in [
            ("|u1", &[200][..], Some(200)),
            ("|i1", &[200], Some(-56)),
            ("<i2", &[0x34, 0x12], Some(0x1234)),
            (">i2", &[0xff, 0xfe], Some(-2)),
            (">i4", &[0, 0, 1, 2], Some(258)),
            ("i8", &[255; 8], Some(-1)),
            // Beyond 63 bits, and too few bytes.
            ("u8", &[255; 8], None),
            ("<i4", &[1, 2], None),
            ("<f4", &[0; 4], None),
            ("i0", &[], None),
            ("i16", &[0; 16], None),
        ] {
            assert_eq!(integer(name, bytes), value, "{name}");
        }
        let number = |name: &str, bytes: &[u8]| Dtype::parse(name).unwrap().number(bytes);
        assert_eq!(number("<f4", &1.5f32.to_le_bytes()), Some(1.5));
        assert_eq!(number(">f8", &(-0.1f64).to_be_bytes()), Some(-0.1));
        assert_eq!(number("<f2", &[0, 0x3c]), None);
        assert_eq!(number("<i2", &[3, 0]), Some(3.0));
    }

    #[test]
    fn names_of_types() {
        for (name, shown) in [
            ("<u1", "u1"),
            (">u1", "u1"),
            (">i8", ">i8"),
            ("=f4", "f4"),
            ("|O", "O (Python objects)"),
        ] {
            assert_eq!(Dtype::parse(name).unwrap().to_string(), shown);
        }
        for name in ["", "|", "1u", "u", "u-1", "u1x", "M8[ns]", "é1"] {
            assert_eq!(Dtype::parse(name), None, "{name}");
        }
    }
}
