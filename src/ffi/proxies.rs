//! Scores
//!
//! Zero-cost proxies: what a network is worth, told without training, as data
//! and by name. tenas_proxy_info has them all; tenas_scores_of_many measures by
//! any of them, tenas_aggregate makes one order of several. The strategy
//! TENAS_STRATEGY_RANK searches a space that way (tenas_config_set_proxies).
//!
//! Each is measured on a proxy network of the architecture, whose size is a
//! setting (tenas_config_set_proxy_network), or on the network that is trained.
//! Draws are as with the indicators above.

use std::ffi::CString;
use std::ops::ControlFlow;
use std::sync::Arc;

use libc::{c_char, c_void, size_t};
use once_cell::sync::Lazy;

use super::arguments::{self, Out, OutStruct, Versioned, choose};
use super::config::tenas_aggregation::*;
use super::config::{self, tenas_config};
use super::context::{Callback, tenas_progress_fn};
use super::dataset::tenas_dataset;
use super::error::Failure;
use super::guard::guard;
use super::handle;
use super::indicators::genotypes_of;
use super::status::{tenas_status, tenas_status_code};
use crate::error::try_vec;
use crate::proxy::{CostClass, Direction, Proxy, named, registry};
use crate::search::aggregate;
use crate::{Aggregation, Mask, Scores, SpaceKind, Supernet, scores};

/// Which values of a score are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_direction {
    /// The larger.
    TENAS_DIRECTION_HIGHER = 1,
    /// The smaller.
    TENAS_DIRECTION_LOWER = 2,
}
use tenas_direction::*;

/// What a score costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum tenas_proxy_cost {
    /// The size of the network is counted; nothing is evaluated.
    TENAS_PROXY_COST_COUNT = 1,
    /// Forward passes.
    TENAS_PROXY_COST_FORWARD = 2,
    /// Forward and reverse passes.
    TENAS_PROXY_COST_REVERSE = 3,
}
use tenas_proxy_cost::*;

/// A score.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_proxy {
    /// Size of the struct: set it to sizeof(tenas_proxy) before you ask.
    pub struct_size: size_t,
    /// Its name: lower case letters, digits and '_'. Texts are owned by the
    /// library and valid for the life of the program.
    pub name: *const c_char,
    /// What it measures, in some words.
    pub title: *const c_char,
    /// The paper that it is from.
    pub source: *const c_char,
    /// Which values are better: a tenas_direction.
    pub direction: i32,
    /// What it costs: a tenas_proxy_cost.
    pub cost: i32,
}

impl Versioned for tenas_proxy {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// What C is told of a score.
struct Known {
    texts: [CString; 3],
    direction: i32,
    cost: i32,
}

static KNOWN: Lazy<Vec<Known>> = Lazy::new(|| {
    // No text has a NUL inside.
    let c = |text: &str| CString::new(text).unwrap_or_default();
    // Any network serves to ask what is wanted of it.
    let supernet = Supernet::of(SpaceKind::NasBench201);
    let graph = supernet.ntk_network(&Mask::full(&supernet.space), [3, 32, 32], 10);
    let known = |proxy: &Arc<dyn Proxy>| Known {
        texts: [c(proxy.name()), c(proxy.title()), c(proxy.source())],
        direction: match proxy.direction() {
            Direction::Higher => TENAS_DIRECTION_HIGHER,
            Direction::Lower => TENAS_DIRECTION_LOWER,
        } as i32,
        cost: match &graph {
            Err(_) => 0,
            Ok(graph) => match CostClass::of(proxy.as_ref(), graph) {
                CostClass::Count => TENAS_PROXY_COST_COUNT as i32,
                CostClass::Forward => TENAS_PROXY_COST_FORWARD as i32,
                CostClass::Reverse => TENAS_PROXY_COST_REVERSE as i32,
            },
        },
    };
    registry().iter().map(known).collect()
});

/// Sets *out to the number of scores.
///
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_proxy_count(out: *mut size_t) -> tenas_status {
    guard("tenas_proxy_count", || {
        // SAFETY: NULL or writable, as tenas.h asks.
        unsafe { Out::new(out, "out") }?.set(KNOWN.len());
        Ok(())
    })
}

/// Tells of a score. They stand in the order of tables. Set out->struct_size
/// before the call.
///
/// - TENAS_ERROR_NOT_FOUND: index is not below tenas_proxy_count.
/// - TENAS_ERROR_INVALID_ARGUMENT: out->struct_size is smaller than the struct
///   was in its first version, or larger than 4096.
/// - TENAS_ERROR_NULL_POINTER: out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_proxy_info(index: size_t, out: *mut tenas_proxy) -> tenas_status {
    guard("tenas_proxy_info", || {
        // SAFETY: NULL or a struct with its size set, as tenas.h asks.
        let out = unsafe { OutStruct::new(out, "out") }?;
        let known = KNOWN.get(index).ok_or_else(|| Failure {
            status: tenas_status_code::TENAS_ERROR_NOT_FOUND,
            message: format!("index: found {index}, expected below {}", KNOWN.len()),
        })?;
        let [name, title, source] = &known.texts;
        out.set(tenas_proxy {
            struct_size: size_of::<tenas_proxy>(),
            name: name.as_ptr(),
            title: title.as_ptr(),
            source: source.as_ptr(),
            direction: known.direction,
            cost: known.cost,
        });
        Ok(())
    })
}

/// The proxies that an array of names means.
///
/// # Safety
///
/// `names` is NULL or points to `count` pointers, each NULL or a C string.
pub(super) unsafe fn proxies_of(
    names: *const *const c_char,
    count: usize,
) -> Result<Vec<Arc<dyn Proxy>>, Failure> {
    // SAFETY: as the caller promises.
    let names = unsafe { arguments::slice(names, count, "proxies") }?;
    let mut proxies = Vec::new();
    for (i, name) in names.iter().enumerate() {
        // SAFETY: as the caller promises.
        let name = unsafe { arguments::text(*name, &format!("proxies[{i}]")) }?;
        proxies.push(named(name)?);
    }
    Ok(proxies)
}

/// Writes the scores of network `i` into the arrays of the caller's; the last two may be NULL.
///
/// # Safety
///
/// `means` and `spreads` have a number for each network and score up to this one's, `connected` one for
/// each network.
pub(super) unsafe fn write_scores(
    scores: &Scores,
    i: usize,
    means: *mut f64,
    spreads: *mut f64,
    connected: *mut i32,
) {
    for (p, spread) in scores.values.iter().enumerate() {
        let at = i * scores.values.len() + p;
        // SAFETY: as the caller promises.
        unsafe {
            means.add(at).write_unaligned(spread.mean);
            if !spreads.is_null() {
                spreads.add(at).write_unaligned(spread.deviation);
            }
        }
    }
    if !connected.is_null() {
        // SAFETY: as the caller promises.
        unsafe { connected.add(i).write_unaligned(scores.connected.into()) };
    }
}

/// Measures many architectures by proxy_count scores, named by proxies, with
/// all cores or the GPU kept busy. Scores that need the same evaluation share
/// it.
///
/// means and spreads are arrays of count * proxy_count doubles: that of
/// architecture i by score p stands at i * proxy_count + p. A mean is over the
/// repeats, its spread the standard deviation of the sample; all are finite.
/// connected is an array of count values: 1 if the network's output depends on
/// the image; if not, nothing is measured, and the means are the worst that
/// each score has. spreads and connected may be NULL.
///
/// progress, if it is not NULL, is called after each architecture, as by
/// tenas_indicators_of_many; if it cancels, nothing is written.
///
/// - TENAS_ERROR_CANCELLED: progress asked to stop.
/// - TENAS_ERROR_NOT_FOUND: no score has such a name; the message lists them.
/// - TENAS_ERROR_FORMAT: a genotype is none of the configuration's space; the
///   message names its index.
/// - TENAS_ERROR_INVALID_ARGUMENT, TENAS_ERROR_DEVICE,
///   TENAS_ERROR_OUT_OF_MEMORY, TENAS_ERROR_IO, TENAS_ERROR_FORMAT: as
///   tenas_indicators_of.
/// - TENAS_ERROR_NULL_POINTER: config or dataset is NULL; proxies or one of
///   them is, and proxy_count is not 0; genotypes, one of them or means is, and
///   count is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_scores_of_many(
    config: *const tenas_config,
    dataset: *const tenas_dataset,
    proxies: *const *const c_char,
    proxy_count: size_t,
    genotypes: *const *const c_char,
    count: size_t,
    progress: tenas_progress_fn,
    user: *mut c_void,
    means: *mut f64,
    spreads: *mut f64,
    connected: *mut i32,
) -> tenas_status {
    guard("tenas_scores_of_many", || {
        // SAFETY: NULL or live handles, as tenas.h asks.
        let (config, dataset) =
            unsafe { (config::copy(config, "config")?, handle::borrow(dataset, "dataset")?) };
        if count == 0 || proxy_count == 0 {
            return Ok(());
        }
        // SAFETY: NULL or an array of that count, of NULL or C strings, as tenas.h asks.
        let proxies = unsafe { proxies_of(proxies, proxy_count) }?;
        // SAFETY: NULL or an array of that count, of NULL or C strings, as tenas.h asks.
        let parsed = unsafe { genotypes_of(&config.supernet().space, genotypes, count) }?;
        if means.is_null() {
            return Err(Failure::null("means"));
        }
        let callback = progress.map(|function| Callback { function, user });
        let observer = &mut |progress: &_| match &callback {
            Some(callback) => callback.call(progress),
            None => ControlFlow::Continue(()),
        };
        let found = scores(&config, dataset, &parsed, &proxies, observer)?;
        for (i, scores) in found.iter().enumerate() {
            // SAFETY: arrays of count * proxy_count and of count numbers, as tenas.h asks.
            unsafe { write_scores(scores, i, means, spreads, connected) };
        }
        Ok(())
    })
}

/// Makes one order out of several scores: writes to totals, an array of count
/// doubles, what the ranks of each architecture add up to, in the way that
/// aggregation (a tenas_aggregation) says. values is an array of count *
/// proxy_count finite numbers, in the order of tenas_scores_of_many.
///
/// - TENAS_ERROR_NOT_FOUND: no score has such a name; the message lists them.
/// - TENAS_ERROR_INVALID_ARGUMENT: no such aggregation, or a value is not
///   finite.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_NULL_POINTER: proxies or one of them is NULL, or values or
///   totals, and count is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_aggregate(
    aggregation: i32,
    proxies: *const *const c_char,
    proxy_count: size_t,
    values: *const f64,
    count: size_t,
    totals: *mut f64,
) -> tenas_status {
    guard("tenas_aggregate", || {
        let aggregation = choose!(
            "aggregation", aggregation,
            TENAS_AGGREGATION_LOG_RANKS => Aggregation::LogRanks,
            TENAS_AGGREGATION_RANKS => Aggregation::Ranks,
        )?;
        // SAFETY: NULL or an array of that count, of NULL or C strings, as tenas.h asks.
        let proxies = unsafe { proxies_of(proxies, proxy_count) }?;
        if count == 0 {
            return Ok(());
        }
        if totals.is_null() {
            return Err(Failure::null("totals"));
        }
        let size = count.saturating_mul(proxy_count);
        // SAFETY: NULL or an array of that count, as tenas.h asks.
        let values = unsafe { arguments::slice(values, size, "values") }?;
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            return Err(Failure::invalid_argument(format!(
                "values[{i}]: found {}, expected a finite number",
                values.get(i).copied().unwrap_or(f64::NAN)
            )));
        }
        let mut rows = try_vec(&[][..], count, "rows of values")?;
        for (row, of_network) in rows.iter_mut().zip(values.chunks(proxy_count.max(1))) {
            *row = of_network;
        }
        let directions: Vec<Direction> = proxies.iter().map(|p| p.direction()).collect();
        // What the ranks take.
        let _room = try_vec(0.0_f64, size.saturating_mul(4), "ranks")?;
        let (found, _) = aggregate(&rows, &directions, aggregation)?;
        for (i, total) in found.iter().enumerate() {
            // SAFETY: an array of count numbers, as tenas.h asks.
            unsafe { totals.add(i).write_unaligned(*total) };
        }
        Ok(())
    })
}
