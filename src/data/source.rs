//! Where the bytes of images are.

use std::fmt;

use crate::digest::Digest;
use crate::error::{Result, try_vec};

/// A fixed set of images of one shape, read one at a time: memory, lazily read files, callbacks.
///
/// A data set calls its source only on the thread that called the data set, one call at a time.
/// `Send` and `Sync` because a data set may be made on one thread and read on another.
pub trait Source: fmt::Debug + Send + Sync {
    /// Number of images. Must not change.
    fn count(&self) -> usize;

    /// Channels, height, width of every image. Must not change.
    fn shape(&self) -> [usize; 3];

    /// Writes image `index` (0..`count`) into `image`: channels x height x width bytes, in that
    /// order. The same index must give the same bytes each time. An error ends the caller's draw
    /// and reaches its caller as it is.
    fn read(&self, index: usize, image: &mut [u8]) -> Result<()>;

    /// Writes several images, each directly after the one before it. Returns the places in `indices`
    /// (ascending) of those that are broken: their bytes are not used, and the caller takes other
    /// images in their place.
    ///
    /// By default every image is [`read`](Self::read) by itself and none is broken.
    fn read_many(&self, indices: &[usize], images: &mut [u8]) -> Result<Vec<usize>> {
        if let Some(len) = images.len().checked_div(indices.len()) {
            for (&index, image) in indices.iter().zip(images.chunks_exact_mut(len)) {
                self.read(index, image)?;
            }
        }
        Ok(Vec::new())
    }

    /// Images that were found broken so far.
    fn broken(&self) -> usize {
        0
    }

    /// A number that tells these images from others, the same on every machine. By default it is
    /// that of all their bytes.
    fn digest(&self) -> Result<u64> {
        let mut digest = Digest::new();
        let mut image = try_vec(0u8, self.shape().iter().product(), "an image")?;
        for index in 0..self.count() {
            self.read(index, &mut image)?;
            digest.bytes(&image);
        }
        Ok(digest.value())
    }
}

/// Images in memory, one after the other.
pub(super) struct Memory {
    images: Vec<u8>,
    shape: [usize; 3],
}

impl Memory {
    /// `images` must hold whole images of `shape`.
    pub(super) fn new(images: Vec<u8>, shape: [usize; 3]) -> Self {
        debug_assert!(images.len().is_multiple_of(shape.iter().product()));
        Memory { images, shape }
    }
}

impl Source for Memory {
    fn count(&self) -> usize {
        self.images.len() / self.shape.iter().product::<usize>()
    }

    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn read(&self, index: usize, image: &mut [u8]) -> Result<()> {
        image.copy_from_slice(&self.images[index * image.len()..][..image.len()]);
        Ok(())
    }
}

impl fmt::Debug for Memory {
    /// Without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("count", &self.count())
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}
