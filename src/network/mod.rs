//! Lowers (space, mask, network config) to a static graph of primitive operations, with parameter
//! names, shapes, initialisation and cost. Knows nothing of how a graph is computed.

mod builder;
mod cost;
mod graph;
mod init;
mod parameters;

pub mod darts;
pub mod nas_bench_201;

pub use builder::Builder;
pub use cost::Cost;
pub use graph::{BATCH_NORM_EPSILON, Convolution, Graph, Node, NodeId, Operation, Window};
pub use init::{Fan, Init, Initialiser};
pub use parameters::{Parameter, ParameterId, ParameterKind, ParameterTable};

use crate::error::Result;
use crate::space::{Mask, Space, SpaceKind};

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

/// Lowers a mask of a space to a graph.
pub type Lowering = fn(&Space, &Mask, &NetworkConfig) -> Result<Graph>;

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

/// Lowers a finished architecture to the network that papers train and report the size of.
pub type TrainingLowering = fn(&Space, &Mask, &Training<'_>) -> Result<Graph>;

/// A space together with its lowering: all that a search needs to know of it.
#[derive(Debug, Clone)]
pub struct Supernet {
    /// The space.
    pub space: Space,
    /// Its lowering.
    pub lowering: Lowering,
    /// The lowering to the network that is trained.
    pub training: TrainingLowering,
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
        match kind {
            SpaceKind::NasBench201 => nas_bench_201::supernet(),
            SpaceKind::Darts => darts::supernet(),
        }
    }

    /// The network that measures trainability (section 3.1), for images of `input` =
    /// `[channels, height, width]`.
    pub fn ntk_network(&self, mask: &Mask, input: [usize; 3], classes: usize) -> Result<Graph> {
        let channels = self.ntk_channels;
        self.lower(mask, &NetworkConfig { input, classes, channels, cells: 1, thin: false })
    }

    /// The network that counts linear regions (section 3.1).
    pub fn thin_network(&self, mask: &Mask, classes: usize) -> Result<Graph> {
        let (input, channels) = ([1, THIN_SIZE, THIN_SIZE], self.thin_channels);
        self.lower(mask, &NetworkConfig { input, classes, channels, cells: 1, thin: true })
    }

    /// The network that papers train (section 3.8).
    pub fn training_network(&self, mask: &Mask, training: &Training<'_>) -> Result<Graph> {
        (self.training)(&self.space, mask, training)
    }

    /// Any network of the space.
    pub fn lower(&self, mask: &Mask, config: &NetworkConfig) -> Result<Graph> {
        (self.lowering)(&self.space, mask, config)
    }
}
