//! Builds graphs node by node; the compound layers that the spaces share.

use super::graph::{Convolution, Graph, Node, NodeId, Operation, Window};
use super::parameters::{ParameterKind, ParameterTable};
use crate::error::{Error, Result};

/// A graph under construction.
///
/// Each method adds nodes for one layer and returns the last of them. Names are PyTorch's.
#[derive(Debug)]
pub struct Builder {
    nodes: Vec<Node>,
    parameters: ParameterTable,
    slots: usize,
    slot: Option<usize>,
    blocks: Vec<NodeId>,
}

impl Builder {
    /// A graph whose only node, number 0, is the batch of images of `[channels, height, width]`.
    pub fn new(input: [usize; 3], slots: usize) -> Self {
        let node = Node { operation: Operation::Input, inputs: vec![], shape: input, slot: None };
        Builder {
            nodes: vec![node],
            parameters: ParameterTable::default(),
            slots,
            slot: None,
            blocks: Vec::new(),
        }
    }

    /// The graph, whose last node must be the logits.
    pub fn finish(self) -> Graph {
        let Builder { nodes, parameters, slots, blocks, .. } = self;
        Graph { nodes, parameters, slots, blocks }
    }

    /// A node is the output of a block: of the stem, a cell or a reduction.
    pub fn end_block(&mut self, node: NodeId) {
        self.blocks.push(node);
    }

    /// What follows belongs to that operation slot (or to none).
    pub fn enter(&mut self, slot: Option<usize>) {
        self.slot = slot;
    }

    /// Number of nodes so far.
    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Number of parameters so far.
    pub(super) fn parameters(&self) -> u64 {
        self.parameters.len() as u64
    }

    /// Shape of a node's output.
    pub fn shape(&self, node: NodeId) -> [usize; 3] {
        self.nodes[node].shape
    }

    fn push(&mut self, operation: Operation, inputs: Vec<NodeId>, shape: [usize; 3]) -> NodeId {
        self.nodes.push(Node { operation, inputs, shape, slot: self.slot });
        self.nodes.len() - 1
    }

    /// Convolution to `channels`, without bias; weight `name.weight`.
    pub fn conv(
        &mut self,
        name: &str,
        x: NodeId,
        channels: usize,
        geometry: Convolution,
    ) -> Result<NodeId> {
        let [c, h, w] = self.shape(x);
        let out = |size: usize| {
            let span = (geometry.dilation * (geometry.kernel - 1) + 1) as isize;
            // A shifted window (negative padding) reads zeros beyond the far edge instead.
            let room = size as isize + 2 * geometry.padding.max(0) - span;
            (room >= 0).then(|| room as usize / geometry.stride + 1)
        };
        let (Some(oh), Some(ow)) = (out(h), out(w)) else {
            return Err(Error::InvalidArgument(format!(
                "{name}: found an input of {h} x {w}, too small for a kernel of {}",
                geometry.kernel
            )));
        };
        let inputs = if geometry.depthwise { 1 } else { c };
        let shape = [channels, inputs, geometry.kernel, geometry.kernel];
        let kind = ParameterKind::ConvWeight;
        let weight = self.parameters.push(format!("{name}.weight"), kind, &shape, 0);
        Ok(self.push(Operation::Conv { weight, geometry }, vec![x], [channels, oh, ow]))
    }

    /// Batch normalisation; `name.weight` and `name.bias`.
    pub fn batch_norm(&mut self, name: &str, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let c = [shape[0]];
        let scale = self.parameters.push(format!("{name}.weight"), ParameterKind::NormScale, &c, 0);
        let shift = self.parameters.push(format!("{name}.bias"), ParameterKind::NormShift, &c, 0);
        self.push(Operation::BatchNorm { scale, shift }, vec![x], shape)
    }

    /// ReLU.
    pub fn relu(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        self.push(Operation::Relu, vec![x], shape)
    }

    fn pooled(&self, x: NodeId, window: Window) -> [usize; 3] {
        let [c, h, w] = self.shape(x);
        let out = |size: usize| {
            (size + 2 * window.padding).saturating_sub(window.kernel) / window.stride + 1
        };
        [c, out(h), out(w)]
    }

    /// Average pooling; padding is not counted.
    pub fn avg_pool(&mut self, x: NodeId, window: Window) -> NodeId {
        let shape = self.pooled(x, window);
        self.push(Operation::AvgPool(window), vec![x], shape)
    }

    /// Max pooling.
    pub fn max_pool(&mut self, x: NodeId, window: Window) -> NodeId {
        let shape = self.pooled(x, window);
        self.push(Operation::MaxPool(window), vec![x], shape)
    }

    /// Sum of (node, slot): each node times the mixing weight of its slot, or times 1. `shape` is
    /// that of the sum, which may have no terms.
    pub fn mix(&mut self, terms: &[(NodeId, Option<usize>)], shape: [usize; 3]) -> NodeId {
        let slots = terms.iter().map(|t| t.1).collect();
        self.push(Operation::Mix(slots), terms.iter().map(|t| t.0).collect(), shape)
    }

    /// Concatenation along channels.
    pub fn concat(&mut self, inputs: &[NodeId]) -> NodeId {
        let [_, h, w] = self.shape(inputs[0]);
        let channels = inputs.iter().map(|i| self.shape(*i)[0]).sum();
        self.push(Operation::Concat, inputs.to_vec(), [channels, h, w])
    }

    /// BN, ReLU, global average pooling, linear layer with bias: the end of every network.
    pub fn head(&mut self, norm: &str, classifier: &str, x: NodeId, classes: usize) -> NodeId {
        let x = self.batch_norm(norm, x);
        let x = self.relu(x);
        self.pool_and_classify(classifier, x, classes)
    }

    /// Global average pooling, linear layer with bias.
    pub fn pool_and_classify(&mut self, classifier: &str, x: NodeId, classes: usize) -> NodeId {
        let channels = self.shape(x)[0];
        let x = self.push(Operation::GlobalPool, vec![x], [channels, 1, 1]);
        let (w, b) = (ParameterKind::LinearWeight, ParameterKind::LinearBias);
        let weight =
            self.parameters.push(format!("{classifier}.weight"), w, &[classes, channels], 0);
        let bias = self.parameters.push(format!("{classifier}.bias"), b, &[classes], channels);
        self.push(Operation::Linear { weight, bias }, vec![x], [classes, 1, 1])
    }

    /// ReLU, convolution k x k with "same" padding, BN: `name.op.1` and `name.op.2`.
    pub fn relu_conv_bn(
        &mut self,
        name: &str,
        x: NodeId,
        channels: usize,
        kernel: usize,
        stride: usize,
    ) -> Result<NodeId> {
        let x = self.relu(x);
        let geometry = Convolution { stride, ..Convolution::same(kernel) };
        let x = self.conv(&format!("{name}.op.1"), x, channels, geometry)?;
        Ok(self.batch_norm(&format!("{name}.op.2"), x))
    }

    /// Convolution 3 x 3 and BN: the stem.
    pub fn stem(&mut self, conv: &str, norm: &str, x: NodeId, channels: usize) -> Result<NodeId> {
        let x = self.conv(conv, x, channels, Convolution::same(3))?;
        Ok(self.batch_norm(norm, x))
    }
}

impl Convolution {
    /// Odd kernel, stride 1, padding that keeps the size.
    pub fn same(kernel: usize) -> Self {
        Convolution {
            kernel,
            stride: 1,
            padding: (kernel / 2) as isize,
            dilation: 1,
            depthwise: false,
        }
    }

    /// The taps of one axis that read an input for some output. On small planes some never do.
    pub fn taps(&self, input: usize, output: usize) -> impl Iterator<Item = usize> + '_ {
        let at = |o: usize, k: usize| (o * self.stride + k * self.dilation) as isize - self.padding;
        (0..self.kernel)
            .filter(move |k| (0..output).any(|o| (0..input as isize).contains(&at(o, *k))))
    }

    /// How far beyond the edges of an input of `input` = `[channels, height, width]` those taps
    /// read.
    pub fn reach(&self, input: [usize; 3], output: [usize; 3]) -> usize {
        let axis = |a: usize| {
            let beyond = move |k: usize| {
                let first = (k * self.dilation) as isize - self.padding;
                let last = first + ((output[a] - 1) * self.stride) as isize;
                (-first).max(last - (input[a] as isize - 1)).max(0) as usize
            };
            self.taps(input[a], output[a]).map(beyond).max().unwrap_or(0)
        };
        axis(1).max(axis(2))
    }
}
