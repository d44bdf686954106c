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
//! In a forked child, a configuration that a thread of the parent was using at
//! the moment of the fork answers TENAS_ERROR_INVALID_STATE.
//!
//! All setters return TENAS_OK or
//! - TENAS_ERROR_NULL_POINTER: config is NULL;
//! - TENAS_ERROR_INVALID_ARGUMENT: the value is outside its range.

use libc::{c_char, size_t};

use super::arguments::{self, Out, choose};
use super::dataset;
use super::error::Failure;
use super::guard::guard;
use super::handle::{self, Handle};
use super::search_space::tenas_search_space;
use super::space;
use super::status::tenas_status;
use super::text::OutText;
use crate::error::room_for_json;
use crate::fork::BriefLock;
use crate::message::whole;
use crate::proxy::{self, ProxyNetwork};
use crate::{Config, DeviceKind, Error, Init, Sampling, SpaceKind, Strategy};

/// The parameters of a search. Made by tenas_config_new, _new_for_space,
/// _from_json or tenas_context_config, freed by tenas_config_free.
pub struct tenas_config {
    _opaque: [u8; 0],
}

impl Handle for tenas_config {
    type Object = BriefLock<Config>;
    const NAME: &'static str = "tenas_config";
    const TAG: u64 = u64::from_be_bytes(*b"tenasCFG");
    const SURVIVES_FORK: bool = true;

    fn is_whole(config: &Self::Object) -> bool {
        config.is_whole()
    }
}

impl tenas_config {
    /// Gives a configuration away to C.
    pub(super) fn from_config(config: Config) -> *mut Self {
        handle::into_raw(BriefLock::new(config))
    }
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

/// How a space is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_strategy {
    /// TE-NAS: a supernet loses operations, round by round. The default.
    TENAS_STRATEGY_PRUNE = 1,
    /// Architectures are scored one by one and ranked.
    TENAS_STRATEGY_RANK = 2,
}
use tenas_strategy::*;

/// How the ranks by several scores become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_aggregation {
    /// The sum of log(rank / m), where the best of m architectures has rank m
    /// (AZ-NAS): at most 0, and the higher the better. The default.
    TENAS_AGGREGATION_LOG_RANKS = 1,
    /// The sum of the ranks, where the best architecture has rank 1 (TE-NAS):
    /// the lower the better.
    TENAS_AGGREGATION_RANKS = 2,
}

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
        out.set(tenas_config::from_config(config));
        Ok(())
    })
}

/// Makes the preset of a search space for a data set (a tenas_dataset_kind).
///
/// On success *out is a new configuration: free it with tenas_config_free.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: no such data set.
/// - TENAS_ERROR_NULL_POINTER: space or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_new_for_space(
    space: *const tenas_search_space,
    dataset: i32,
    out: *mut *mut tenas_config,
) -> tenas_status {
    guard("tenas_config_new_for_space", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (space, out) = unsafe { (handle::borrow(space, "space")?, Out::new(out, "out")?) };
        let config = Config::for_supernet(space.supernet.clone(), dataset::kind(dataset)?);
        out.set(tenas_config::from_config(config));
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

/// A copy of a configuration as it is now.
///
/// # Safety
///
/// `config` is NULL or a handle that nobody frees meanwhile.
pub(super) unsafe fn copy(config: *const tenas_config, argument: &str) -> Result<Config, Failure> {
    // SAFETY: as the caller promises.
    let config = unsafe { handle::borrow(config, argument) }?;
    Ok(config.with(argument, |c| c.clone())?)
}

/// What all setters do.
///
/// # Safety
///
/// `config` is NULL or a handle that nobody frees meanwhile.
pub(super) unsafe fn set(
    function: &'static str,
    config: *mut tenas_config,
    change: impl FnOnce(&mut Config) -> Result<(), Failure>,
) -> tenas_status {
    guard(function, || {
        // SAFETY: as the caller promises.
        let config = unsafe { handle::borrow(config.cast_const(), "config") }?;
        config.with("config", change)?
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

/// Sets how the space is searched (a tenas_strategy). Batch size and the size of
/// the proxy networks have presets of each strategy: those that still are the
/// old strategy's become the new one's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_strategy(
    config: *mut tenas_config,
    strategy: i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle, as tenas.h asks.
    unsafe {
        set("tenas_config_set_strategy", config, |c| {
            c.set_strategy(choose!(
                "strategy", strategy,
                TENAS_STRATEGY_PRUNE => Strategy::Prune,
                TENAS_STRATEGY_RANK => Strategy::Rank,
            )?);
            Ok(())
        })
    }
}

/// Sets the scores that TENAS_STRATEGY_RANK goes by: their names
/// (tenas_proxy_info) with commas between, 1 to 16, for example "flops,ntk". The
/// default is the space's preset. How their ranks add up, and how many
/// architectures are looked at, say the parameters "aggregation", "budget",
/// "rungs", "reduction" and "draw_growth" (tenas_config_set_parameter).
///
/// - TENAS_ERROR_NOT_FOUND: no score has such a name; the message lists them.
/// - TENAS_ERROR_INVALID_ARGUMENT: none, too many or one twice, or proxies is
///   not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: config or proxies is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_proxies(
    config: *mut tenas_config,
    proxies: *const c_char,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or a C string, as tenas.h asks.
    unsafe {
        set("tenas_config_set_proxies", config, |c| {
            let names = arguments::text(proxies, "proxies")?;
            let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
            let proxies = names.map(proxy::named).collect::<crate::Result<Vec<_>>>()?;
            Ok(c.set_proxies(&proxies)?)
        })
    }
}

/// Sets the size of the networks that scores are measured on: of that of one
/// score, or with proxy NULL of all that have no size of their own. What is 0
/// stays as the score's paper, or else the space's published search, has it: 3
/// channels for NAS-Bench-201 and 1 for DARTS, one cell a stage, the images as
/// they are, the configuration's batch. The count of linear regions always has
/// the published network.
///
/// channels: up to 256, of the first cell. cells: up to 64, of a stage (of
/// NAS-Bench-201, where 5 is the depth that is trained). image_size: up to 1024;
/// images are shrunk by the largest whole factor that leaves this height and that
/// the network takes: to 8 x 8, 32 x 32 become that, and 28 x 28 stay as they are
/// for NAS-Bench-201, whose sizes are multiples of 4. batch_size: 2 to 1024 images.
///
/// - TENAS_ERROR_NOT_FOUND: no score has that name; the message lists them.
/// - TENAS_ERROR_INVALID_ARGUMENT: a value is outside its range, or proxy is not
///   UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_set_proxy_network(
    config: *mut tenas_config,
    proxy: *const c_char,
    channels: u32,
    cells: u32,
    image_size: u32,
    batch_size: u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or a C string, as tenas.h asks.
    unsafe {
        set("tenas_config_set_proxy_network", config, |c| {
            let size = ProxyNetwork { channels, cells, image_size, batch_size };
            Ok(c.set_proxy_network(proxy_name(proxy)?, size)?)
        })
    }
}

/// The name of a score, or `None` for all.
///
/// # Safety
///
/// `proxy` is NULL or a C string that stays as it is during `'a`.
unsafe fn proxy_name<'a>(proxy: *const c_char) -> Result<Option<&'a str>, Failure> {
    if proxy.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    let name = unsafe { arguments::text(proxy, "proxy") }?;
    proxy::named(name)?;
    Ok(Some(name))
}

/// What all getters of one value do.
///
/// # Safety
///
/// `config` is NULL or a handle that nobody frees meanwhile, `out` is NULL or can be written.
unsafe fn get<T>(
    function: &'static str,
    config: *const tenas_config,
    out: *mut T,
    value: impl FnOnce(&Config) -> T,
) -> tenas_status {
    guard(function, || {
        // SAFETY: as the caller promises.
        let (config, out) = unsafe { (handle::borrow(config, "config")?, Out::new(out, "out")?) };
        out.set(config.with("config", |c| value(c))?);
        Ok(())
    })
}

/// Sets *out to the space (a tenas_space), or to 0 if it is not built in:
/// tenas_config_search_space has it.
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_space(
    config: *const tenas_config,
    out: *mut i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_space", config, out, space_number) }
}

/// Sets *out to the data set whose preset it began as (a
/// tenas_dataset_kind).
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_dataset(
    config: *const tenas_config,
    out: *mut i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_dataset", config, out, |c| c.dataset() as i32) }
}

/// Sets *out to the seed.
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_seed(
    config: *const tenas_config,
    out: *mut u64,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_seed", config, out, |c| c.seed()) }
}

/// Sets *out to the number of repeats.
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_repeats(
    config: *const tenas_config,
    out: *mut u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_repeats", config, out, |c| c.repeats()) }
}

/// Sets *out to the number of images in a batch.
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_batch_size(
    config: *const tenas_config,
    out: *mut u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_batch_size", config, out, |c| c.batch_size()) }
}

/// Sets *out to how many operations a round removes from each edge.
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_prune_per_edge(
    config: *const tenas_config,
    out: *mut u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_prune_per_edge", config, out, |c| c.prune_per_edge()) }
}

/// Sets *out to the precision at which candidates are compared.
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_score_decimals(
    config: *const tenas_config,
    out: *mut u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_score_decimals", config, out, |c| c.score_decimals()) }
}

/// Sets *out to the number of threads, 0 for all cores.
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_threads(
    config: *const tenas_config,
    out: *mut u32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_threads", config, out, |c| c.threads()) }
}

/// Sets *out to how weights are initialised (a tenas_init).
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_init(
    config: *const tenas_config,
    out: *mut i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_init", config, out, |c| c.init() as i32) }
}

/// Sets *out to how candidates draw (a tenas_sampling).
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_sampling(
    config: *const tenas_config,
    out: *mut i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_sampling", config, out, |c| c.sampling() as i32) }
}

/// Sets *out to how the space is searched (a tenas_strategy).
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_strategy(
    config: *const tenas_config,
    out: *mut i32,
) -> tenas_status {
    // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
    unsafe { get("tenas_config_strategy", config, out, |c| c.strategy() as i32) }
}

/// Writes the names of the scores that TENAS_STRATEGY_RANK goes by, with commas
/// between and a terminating NUL. buffer, capacity and length are those of
/// tenas_context_genotype.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: config or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_proxies(
    config: *const tenas_config,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_config_proxies", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let config = unsafe { copy(config, "config") }?;
        let names: Vec<&str> = config.proxies().iter().map(|p| p.name()).collect();
        out.set(&names.join(","))
    })
}

/// Sets *channels, *cells, *image_size and *batch_size to what
/// tenas_config_set_proxy_network has set for a score, or with proxy NULL for
/// all; 0 where nothing is set.
///
/// - TENAS_ERROR_NOT_FOUND: no score has that name; the message lists them.
/// - TENAS_ERROR_INVALID_ARGUMENT: proxy is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: config, channels, cells, image_size or
///   batch_size is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_proxy_network(
    config: *const tenas_config,
    proxy: *const c_char,
    channels: *mut u32,
    cells: *mut u32,
    image_size: *mut u32,
    batch_size: *mut u32,
) -> tenas_status {
    guard("tenas_config_proxy_network", || {
        // SAFETY: NULL or a live handle; NULL or a C string; NULL or writable, as tenas.h asks.
        unsafe {
            let config = copy(config, "config")?;
            let outs = [
                Out::new(channels, "channels")?,
                Out::new(cells, "cells")?,
                Out::new(image_size, "image_size")?,
                Out::new(batch_size, "batch_size")?,
            ];
            let size = config.proxy_network(proxy_name(proxy)?);
            let values = [size.channels, size.cells, size.image_size, size.batch_size];
            outs.iter().zip(values).for_each(|(out, value)| out.set(value));
            Ok(())
        }
    })
}

/// Sets *kind (a tenas_device) and *index to where to compute.
///
/// - TENAS_ERROR_NULL_POINTER: config, kind or index is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_device(
    config: *const tenas_config,
    kind: *mut i32,
    index: *mut i32,
) -> tenas_status {
    guard("tenas_config_device", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (config, kind, index) = unsafe {
            (handle::borrow(config, "config")?, Out::new(kind, "kind")?, Out::new(index, "index")?)
        };
        let device = config.with("config", |c| c.device())?;
        kind.set(device.0 as i32);
        index.set(device.1);
        Ok(())
    })
}

/// Sets *out to the search space of a configuration, built in or not: a new
/// handle, to be freed with tenas_search_space_free.
///
/// - TENAS_ERROR_NULL_POINTER: config or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_search_space(
    config: *const tenas_config,
    out: *mut *mut tenas_search_space,
) -> tenas_status {
    guard("tenas_config_search_space", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (config, out) = unsafe { (handle::borrow(config, "config")?, Out::new(out, "out")?) };
        let supernet = config.with("config", |c| c.supernet().clone())?;
        out.set(tenas_search_space::from_supernet(supernet));
        Ok(())
    })
}

/// The number of a configuration's space.
fn space_number(config: &Config) -> i32 {
    SpaceKind::of(&config.supernet().space).map_or(0, |kind| kind as i32)
}

/// Writes a configuration as JSON, with a terminating NUL: an object with
/// "space" by name, or the object of its file where it is not built in, "dataset"
/// by name, every parameter (tenas_parameter_info), choices by name, "proxies"
/// and "proxy_networks" by the scores' names. seed is written in full: read it
/// as a 64-bit integer.
///
/// buffer, capacity and length are those of tenas_context_genotype.
///
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is not enough; buffer is untouched.
/// - TENAS_ERROR_NULL_POINTER: config or length is NULL, or buffer is and
///   capacity is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_to_json(
    config: *const tenas_config,
    buffer: *mut c_char,
    capacity: size_t,
    length: *mut size_t,
) -> tenas_status {
    guard("tenas_config_to_json", || {
        // SAFETY: a buffer of that capacity, and NULL or writable, as tenas.h asks.
        let out = unsafe { OutText::new(buffer, capacity, length) }?;
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let config = unsafe { handle::borrow(config, "config") }?;
        out.set(&config.with("config", |c| c.to_json())?.to_string())
    })
}

/// Makes a configuration from JSON, as tenas_config_to_json writes it. "space"
/// and "dataset" must be there; what else is left out is that of their preset.
///
/// On success *out is a new configuration: free it with tenas_config_free.
///
/// - TENAS_ERROR_FORMAT: json is not JSON, or has an unknown key or a value
///   that is not allowed; the message names it.
/// - TENAS_ERROR_DEVICE: this build of the library has no such device.
/// - TENAS_ERROR_INVALID_ARGUMENT: json is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: json is too long to be parsed.
/// - TENAS_ERROR_NULL_POINTER: json or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_config_from_json(
    json: *const c_char,
    out: *mut *mut tenas_config,
) -> tenas_status {
    guard("tenas_config_from_json", || {
        // SAFETY: NULL or a C string; NULL or writable, as tenas.h asks.
        let (text, out) = unsafe { (arguments::text(json, "json")?, Out::new(out, "out")?) };
        room_for_json(text.len(), || format!("json: {} bytes of text", text.len()))?;
        let json =
            serde_json::from_str(text).map_err(|e| Error::Format(format!("json: {}", whole(e))))?;
        let config = Config::from_json(&json).map_err(|error| match error {
            Error::Format(text) => Error::Format(format!("json: {text}")),
            other => other,
        })?;
        out.set(tenas_config::from_config(config));
        Ok(())
    })
}
