//! A static graph of primitives. Shapes leave out the batch.

use super::parameters::{ParameterId, ParameterKind, ParameterTable};

/// Index of a node in [`Graph::nodes`].
pub type NodeId = usize;

/// Geometry of a convolution. Pairs are (height, width). Weight shape: `[out, in / groups, kernel[0],
/// kernel[1]]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Sides of the kernel.
    pub kernel: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Zeros before and after the input on each axis; a negative number shifts the window into the
    /// input (factorised reduction), or leaves the input's end unread.
    pub padding: [[isize; 2]; 2],
    /// Distances of the kernel's taps.
    pub dilation: [usize; 2],
    /// Groups of channels that are convolved by themselves; depthwise: as many as channels.
    pub groups: usize,
}

/// Geometry of a pooling window. Pairs are (height, width).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Sides of the window.
    pub kernel: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Border before and after the input on each axis, never a candidate for a maximum. The output
    /// may reach beyond it (pooling in "ceil mode"); what lies there counts for nothing.
    pub padding: [[usize; 2]; 2],
    /// Whether an average counts the border, as zeros.
    pub counts_padding: bool,
}

impl Window {
    /// A square window with the same border on all sides, which is not counted.
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [[padding; 2]; 2],
            counts_padding: false,
        }
    }

    /// How many elements of one axis an average counts for output `output`.
    pub(crate) fn count(&self, axis: usize, input: usize, output: usize) -> usize {
        let [before, after] = match self.counts_padding {
            true => self.padding[axis],
            false => [0, 0],
        };
        // In places counted from the border's begin, where there is one.
        let skipped = self.padding[axis][0] - before;
        let first = (output * self.stride[axis]).max(skipped);
        let end =
            (output * self.stride[axis] + self.kernel[axis]).min(skipped + before + input + after);
        end.saturating_sub(first)
    }
}

/// A function of one number, applied to each element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// max(low, min(x, high)); 0 and 6 are ReLU6.
    Clip {
        /// The least value.
        low: f64,
        /// The greatest value.
        high: f64,
    },
    /// x, or slope x where x is negative.
    LeakyRelu {
        /// Slope of the negative side.
        slope: f64,
    },
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// max(0, min(slope x + shift, 1)).
    HardSigmoid {
        /// Slope of the middle.
        slope: f64,
        /// Value at 0.
        shift: f64,
    },
    /// x max(0, min(x / 6 + 1/2, 1)).
    HardSwish,
    /// scale x + shift.
    Affine {
        /// Factor.
        scale: f64,
        /// Term.
        shift: f64,
    },
}

impl Activation {
    /// The value and the slope at x. At a kink the slope is that of the flat side.
    pub fn at(&self, x: f64) -> [f64; 2] {
        match *self {
            Activation::Clip { low, high } => {
                [x.min(high).max(low), if low < x && x < high { 1.0 } else { 0.0 }]
            }
            Activation::LeakyRelu { slope } => {
                let slope = if x > 0.0 { 1.0 } else { slope };
                [slope * x, slope]
            }
            Activation::Sigmoid => {
                let y = 1.0 / (1.0 + libm::exp(-x));
                [y, y * (1.0 - y)]
            }
            Activation::HardSigmoid { slope, shift } => {
                let inner = slope * x + shift;
                let slope = if 0.0 < inner && inner < 1.0 { slope } else { 0.0 };
                [inner.clamp(0.0, 1.0), slope]
            }
            Activation::HardSwish => match x {
                x if x <= -3.0 => [0.0, 0.0],
                x if x >= 3.0 => [x, 1.0],
                x => [x * (x + 3.0) / 6.0, x / 3.0 + 0.5],
            },
            Activation::Affine { scale, shift } => [scale * x + shift, scale],
        }
    }

    /// Whether it is a ReLU for positive numbers up to a bound: 0 for what is not positive.
    pub fn is_bounded_relu(&self) -> bool {
        matches!(self, Activation::Clip { low, high } if *low == 0.0 && *high > 0.0)
    }
}

/// What batch normalisation adds to a variance (section 3.1), where a network does not say otherwise.
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
        /// `[out]`, if it has one.
        bias: Option<ParameterId>,
        /// Its geometry.
        geometry: Convolution,
    },
    /// Batch normalisation with the statistics of the batch at hand: biased variance.
    BatchNorm {
        /// `[channels]`.
        scale: ParameterId,
        /// `[channels]`.
        shift: ParameterId,
        /// What is added to the variance.
        epsilon: f64,
    },
    /// max(x, 0).
    Relu,
    /// A function of each element.
    Activation(Activation),
    /// Mean over a window.
    AvgPool(Window),
    /// Maximum over a window; the gradient goes to the first maximum in scan order.
    MaxPool(Window),
    /// Weighted sum of its inputs: input i times the mixing weight of slot i, or 1. No input: zeros.
    Mix(Vec<Option<usize>>),
    /// Product of two inputs of one shape, element by element.
    Mul,
    /// Concatenation along channels.
    Concat,
    /// Channel i is channel `n[i]` of the input: parts of the channels, or another order.
    Select(Vec<usize>),
    /// The same numbers in the same order, in another shape.
    Reshape,
    /// An input `[C, 1, 1]`, repeated at every place of a plane.
    Expand,
    /// Zeros around the planes, before and after on each axis; negative numbers cut.
    Pad([[isize; 2]; 2]),
    /// Mean over height and width.
    GlobalPool,
    /// Linear layer on channels, of an input `[channels, 1, 1]`.
    Linear {
        /// `[classes, channels]`.
        weight: ParameterId,
        /// `[classes]`, if it has one.
        bias: Option<ParameterId>,
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
    /// The node that global pooling reads, or what takes its place: the last feature map.
    pub fn last_features(&self) -> Option<NodeId> {
        let ends = |n: &&Node| matches!(n.operation, Operation::GlobalPool | Operation::Reshape);
        self.nodes.iter().rfind(ends).map(|n| n.inputs[0])
    }

    /// The same network as it evaluates before any training: batch normalisation has mean 0 and
    /// variance 1, so that of it only the scale is left, as a depthwise convolution of one tap.
    pub fn frozen(&self) -> Graph {
        let mut graph = self.clone();
        for node in &mut graph.nodes {
            if let Operation::BatchNorm { scale, .. } = node.operation {
                let geometry = Convolution { groups: node.shape[0], ..Convolution::same(1) };
                node.operation = Operation::Conv { weight: scale, bias: None, geometry };
            }
        }
        graph
    }

    /// The same network in evaluation: a batch normalisation is a factor and a term for each channel,
    /// which are new parameters. Also gives these: (batch normalisation, factors, terms).
    pub fn evaluation(&self) -> (Graph, Vec<(NodeId, ParameterId, ParameterId)>) {
        let mut graph = self.clone();
        let mut added = Vec::new();
        for (id, node) in graph.nodes.iter_mut().enumerate() {
            let Operation::BatchNorm { .. } = node.operation else { continue };
            let groups = node.shape[0];
            let mut push = |kind, shape: &[usize]| {
                let name = format!("evaluation.{id}.{kind:?}");
                graph.parameters.push(name, kind, shape, 1)
            };
            let weight = push(ParameterKind::ConvWeight, &[groups, 1, 1, 1]);
            let bias = push(ParameterKind::ConvBias, &[groups]);
            let geometry = Convolution { groups, ..Convolution::same(1) };
            node.operation = Operation::Conv { weight, bias: Some(bias), geometry };
            added.push((id, weight, bias));
        }
        (graph, added)
    }

    /// Shape of the images.
    pub fn input_shape(&self) -> [usize; 3] {
        self.nodes[0].shape
    }

    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.nodes[self.nodes.len() - 1].shape[0]
    }

    /// The ReLUs whose on/off bits mark linear regions, in order: (input node, slot). Those that are
    /// bounded above (ReLU6) count as ReLUs: their bit is x > 0 too.
    pub fn relus(&self) -> impl Iterator<Item = (NodeId, Option<usize>)> + '_ {
        let relu = |n: &Node| {
            let is_relu = match &n.operation {
                Operation::Relu => true,
                Operation::Activation(activation) => activation.is_bounded_relu(),
                _ => false,
            };
            is_relu.then(|| (n.inputs[0], n.slot))
        };
        self.nodes.iter().filter_map(relu)
    }
}
