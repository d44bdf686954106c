//! What an evaluation leaves behind.

use super::bits::ActivationBits;
use crate::network::{Graph, NodeId};

/// A matrix of an engine's own precision, row by row.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

impl Rows<'_> {
    /// Number `at` of the matrix.
    pub fn get(&self, at: usize) -> f64 {
        match self {
            Rows::F32(values) => f64::from(values[at]),
            Rows::F64(values) => values[at],
        }
    }
}

/// K, `[images, images]` row by row, accumulated in f64.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'a> {
    /// The matrix.
    pub values: &'a [f64],
    /// Number of rows and of columns.
    pub images: usize,
}

/// Rows of gradients: one for each cotangent of the seed, batch by batch; one column a counted
/// parameter.
#[derive(Debug, Clone, Copy)]
pub struct Jacobian<'a> {
    /// The matrix.
    pub rows: Rows<'a>,
    /// Number of rows.
    pub count: usize,
    /// Number of columns.
    pub columns: usize,
}

/// The values of one node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// The node.
    pub node: NodeId,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// `[batches, batch, C, H, W]`; empty if this network does not have the node.
    pub values: Vec<f64>,
}

/// The variances of the channels of one batch normalisation: biased, without epsilon.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Variances {
    /// The node.
    pub node: NodeId,
    /// Numbers of a channel that a variance is taken over.
    pub count: usize,
    /// `[batches, channels]`.
    pub values: Vec<f64>,
}

/// A pullback's two ends, each `[batches, batch, C, H, W]` of its node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pulled {
    /// The node where it started.
    pub from: NodeId,
    /// The node where it ended.
    pub to: NodeId,
    /// The signs that it started with.
    pub signs: Vec<f64>,
    /// The cotangent that arrived; zeros where nothing does.
    pub cotangent: Vec<f64>,
}

/// What a task leaves behind: what it wanted, and what it was made of.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The network, all operations of its plan.
    pub graph: &'a Graph,
    /// The mixing weight of each slot.
    pub mixing: &'a [f64],
    /// The parameters.
    pub parameters: &'a [f32],
    /// Batches.
    pub batches: usize,
    /// Images of a batch.
    pub batch: usize,
    /// `[batches, batch, classes]`.
    pub logits: Option<&'a [f64]>,
    /// One row an image, all batches.
    pub bits: Option<&'a ActivationBits>,
    /// In the order that was asked for.
    pub features: &'a [Features],
    /// Of the normalisations that the network has, in the order of the graph.
    pub variances: &'a [Variances],
    /// K.
    pub kernel: Option<Kernel<'a>>,
    /// The rows of gradients; an engine may give them where K alone was wanted.
    pub jacobian: Option<Jacobian<'a>>,
    /// The gradients by the images, `[rows, batch, C, H, W]`.
    pub images: Option<&'a [f64]>,
    /// In the order that was asked for.
    pub pullbacks: &'a [Pulled],
}

impl<'a> Evidence<'a> {
    /// Of a network of which nothing was wanted: a start for evidence that a test makes up.
    pub fn nothing(graph: &'a Graph) -> Self {
        Evidence {
            graph,
            mixing: &[],
            parameters: &[],
            batches: 1,
            batch: 1,
            logits: None,
            bits: None,
            features: &[],
            variances: &[],
            kernel: None,
            jacobian: None,
            images: None,
            pullbacks: &[],
        }
    }

    /// Whether the network has an operation slot.
    pub fn has(&self, slot: Option<usize>) -> bool {
        slot.is_none_or(|s| self.mixing[s] != 0.0)
    }

    /// The features of a node, if it was asked for and the network has it.
    pub fn features_of(&self, node: NodeId) -> Option<&Features> {
        self.features.iter().find(|f| f.node == node && !f.values.is_empty())
    }

    /// A pullback by its ends.
    pub fn pulled(&self, from: NodeId, to: NodeId) -> Option<&Pulled> {
        self.pullbacks.iter().find(|p| p.from == from && p.to == to)
    }
}

/// What an engine gathers on the way.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) logits: Vec<f64>,
    pub(super) bits: Option<ActivationBits>,
    pub(super) features: Vec<Features>,
    pub(super) variances: Vec<Variances>,
    pub(super) images: Vec<f64>,
    pub(super) pullbacks: Vec<Pulled>,
}

impl Findings {
    /// Those of all batches, in order.
    pub(super) fn join(parts: Vec<Findings>) -> Findings {
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        let mut bits: Vec<ActivationBits> = all.bits.take().into_iter().collect();
        for part in parts {
            all.logits.extend(part.logits);
            bits.extend(part.bits);
            for (a, b) in all.features.iter_mut().zip(part.features) {
                a.values.extend(b.values);
            }
            for (a, b) in all.variances.iter_mut().zip(part.variances) {
                a.values.extend(b.values);
            }
            all.images.extend(part.images);
            for (a, b) in all.pullbacks.iter_mut().zip(part.pullbacks) {
                a.signs.extend(b.signs);
                a.cotangent.extend(b.cotangent);
            }
        }
        if !bits.is_empty() {
            all.bits = Some(ActivationBits::stack(bits.into_iter()));
        }
        all
    }
}

/// The features of a node, before they are there.
pub(super) fn features(graph: &Graph, node: NodeId) -> Features {
    Features { node, shape: graph.nodes[node].shape, values: Vec::new() }
}
