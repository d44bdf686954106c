//! What decoding a file would take, from its bytes alone: an empty message is two bytes in a file and
//! hundreds in memory.

use crate::error::{Error, Result, room_for};

/// Fields of all messages of a file.
const FIELDS: usize = 1 << 20;
/// The most memory that a field takes, its own message included, and how a vector grows.
const BYTES_A_FIELD: usize = 1024;
/// Messages inside each other: networks inside operators are refused later.
const DEPTH: usize = 32;

/// The messages that may be long, and which of their fields are messages.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    Value,
    Type,
    TensorType,
    Shape,
    /// No message of it has messages.
    Leaf,
}

impl Kind {
    /// What a field of bytes is, if it is a message.
    fn of_field(self, field: u64) -> Option<Kind> {
        Some(match (self, field) {
            (Kind::Model, 7) | (Kind::Attribute, 6) => Kind::Graph,
            (Kind::Model, 8 | 14 | 25) | (Kind::Tensor, 13) | (Kind::Shape, 1) => Kind::Leaf,
            (Kind::Graph, 1) => Kind::Node,
            (Kind::Graph, 5) | (Kind::Attribute, 5) | (Kind::Sparse, 1) => Kind::Tensor,
            (Kind::Graph, 11..=13) => Kind::Value,
            (Kind::Graph, 15) => Kind::Sparse,
            (Kind::Node, 5) => Kind::Attribute,
            (Kind::Value, 2) => Kind::Type,
            (Kind::Type, 1) => Kind::TensorType,
            (Kind::TensorType, 2) => Kind::Shape,
            _ => return None,
        })
    }
}

/// Checks that a file can be decoded with the memory that there is.
///
/// Errors: [`Error::Format`] for bytes that are no messages, or too many; [`Error::OutOfMemory`].
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    let mut fields = 0;
    scan(bytes, Kind::Model, 0, &mut fields)?;
    // Large files are mostly weights, which are copied as they are.
    let most = fields.saturating_mul(BYTES_A_FIELD).saturating_add(bytes.len());
    room_for(most, || format!("an ONNX file of {} bytes", bytes.len()))
}

fn scan(mut bytes: &[u8], kind: Kind, depth: usize, fields: &mut usize) -> Result<()> {
    let wrong = |text: String| Error::Format(format!("ONNX: {text}"));
    let cut = || wrong("found a message that is cut short, expected an ONNX model".into());
    if depth > DEPTH {
        return Err(wrong(format!("found messages {depth} deep, expected at most {DEPTH}")));
    }
    while !bytes.is_empty() {
        *fields += 1;
        if *fields > FIELDS {
            return Err(wrong(format!("found more than {FIELDS} fields, expected fewer")));
        }
        let key = varint(&mut bytes).ok_or_else(cut)?;
        let (field, wire) = (key >> 3, key & 7);
        let length = match wire {
            0 => {
                varint(&mut bytes).ok_or_else(cut)?;
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes).ok_or_else(cut)?,
            5 => 4,
            _ => {
                let text = format!("found a field of wire type {wire}, expected an ONNX model");
                return Err(wrong(text));
            }
        };
        let length = usize::try_from(length).ok().filter(|n| *n <= bytes.len()).ok_or_else(cut)?;
        let (inside, rest) = bytes.split_at(length);
        bytes = rest;
        if wire == 2 {
            // Numbers of variable length in one field: each may be one byte, and takes up to eight.
            let packed = matches!((kind, field), (Kind::Tensor, 5 | 7) | (Kind::Attribute, 8));
            if packed {
                *fields = fields.saturating_add(length / 64);
            }
            if let Some(kind) = kind.of_field(field) {
                scan(inside, kind, depth + 1, fields)?;
            }
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * shift).min(63);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
