//! Data sets
//!
//! Images to search on; labels are not used. A data set never changes, so any
//! number of threads and contexts may use one at once.

use std::path::Path;

use libc::{c_char, size_t};

use super::arguments::{self, Out, choose};
use super::error::Failure;
use super::guard::guard;
use super::handle::{self, Handle};
use super::status::tenas_status;
use crate::{Dataset, DatasetKind};

/// A set of images. Made by tenas_dataset_open, _from_images or _synthetic,
/// freed by tenas_dataset_free.
pub struct tenas_dataset {
    _opaque: [u8; 0],
}

impl Handle for tenas_dataset {
    type Object = Dataset;
    const NAME: &'static str = "tenas_dataset";
    const TAG: u64 = u64::from_be_bytes(*b"tenasDAT");
}

/// The data sets that presets are published for. The kind fixes the number of
/// classes and the mean and standard deviation that images are normalised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_dataset_kind {
    /// CIFAR-10: 10 classes, 32x32.
    TENAS_DATASET_CIFAR10 = 1,
    /// CIFAR-100: 100 classes, 32x32.
    TENAS_DATASET_CIFAR100 = 2,
    /// ImageNet16-120: 120 classes, 16x16.
    TENAS_DATASET_IMAGENET16_120 = 3,
    /// ImageNet (ILSVRC 2012): 1000 classes, resized to 32x32.
    TENAS_DATASET_IMAGENET = 4,
    /// Images of your own, from tenas_dataset_from_images.
    TENAS_DATASET_CUSTOM = 5,
}
use tenas_dataset_kind::*;

pub(super) fn kind(dataset: i32) -> Result<DatasetKind, Failure> {
    choose!(
        "dataset", dataset,
        TENAS_DATASET_CIFAR10 => DatasetKind::Cifar10,
        TENAS_DATASET_CIFAR100 => DatasetKind::Cifar100,
        TENAS_DATASET_IMAGENET16_120 => DatasetKind::ImageNet16,
        TENAS_DATASET_IMAGENET => DatasetKind::ImageNet,
        TENAS_DATASET_CUSTOM => DatasetKind::Custom,
    )
}

/// Opens a published data set (a tenas_dataset_kind) from disk.
///
/// path is UTF-8. For TENAS_DATASET_CIFAR10 it is one file in the official
/// binary layout (records of one label byte and 3072 image bytes), or a folder
/// of data_batch_*.bin.
///
/// On success *out is a new data set: free it with tenas_dataset_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such data set, none that is read from
///   disk by this version of the library, or a path that is not UTF-8.
/// - TENAS_ERROR_IO: a file cannot be opened or read.
/// - TENAS_ERROR_FORMAT: a file is empty, cut short, or not of that layout.
/// - TENAS_ERROR_OUT_OF_MEMORY: the images do not fit in memory.
/// - TENAS_ERROR_NULL_POINTER: path or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_open(
    dataset: i32,
    path: *const c_char,
    out: *mut *mut tenas_dataset,
) -> tenas_status {
    guard("tenas_dataset_open", || {
        // SAFETY: NULL or a C string; NULL or writable, as tenas.h asks.
        let (path, out) = unsafe { (arguments::text(path, "path")?, Out::new(out, "out")?) };
        out.set(handle::into_raw(Dataset::open(kind(dataset)?, Path::new(path))?));
        Ok(())
    })
}

/// Makes a data set of images in memory; they are copied.
///
/// - images: count x channels x height x width bytes, in that order (NCHW).
/// - mean, stddev: channels values each, in units of the bytes (0 to 255), by
///   which images are normalised; NULL for both computes them from the images.
/// - classes: how many classes the images are of.
///
/// NAS-Bench-201 needs a height and width divisible by 4.
///
/// On success *out is a new data set: free it with tenas_dataset_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: a count or size of 0 or too large, a mean
///   that is not finite, a stddev that is not finite and positive.
/// - TENAS_ERROR_OUT_OF_MEMORY: the copy does not fit in memory.
/// - TENAS_ERROR_NULL_POINTER: images or out is NULL, or just one of mean and
///   stddev.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_from_images(
    images: *const u8,
    count: size_t,
    channels: size_t,
    height: size_t,
    width: size_t,
    mean: *const f32,
    stddev: *const f32,
    classes: size_t,
    out: *mut *mut tenas_dataset,
) -> tenas_status {
    guard("tenas_dataset_from_images", || {
        let bytes = size_of_images(count, channels, height, width)?;
        // SAFETY: NULL or an array of that length; NULL or writable, as tenas.h asks.
        let (images, out) =
            unsafe { (arguments::slice(images, bytes, "images")?, Out::new(out, "out")?) };
        let normalisation = if mean.is_null() && stddev.is_null() {
            None
        } else {
            // SAFETY: NULL or an array of that length, as tenas.h asks.
            let mean = unsafe { arguments::slice(mean, channels, "mean") }?;
            // SAFETY: likewise.
            Some((mean, unsafe { arguments::slice(stddev, channels, "stddev") }?))
        };
        let shape = [channels, height, width];
        let dataset = Dataset::from_images(images, count, shape, normalisation, classes)?;
        out.set(handle::into_raw(dataset));
        Ok(())
    })
}

/// Bytes of the images. It is an error if there are none, or too many for an address space.
fn size_of_images(
    count: usize,
    channels: usize,
    height: usize,
    width: usize,
) -> Result<usize, Failure> {
    let dimensions =
        [("count", count), ("channels", channels), ("height", height), ("width", width)];
    let mut bytes = 1_usize;
    for (argument, value) in dimensions {
        if value == 0 {
            return Err(Failure::invalid_argument(format!(
                "{argument}: found 0, expected 1 or more"
            )));
        }
        bytes =
            bytes.checked_mul(value).filter(|b| *b <= isize::MAX as usize).ok_or_else(|| {
                Failure::invalid_argument(format!(
                    "{argument}: found {value}, expected images that fit in memory (count \
                     {count}, {channels} x {height} x {width})"
                ))
            })?;
    }
    Ok(bytes)
}

/// Makes 10,000 images with natural statistics, in the shape of a published
/// data set (a tenas_dataset_kind), for when there is none at hand. The same
/// seed gives the same images.
///
/// On success *out is a new data set: free it with tenas_dataset_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such data set, or TENAS_DATASET_CUSTOM,
///   which has no shape.
/// - TENAS_ERROR_OUT_OF_MEMORY: the images do not fit in memory.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_synthetic(
    dataset: i32,
    seed: u64,
    out: *mut *mut tenas_dataset,
) -> tenas_status {
    guard("tenas_dataset_synthetic", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        let out = unsafe { Out::new(out, "out") }?;
        out.set(handle::into_raw(Dataset::synthetic(kind(dataset)?, seed)?));
        Ok(())
    })
}

/// Frees a data set. NULL is a no-op. Contexts made from it are not affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_free(dataset: *mut tenas_dataset) {
    // SAFETY: NULL or a handle that nobody uses any more, as tenas.h asks.
    unsafe { handle::free(dataset) }
}
