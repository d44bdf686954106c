//! The batches that the indicators read (section 3.6).

use super::Dataset;
use super::dataset::check_positive;
use crate::error::{Error, Result, try_vec};
use crate::random::Key;

/// Side of a region crop.
const CROP: usize = 3;

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

impl Images {
    fn zeros(batches: usize, batch: usize, shape: [usize; 3]) -> Result<Self> {
        let what = "a batch of images";
        let len = [batches, batch]
            .iter()
            .chain(&shape)
            .try_fold(1usize, |len, &n| len.checked_mul(n))
            .ok_or_else(|| Error::OutOfMemory(format!("{what}: {batches} x {batch} images")))?;
        Ok(Images { values: try_vec(0.0, len, what)?, batches, batch, shape })
    }
}

impl Dataset {
    /// That there are images for a batch of that many distinct ones.
    pub(crate) fn check_batch(&self, batch: usize) -> Result<()> {
        check_positive("batch_size", batch)?;
        let count = self.count();
        if batch <= count {
            return Ok(());
        }
        Err(Error::InvalidArgument(format!(
            "batch_size: found {batch}, expected at most the data set's {count} images, as those of a \
             batch are distinct"
        )))
    }

    /// One batch of `batch` distinct images for the NTK: `[1, batch, channels, height, width]`.
    ///
    /// Each image is flipped from left to right with probability 1/2, padded on all sides by an
    /// eighth of its height and width (rounded down) with the byte 0, cropped back to its size at a
    /// random place, and normalised: `(byte - mean) / stddev` in f32.
    ///
    /// All numbers come from stream 0 of `key`, in this order: `distinct(batch, count)`, the images;
    /// then for each image of the batch `below(2)`, flip if it is 1; `below(2 * (height / 8) + 1)`
    /// and `below(2 * (width / 8) + 1)`, the row and column of the padded image where the crop
    /// begins.
    ///
    /// A broken image is replaced by the next one of the data set (behind the last comes the first)
    /// that is neither broken nor in the batch; no random number is drawn for that.
    ///
    /// Errors: [`Error::InvalidArgument`] if `batch` is 0 or more than there are images;
    /// [`Error::OutOfMemory`]; those of the source.
    pub fn ntk_batch(&self, batch: usize, key: &Key) -> Result<Images> {
        self.check_batch(batch)?;
        let count = self.count();
        let shape @ [channels, height, width] = self.shape();
        let len = channels * height * width;
        let (pad_y, pad_x) = (height / 8, width / 8);
        let mut images = Images::zeros(1, batch, shape)?;
        let mut stream = key.stream(0);
        let picked = stream.distinct(batch, count);
        let crops: Vec<(bool, usize, usize)> = (0..batch)
            .map(|_| {
                let flip = stream.below(2) == 1;
                let top = stream.below(2 * pad_y as u64 + 1) as usize;
                (flip, top, stream.below(2 * pad_x as u64 + 1) as usize)
            })
            .collect();
        self.visit(&picked, true, |i, raw| {
            let (flip, top, left) = crops[i];
            for (row, out) in images.values[i * len..][..len].chunks_exact_mut(width).enumerate() {
                let (channel, y) = (row / height, row % height);
                // The row of the image that is seen in row y of the crop; none in the padding.
                let seen = (y + top).checked_sub(pad_y).filter(|&y| y < height);
                let seen = seen.map(|y| &raw[(channel * height + y) * width..][..width]);
                for (x, out) in out.iter_mut().enumerate() {
                    let x = (x + left).checked_sub(pad_x).filter(|&x| x < width);
                    let byte = match (seen, x) {
                        (Some(row), Some(x)) => row[if flip { width - 1 - x } else { x }],
                        _ => 0,
                    };
                    *out = self.normalise(byte, channel);
                }
            }
        })?;
        Ok(images)
    }

    /// `batches` batches of `batch` inputs for counting linear regions:
    /// `[batches, batch, 1, 3, 3]`, each a random 3x3 crop of one random channel of a normalised
    /// image, neither flipped nor padded. A batch's images are distinct; if the data set has fewer
    /// than `batch`, each is taken as often as any other, give or take one.
    ///
    /// Batch b draws all its numbers from stream b of `key`, in passes of at most `count` images. A
    /// pass of n images begins with `distinct(n, count)`, the images; then come for each of them
    /// `below(channels)`, the channel, `below(height - 2)` and `below(width - 2)`, the row and
    /// column where the crop begins. Broken images are replaced as in an NTK batch, or where all
    /// others are in the pass, by the next one that is not broken.
    ///
    /// Errors: [`Error::InvalidArgument`] if `batches` or `batch` is 0; [`Error::OutOfMemory`];
    /// those of the source.
    pub fn region_batches(&self, batches: usize, batch: usize, key: &Key) -> Result<Images> {
        check_positive("batches", batches)?;
        check_positive("batch", batch)?;
        let count = self.count();
        let [channels, height, width] = self.shape();
        let mut images = Images::zeros(batches, batch, [1, CROP, CROP])?;
        for (b, out) in images.values.chunks_exact_mut(batch * CROP * CROP).enumerate() {
            let mut stream = key.stream(b as u64);
            for pass in out.chunks_mut(count.saturating_mul(CROP * CROP)) {
                let picked = stream.distinct(pass.len() / (CROP * CROP), count);
                let crops: Vec<[usize; 3]> = picked
                    .iter()
                    .map(|_| {
                        [channels, height - CROP + 1, width - CROP + 1]
                            .map(|n| stream.below(n as u64) as usize)
                    })
                    .collect();
                self.visit(&picked, false, |i, raw| {
                    let [channel, top, left] = crops[i];
                    let out = &mut pass[i * CROP * CROP..][..CROP * CROP];
                    for (y, out) in out.chunks_exact_mut(CROP).enumerate() {
                        let first = (channel * height + top + y) * width + left;
                        for (out, &byte) in out.iter_mut().zip(&raw[first..]) {
                            *out = self.normalise(byte, channel);
                        }
                    }
                })?;
            }
        }
        Ok(images)
    }

    fn normalise(&self, byte: u8, channel: usize) -> f32 {
        (f32::from(byte) - self.mean()[channel]) / self.stddev()[channel]
    }
}
