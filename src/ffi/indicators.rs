//! Indicators
//!
//! What a finished architecture is worth, told without training: the two
//! indicators that a search goes by, two scores of the network's activations,
//! and the size of the network that papers train.
//!
//! Repeat r draws the same weights and images for every architecture: those
//! that repeat r of the first round of a search with TENAS_SAMPLING_COMMON has.
//! So scores compare architectures on equal terms, and do not depend on how
//! many are scored together, in which order, or on the number of threads. Of
//! the configuration, space, seed, repeats, batch size, initialisation, device
//! and threads count.

use std::ops::ControlFlow;

use libc::{c_char, c_void, size_t};

use super::arguments::{self, OutStruct, Versioned};
use super::config::{self, tenas_config};
use super::context::{Callback, tenas_progress_fn};
use super::dataset::tenas_dataset;
use super::error::Failure;
use super::guard::guard;
use super::handle;
use super::status::tenas_status;
use crate::error::room_for;
use crate::{Genotype, Indicators, Mask, Space, indicators, indicators_of_masks};

/// Each parsed genotype takes some small vectors: so many at a time are far below the headroom.
const PARSED_AT_ONCE: usize = 256;

/// The indicators of one architecture. A score is the mean over the repeats;
/// its spread is the standard deviation (of the sample; 0 for one repeat). All
/// are finite.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_indicators {
    /// Size of the struct: set it to sizeof(tenas_indicators) before you ask.
    pub struct_size: size_t,
    /// Condition number of the neural tangent kernel: lower is better. Of the
    /// search's network (NAS-Bench-201: 3 channels, one cell a stage) on a
    /// batch of images. 1 to 2^24 / batch size.
    pub ntk: f64,
    /// Its spread.
    pub ntk_spread: f64,
    /// Linear regions among 3000 inputs of 3x3: more is better. Of the thin
    /// network (one channel, one cell).
    pub regions: f64,
    /// Its spread.
    pub regions_spread: f64,
    /// NASWOT (Mellor et al., ICML 2021): higher is better. The logarithm of
    /// the determinant of the kernel that counts the ReLU units in which two
    /// images agree; 0, the least, for a kernel that is singular. Of the
    /// network and images of ntk.
    pub naswot: f64,
    /// Its spread.
    pub naswot_spread: f64,
    /// SWAP (Peng et al., ICLR 2024): higher is better. Distinct patterns of
    /// ReLU units over the images, 1 at least. Of the network and images of ntk.
    pub swap: f64,
    /// Its spread.
    pub swap_spread: f64,
    /// Multiply-adds of one image (papers say FLOPs): convolutions and the
    /// linear layer with its bias. Of the network that papers train:
    /// NAS-Bench-201 with C = 16, N = 5 on the data set's images; DARTS with 20
    /// cells, C = 36, without auxiliary head, and for a configuration of
    /// TENAS_DATASET_IMAGENET with 14 cells, C = 48 and images of 224x224.
    pub multiply_adds: u64,
    /// Parameters of that network, all of them.
    pub parameters: u64,
    /// 1 if the network's output depends on the image. 0 if not: then nothing
    /// is measured, and the scores are the worst there are: ntk 2^24 / batch
    /// size, regions 1, naswot 0, swap 1.
    pub connected: i32,
    /// Repeats that were measured.
    pub repeats: u32,
    /// Seconds of the whole call, divided by the number of architectures.
    pub seconds: f64,
}

impl Versioned for tenas_indicators {
    const FIRST_SIZE: usize = size_of::<Self>();
}

impl tenas_indicators {
    fn new(i: &Indicators, repeats: u32) -> Self {
        tenas_indicators {
            struct_size: size_of::<Self>(),
            ntk: i.ntk.mean,
            ntk_spread: i.ntk.deviation,
            regions: i.regions.mean,
            regions_spread: i.regions.deviation,
            naswot: i.naswot.mean,
            naswot_spread: i.naswot.deviation,
            swap: i.swap.mean,
            swap_spread: i.swap.deviation,
            multiply_adds: i.cost.multiply_adds,
            parameters: i.cost.parameters,
            connected: i.connected.into(),
            repeats,
            seconds: i.seconds,
        }
    }
}

/// Tells what one architecture is worth. Set out->struct_size before the call.
///
/// - TENAS_ERROR_FORMAT: genotype is none of the configuration's space.
/// - TENAS_ERROR_INVALID_ARGUMENT: configuration and data set do not fit each
///   other (a batch larger than the data set, images of a size that the space
///   cannot take), a text that is not UTF-8, or out->struct_size is smaller
///   than the struct was in its first version, or larger than 4096.
/// - TENAS_ERROR_DEVICE: the device is not there.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_IO, TENAS_ERROR_FORMAT: images that are read as they are needed
///   (a folder of JPEG files, a loader) could not be had.
/// - TENAS_ERROR_NULL_POINTER: config, dataset, genotype or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_indicators_of(
    config: *const tenas_config,
    dataset: *const tenas_dataset,
    genotype: *const c_char,
    out: *mut tenas_indicators,
) -> tenas_status {
    guard("tenas_indicators_of", || {
        // SAFETY: NULL or live handles; NULL or a C string; NULL or a struct with its size set, as
        // tenas.h asks.
        let (config, dataset, text, out) = unsafe {
            (
                config::copy(config, "config")?,
                handle::borrow(dataset, "dataset")?,
                arguments::text(genotype, "genotype")?,
                OutStruct::new(out, "out")?,
            )
        };
        let genotype = Genotype::parse(&config.supernet().space, text)?;
        let go_on = &mut |_: &_| ControlFlow::Continue(());
        for found in indicators(&config, dataset, &[genotype], go_on)? {
            out.set(tenas_indicators::new(&found, config.repeats()));
        }
        Ok(())
    })
}

/// Tells what a supernet is worth: the indicators of the network that mixes the
/// active operations of each edge, as a search does. mask is as
/// tenas_context_mask writes it. multiply_adds and parameters count all active
/// operations. Set out->struct_size before the call.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: count is not that of the configuration's
///   space, a value of the mask is neither 0 nor 1, or the operation "none" is
///   active, which it never is in a supernet; or as tenas_indicators_of.
/// - TENAS_ERROR_DEVICE, TENAS_ERROR_OUT_OF_MEMORY, TENAS_ERROR_IO,
///   TENAS_ERROR_FORMAT: as tenas_indicators_of.
/// - TENAS_ERROR_NULL_POINTER: config, dataset, mask or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_indicators_of_mask(
    config: *const tenas_config,
    dataset: *const tenas_dataset,
    mask: *const u8,
    count: size_t,
    out: *mut tenas_indicators,
) -> tenas_status {
    guard("tenas_indicators_of_mask", || {
        // SAFETY: NULL or live handles; NULL or an array of that count; NULL or a struct with its
        // size set, as tenas.h asks.
        let (config, dataset, flat, out) = unsafe {
            (
                config::copy(config, "config")?,
                handle::borrow(dataset, "dataset")?,
                arguments::slice(mask, count, "mask")?,
                OutStruct::new(out, "out")?,
            )
        };
        let mask = Mask::from_flat(&config.supernet().space, flat)?;
        let go_on = &mut |_: &_| ControlFlow::Continue(());
        for found in indicators_of_masks(&config, dataset, &[mask], go_on)? {
            out.set(tenas_indicators::new(&found, config.repeats()));
        }
        Ok(())
    })
}

/// The architectures that an array of texts means.
///
/// # Safety
///
/// `texts` is NULL or points to `count` pointers, each NULL or a C string.
pub(super) unsafe fn genotypes_of(
    space: &Space,
    texts: *const *const c_char,
    count: usize,
) -> Result<Vec<Genotype>, Failure> {
    // SAFETY: as the caller promises.
    let texts = unsafe { arguments::slice(texts, count, "genotypes") }?;
    let mut parsed = Vec::new();
    parsed
        .try_reserve_exact(count)
        .map_err(|_| crate::Error::OutOfMemory(format!("{count} genotypes")))?;
    for (i, text) in texts.iter().enumerate() {
        if i % PARSED_AT_ONCE == 0 {
            room_for(0, || format!("genotypes[{i}] of {count}"))?;
        }
        let name = format!("genotypes[{i}]");
        // SAFETY: as the caller promises.
        let text = unsafe { arguments::text(*text, &name) }?;
        let genotype = Genotype::parse(space, text).map_err(|e| {
            let failure = Failure::from(e);
            Failure { message: format!("{name}: {}", failure.message), ..failure }
        })?;
        parsed.push(genotype);
    }
    Ok(parsed)
}

/// Tells what many architectures are worth: the same numbers as
/// tenas_indicators_of for each, with all cores or the GPU kept busy. out is an
/// array of count structs; set out[0].struct_size, which holds for all.
///
/// progress, if it is not NULL, is called after each architecture, on the
/// thread that called in, with user: candidate is how many are finished,
/// candidates is count, round is 0 of 1. It returns 0 to go on, anything else
/// to cancel; then nothing is written to out.
///
/// - TENAS_ERROR_CANCELLED: progress asked to stop.
/// - TENAS_ERROR_FORMAT: a genotype is none of the configuration's space; the
///   message names its index.
/// - TENAS_ERROR_INVALID_ARGUMENT, TENAS_ERROR_DEVICE,
///   TENAS_ERROR_OUT_OF_MEMORY, TENAS_ERROR_IO, TENAS_ERROR_FORMAT: as
///   tenas_indicators_of.
/// - TENAS_ERROR_NULL_POINTER: config or dataset is NULL, or genotypes, one of
///   them or out is and count is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_indicators_of_many(
    config: *const tenas_config,
    dataset: *const tenas_dataset,
    genotypes: *const *const c_char,
    count: size_t,
    progress: tenas_progress_fn,
    user: *mut c_void,
    out: *mut tenas_indicators,
) -> tenas_status {
    guard("tenas_indicators_of_many", || {
        // SAFETY: NULL or live handles, as tenas.h asks.
        let (config, dataset) =
            unsafe { (config::copy(config, "config")?, handle::borrow(dataset, "dataset")?) };
        if count == 0 {
            return Ok(());
        }
        // SAFETY: NULL or an array of that count; NULL or an array of structs whose first has its
        // size set, as tenas.h asks.
        let (_, first) = unsafe {
            (arguments::slice(genotypes, count, "genotypes")?, OutStruct::new(out, "out")?)
        };
        // SAFETY: as above; each is NULL or a C string.
        let parsed = unsafe { genotypes_of(&config.supernet().space, genotypes, count) }?;
        let callback = progress.map(|function| Callback { function, user });
        let observer = &mut |progress: &_| match &callback {
            Some(callback) => callback.call(progress),
            None => ControlFlow::Continue(()),
        };
        let found = indicators(&config, dataset, &parsed, observer)?;
        let stride = first.size();
        for (i, found) in found.iter().enumerate() {
            // SAFETY: `out` has `count` structs of the first one's size, as tenas.h asks.
            let place = unsafe { OutStruct::sized(out.byte_add(i * stride), "out", stride) }?;
            place.set(tenas_indicators::new(found, config.repeats()));
        }
        Ok(())
    })
}
