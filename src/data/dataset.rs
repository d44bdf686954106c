//! A data set: a source of images, how to normalise them, how many classes.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::source::Memory;
use super::{DatasetKind, Published, Source, open, synthetic};
use crate::digest::Digest;
use crate::error::{Error, Result, check_range, try_reserve, try_vec};
use crate::message::whole;

const CHANNELS: RangeInclusive<usize> = 1..=16;
/// A region crop has 3 x 3 pixels, so no image is smaller. With this upper end the product of a shape
/// cannot overflow.
const SIDE: RangeInclusive<usize> = 3..=1024;
const CLASSES: RangeInclusive<usize> = 1..=100_000;
/// Raw bytes that a draw reads at a time, at least one image.
const CHUNK_BYTES: usize = 64 << 20;

/// A set of labelled images. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dataset {
    source: Arc<dyn Source>,
    mean: Vec<f32>,
    stddev: Vec<f32>,
    classes: usize,
    kind: DatasetKind,
    origin: Arc<str>,
    /// 0 until it is computed.
    digest: Arc<AtomicU64>,
}

impl Dataset {
    /// Opens a published data set from disk. `kind` fixes shape, classes and normalisation; the
    /// layout is found out:
    ///
    /// - CIFAR-10 and CIFAR-100 in the binary or the Python (pickle) version, or as `.npz` batches:
    ///   a folder, one file of it, or a tar archive. Training files are read, in the byte order of
    ///   their names: `data_batch_*`, `train`. Archives and single files may be compressed by gzip,
    ///   bzip2 or xz.
    /// - ImageNet16-120: likewise the pickled or `.npz` batches `train_data_batch_*`. Their labels
    ///   count from 1; the images of classes 1 to 120 are taken.
    /// - ImageNet: the same batches at 32 x 32, with labels from 0 or from 1.
    /// - ImageNet: a folder `train/<class>/*.JPEG` or `<class>/*.JPEG` (.jpg as well), at most 1000
    ///   classes. It is listed here and read as batches need it: decoded, resized to 32 x 32 as
    ///   Pillow's bilinear `resize` does (antialiased), and kept in a cache of at most 256 MiB.
    /// - each of them as one `.npy`, `.npz` or safetensors file: bytes of N x channels x height x
    ///   width, N x height x width x channels, or N x (channels height width); in Fortran's order
    ///   also Julia's width x height x channels x N. In `.npz` and safetensors they are under
    ///   `images`, `data` or `x_train`, and if there are `labels` (`y_train`), these have one
    ///   integer for each image.
    ///
    /// All but the folder of JPEG files is kept in memory. Labels, which no indicator uses, are
    /// checked and dropped.
    ///
    /// Errors: [`Error::Io`] naming the path that could not be read; [`Error::Format`] for what is
    /// not of these layouts, is cut short, empty, or has labels out of range, with the file and the
    /// place; [`Error::OutOfMemory`]; [`Error::InvalidArgument`] for [`DatasetKind::Custom`].
    pub fn open(kind: DatasetKind, path: &Path) -> Result<Self> {
        let Some(facts) = kind.published() else {
            return Err(Error::InvalidArgument(
                "dataset: found custom, expected a published data set; custom images come from \
                 from_images or from a callback"
                    .to_owned(),
            ));
        };
        let (source, layout) = open::open(kind, facts, path)?;
        Ok(Self::published(facts, source, format!("{layout}: {}", path.display())))
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
        try_reserve(&mut copy, images.len())
            .map_err(|()| Error::OutOfMemory(format!("{count} images, {} bytes", images.len())))?;
        copy.extend_from_slice(images);
        let source = Arc::new(Memory::new(copy, shape));
        Ok(Self::from_source(source, normalisation, classes)?.with_origin("images in memory"))
    }

    /// The images of any source. The other arguments, their bounds and the errors are those of
    /// [`from_images`](Self::from_images); an error of the source is returned as it is. Without
    /// `normalisation` this reads every image once.
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
        Ok(Dataset {
            source,
            mean,
            stddev,
            classes,
            kind: DatasetKind::Custom,
            origin: "a source of the host".into(),
            digest: Arc::default(),
        })
    }

    /// The same data set with another text for [`origin`](Self::origin).
    pub fn with_origin(self, origin: &str) -> Self {
        Dataset { origin: origin.into(), ..self }
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
        let images = synthetic::images(kind, seed)?;
        let facts = kind.published().ok_or_else(|| {
            Error::Internal(format!("the data set {} has no published facts", kind.name()))
        })?;
        let source = Arc::new(Memory::new(images, facts.shape));
        Ok(Self::published(facts, source, format!("synthetic images, seed {seed}")))
    }

    /// Images of a published data set, with its normalisation and classes.
    fn published(facts: &Published, source: Arc<dyn Source>, origin: String) -> Self {
        Dataset {
            source,
            mean: facts.mean.to_vec(),
            stddev: facts.stddev.to_vec(),
            classes: facts.classes,
            kind: facts.kind,
            origin: origin.into(),
            digest: Arc::default(),
        }
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

    /// Where the images came from: the layout and path, `synthetic images, seed 1`, and so on.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Broken images that were met so far, and that batches replace by others. Only files that are
    /// read as they are needed can be broken: the rest is checked when a data set is opened.
    pub fn skipped(&self) -> usize {
        self.source.broken()
    }

    /// A number that tells data sets apart, the same on every machine: the 64-bit FNV-1a hash of
    /// count, shape, classes, normalisation, and of what the source says of itself: all bytes of
    /// the images; for a folder of JPEG files the names and sizes of all; for a callback its id.
    /// Computed when it is first asked for. It is no defence against forgery.
    ///
    /// Errors: those of reading.
    pub fn digest(&self) -> Result<u64> {
        let known = self.digest.load(Ordering::Relaxed);
        if known != 0 {
            return Ok(known);
        }
        let mut digest = Digest::new();
        for number in [self.count(), self.classes].into_iter().chain(self.shape()) {
            digest.number(number as u64);
        }
        for value in self.mean.iter().chain(&self.stddev) {
            digest.number(u64::from(value.to_bits()));
        }
        digest.number(self.source.digest()?);
        self.digest.store(digest.value(), Ordering::Relaxed);
        Ok(digest.value())
    }

    /// Calls `take(place, bytes)` for each of the images `picked`, in order. In place of a broken
    /// image it takes the next one of the data set (after the last comes the first) that is not
    /// broken, not picked and no replacement yet. If there is none, that is an error where images
    /// must be `distinct`; otherwise it takes the next one that is not broken.
    ///
    /// So what is taken depends only on the picks and on which images are broken.
    pub(super) fn visit(
        &self,
        picked: &[usize],
        distinct: bool,
        mut take: impl FnMut(usize, &[u8]),
    ) -> Result<()> {
        let len: usize = self.shape().iter().product();
        let chunk = (CHUNK_BYTES / len).clamp(1, picked.len().max(1));
        let mut raw = try_vec(0u8, chunk * len, "images")?;
        let mut taken = HashSet::new();
        for (c, indices) in picked.chunks(chunk).enumerate() {
            let raw = &mut raw[..indices.len() * len];
            for place in self.source.read_many(indices, raw)? {
                taken.extend(picked);
                let image = &mut raw[place * len..][..len];
                self.replace(indices[place], distinct, &mut taken, image)?;
            }
            for (i, image) in raw.chunks_exact(len).enumerate() {
                take(c * chunk + i, image);
            }
        }
        Ok(())
    }

    /// Reads a replacement of the broken image `index`.
    fn replace(
        &self,
        index: usize,
        distinct: bool,
        taken: &mut HashSet<usize>,
        image: &mut [u8],
    ) -> Result<()> {
        let following = || (index + 1..self.count()).chain(0..index);
        let mut try_image = |i: usize| Ok(self.source.read_many(&[i], image)?.is_empty());
        for i in following() {
            if taken.insert(i) && try_image(i)? {
                return Ok(());
            }
        }
        if !distinct {
            for i in following() {
                if try_image(i)? {
                    return Ok(());
                }
            }
        }
        Err(Error::Format(format!(
            "{}: found {} broken images among {}, expected enough that are not for a batch",
            whole(&self.origin),
            self.skipped(),
            self.count()
        )))
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

/// Mean and standard deviation of each channel over all pixels of all images. The sums are of
/// integers and exact, so that their order does not matter.
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
