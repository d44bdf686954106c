//! A static graph of a dozen primitives. Shapes leave out the batch.

use super::parameters::{ParameterId, ParameterTable};

/// Index of a node in [`Graph::nodes`].
pub type NodeId = usize;

/// Geometry of a convolution without bias. Weight shape: `[out, in / groups, kernel, kernel]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Side of the kernel.
    pub kernel: usize,
    /// Step of the window.
    pub stride: usize,
    /// Zeros around the input; negative shifts the window into it (factorised reduction).
    pub padding: isize,
    /// Distance of the kernel's taps.
    pub dilation: usize,
    /// One kernel a channel (groups = channels) instead of all channels to all.
    pub depthwise: bool,
}

/// Geometry of a pooling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Side of the window.
    pub kernel: usize,
    /// Step of the window.
    pub stride: usize,
    /// Border that is neither counted (average) nor a candidate (maximum).
    pub padding: usize,
}

/// What batch normalisation adds to a variance (section 3.1).
pub const BATCH_NORM_EPSILON: f64 = 1e-5;

/// What a node computes from its inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// The batch of images.
    Input,
    /// Convolution with zero padding.
    Conv {
        /// `[out, in / groups, kernel, kernel]`.
        weight: ParameterId,
        /// Its geometry.
        geometry: Convolution,
    },
    /// Batch normalisation with the statistics of the batch at hand: biased variance, and
    /// [`BATCH_NORM_EPSILON`].
    BatchNorm {
        /// `[channels]`.
        scale: ParameterId,
        /// `[channels]`.
        shift: ParameterId,
    },
    /// max(x, 0).
    Relu,
    /// Mean over a window.
    AvgPool(Window),
    /// Maximum over a window; the gradient goes to the first maximum in scan order.
    MaxPool(Window),
    /// Weighted sum of its inputs: input i times the mixing weight of slot i, or 1. No input: zeros.
    Mix(Vec<Option<usize>>),
    /// Concatenation along channels.
    Concat,
    /// Mean over height and width.
    GlobalPool,
    /// Linear layer on channels.
    Linear {
        /// `[classes, channels]`.
        weight: ParameterId,
        /// `[classes]`.
        bias: ParameterId,
    },
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it computes.
    pub operation: Operation,
    /// From which earlier nodes.
    pub inputs: Vec<NodeId>,
    /// Channels, height, width of its output.
    pub shape: [usize; 3],
    /// The operation slot it is part of: where that slot's mixing weight is 0, nobody needs it.
    pub slot: Option<usize>,
}

/// A network: nodes in topological order, the last one gives the logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The parameters.
    pub parameters: ParameterTable,
    /// Length of the vector of mixing weights.
    pub slots: usize,
    /// The blocks that the network is a chain of: the outputs of its stem, cells and reductions.
    pub blocks: Vec<NodeId>,
}

impl Graph {
    /// The node that global pooling reads: the last feature map.
    pub fn last_features(&self) -> Option<NodeId> {
        self.nodes.iter().rfind(|n| n.operation == Operation::GlobalPool).map(|n| n.inputs[0])
    }

    /// The same network as it evaluates before any training: batch normalisation has mean 0 and
    /// variance 1, so that of it only the scale is left, as a depthwise convolution of one tap.
    pub fn frozen(&self) -> Graph {
        let mut graph = self.clone();
        for node in &mut graph.nodes {
            if let Operation::BatchNorm { scale, .. } = node.operation {
                let geometry = Convolution { depthwise: true, ..Convolution::same(1) };
                node.operation = Operation::Conv { weight: scale, geometry };
            }
        }
        graph
    }

    /// Shape of the images.
    pub fn input_shape(&self) -> [usize; 3] {
        self.nodes[0].shape
    }

    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.nodes[self.nodes.len() - 1].shape[0]
    }

    /// The ReLUs whose on/off bits mark linear regions, in order: (input node, slot).
    pub fn relus(&self) -> impl Iterator<Item = (NodeId, Option<usize>)> + '_ {
        let relu = |n: &Node| (n.operation == Operation::Relu).then(|| (n.inputs[0], n.slot));
        self.nodes.iter().filter_map(relu)
    }
}
