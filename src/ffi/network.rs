//! Networks
//!
//! What a search has found, as something to train: a tenas_network is one whole
//! network with its weights. It is made from a genotype in the size that papers
//! train, or in one of yours, and written as a file of other programs: ONNX,
//! PyTorch code, weights.
//!
//! A network of any origin is read from an ONNX file (tenas_network_from_onnx),
//! and scored (tenas_networks_score) as architectures of a space are.
//!
//! Wherever such a network is evaluated (tenas_network_logits, an ONNX file), it
//! computes what a PyTorch module does in eval() before any training: batch
//! normalisation has mean 0 and variance 1. One that was read from a file has the
//! file's means and variances in tenas_network_logits.
//!
//! A network never changes, so that any thread may use it at any time. Strings
//! that the functions below give belong to it.

use std::ffi::CString;
use std::ops::ControlFlow;
use std::path::Path;

use libc::{c_char, c_void, size_t};

use super::arguments::{self, Out, OutStruct, Versioned, choose};
use super::config::tenas_init::*;
use super::config::{self, tenas_config};
use super::context::{Callback, tenas_progress_fn};
use super::dataset::{self, tenas_dataset};
use super::error::Failure;
use super::guard::guard;
use super::handle::{self, Handle};
use super::proxies::{proxies_of, write_scores};
use super::search_space::tenas_search_space;
use super::status::tenas_status;
use crate::model::Settings;
use crate::onnx::Import;
use crate::{DatasetKind, Genotype, Init, Network, NetworkWeights, scores_of_networks};

/// A network. Made by tenas_network_from_genotype, _from_onnx or
/// _from_onnx_bytes, freed by tenas_network_free.
pub struct tenas_network {
    _opaque: [u8; 0],
}

/// What a handle stands for.
pub(super) struct Object {
    pub(super) network: Network,
    name: CString,
    parameters: Vec<CString>,
    notes: Vec<CString>,
}

impl Handle for tenas_network {
    type Object = Object;
    const NAME: &'static str = "tenas_network";
    const TAG: u64 = u64::from_be_bytes(*b"tenasNET");
    // It never changes.
    const SURVIVES_FORK: bool = true;
}

impl tenas_network {
    /// Gives a network away to C.
    pub(super) fn from_network(network: Network) -> *mut Self {
        // Names with a NUL inside, which only a file could have, end there.
        let c = |text: &str| {
            CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
        };
        let name = c(network.name());
        let parameters = network.graph().parameters.iter().map(|p| c(&p.name)).collect();
        let notes = network.notes().iter().map(|note| c(note)).collect();
        handle::into_raw(Object { network, name, parameters, notes })
    }
}

/// The size of a genotype's network, and its weights. What is 0 is as papers
/// train the space's networks on the data set.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_network_settings {
    /// Size of the struct: set it to sizeof(tenas_network_settings).
    pub struct_size: size_t,
    /// The data set that the network is for (a tenas_dataset_kind): fixes what is
    /// left out below. 0 is CIFAR-10. TENAS_DATASET_CUSTOM has no published
    /// numbers: classes and images must be given.
    pub dataset: i32,
    /// Channels of the first cell: 16 in NAS-Bench-201, 36 in DARTS (48 on
    /// ImageNet). At most 4096.
    pub channels: u32,
    /// Cells a stage: 5 in NAS-Bench-201, 6 in DARTS (4 on ImageNet), whose 2
    /// reduction cells come on top. At most 64. Of no effect in a space whose
    /// networks have a fixed number.
    pub cells: u32,
    /// Classes. At most 100000.
    pub classes: u32,
    /// Channels of an image: 1 to 16. Where one of these three is given, all are.
    pub image_channels: u32,
    /// Rows of an image: at most 1024.
    pub image_height: u32,
    /// Columns of an image: at most 1024.
    pub image_width: u32,
    /// How weights are initialised (a tenas_init). 0 is TENAS_INIT_KAIMING_NORMAL.
    pub init: i32,
    /// Which weights are drawn: equal seeds give equal weights.
    pub seed: u64,
}

impl Versioned for tenas_network_settings {
    const FIRST_SIZE: usize = size_of::<Self>();
}

impl tenas_network_settings {
    /// The size, how weights are initialised, and the seed.
    fn read(&self) -> Result<(Settings, Init, u64), Failure> {
        let dataset = match self.dataset {
            0 => DatasetKind::Cifar10,
            kind => dataset::kind(kind)?,
        };
        let given = |value: u32| (value != 0).then_some(value as usize);
        let image = [self.image_channels, self.image_height, self.image_width];
        let image = match image.map(given) {
            [None, None, None] => None,
            [Some(channels), Some(height), Some(width)] => Some([channels, height, width]),
            _ => {
                let [channels, height, width] = image;
                return Err(Failure::invalid_argument(format!(
                    "settings: found images of {channels} x {height} x {width}, expected three \
                     numbers above 0, or none"
                )));
            }
        };
        let init = match self.init {
            0 => Init::KaimingNormal,
            init => choose!(
                "settings->init", init,
                TENAS_INIT_KAIMING_NORMAL => Init::KaimingNormal,
                TENAS_INIT_TORCH_DEFAULT => Init::TorchDefault,
            )?,
        };
        let settings = Settings {
            dataset,
            channels: given(self.channels),
            cells: given(self.cells),
            classes: given(self.classes),
            image,
        };
        Ok((settings, init, self.seed))
    }
}

/// What a network is.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tenas_network_facts {
    /// Size of the struct: set it to sizeof(tenas_network_facts) before you ask.
    pub struct_size: size_t,
    /// Channels of an image.
    pub channels: size_t,
    /// Rows of an image.
    pub height: size_t,
    /// Columns of an image.
    pub width: size_t,
    /// Logits of an image.
    pub classes: size_t,
    /// Weights, scales, shifts and biases that have a name of their own.
    pub named_parameters: size_t,
    /// Numbers in all of these.
    pub parameters: u64,
    /// Multiply-adds of one image (papers say FLOPs): convolutions and linear
    /// layers with their bias.
    pub multiply_adds: u64,
}

impl Versioned for tenas_network_facts {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// Makes the network of a genotype, with fresh weights. settings is NULL for the
/// network that papers train on CIFAR-10. Equal settings give equal weights, on
/// every machine.
///
/// On success *out is a new network: free it with tenas_network_free.
///
///     tenas_network_settings settings = {.struct_size = sizeof settings};
///     settings.dataset = TENAS_DATASET_CIFAR100;
///     tenas_network *network;
///     tenas_network_from_genotype(space, genotype, &settings, &network);
///     tenas_network_write_pytorch(network, "network.py");
///
/// - TENAS_ERROR_FORMAT: genotype is none of the space.
/// - TENAS_ERROR_INVALID_ARGUMENT: a setting is out of its range, or is missing
///   for TENAS_DATASET_CUSTOM; images of a size that the space cannot take, a
///   network that is too large, a text that is not UTF-8; settings->struct_size
///   is smaller than the struct was in its first version, or larger than 4096.
/// - TENAS_ERROR_OUT_OF_MEMORY: the weights do not fit in memory.
/// - TENAS_ERROR_NULL_POINTER: space, genotype or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_from_genotype(
    space: *const tenas_search_space,
    genotype: *const c_char,
    settings: *const tenas_network_settings,
    out: *mut *mut tenas_network,
) -> tenas_status {
    guard("tenas_network_from_genotype", || {
        // SAFETY: NULL or a live handle; NULL or a C string; NULL or a struct of the size that it
        // says; NULL or writable, as tenas.h asks.
        let (space, text, settings, out) = unsafe {
            (
                handle::borrow(space, "space")?,
                arguments::text(genotype, "genotype")?,
                arguments::optional_struct(settings, "settings")?,
                Out::new(out, "out")?,
            )
        };
        let (size, init, seed) = match settings {
            Some(settings) => settings.read()?,
            None => (Settings::default(), Init::KaimingNormal, 0),
        };
        let genotype = Genotype::parse(&space.supernet.space, text)?;
        let network = Network::of_genotype(&genotype, &size)?.initialise(init, seed)?;
        out.set(tenas_network::from_network(network));
        Ok(())
    })
}

/// Frees a network. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_free(network: *mut tenas_network) {
    // SAFETY: NULL or a handle that nobody uses any more, as tenas.h asks.
    unsafe { handle::free(network) }
}

/// Sets *out to the network's name: that of its search space, or of its file.
///
/// - TENAS_ERROR_NULL_POINTER: network or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_name(
    network: *const tenas_network,
    out: *mut *const c_char,
) -> tenas_status {
    guard("tenas_network_name", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (network, out) =
            unsafe { (handle::borrow(network, "network")?, Out::new(out, "out")?) };
        out.set(network.name.as_ptr());
        Ok(())
    })
}

/// Tells the sizes of a network. Set out->struct_size before the call.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: out->struct_size is smaller than the struct
///   was in its first version, or larger than 4096.
/// - TENAS_ERROR_NULL_POINTER: network or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_info(
    network: *const tenas_network,
    out: *mut tenas_network_facts,
) -> tenas_status {
    guard("tenas_network_info", || {
        // SAFETY: NULL or a live handle; NULL or a struct of the size that it says, as tenas.h asks.
        let (network, out) =
            unsafe { (handle::borrow(network, "network")?, OutStruct::new(out, "out")?) };
        let graph = network.network.graph();
        let [channels, height, width] = graph.input_shape();
        let cost = network.network.cost();
        out.set(tenas_network_facts {
            struct_size: size_of::<tenas_network_facts>(),
            channels,
            height,
            width,
            classes: graph.classes(),
            named_parameters: network.parameters.len(),
            parameters: cost.parameters,
            multiply_adds: cost.multiply_adds,
        });
        Ok(())
    })
}

/// Sets *out to the name of a parameter, from 0 to named_parameters - 1 of
/// tenas_network_facts: PyTorch's, "cells.0.edges.1<-0.3.op.1.weight" for
/// example.
///
/// - TENAS_ERROR_NOT_FOUND: the network has no such parameter.
/// - TENAS_ERROR_NULL_POINTER: network or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_parameter_name(
    network: *const tenas_network,
    index: size_t,
    out: *mut *const c_char,
) -> tenas_status {
    guard("tenas_network_parameter_name", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (network, out) =
            unsafe { (handle::borrow(network, "network")?, Out::new(out, "out")?) };
        let name = network.parameters.get(index).ok_or_else(|| {
            crate::Error::NotFound(format!(
                "parameter: found {index}, expected a number below {}",
                network.parameters.len()
            ))
        })?;
        out.set(name.as_ptr());
        Ok(())
    })
}

/// Computes the logits of images in evaluation, on the CPU.
///
/// - images: count x channels x height x width numbers, in that order,
///   normalised as for the training.
/// - logits: count x classes numbers, an image after the other.
///
/// - TENAS_ERROR_INVALID_ARGUMENT: count is 0, or images is no array that fits
///   in memory.
/// - TENAS_ERROR_BUFFER_TOO_SMALL: capacity is below count x classes.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_NULL_POINTER: network, images or logits is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_logits(
    network: *const tenas_network,
    images: *const f32,
    count: size_t,
    logits: *mut f32,
    capacity: size_t,
) -> tenas_status {
    guard("tenas_network_logits", || {
        // SAFETY: NULL or a live handle, as tenas.h asks.
        let network = &unsafe { handle::borrow(network, "network") }?.network;
        // An array that is too long for the address space is refused as such.
        let image: usize = network.graph().input_shape().iter().product();
        let values = count.saturating_mul(image);
        // SAFETY: NULL or an array of that length; NULL or writable, as tenas.h asks.
        let (images, _) =
            unsafe { (arguments::slice(images, values, "images")?, Out::new(logits, "logits")?) };
        let needed = count.saturating_mul(network.graph().classes());
        if capacity < needed {
            return Err(Failure {
                status: super::status::tenas_status_code::TENAS_ERROR_BUFFER_TOO_SMALL,
                message: format!("capacity: found {capacity}, expected at least {needed}"),
            });
        }
        for (i, value) in network.logits(images)?.into_iter().enumerate() {
            // SAFETY: i is below the capacity that tenas.h asks for.
            unsafe { Out::new(logits.add(i), "logits") }?.set(value);
        }
        Ok(())
    })
}

/// What functions do that write a network as a file.
///
/// # Safety
///
/// `network` is NULL or a handle that nobody frees meanwhile, `path` NULL or a C string.
unsafe fn write(
    network: *const tenas_network,
    path: *const c_char,
    write: impl FnOnce(&Network, &Path) -> crate::Result<()>,
) -> Result<(), Failure> {
    // SAFETY: as the caller promises.
    let (network, path) =
        unsafe { (handle::borrow(network, "network")?, arguments::text(path, "path")?) };
    Ok(write(&network.network, Path::new(path))?)
}

/// Writes a network as an ONNX file, operator set 17: its input is "images", count x
/// channels x height x width, its output "logits", count x classes, in
/// evaluation. Weights have PyTorch's names.
///
/// The file is written beside and renamed, so that a reader finds the old one or
/// all of the new one.
///
/// - TENAS_ERROR_IO: the file cannot be written.
/// - TENAS_ERROR_INVALID_ARGUMENT: the network has more than the 2 GiB that an
///   ONNX file can have, or path is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: the file does not fit in memory.
/// - TENAS_ERROR_NULL_POINTER: network or path is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_write_onnx(
    network: *const tenas_network,
    path: *const c_char,
) -> tenas_status {
    guard("tenas_network_write_onnx", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { write(network, path, Network::write_onnx) }
    })
}

/// Writes a network as PyTorch code: one file with a class for each operation
/// and each cell and a class Network, to be read, changed and trained. It needs
/// nothing but PyTorch. Parameters have the names of
/// tenas_network_parameter_name.
///
/// Network(classes) has fresh weights of PyTorch's; load_state_dict takes what
/// tenas_network_write_weights writes. Networks of a space whose cells read two
/// inputs, as DARTS's, also take auxiliary, for a second classifier in training,
/// and drop_path.
///
/// The file is written beside and renamed.
///
/// - TENAS_ERROR_IO: the file cannot be written.
/// - TENAS_ERROR_INVALID_STATE: the network was not made from a genotype.
/// - TENAS_ERROR_INVALID_ARGUMENT: a layer of the space has a name that PyTorch's
///   modules have another use for, or path is not UTF-8.
/// - TENAS_ERROR_NULL_POINTER: network or path is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_write_pytorch(
    network: *const tenas_network,
    path: *const c_char,
) -> tenas_status {
    guard("tenas_network_write_pytorch", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { write(network, path, Network::write_pytorch) }
    })
}

/// Writes the weights of a network as a safetensors file: 32-bit floats by their
/// names, and the means (0) and variances (1) of batch normalisation.
///
/// The file is written beside and renamed.
///
/// - TENAS_ERROR_IO: the file cannot be written.
/// - TENAS_ERROR_INVALID_ARGUMENT: path is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: the file does not fit in memory.
/// - TENAS_ERROR_NULL_POINTER: network or path is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_write_weights(
    network: *const tenas_network,
    path: *const c_char,
) -> tenas_status {
    guard("tenas_network_write_weights", || {
        // SAFETY: the pointers are what tenas.h asks for.
        unsafe { write(network, path, Network::write_weights) }
    })
}

/// With which weights networks are scored.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub enum tenas_network_weights {
    /// Drawn as the configuration says, anew for each repeat.
    TENAS_NETWORK_WEIGHTS_FRESH = 1,
    /// Those that the networks have. Scores that ask for standard normal weights
    /// draw them all the same.
    TENAS_NETWORK_WEIGHTS_KEPT = 2,
}
use tenas_network_weights::*;

/// What an image is: zeros for what the file has.
fn import(channels: u32, height: u32, width: u32) -> Result<Import, Failure> {
    let image = [channels, height, width].map(|n| n as usize);
    match image {
        [0, 0, 0] => Ok(Import { image: None }),
        [0, ..] | [_, 0, _] | [.., 0] => Err(Failure::invalid_argument(format!(
            "image: found {channels} x {height} x {width}, expected three numbers above 0, or none"
        ))),
        image => Ok(Import { image: Some(image) }),
    }
}

/// Reads the network of an ONNX file: convolutions, batch normalisation,
/// activations, pooling, sums, products, concatenations, linear layers, in opsets
/// 9 to 26; one input, the images [N, C, H, W], and one output, a number a class.
/// Its parameters have the file's names, and the file's values, also where these
/// are in files beside it. A softmax at its end is left out.
///
/// PyTorch's exporter puts batch normalisation into the convolutions, which makes
/// another network of one that is to be trained, unless it is told to leave it:
/// torch.onnx.export(..., dynamo=True, optimize=False), or
/// torch.onnx.export(..., dynamo=False, training=torch.onnx.TrainingMode.TRAINING,
/// do_constant_folding=False).
///
/// channels, height and width are the size of an image. Pass 0 for all three to
/// take the size that the file states; where it leaves that open, they must be
/// given. Height and width may differ from the file's: the network is then read
/// for images of that size, if its layers can take them.
///
/// On success *out is a new network: free it with tenas_network_free.
///
/// - TENAS_ERROR_IO: the file, or one with its weights, cannot be read.
/// - TENAS_ERROR_FORMAT: the file is no ONNX model, or one that this library has
///   no operations for; the message names the node and its operator, what was
///   found and what was expected.
/// - TENAS_ERROR_INVALID_ARGUMENT: an image that does not fit, or must be given;
///   path is not UTF-8.
/// - TENAS_ERROR_OUT_OF_MEMORY: the network does not fit in memory.
/// - TENAS_ERROR_NULL_POINTER: path or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_from_onnx(
    path: *const c_char,
    channels: u32,
    height: u32,
    width: u32,
    out: *mut *mut tenas_network,
) -> tenas_status {
    guard("tenas_network_from_onnx", || {
        // SAFETY: NULL or a C string; NULL or writable, as tenas.h asks.
        let (path, out) = unsafe { (arguments::text(path, "path")?, Out::new(out, "out")?) };
        let network = Network::from_onnx(Path::new(path), &import(channels, height, width)?)?;
        out.set(tenas_network::from_network(network));
        Ok(())
    })
}

/// Reads the network of an ONNX file that is in memory, as tenas_network_from_onnx
/// does. Weights in other files are not there then.
///
/// - TENAS_ERROR_FORMAT, TENAS_ERROR_INVALID_ARGUMENT, TENAS_ERROR_OUT_OF_MEMORY:
///   as tenas_network_from_onnx.
/// - TENAS_ERROR_NULL_POINTER: bytes or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_from_onnx_bytes(
    bytes: *const u8,
    count: size_t,
    channels: u32,
    height: u32,
    width: u32,
    out: *mut *mut tenas_network,
) -> tenas_status {
    guard("tenas_network_from_onnx_bytes", || {
        // SAFETY: NULL or an array of that count; NULL or writable, as tenas.h asks.
        let (bytes, out) =
            unsafe { (arguments::slice(bytes, count, "bytes")?, Out::new(out, "out")?) };
        let network = Network::from_onnx_bytes(bytes, &import(channels, height, width)?)?;
        out.set(tenas_network::from_network(network));
        Ok(())
    })
}

/// Sets *out to note number index, counted from 0, on a network that was read
/// from a file. A note says in some words what the file has and the network does
/// not: a softmax that was left out, weights that were not found, layers that do
/// not reach the output.
///
/// - TENAS_ERROR_NOT_FOUND: there is no note of that number.
/// - TENAS_ERROR_NULL_POINTER: network or out is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_network_note(
    network: *const tenas_network,
    index: size_t,
    out: *mut *const c_char,
) -> tenas_status {
    guard("tenas_network_note", || {
        // SAFETY: NULL or a live handle; NULL or writable, as tenas.h asks.
        let (network, out) =
            unsafe { (handle::borrow(network, "network")?, Out::new(out, "out")?) };
        let Some(note) = network.notes.get(index) else {
            let count = network.notes.len();
            return Err(crate::Error::NotFound(format!(
                "note: found {index}, expected a number below {count}"
            ))
            .into());
        };
        out.set(note.as_ptr());
        Ok(())
    })
}

/// Measures count networks by proxy_count scores, named by proxies, with all
/// cores or the GPU kept busy. Each network is measured itself, in its own size,
/// on images of the data set; what an image is must be the same for both.
/// weights is a tenas_network_weights. Repeat r draws the same images for all
/// networks, and weights by the names of parameters. Of the configuration, seed,
/// repeats, batch sizes, initialisation, device and threads count.
///
/// means, spreads, connected and progress are as for tenas_scores_of_many, with
/// networks for architectures.
///
/// - TENAS_ERROR_CANCELLED: progress asked to stop.
/// - TENAS_ERROR_NOT_FOUND: no score has such a name; the message lists them.
/// - TENAS_ERROR_INVALID_ARGUMENT: images that do not fit a network; a score that
///   says nothing of a network, as regions does, which a search space's thin
///   network has; no such weights. The message names network and score.
/// - TENAS_ERROR_INVALID_STATE: weights are to be kept, and a network has none.
/// - TENAS_ERROR_DEVICE: the device is not there.
/// - TENAS_ERROR_OUT_OF_MEMORY: the working memory could not be had.
/// - TENAS_ERROR_IO, TENAS_ERROR_FORMAT: images that are read as they are needed
///   could not be had.
/// - TENAS_ERROR_NULL_POINTER: config or dataset is NULL; proxies or one of them
///   is, and proxy_count is not 0; networks, one of them or means is, and count is
///   not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tenas_networks_score(
    config: *const tenas_config,
    dataset: *const tenas_dataset,
    proxies: *const *const c_char,
    proxy_count: size_t,
    networks: *const *const tenas_network,
    count: size_t,
    weights: i32,
    progress: tenas_progress_fn,
    user: *mut c_void,
    means: *mut f64,
    spreads: *mut f64,
    connected: *mut i32,
) -> tenas_status {
    guard("tenas_networks_score", || {
        // SAFETY: NULL or live handles, as tenas.h asks.
        let (config, dataset) =
            unsafe { (config::copy(config, "config")?, handle::borrow(dataset, "dataset")?) };
        let weights = choose!(
            "weights", weights,
            TENAS_NETWORK_WEIGHTS_FRESH => NetworkWeights::Fresh,
            TENAS_NETWORK_WEIGHTS_KEPT => NetworkWeights::Kept,
        )?;
        if count == 0 || proxy_count == 0 {
            return Ok(());
        }
        // SAFETY: NULL or an array of that count, of NULL or C strings, as tenas.h asks.
        let proxies = unsafe { proxies_of(proxies, proxy_count) }?;
        // SAFETY: NULL or an array of that count, as tenas.h asks.
        let handles = unsafe { arguments::slice(networks, count, "networks") }?;
        if means.is_null() {
            return Err(Failure::null("means"));
        }
        let mut networks = Vec::new();
        networks
            .try_reserve_exact(count)
            .map_err(|_| crate::Error::OutOfMemory(format!("{count} networks")))?;
        for (i, network) in handles.iter().enumerate() {
            // SAFETY: NULL or a live handle, as tenas.h asks.
            let network = unsafe { handle::borrow(*network, &format!("networks[{i}]")) }?;
            networks.push(&network.network);
        }
        let callback = progress.map(|function| Callback { function, user });
        let observer = &mut |progress: &_| match &callback {
            Some(callback) => callback.call(progress),
            None => ControlFlow::Continue(()),
        };
        let found = scores_of_networks(&config, dataset, &networks, &proxies, weights, observer)?;
        for (i, scores) in found.iter().enumerate() {
            // SAFETY: arrays of count * proxy_count and of count numbers, as tenas.h asks.
            unsafe { write_scores(scores, i, means, spreads, connected) };
        }
        Ok(())
    })
}
