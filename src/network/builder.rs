//! Builds graphs node by node; the compound layers that the spaces share.

use super::graph::{
    Activation, BATCH_NORM_EPSILON, Convolution, Graph, Node, NodeId, Operation, Window,
};
use super::parameters::{Parameter, ParameterId, ParameterKind, ParameterTable};
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

    /// What a node computes.
    pub(crate) fn operation(&self, node: NodeId) -> &Operation {
        &self.nodes[node].operation
    }

    /// Gives a convolution or a linear layer that has none a bias of the table.
    pub(crate) fn set_bias(&mut self, node: NodeId, id: ParameterId) {
        if let Operation::Conv { bias, .. } | Operation::Linear { bias, .. } =
            &mut self.nodes[node].operation
        {
            *bias = Some(id);
        }
    }

    /// Adds a term to a sum that is the last node, and has no weights; `false` if it is no such sum.
    pub(crate) fn extend_mix(&mut self, sum: NodeId, term: NodeId) -> bool {
        let last = sum + 1 == self.nodes.len() && term < sum;
        let node = &mut self.nodes[sum];
        match &mut node.operation {
            Operation::Mix(slots) if last && slots.iter().all(Option::is_none) => {
                slots.push(None);
                node.inputs.push(term);
                true
            }
            _ => false,
        }
    }

    /// Number of nodes so far.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Number of parameters so far.
    pub(crate) fn parameters(&self) -> u64 {
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
        let weight = self.conv_weight(format!("{name}.weight"), x, channels, geometry);
        self.conv_of(name, x, weight, None, channels, geometry)
    }

    /// A weight of a convolution of node `x` to `channels`.
    pub(crate) fn conv_weight(
        &mut self,
        name: String,
        x: NodeId,
        channels: usize,
        geometry: Convolution,
    ) -> ParameterId {
        let inputs = self.shape(x)[0] / geometry.groups;
        let shape = [channels, inputs, geometry.kernel[0], geometry.kernel[1]];
        self.parameters.push(name, ParameterKind::ConvWeight, &shape, 0)
    }

    /// Convolution to `channels` by a weight, and a bias if there is one, that are in the table already.
    pub(crate) fn conv_of(
        &mut self,
        name: &str,
        x: NodeId,
        weight: ParameterId,
        bias: Option<ParameterId>,
        channels: usize,
        geometry: Convolution,
    ) -> Result<NodeId> {
        let [_, h, w] = self.shape(x);
        let out = |axis: usize, size: usize| geometry.output(axis, size);
        let (Some(oh), Some(ow)) = (out(0, h), out(1, w)) else {
            let [kh, kw] = geometry.kernel;
            let kernel = if kh == kw { format!("{kh}") } else { format!("{kh} x {kw}") };
            return Err(Error::InvalidArgument(format!(
                "{name}: found an input of {h} x {w}, too small for a kernel of {kernel}"
            )));
        };
        let operation = Operation::Conv { weight, bias, geometry };
        Ok(self.push(operation, vec![x], [channels, oh, ow]))
    }

    /// Batch normalisation; `name.weight` and `name.bias`.
    pub fn batch_norm(&mut self, name: &str, x: NodeId) -> NodeId {
        let c = [self.shape(x)[0]];
        let scale = self.parameters.push(format!("{name}.weight"), ParameterKind::NormScale, &c, 0);
        let shift = self.parameters.push(format!("{name}.bias"), ParameterKind::NormShift, &c, 0);
        self.batch_norm_of(x, scale, shift, BATCH_NORM_EPSILON)
    }

    /// Batch normalisation by a scale and a shift that are in the table already.
    pub(crate) fn batch_norm_of(
        &mut self,
        x: NodeId,
        scale: ParameterId,
        shift: ParameterId,
        epsilon: f64,
    ) -> NodeId {
        let shape = self.shape(x);
        self.push(Operation::BatchNorm { scale, shift, epsilon }, vec![x], shape)
    }

    /// Adds a parameter to the table; `fan_in` is that of the weight that a bias goes with.
    pub(crate) fn parameter(
        &mut self,
        name: String,
        kind: ParameterKind,
        shape: &[usize],
        fan_in: usize,
    ) -> ParameterId {
        self.parameters.push(name, kind, shape, fan_in)
    }

    /// A parameter of the table.
    pub(crate) fn parameter_at(&self, id: ParameterId) -> &Parameter {
        &self.parameters[id]
    }

    /// A function of each element.
    pub fn activation(&mut self, x: NodeId, activation: Activation) -> NodeId {
        let shape = self.shape(x);
        self.push(Operation::Activation(activation), vec![x], shape)
    }

    /// Product of two nodes of one shape.
    pub fn mul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let shape = self.shape(a);
        self.push(Operation::Mul, vec![a, b], shape)
    }

    /// These channels of a node, in this order.
    pub fn select(&mut self, x: NodeId, channels: Vec<usize>) -> NodeId {
        let [_, h, w] = self.shape(x);
        let shape = [channels.len(), h, w];
        self.push(Operation::Select(channels), vec![x], shape)
    }

    /// The same numbers in another shape.
    pub fn reshape(&mut self, x: NodeId, shape: [usize; 3]) -> NodeId {
        self.push(Operation::Reshape, vec![x], shape)
    }

    /// `[C, 1, 1]` at every place of planes of `height` x `width`.
    pub fn expand(&mut self, x: NodeId, [height, width]: [usize; 2]) -> NodeId {
        let [c, ..] = self.shape(x);
        self.push(Operation::Expand, vec![x], [c, height, width])
    }

    /// Zeros around the planes; negative numbers cut. Something must be left.
    pub fn pad(&mut self, x: NodeId, padding: [[isize; 2]; 2]) -> NodeId {
        let [c, h, w] = self.shape(x);
        let size = |size: usize, [a, b]: [isize; 2]| (size as isize + a + b) as usize;
        let shape = [c, size(h, padding[0]), size(w, padding[1])];
        self.push(Operation::Pad(padding), vec![x], shape)
    }

    /// ReLU.
    pub fn relu(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        self.push(Operation::Relu, vec![x], shape)
    }

    fn pooled(&self, x: NodeId, window: Window) -> [usize; 3] {
        let [c, h, w] = self.shape(x);
        let out = |axis: usize, size: usize| {
            let [before, after] = window.padding[axis];
            (size + before + after).saturating_sub(window.kernel[axis]) / window.stride[axis] + 1
        };
        [c, out(0, h), out(1, w)]
    }

    /// Average pooling.
    pub fn avg_pool(&mut self, x: NodeId, window: Window) -> NodeId {
        let shape = self.pooled(x, window);
        self.push(Operation::AvgPool(window), vec![x], shape)
    }

    /// Max pooling.
    pub fn max_pool(&mut self, x: NodeId, window: Window) -> NodeId {
        let shape = self.pooled(x, window);
        self.push(Operation::MaxPool(window), vec![x], shape)
    }

    /// Pooling to an output of this height and width, which may reach beyond the border.
    pub(crate) fn pool_to(
        &mut self,
        x: NodeId,
        window: Window,
        average: bool,
        [height, width]: [usize; 2],
    ) -> NodeId {
        let [c, ..] = self.shape(x);
        let pool = if average { Operation::AvgPool } else { Operation::MaxPool };
        self.push(pool(window), vec![x], [c, height, width])
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
        let x = self.global_pool(x);
        self.linear(classifier, x, classes)
    }

    /// Mean over height and width.
    pub fn global_pool(&mut self, x: NodeId) -> NodeId {
        let channels = self.shape(x)[0];
        self.push(Operation::GlobalPool, vec![x], [channels, 1, 1])
    }

    /// Linear layer with bias, of a node `[channels, 1, 1]`; `name.weight` and `name.bias`.
    pub fn linear(&mut self, name: &str, x: NodeId, classes: usize) -> NodeId {
        let channels = self.shape(x)[0];
        let (w, b) = (ParameterKind::LinearWeight, ParameterKind::LinearBias);
        let weight = self.parameters.push(format!("{name}.weight"), w, &[classes, channels], 0);
        let bias = self.parameters.push(format!("{name}.bias"), b, &[classes], channels);
        self.linear_of(x, weight, Some(bias), classes)
    }

    /// Linear layer by a matrix, and a bias if there is one, that are in the table already.
    pub(crate) fn linear_of(
        &mut self,
        x: NodeId,
        weight: ParameterId,
        bias: Option<ParameterId>,
        classes: usize,
    ) -> NodeId {
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
        let geometry = Convolution { stride: [stride; 2], ..Convolution::same(kernel) };
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
        Self::square(kernel, 1, (kernel / 2) as isize, 1)
    }

    /// A square kernel, the same on both axes. A negative padding shifts the window into the input,
    /// and as far beyond its end.
    pub fn square(kernel: usize, stride: usize, padding: isize, dilation: usize) -> Self {
        Convolution {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [[padding, padding.abs()]; 2],
            dilation: [dilation; 2],
            groups: 1,
        }
    }

    /// Elements of a kernel.
    pub fn kernel_size(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// The length of an axis of the output; `None` where the kernel does not fit the input.
    pub fn output(&self, axis: usize, input: usize) -> Option<usize> {
        let span = (self.dilation[axis] * (self.kernel[axis] - 1) + 1) as isize;
        let [before, after] = self.padding[axis];
        let room = input as isize + before + after - span;
        (room >= 0).then(|| room as usize / self.stride[axis] + 1)
    }

    /// The taps of one axis (0: height, 1: width) that read an input for some output. On small planes
    /// some never do.
    pub fn taps(
        &self,
        axis: usize,
        input: usize,
        output: usize,
    ) -> impl Iterator<Item = usize> + '_ {
        let (stride, dilation) = (self.stride[axis], self.dilation[axis]);
        let before = self.padding[axis][0];
        let at = move |o: usize, k: usize| (o * stride + k * dilation) as isize - before;
        (0..self.kernel[axis])
            .filter(move |k| (0..output).any(|o| (0..input as isize).contains(&at(o, *k))))
    }

    /// How far beyond the edges of an input of `input` = `[channels, height, width]` those taps
    /// read.
    pub fn reach(&self, input: [usize; 3], output: [usize; 3]) -> usize {
        let axis = |a: usize| {
            let (input, output) = (input[a + 1], output[a + 1]);
            let beyond = move |k: usize| {
                let first = (k * self.dilation[a]) as isize - self.padding[a][0];
                let last = first + ((output - 1) * self.stride[a]) as isize;
                (-first).max(last - (input as isize - 1)).max(0) as usize
            };
            self.taps(a, input, output).map(beyond).max().unwrap_or(0)
        };
        axis(0).max(axis(1))
    }
}
