//! Lowers (space, mask, network config) to a static graph of primitive operations, with parameter
//! names, shapes, initialisation and cost. Knows nothing of how a graph is computed.

mod builder;
mod cost;
mod graph;
mod init;
mod lower;
mod parameters;

pub use builder::Builder;
pub use cost::Cost;
pub use graph::{
    Activation, BATCH_NORM_EPSILON, Convolution, Graph, Node, NodeId, Operation, Window,
};
pub use init::{Fan, Init, Initialiser};
pub use parameters::{Parameter, ParameterId, ParameterKind, ParameterTable};

use std::fs::File;
use std::io::Read;
use std::path::Path;

use self::lower::Sizes;
use crate::error::{Error, Result};
use crate::message::of_path;
use crate::space::{Mask, NetworkFile, Space, SpaceKind, limits};

/// What the lowering needs to know beside the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkConfig {
    /// Channels, height and width of an image.
    pub input: [usize; 3],
    /// Classes.
    pub classes: usize,
    /// Channels of the first cell (C of section 3.1).
    pub channels: usize,
    /// Cells a stage (N of section 3.1).
    pub cells: usize,
    /// The thin network that counts linear regions: without a stem, on one channel.
    pub thin: bool,
}

/// What a finished architecture is trained for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Training<'a> {
    /// The data set's name, as in the space's presets.
    pub dataset: &'a str,
    /// Channels, height and width of an image.
    pub input: [usize; 3],
    /// Classes.
    pub classes: usize,
}

/// A space together with the sizes of its networks: all that a search needs to know of it.
#[derive(Debug, Clone)]
pub struct Supernet {
    /// The space.
    pub space: Space,
    /// C of the NTK network.
    pub ntk_channels: usize,
    /// C of the thin network.
    pub thin_channels: usize,
}

/// Side of the thin network's inputs (section 3.3).
pub const THIN_SIZE: usize = 3;

impl Supernet {
    /// A built-in supernet.
    pub fn of(kind: SpaceKind) -> Self {
        Self::new(kind.space())
    }

    fn new(space: Space) -> Self {
        let networks = &space.file().networks;
        let thin = networks.thin.as_ref().unwrap_or(&networks.ntk);
        let (ntk, thin) = (networks.ntk.channels as usize, thin.channels as usize);
        Supernet { space, ntk_channels: ntk, thin_channels: thin }
    }

    /// The supernet of a space file, whose networks can be built.
    ///
    /// Errors: [`Error::Format`] with the place in the JSON, what was found and what was expected;
    /// [`Error::OutOfMemory`].
    pub fn from_json(text: &str) -> Result<Self> {
        let supernet = Self::new(Space::from_json(text)?);
        supernet.check()?;
        Ok(supernet)
    }

    /// [`from_json`](Self::from_json) of a file's text; errors name the file.
    pub fn open(path: &Path) -> Result<Self> {
        let text = read(path)?;
        Self::from_json(&text).map_err(|error| match error {
            Error::Format(text) => Error::Format(format!("{}: {text}", of_path(path))),
            other => other,
        })
    }

    /// Builds each network once, with all operations and on images that it should take.
    fn check(&self) -> Result<()> {
        /// Side of the images, where nothing says another.
        const SIDE: usize = 32;
        let file = self.space.file();
        let mask = Mask::full(&self.space);
        let classes = 2;
        let image = |network: &NetworkFile| -> Result<[usize; 3]> {
            let by = file.structure(&network.structure)?.divisible_by as usize;
            let side = network.image.map_or(SIDE.next_multiple_of(by), |side| side as usize);
            Ok([3, side, side])
        };
        let at = |key: &str, result: Result<Graph>| match result {
            Err(Error::InvalidArgument(text)) => {
                Err(Error::Format(format!("space: networks.{key}: {text}")))
            }
            result => result.map(drop),
        };
        at("ntk", self.ntk_network(&mask, image(&file.networks.ntk)?, classes))?;
        at("thin", self.thin_network(&mask, classes))?;
        let training = |network: &NetworkFile| -> Result<Graph> {
            self.trained(&mask, network, image(network)?, classes)
        };
        at("training", training(&file.networks.training))?;
        for (name, network) in &file.networks.training_on {
            at(&format!("training_on.{name}"), training(network))?;
        }
        Ok(())
    }

    /// The network that measures trainability (section 3.1), for images of `input` =
    /// `[channels, height, width]`.
    pub fn ntk_network(&self, mask: &Mask, input: [usize; 3], classes: usize) -> Result<Graph> {
        let cells = self.space.file().networks.ntk.cells as usize;
        let channels = self.ntk_channels;
        self.lower(mask, &NetworkConfig { input, classes, channels, cells, thin: false })
    }

    /// The network that counts linear regions (section 3.1).
    pub fn thin_network(&self, mask: &Mask, classes: usize) -> Result<Graph> {
        let networks = &self.space.file().networks;
        let cells = networks.thin.as_ref().unwrap_or(&networks.ntk).cells as usize;
        let (input, channels) = ([1, THIN_SIZE, THIN_SIZE], self.thin_channels);
        self.lower(mask, &NetworkConfig { input, classes, channels, cells, thin: true })
    }

    /// The network that papers train (section 3.8).
    pub fn training_network(&self, mask: &Mask, training: &Training<'_>) -> Result<Graph> {
        let networks = &self.space.file().networks;
        let own = networks.training_on.get(training.dataset);
        let network = own.unwrap_or(&networks.training);
        self.trained(mask, network, training.input, training.classes)
    }

    fn trained(
        &self,
        mask: &Mask,
        network: &NetworkFile,
        [colours, h, w]: [usize; 3],
        classes: usize,
    ) -> Result<Graph> {
        let [h, w] = network.image.map_or([h, w], |side| [side as usize; 2]);
        network_of(&self.space, mask, network, [colours, h, w], classes)
    }

    /// The NTK network or, if it is `thin`, the thin one, in any size.
    pub fn lower(&self, mask: &Mask, config: &NetworkConfig) -> Result<Graph> {
        let networks = &self.space.file().networks;
        let network = match &networks.thin {
            Some(thin) if config.thin => thin,
            _ => &networks.ntk,
        };
        let &NetworkConfig { input, classes, channels, cells, .. } = config;
        let sizes = Sizes { input, classes, channels, cells, stem: network.stem };
        structured(&self.space, mask, network, &sizes)
    }
}

/// A network of a space in the sizes that `network` says, for images of `input` = `[channels,
/// height, width]`, whatever the size in `network`.
///
/// Errors: [`Error::InvalidArgument`] for images that do not fit, or a network that is too large.
pub fn network_of(
    space: &Space,
    mask: &Mask,
    network: &NetworkFile,
    input: [usize; 3],
    classes: usize,
) -> Result<Graph> {
    let [channels, cells] = [network.channels, network.cells].map(|n| n as usize);
    structured(space, mask, network, &Sizes { input, classes, channels, cells, stem: network.stem })
}

fn structured(space: &Space, mask: &Mask, network: &NetworkFile, sizes: &Sizes) -> Result<Graph> {
    let structure = space.file().structure(&network.structure)?;
    lower::lower(space, mask, structure, sizes)
}

/// A space file's text.
fn read(path: &Path) -> Result<String> {
    let io = |error| Error::io(path, error);
    let wrong = |found: String| Error::Format(format!("{}: space: {found}", of_path(path)));
    let file = File::open(path).map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        return Err(wrong("found something else, expected a regular file".into()));
    }
    let mut bytes = Vec::new();
    file.take(limits::BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > limits::BYTES {
        return Err(wrong(format!("found more than {} bytes, expected fewer", limits::BYTES)));
    }
    String::from_utf8(bytes).map_err(|e| {
        wrong(format!("found bytes that are not UTF-8 at {}", e.utf8_error().valid_up_to()))
    })
}
