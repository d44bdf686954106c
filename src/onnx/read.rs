//! Reads ONNX files: opsets 9 to the current one, what convolutional networks consist of.
//!
//! A file is scanned before it is decoded (`scan.rs`), so that a few bytes cannot become gigabytes;
//! its nodes are translated one by one (`graph.rs`, `operators.rs`); constants are read when they are
//! asked for (`constant.rs`).

mod constant;
mod graph;
mod operators;
mod scan;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use prost::Message;

use super::proto::ModelProto;
use crate::error::{Error, Result, try_reserve};
use crate::message::{of_path, whole};
use crate::model::Network;
use constant::Weights;

/// The opsets that can be read. What newer ones change is refused by name where it matters.
const OPSETS: std::ops::RangeInclusive<i64> = 9..=26;
/// What protobuf's own readers take.
const MOST_BYTES: u64 = i32::MAX as u64;

/// What a file may leave open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Import {
    /// Channels, height and width of an image. The file may fix them: then the channels must be these,
    /// and the network is read for another height and width than it was written for, if it can be.
    pub image: Option<[usize; 3]>,
}

impl Network {
    /// The network of an ONNX file. Its parameters have the file's values, if all of them are there:
    /// also those that are in files beside it ("external data").
    ///
    /// Errors: [`Error::Io`]; [`Error::Format`] naming the node, the operator, what was found and what
    /// was expected; [`Error::InvalidArgument`] for an image that does not fit, or that must be given;
    /// [`Error::OutOfMemory`].
    pub fn from_onnx(path: &Path, import: &Import) -> Result<Self> {
        let bytes = read(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let network = Self::of_bytes(&bytes, stem, Some(folder), import);
        network.map_err(|error| match error {
            Error::Format(text) => Error::Format(format!("{}: {text}", of_path(path))),
            Error::InvalidArgument(text) => {
                Error::InvalidArgument(format!("{}: {text}", of_path(path)))
            }
            other => other,
        })
    }

    /// The network of an ONNX file in memory. Constants in other files have no values here.
    ///
    /// Errors: as those of [`from_onnx`](Self::from_onnx).
    pub fn from_onnx_bytes(bytes: &[u8], import: &Import) -> Result<Self> {
        Self::of_bytes(bytes, None, None, import)
    }

    fn of_bytes(
        bytes: &[u8],
        name: Option<String>,
        folder: Option<&Path>,
        import: &Import,
    ) -> Result<Self> {
        scan::check(bytes)?;
        let model = ModelProto::decode(bytes).map_err(|e| {
            Error::Format(format!("ONNX: found what is no ONNX model: {}", whole(e)))
        })?;
        check_opsets(&model)?;
        let Some(graph) = &model.graph else {
            return Err(Error::Format("ONNX: found a model without a graph, expected one".into()));
        };
        let weights = Weights::new(folder);
        let name = name.or_else(|| graph.name.clone().filter(|name| !name.is_empty()));
        graph::import(graph, &weights, name.unwrap_or_else(|| "network".into()), import)
    }
}

fn check_opsets(model: &ModelProto) -> Result<()> {
    let of_onnx =
        |domain: &Option<String>| matches!(domain.as_deref(), None | Some("" | "ai.onnx"));
    let opset = model.opset_import.iter().find(|opset| of_onnx(&opset.domain));
    let Some(version) = opset.and_then(|opset| opset.version) else {
        return Err(Error::Format(
            "ONNX: found a model that names no opset of ONNX, expected one".into(),
        ));
    };
    if !OPSETS.contains(&version) {
        return Err(Error::Format(format!(
            "ONNX: found opset {version}, expected {} to {}",
            OPSETS.start(),
            OPSETS.end()
        )));
    }
    Ok(())
}

/// A file's bytes.
fn read(path: &Path) -> Result<Vec<u8>> {
    let io = |error| Error::io(path, error);
    let wrong = |text: String| Error::Format(format!("{}: ONNX: {text}", of_path(path)));
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(wrong("found something else, expected a regular file".into()));
    }
    let length = metadata.len();
    if length > MOST_BYTES {
        return Err(wrong(format!(
            "found {length} bytes, expected at most {MOST_BYTES}, as ONNX files can have: a larger \
             network keeps its weights in a file beside it (external data)"
        )));
    }
    let mut bytes = Vec::new();
    try_reserve(&mut bytes, length as usize)
        .map_err(|()| Error::OutOfMemory(format!("an ONNX file of {length} bytes")))?;
    file.take(length).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
