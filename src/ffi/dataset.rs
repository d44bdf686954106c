//! Data sets
//!
//! Images to search on; labels are not used. A data set never changes, so any
//! number of threads and contexts may use one at once. Images of a folder of
//! JPEG files and of a callback are read as searches need them; all others are
//! in memory.

use std::path::Path;
use std::sync::Arc;

use libc::{c_char, c_void, size_t};

use super::arguments::{self, Out, OutStruct, Versioned, choose};
use super::error::Failure;
use super::guard::guard;
use super::handle::{self, Handle};
use super::host_images::HostImages;
use super::status::tenas_status;
use super::text::OutText;
use crate::{Dataset, DatasetKind};

/// A set of images. Made by tenas_dataset_open, _from_images, _from_callback or
/// _synthetic, freed by tenas_dataset_free.
pub struct tenas_dataset {
    _opaque: [u8; 0],
}

impl Handle for tenas_dataset {
    type Object = Dataset;
    const NAME: &'static str = "tenas_dataset";
    const TAG: u64 = u64::from_be_bytes(*b"tenasDAT");
    const SURVIVES_FORK: bool = true;
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
    /// Images of your own, from tenas_dataset_from_images or _from_callback.
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

/// What a data set is.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_dataset_facts {
    /// Size of the struct: set it to sizeof(tenas_dataset_facts) before you ask.
    pub struct_size: size_t,
    /// Number of images, broken ones included.
    pub count: size_t,
    /// Channels of an image.
    pub channels: size_t,
    /// Rows of an image, as searches see it.
    pub height: size_t,
    /// Columns of an image, as searches see it.
    pub width: size_t,
    /// Number of classes.
    pub classes: size_t,
    /// Images that were found broken so far and that batches replace. Above 0
    /// only for a folder of JPEG files, and growing as more of it is read.
    pub skipped: size_t,
    /// Which data set it is: a tenas_dataset_kind.
    pub kind: i32,
}

impl Versioned for tenas_dataset_facts {
    const FIRST_SIZE: usize = size_of::<Self>();
}

impl From<&Dataset> for tenas_dataset_facts {
    fn from(dataset: &Dataset) -> Self {
        let [channels, height, width] = dataset.shape();
        tenas_dataset_facts {
            struct_size: size_of::<Self>(),
            count: dataset.count(),
            channels,
            height,
            width,
            classes: dataset.classes(),
            skipped: dataset.skipped(),
            kind: dataset.kind() as i32,
        }
    }
}

/// A loader: a function of yours that writes images when the library needs them.
///
/// indices has count numbers. Write image indices[0] to the start of images,
/// image indices[1] directly after it, and so on. Each image is channels x
/// height x width bytes, in that order. Return 0 if all of them are written,
/// and any other number if not: the call that needed them then fails with
/// TENAS_ERROR_IO and names the indices.
///
/// The same index must give the same bytes each time. Both arrays are valid
/// only during the call. user is what tenas_dataset_from_callback was given.
///
/// The library calls the loader only on threads that have called the library,
/// and never twice at once on the same thread. If you run searches on several
/// threads, each of them calls the loader. While the loader works for a
/// context, it may call only tenas_context_cancel, _clear_cancel, _progress and
/// _work on that context; all other calls return TENAS_ERROR_BUSY. The loader must
/// return: no C++ exception and no longjmp may pass through the library.
pub type tenas_load_fn = Option<
    unsafe extern "C" fn(
        indices: *const size_t,
        count: size_t,
        images: *mut u8,
        user: *mut c_void,
    ) -> i32,
>;

/// Takes back the user pointer of a loader. The library calls it once, after the
/// last call of the loader, on the thread that frees the last object that uses
/// the images; in a forked child, for the child's copy, if the child frees them.
pub type tenas_release_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// Opens a published data set (a tenas_dataset_kind) from disk. The layout is
/// found out; dataset fixes the shape, the classes and the normalisation.
///
/// path is UTF-8, and one of:
/// - CIFAR-10, CIFAR-100: the published archive, the folder that it unpacks to
///   (or the folder that holds this), or one file of it, in the binary or in
///   the Python version. Of a folder or an archive the training files are read:
///   data_batch_*.bin, data_batch_*, train.bin, train; if there are none of
///   these, data_batch_*.npz and train.npz. Archives are .tar files, as they
///   are or compressed by gzip, bzip2 or xz; a single file may be compressed
///   too.
/// - ImageNet16-120: likewise, with the pickled train_data_batch_* or
///   train_data_batch_*.npz. Labels count from 1; images of the first 120
///   classes are taken.
/// - ImageNet: the same batches at 32x32, with labels from 0 or from 1, or a
///   folder of JPEG files, train/CLASS/NAME.JPEG or CLASS/NAME.JPEG
///   (or .jpg), of up to 1000 classes. It is listed here; images are decoded
///   when a search needs them, resized to 32x32 as Pillow's and torchvision's bilinear resize does
///   (antialiased), and kept in a cache of at most 256 MiB. A file that is no
///   JPEG, is cut short or cannot be decoded is counted and replaced, always by
///   the same other image: the next one in the order of names that is not
///   broken and not in the batch. tenas_dataset_info has the count.
/// - any of them: one .npy, .npz or safetensors file with an array of bytes. It
///   is count x channels x height x width, count x height x width x channels,
///   or count x (channels height width); in Fortran's order also width x height
///   x channels x count, as Julia has it. In .npz and safetensors it is named
///   images, data or x_train. An array named labels (y_train beside x_train),
///   if there is one, has an integer for each image. For ImageNet16-120 labels
///   count from 1 here too, and choose the images of the first 120 classes;
///   without labels all images are taken.
///
/// Pickles are read as data: nothing in them is executed. An archive may expand
/// to 2 GiB. Symbolic links on disk are followed; no file is mapped into memory.
///
/// On success *out is a new data set: free it with tenas_dataset_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such data set, TENAS_DATASET_CUSTOM, or a
///   path that is not UTF-8.
/// - TENAS_ERROR_IO: a file or folder cannot be opened or read.
/// - TENAS_ERROR_FORMAT: a file is empty, cut short, of another layout, shape or
///   kind, or has a label out of range; a folder or archive has no images.
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
        // SAFETY: NULL or arrays of that length, as tenas.h asks.
        let normalisation = unsafe { normalisation(mean, stddev, channels) }?;
        let shape = [channels, height, width];
        let dataset = Dataset::from_images(images, count, shape, normalisation, classes)?;
        out.set(handle::into_raw(dataset));
        Ok(())
    })
}

/// Makes a data set of images that a function of yours loads when a search
/// needs them.
///
/// - count, channels, height, width, mean, stddev, classes: as for
///   tenas_dataset_from_images. Without mean and stddev every image is loaded
///   once, here.
/// - load: writes images; see tenas_load_fn.
/// - release: takes user back when the last object that uses the images is
///   freed. That may be a context: it uses the images after the handle of the
///   data set is freed. NULL if there is nothing to release.
/// - user: handed to load and release. It is the data set's from a successful
///   call on. After a failed one it is still yours, and release is not called.
/// - id: a name of these images, UTF-8, not empty. It stands for them where a
///   search is saved and continued: give other images another one.
///
/// On success *out is a new data set: free it with tenas_dataset_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: a count or size of 0 or too large, a mean
///   that is not finite, a stddev that is not finite and positive, an id that
///   is empty or not UTF-8.
/// - TENAS_ERROR_IO: load failed.
/// - TENAS_ERROR_OUT_OF_MEMORY: no memory for an image.
/// - TENAS_ERROR_NULL_POINTER: load, id or out is NULL, or just one of mean and
///   stddev.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_from_callback(
    count: size_t,
    channels: size_t,
    height: size_t,
    width: size_t,
    mean: *const f32,
    stddev: *const f32,
    classes: size_t,
    load: tenas_load_fn,
    release: tenas_release_fn,
    user: *mut c_void,
    id: *const c_char,
    out: *mut *mut tenas_dataset,
) -> tenas_status {
    guard("tenas_dataset_from_callback", || {
        size_of_images(1, channels, height, width)?;
        // SAFETY: NULL or a C string; NULL or writable, as tenas.h asks.
        let (id, out) = unsafe { (arguments::text(id, "id")?, Out::new(out, "out")?) };
        // SAFETY: NULL or arrays of that length, as tenas.h asks.
        let normalisation = unsafe { normalisation(mean, stddev, channels) }?;
        let images = HostImages::new(load, user, count, [channels, height, width], id)?;
        let images = Arc::new(images);
        let dataset = Dataset::from_source(images.clone(), normalisation, classes)?
            .with_origin(&format!("callback: {id}"));
        images.own(release);
        out.set(handle::into_raw(dataset));
        Ok(())
    })
}

/// Mean and deviation of each channel.
type Normalisation<'a> = (&'a [f32], &'a [f32]);

/// The normalisation, where it is given.
///
/// # Safety
///
/// Both are NULL or arrays of `channels` values that stay as they are during `'a`.
unsafe fn normalisation<'a>(
    mean: *const f32,
    stddev: *const f32,
    channels: usize,
) -> Result<Option<Normalisation<'a>>, Failure> {
    if mean.is_null() && stddev.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    unsafe {
        Ok(Some((
            arguments::slice(mean, channels, "mean")?,
            arguments::slice(stddev, channels, "stddev")?,
        )))
    }
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

/// Tells what a data set is. Set out->struct_size before the call.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: out->struct_size is smaller than the struct
///   was in its first version, or larger than 4096.
/// - TENAS_ERROR_NULL_POINTER: dataset or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_info(
    dataset: *const tenas_dataset,
    out: *mut tenas_dataset_facts,
) -> tenas_status {
    guard("tenas_dataset_info", || {
        // SAFETY: NULL or a live handle; NULL or a struct with its size set, as tenas.h asks.
        let (dataset, out) =
            unsafe { (handle::borrow(dataset, "dataset")?, OutStruct::new(out, "out")?) };
        out.set(tenas_dataset_facts::from(dataset));
        Ok(())
    })
}

/// Writes where the images came from, with a terminating NUL: the layout and
/// the path ("binary version: cifar-10-batches-bin"), "callback: " and its id,
/// "images in memory", or "synthetic images, seed " and its number.
///
/// *length is the length of the text without its NUL: allocate one byte more.
/// A NULL buffer with a capacity of 0 asks for it. *length is set by failing
/// calls too, to 0 where there is no text.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: dataset or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_source(
    dataset: *const tenas_dataset,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_dataset_source", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        out.set(unsafe { handle::borrow(dataset, "dataset") }?.origin())
    })
}

/// Sets *out to a number that tells data sets apart, the same on every machine:
/// a 64-bit hash (FNV-1a) of count, shape, classes, normalisation and images.
/// For a folder of JPEG files the names and sizes of all files stand for the
/// images, for a callback its id. No defence against forgery. The first call
/// takes the time to read all that.
///
/// - TENAS_ERROR_IO: a file is not there any more.
/// - TENAS_ERROR_NULL_POINTER: dataset or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_digest(
    dataset: *const tenas_dataset,
    out: *mut u64,
) -> tenas_status {
    guard("tenas_dataset_digest", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (dataset, out) =
            unsafe { (handle::borrow(dataset, "dataset")?, Out::new(out, "out")?) };
        out.set(dataset.digest()?);
        Ok(())
    })
}

/// Frees a data set. NULL is a no-op. Contexts made from it are not affected:
/// they share its images, and the last of them to be freed releases these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_dataset_free(dataset: *mut tenas_dataset) {
    // SAFETY: NULL or a handle that nobody uses any more, as tenas.h asks.
    unsafe { handle::free(dataset) }
}
