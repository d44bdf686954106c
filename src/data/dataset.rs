//! A data set: a source of images, how to normalise them, how many classes.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use super::source::Memory;
use super::{DatasetKind, Source, cifar10, synthetic};
use crate::error::{Error, Result, check_range, try_vec};

const CHANNELS: RangeInclusive<usize> = 1..=16;
/// From a region crop's size; the upper end keeps the product of a shape far from overflow.
const SIDE: RangeInclusive<usize> = 3..=1024;
const CLASSES: RangeInclusive<usize> = 1..=100_000;

/// A set of labelled images. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dataset {
    source: Arc<dyn Source>,
    mean: Vec<f32>,
    stddev: Vec<f32>,
    classes: usize,
    kind: DatasetKind,
}

impl Dataset {
    /// Opens a published data set from disk.
    ///
    /// CIFAR-10, binary version: `path` is one file, or a folder whose `data_batch_*.bin` are read
    /// in the byte order of their names (`test_batch.bin` is not read). A record is a label byte, 0
    /// to 9, and the 3,072 bytes of a 3x32x32 image. The images are kept in memory. Labels, which
    /// no indicator uses, are checked and dropped. The other kinds cannot be read yet.
    ///
    /// Errors: [`Error::Io`] naming the path that could not be read; [`Error::Format`] for a folder
    /// without such files, an empty file, a size that is no multiple of 3,073 or a label above 9,
    /// with the place; [`Error::OutOfMemory`]; [`Error::InvalidArgument`] for the other kinds.
    pub fn open(kind: DatasetKind, path: &Path) -> Result<Self> {
        match kind {
            DatasetKind::Cifar10 => Self::published(kind, cifar10::read(path)?),
            DatasetKind::Custom => Err(Error::InvalidArgument(
                "dataset: found custom, expected a published data set; custom images come from \
                 from_images"
                    .to_owned(),
            )),
            _ => Err(Error::InvalidArgument(format!(
                "dataset: found {0}, expected {1}; reading {0} from disk is not built yet",
                kind.name(),
                DatasetKind::Cifar10.name()
            ))),
        }
    }

    /// Copies `count` images of `shape` = channels (1 to 16), height, width (3 to 1024 each):
    /// `images` holds count x channels x height x width bytes in that order.
    ///
    /// `normalisation` is mean and standard deviation of each channel, of 0..255. `None` computes
    /// them from the images; a channel that is the same everywhere has no deviation and takes 1.
    /// `classes` is 1 to 100,000.
    ///
    /// Errors: [`Error::InvalidArgument`] naming the argument; [`Error::OutOfMemory`].
    pub fn from_images(
        images: &[u8],
        count: usize,
        shape: [usize; 3],
        normalisation: Option<(&[f32], &[f32])>,
        classes: usize,
    ) -> Result<Self> {
        check_shape(count, shape)?;
        let [channels, height, width] = shape;
        let expected = count.checked_mul(shape.iter().product());
        if expected != Some(images.len()) {
            return Err(Error::InvalidArgument(format!(
                "images: found {} bytes, expected count x channels x height x width = {count} x \
                 {channels} x {height} x {width}{}",
                images.len(),
                expected.map_or(String::new(), |bytes| format!(" = {bytes}"))
            )));
        }
        let mut copy = Vec::new();
        copy.try_reserve_exact(images.len())
            .map_err(|_| Error::OutOfMemory(format!("{count} images, {} bytes", images.len())))?;
        copy.extend_from_slice(images);
        Self::from_source(Arc::new(Memory::new(copy, shape)), normalisation, classes)
    }

    /// The images of any source, with the bounds, the meaning of the other arguments and the errors
    /// of [`from_images`](Self::from_images); a source's own errors come through. Without
    /// `normalisation` every image is read once, here.
    pub fn from_source(
        source: Arc<dyn Source>,
        normalisation: Option<(&[f32], &[f32])>,
        classes: usize,
    ) -> Result<Self> {
        check_shape(source.count(), source.shape())?;
        check_range("classes", classes, CLASSES)?;
        let (mean, stddev) = match normalisation {
            Some((mean, stddev)) => {
                check_normalisation(mean, stddev, source.shape()[0])?;
                (mean.to_vec(), stddev.to_vec())
            }
            None => measure(source.as_ref())?,
        };
        Ok(Dataset { source, mean, stddev, classes, kind: DatasetKind::Custom })
    }

    /// 10,000 images in the shape of `kind`, for when there is no data set: colour noise whose
    /// amplitude falls with frequency as 1/f, as natural images' does, brightness and contrast
    /// differing between images, mean and deviation about those of `kind`.
    ///
    /// Image i depends on `kind`, `seed` and i only, and is the same on every machine. The images
    /// are made here (16-pixel ones take 8 MB, the others 31 MB): drawing regions reads thousands
    /// of them again and again.
    ///
    /// Errors: [`Error::InvalidArgument`] for [`DatasetKind::Custom`]; [`Error::OutOfMemory`].
    pub fn synthetic(kind: DatasetKind, seed: u64) -> Result<Self> {
        Self::published(kind, synthetic::images(kind, seed)?)
    }

    /// Images of a published data set, with its normalisation and classes.
    fn published(kind: DatasetKind, images: Vec<u8>) -> Result<Self> {
        let facts = kind.published().ok_or_else(|| {
            Error::Internal(format!("the data set {} has no published facts", kind.name()))
        })?;
        Ok(Dataset {
            source: Arc::new(Memory::new(images, facts.shape)),
            mean: facts.mean.to_vec(),
            stddev: facts.stddev.to_vec(),
            classes: facts.classes,
            kind,
        })
    }

    /// Number of images.
    pub fn count(&self) -> usize {
        self.source.count()
    }

    /// Channels, height, width of an image.
    pub fn shape(&self) -> [usize; 3] {
        self.source.shape()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Which data set the images are; [`DatasetKind::Custom`] for a host's own.
    pub fn kind(&self) -> DatasetKind {
        self.kind
    }

    /// Mean of each channel, of 0..255.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Standard deviation of each channel, of 0..255.
    pub fn stddev(&self) -> &[f32] {
        &self.stddev
    }

    /// Reads the raw bytes of image `index` into `image`: channels x height x width.
    ///
    /// Errors: [`Error::InvalidArgument`] if `index` or the length of `image` does not fit; those
    /// of the source.
    pub fn read(&self, index: usize, image: &mut [u8]) -> Result<()> {
        check_range("index", index, 0..=self.count() - 1)?;
        let len = self.shape().iter().product();
        check_len("image", image.len(), "bytes", len)?;
        self.source.read(index, image)
    }
}

/// A number of images or batches.
pub(super) fn check_positive(name: &str, value: usize) -> Result<()> {
    if value > 0 {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!("{name}: found 0, expected at least 1")))
}

fn check_len(name: &str, found: usize, unit: &str, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::InvalidArgument(format!("{name}: found {found} {unit}, expected {expected}")))
}

fn check_shape(count: usize, [channels, height, width]: [usize; 3]) -> Result<()> {
    check_positive("count", count)?;
    check_range("channels", channels, CHANNELS)?;
    check_range("height", height, SIDE)?;
    check_range("width", width, SIDE)?;
    Ok(())
}

fn check_normalisation(mean: &[f32], stddev: &[f32], channels: usize) -> Result<()> {
    check_len("mean", mean.len(), "channels", channels)?;
    check_len("stddev", stddev.len(), "channels", channels)?;
    for (channel, (&mean, &stddev)) in mean.iter().zip(stddev).enumerate() {
        let invalid = |name: &str, found: f32, expected: &str| {
            Err(Error::InvalidArgument(format!(
                "{name} of channel {channel}: found {found}, expected {expected}"
            )))
        };
        if !mean.is_finite() {
            return invalid("mean", mean, "a finite number");
        }
        if !(stddev.is_finite() && stddev > 0.0) {
            return invalid("stddev", stddev, "a finite number above 0");
        }
        // A deviation next to 0 makes some bytes infinite.
        if ![0.0, 255.0].iter().all(|byte: &f32| ((byte - mean) / stddev).is_finite()) {
            return invalid("stddev", stddev, "one that keeps normalised bytes finite");
        }
    }
    Ok(())
}

/// Mean and standard deviation of each channel over all pixels of all images. Exact sums of
/// integers, then f64: no order of summation to fix.
fn measure(source: &dyn Source) -> Result<(Vec<f32>, Vec<f32>)> {
    let [channels, height, width] = source.shape();
    let plane = height * width;
    let mut image = try_vec(0u8, channels * plane, "an image")?;
    let mut sums = vec![(0u128, 0u128); channels];
    for index in 0..source.count() {
        source.read(index, &mut image)?;
        for ((sum, squares), pixels) in sums.iter_mut().zip(image.chunks_exact(plane)) {
            *sum += u128::from(pixels.iter().map(|&p| u64::from(p)).sum::<u64>());
            *squares +=
                u128::from(pixels.iter().map(|&p| u64::from(p) * u64::from(p)).sum::<u64>());
        }
    }
    let n = source.count() as u128 * plane as u128;
    Ok(sums
        .into_iter()
        .map(|(sum, squares)| {
            let mean = sum as f64 / n as f64;
            // n^2 times the variance, without cancellation.
            let spread = n * squares - sum * sum;
            let stddev = if spread == 0 { 1.0 } else { (spread as f64).sqrt() / n as f64 };
            (mean as f32, stddev as f32)
        })
        .unzip())
}
