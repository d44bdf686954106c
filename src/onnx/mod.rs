//! ONNX files: networks as other programs read and write them.

mod proto;
mod read;
mod write;

pub use read::Import;
