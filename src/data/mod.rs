//! Where images come from, and the batches that the indicators read (section 3.6).

use std::path::Path;

use crate::error::Result;
use crate::random::Key;

/// The published data sets, and a host's own images. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum DatasetKind {
    /// CIFAR-10.
    Cifar10 = 1,
    /// CIFAR-100.
    Cifar100 = 2,
    /// ImageNet16-120.
    ImageNet16 = 3,
    /// ImageNet (1000 classes), resized to 32x32.
    ImageNet = 4,
    /// A host's own images.
    Custom = 5,
}

impl DatasetKind {
    /// The name that users type.
    pub fn name(self) -> &'static str {
        match self {
            DatasetKind::Cifar10 => "cifar10",
            DatasetKind::Cifar100 => "cifar100",
            DatasetKind::ImageNet16 => "ImageNet16-120",
            DatasetKind::ImageNet => "imagenet-1k",
            DatasetKind::Custom => "custom",
        }
    }
}

/// Images that are ready for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// `[batches, batch, channels, height, width]`, normalised.
    pub values: Vec<f32>,
    /// Batches, each with its own BN statistics.
    pub batches: usize,
    /// Images of a batch.
    pub batch: usize,
    /// Channels, height, width.
    pub shape: [usize; 3],
}

/// A set of labelled images. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dataset {}

impl Dataset {
    /// Opens a published data set from disk.
    pub fn open(_kind: DatasetKind, _path: &Path) -> Result<Self> {
        todo!()
    }
    /// Copies `count` images of `channels` x `height` x `width` bytes. `mean` and `stddev` are per
    /// channel, of 0..255; `None` for both computes them from the images.
    pub fn from_images(
        _images: &[u8],
        _count: usize,
        _shape: [usize; 3],
        _normalisation: Option<(&[f32], &[f32])>,
        _classes: usize,
    ) -> Result<Self> {
        todo!()
    }
    /// 10,000 images with natural statistics in the shape of `kind`.
    pub fn synthetic(_kind: DatasetKind, _seed: u64) -> Result<Self> {
        todo!()
    }
    /// Number of images.
    pub fn count(&self) -> usize {
        todo!()
    }
    /// Channels, height, width of an image.
    pub fn shape(&self) -> [usize; 3] {
        todo!()
    }
    /// Number of classes.
    pub fn classes(&self) -> usize {
        todo!()
    }
    /// One augmented, normalised batch of distinct images.
    pub fn ntk_batch(&self, _batch: usize, _key: &Key) -> Result<Images> {
        todo!()
    }
    /// `batches` batches of `batch` 3x3 crops of one channel.
    pub fn region_batches(&self, _batches: usize, _batch: usize, _key: &Key) -> Result<Images> {
        todo!()
    }
}
