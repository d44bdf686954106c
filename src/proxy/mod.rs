//! Zero-cost proxies: scores of a network that need no training (section 3.8). One file each.
//!
//! A [`Proxy`] says what it needs of an evaluation and reduces that to a number. The registry at the
//! end of this file lists those that are built in; a host may bring its own, from outside the crate.

mod az_nas;
mod class;
mod flops;
mod jacov;
mod meco;
mod naswot;
mod ntk;
mod parameters;
mod regions;
mod statistics;
mod swap;
mod synflow;
mod vkdnw;
mod zen;
mod zico;

use std::sync::Arc;

pub use class::CostClass;
pub use naswot::naswot;
pub use ntk::{Spectrum, condition_number, spectrum, worst_condition_number};
pub use regions::linear_regions;
pub use swap::{SwapRegularised, swap};

use crate::compute::{Evidence, Wanted};
use crate::error::{Error, Result};
use crate::network::{Cost, Graph};
use crate::random::Key;

/// A score of a network.
pub trait Proxy: std::fmt::Debug + Send + Sync {
    /// The name that users type and tables carry: lower case letters, digits and `_`.
    fn name(&self) -> &str;
    /// What it measures, in some words.
    fn title(&self) -> &str;
    /// The paper that it is from.
    fn source(&self) -> &str;
    /// Which values are better.
    fn direction(&self) -> Direction;
    /// What it needs.
    fn need(&self) -> Need;
    /// The value of a network whose output depends on no path from the image: none is worse.
    /// `batch` is the number of images that it would have been measured on.
    fn worst(&self, batch: usize) -> f64;

    /// The network that its paper measures it on, where that is not the published search's: what
    /// is 0 there stays the space's. A configuration can say otherwise.
    fn network(&self) -> ProxyNetwork {
        ProxyNetwork::default()
    }
    /// For [`Need::Evaluation`]: what is to be computed on a graph. `key` is for random numbers of
    /// its own: the same for all networks that are compared.
    fn wanted(&self, graph: &Graph, key: &Key) -> Wanted {
        let _ = (graph, key);
        Wanted::default()
    }
    /// For [`Need::Evaluation`]: the value of one draw. It must be finite.
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let _ = evidence;
        f64::NAN
    }
    /// For [`Need::Cost`]: the value.
    fn of_cost(&self, cost: Cost) -> f64 {
        let _ = cost;
        f64::NAN
    }
    /// What several draws say together where networks are ranked. The mean, unless a few draws of
    /// a heavy-tailed score would decide it.
    fn settle(&self, draws: &[f64]) -> f64 {
        draws.iter().sum::<f64>() / draws.len() as f64
    }
}

/// Which values of a proxy are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The larger.
    Higher,
    /// The smaller.
    Lower,
}

/// What a proxy needs of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The size of the network that is trained. No weights are drawn.
    Cost,
    /// Evaluations of a randomly initialised network.
    Evaluation(Setup),
}

/// What an evaluation is made of. Proxies whose setups and networks are equal share its passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Setup {
    /// Which network.
    pub network: Shape,
    /// How batch normalisation computes.
    pub norms: Norms,
    /// How weights are drawn.
    pub weights: Weights,
    /// What it is evaluated on.
    pub inputs: InputKind,
    /// In which precision.
    pub precision: Precision,
}

impl Setup {
    /// That of the NTK: the proxy network on a batch of images.
    pub const IMAGES: Setup = Setup {
        network: Shape::Proxy,
        norms: Norms::Batch,
        weights: Weights::Configured,
        inputs: InputKind::Images { batches: 1 },
        precision: Precision::Engine,
    };
}

/// Which network of a space is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// The proxy network, whose size is a setting ([`ProxyNetwork`]).
    Proxy,
    /// The thin network that counts linear regions (section 3.3).
    Thin,
}

/// How batch normalisation computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Norms {
    /// With the statistics of the batch at hand, as in training.
    Batch,
    /// As an untrained network evaluates: mean 0, variance 1. Only the scale is left, as a
    /// convolution of one tap a channel.
    Frozen,
}

/// How weights are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weights {
    /// As the configuration says, with the fan of the network (section 3.5).
    Configured,
    /// Convolutions and linear layer standard normal, scales 1, biases 0.
    StandardNormal,
    /// The magnitudes of what the configuration draws.
    Magnitudes,
}

/// What a network is evaluated on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// Batches of images of the data set (section 3.6).
    Images {
        /// How many; each has its own draw and its own statistics.
        batches: usize,
    },
    /// The 3 x 1000 crops of 3 x 3 that regions are counted on (section 3.3).
    Crops,
    /// A batch of standard normal numbers.
    Noise,
    /// Two batches: x, and x + 0.01 e, both standard normal.
    NoisePair,
    /// One image of ones.
    Ones,
}

/// In which precision a network is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// The engine's own: f32.
    Engine,
    /// f64, by the reference engine, for values that f32 cannot hold.
    Double,
}

/// The size of a proxy network; 0 stands for what the space or the configuration has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProxyNetwork {
    /// Channels C of the first cell.
    pub channels: u32,
    /// Cells N of a stage.
    pub cells: u32,
    /// Height and width of an image; it divides those of the data set.
    pub image_size: u32,
    /// Images of a batch.
    pub batch_size: u32,
}

impl ProxyNetwork {
    /// This, with what is 0 taken from `other`.
    pub fn or(self, other: ProxyNetwork) -> ProxyNetwork {
        let or = |a, b| if a == 0 { b } else { a };
        ProxyNetwork {
            channels: or(self.channels, other.channels),
            cells: or(self.cells, other.cells),
            image_size: or(self.image_size, other.image_size),
            batch_size: or(self.batch_size, other.batch_size),
        }
    }
}

/// The proxies that are built in, in the order of tables.
pub fn registry() -> Vec<Arc<dyn Proxy>> {
    vec![
        Arc::new(ntk::Ntk),
        Arc::new(regions::Regions),
        Arc::new(naswot::Naswot),
        Arc::new(swap::Swap),
        Arc::new(SwapRegularised::default()),
        Arc::new(zico::Zico),
        Arc::new(jacov::Jacov),
        Arc::new(synflow::Synflow),
        Arc::new(zen::Zen),
        Arc::new(az_nas::Expressivity),
        Arc::new(az_nas::Progressivity),
        Arc::new(az_nas::Trainability),
        Arc::new(meco::Meco),
        Arc::new(vkdnw::Vkdnw),
        Arc::new(flops::Flops),
        Arc::new(parameters::Parameters),
    ]
}

/// The built-in proxy of that name.
///
/// Errors: [`Error::NotFound`] naming those that there are.
pub fn named(name: &str) -> Result<Arc<dyn Proxy>> {
    let all = registry();
    all.iter().find(|p| p.name() == name).cloned().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|p| p.name()).collect();
        Error::NotFound(format!("proxy: found {name:?}, expected one of {}", names.join(", ")))
    })
}
