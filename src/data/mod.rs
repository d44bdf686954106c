//! Where images come from, and the batches that the indicators read (section 3.6).
//!
//! A [`Source`] hands out raw bytes, a [`Dataset`] adds normalisation and classes and draws
//! batches. Every random number comes from a [`Key`](crate::random::Key), in an order that
//! [`Dataset::ntk_batch`] and [`Dataset::region_batches`] fix.

// Formats on disk.
mod archive;
mod array;
mod batches;
mod cifar;
mod files;
mod image_folder;
mod jpeg;
mod npy;
mod open;
mod pickled;
mod resize;
mod tensors;

mod batch;
mod dataset;
mod kind;
mod source;
mod synthetic;

pub use crate::digest::digest_of;
pub use batch::Images;
pub use dataset::Dataset;
pub use kind::{DatasetKind, Published};
pub use source::Source;
