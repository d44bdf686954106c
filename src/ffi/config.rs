//! Configuration
//!
//! What determines a search. A new configuration is the published preset of a
//! space and a data set; the setters change one value each, check its range,
//! and leave the configuration as it was if the value is refused.
//!
//! Everything but the device and the threads determines the result. Those two
//! decide how soon it comes: with the native engine the genotype and all
//! scores are the same, to the last bit, on any number of threads.
//!
//! Any thread may use a configuration; concurrent calls wait for each other.
//!
//! All setters return TENAS_OK or
//! - TENAS_ERROR_NULL_POINTER: config is NULL;
//! - TENAS_ERROR_INVALID_ARGUMENT: the value is outside its range.

use parking_lot::Mutex;

use super::arguments::{Out, choose};
use super::dataset;
use super::error::Failure;
use super::guard::guard;
use super::handle::{self, Handle};
use super::space;
use super::status::tenas_status;
use crate::{Config, DeviceKind, Init, Sampling};

/// The parameters of a search. Made by tenas_config_new, freed by
/// tenas_config_free.
pub struct tenas_config {
    _opaque: [u8; 0],
}

impl Handle for tenas_config {
    type Object = Mutex<Config>;
    const NAME: &'static str = "tenas_config";
    const TAG: u64 = u64::from_be_bytes(*b"tenasCFG");
}

/// How the weights of a network are initialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_init {
    /// Kaiming normal, as the TE-NAS paper says. The default.
    TENAS_INIT_KAIMING_NORMAL = 1,
    /// The default of PyTorch's layers, which the published code in fact uses.
    TENAS_INIT_TORCH_DEFAULT = 2,
}
use tenas_init::*;

/// How candidates draw their weights and images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_sampling {
    /// All candidates of a round are scored on the same draws: a fair
    /// comparison in half the time. The default.
    TENAS_SAMPLING_COMMON = 1,
    /// Fresh draws for every candidate, as published.
    TENAS_SAMPLING_INDEPENDENT = 2,
}
use tenas_sampling::*;

/// Where a search computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_device {
    /// CUDA if it is in this build and a GPU is present, else the CPU. The
    /// default.
    TENAS_DEVICE_AUTO = 0,
    /// The native engine on this machine's CPU.
    TENAS_DEVICE_CPU = 1,
    /// An NVIDIA GPU through libtorch. Scores are the CPU's but for rounding;
    /// the bits are the same on every run with the same GPU, free memory and
    /// pieces. Candidates finish, and a cancel is seen, a group at a time.
    TENAS_DEVICE_CUDA = 2,
    /// libtorch on the CPU, to check the native engine against.
    TENAS_DEVICE_TORCH_CPU = 3,
}
use tenas_device::*;

/// Makes the published preset of a space (a tenas_space) for a data set (a
/// tenas_dataset_kind; TENAS_DATASET_CUSTOM for images of your own).
///
///                      | images a batch | pruned an edge and round
///     NAS-Bench-201    | 72             | 1
///     DARTS, ImageNet  | 24             | 2
///     DARTS, others    | 14             | 3
///
/// On success *out is a new configuration: free it with tenas_config_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such space or data set, or not in this
///   version of the library.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_new(
    space: i32,
    dataset: i32,
    out: *mut *mut tenas_config,
) -> tenas_status {
    guard("tenas_config_new", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        let out = unsafe { Out::new(out, "out") }?;
        let config = Config::new(space::kind(space)?, dataset::kind(dataset)?);
        out.set(handle::into_raw(Mutex::new(config)));
        Ok(())
    })
}

/// Frees a configuration. NULL is a no-op. Contexts made from it are not
/// affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_free(config: *mut tenas_config) {
    // SAFETY: NULL or a handle that nobody uses any more, as tenas.h asks.
    unsafe { handle::free(config) }
}

/// What all setters do.
///
/// # Safety
///
/// `config` is NULL or a handle that nobody frees meanwhile.
unsafe fn set(
    function: &'static str,
    config: *mut tenas_config,
    change: impl FnOnce(&mut Config) -> Result<(), Failure>,
) -> tenas_status {
    guard(function, || {
        // SAFETY: as the caller promises.
        let config = unsafe { handle::borrow(config.cast_const(), "config") }?;
        change(&mut config.lock())
    })
}

/// Sets the seed of all random numbers: any value, 0 by default. The same seed
/// gives the same search.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_seed(
    config: *mut tenas_config,
    seed: u64,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe {
        set("tenas_config_set_seed", config, |c| {
            c.set_seed(seed);
            Ok(())
        })
    }
}

/// Sets how many times each candidate is scored, on other weights and images;
/// its score is the mean. 1 to 1000, by default 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_repeats(
    config: *mut tenas_config,
    repeats: u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe { set("tenas_config_set_repeats", config, |c| Ok(c.set_repeats(repeats)?)) }
}

/// Sets the number of images in the batch on which the condition number of the
/// neural tangent kernel is measured: 2 to 1024, no more than the data set has;
/// the default is the preset's. Time grows with its square.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_batch_size(
    config: *mut tenas_config,
    batch_size: u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe { set("tenas_config_set_batch_size", config, |c| Ok(c.set_batch_size(batch_size)?)) }
}

/// Sets how many operations a round removes from each edge: 1 to 16, but the
/// last operation of an edge always stays; the default is the preset's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_prune_per_edge(
    config: *mut tenas_config,
    prune_per_edge: u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe {
        set(
            "tenas_config_set_prune_per_edge",
            config,
            |c| Ok(c.set_prune_per_edge(prune_per_edge)?),
        )
    }
}

/// Sets the precision at which candidates are compared: decimals of the deltas
/// and significant figures of the sort keys. 1 to 15, by default 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_score_decimals(
    config: *mut tenas_config,
    score_decimals: u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe {
        set(
            "tenas_config_set_score_decimals",
            config,
            |c| Ok(c.set_score_decimals(score_decimals)?),
        )
    }
}

/// Sets the number of threads of the native engine: 1 to 1024, or 0 (the
/// default) for all cores. Each context has threads of its own and ends them
/// when it is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_threads(
    config: *mut tenas_config,
    threads: u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe { set("tenas_config_set_threads", config, |c| Ok(c.set_threads(threads)?)) }
}

/// Sets how weights are initialised (a tenas_init).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_init(
    config: *mut tenas_config,
    init: i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe {
        set("tenas_config_set_init", config, |c| {
            c.set_init(choose!(
                "init", init,
                TENAS_INIT_KAIMING_NORMAL => Init::KaimingNormal,
                TENAS_INIT_TORCH_DEFAULT => Init::TorchDefault,
            )?);
            Ok(())
        })
    }
}

/// Sets how candidates draw their weights and images (a tenas_sampling).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_sampling(
    config: *mut tenas_config,
    sampling: i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe {
        set("tenas_config_set_sampling", config, |c| {
            c.set_sampling(choose!(
                "sampling", sampling,
                TENAS_SAMPLING_COMMON => Sampling::Common,
                TENAS_SAMPLING_INDEPENDENT => Sampling::Independent,
            )?);
            Ok(())
        })
    }
}

/// Sets where to compute: a tenas_device, and which of that kind. The index
/// counts GPUs from 0 and must be 0 for the other kinds. Whether this machine
/// has that GPU, tenas_context_new says.
///
/// - TENAS_ERROR_DEVICE: this build of the library has no such device; the
///   message says how to build one that has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_device(
    config: *mut tenas_config,
    kind: i32,
    index: i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe {
        set("tenas_config_set_device", config, |c| {
            let kind = choose!(
                "kind", kind,
                TENAS_DEVICE_AUTO => DeviceKind::Auto,
                TENAS_DEVICE_CPU => DeviceKind::Cpu,
                TENAS_DEVICE_CUDA => DeviceKind::Cuda,
                TENAS_DEVICE_TORCH_CPU => DeviceKind::TorchCpu,
            )?;
            Ok(c.set_device(kind, index)?)
        })
    }
}
