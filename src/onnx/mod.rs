//! ONNX files: networks as other programs read and write them.

mod proto;
mod read;

pub use read::Import;
