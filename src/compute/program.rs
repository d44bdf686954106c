//! A graph as a list of steps, with what an engine can fuse fused.

use std::collections::HashSet;
use std::sync::Arc;

use super::kernels::{Fusion, Padding};
use crate::network::{Activation, Convolution, Graph, NodeId, Operation, Window};

/// Scale and shift of a batch normalisation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Norm {
    /// Offset of the scale in the flat vector of parameters.
    pub(super) scale: usize,
    /// Offset of the shift.
    pub(super) shift: usize,
    /// First column of the scale in J.
    pub(super) column: usize,
    /// What is added to the variance.
    pub(super) epsilon: f64,
}

/// A convolution, with the batch normalisation after it where fused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Conv {
    /// Geometry of the window.
    pub(super) geometry: Convolution,
    /// Offset of the weight in the flat vector of parameters.
    pub(super) weight: usize,
    /// Number of weights.
    pub(super) weights: usize,
    /// Offset of the bias. The batch normalisation that follows takes a bias away, so that a fused
    /// step has none.
    pub(super) bias: Option<usize>,
    /// First column of the weight in J.
    pub(super) column: usize,
    /// The batch normalisation that follows.
    pub(super) norm: Option<Norm>,
}

/// Linear layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Linear {
    /// Offset of the matrix in the flat vector of parameters.
    pub(super) weight: usize,
    /// Offset of the bias.
    pub(super) bias: Option<usize>,
    /// First column of the matrix in J.
    pub(super) column: usize,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Conv(Conv),
    BatchNorm(Norm),
    Relu,
    AvgPool(Window),
    MaxPool(Window),
    Activation(Activation),
    Mix(Vec<Option<usize>>),
    Mul,
    Concat,
    Select(Vec<usize>),
    Reshape,
    Expand,
    Pad(Padding),
    GlobalPool,
    Linear(Linear),
}

/// One step: reads values of nodes, writes the value of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) inputs: Vec<NodeId>,
    pub(super) output: NodeId,
    /// The operations that it serves; none: it is always there.
    pub(super) slots: Vec<usize>,
}

/// A node that ReLUs read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReluInput {
    pub(super) node: NodeId,
    /// C H W.
    pub(super) elements: usize,
    /// How many ReLUs read it.
    pub(super) copies: usize,
}

/// Steps in order of evaluation.
#[derive(Debug)]
pub(super) struct Program {
    graph: Arc<Graph>,
    steps: Vec<Step>,
    /// For each node, the last step that reads it in a forward pass.
    last_read: Vec<usize>,
    /// For each node, whether an adjoint reads its value.
    read_by_adjoint: Vec<bool>,
    /// For each node, the border of zeros around its planes.
    halos: Vec<usize>,
}

impl Program {
    pub(super) fn new(graph: Arc<Graph>, fuses: impl Fn(Fusion) -> bool) -> Self {
        let (steps, halos) = fuse(&graph, fuses);
        let nodes = graph.nodes.len();
        let (mut last_read, mut read_by_adjoint) = (vec![0; nodes], vec![false; nodes]);
        for (s, step) in steps.iter().enumerate() {
            for input in &step.inputs {
                last_read[*input] = s;
                read_by_adjoint[*input] |= matches!(
                    step.action,
                    Action::Conv(_) | Action::Relu | Action::Linear(_) | Action::Mul
                );
            }
        }
        last_read[nodes - 1] = usize::MAX;
        Program { graph, steps, last_read, read_by_adjoint, halos }
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether a node's value is computed as it is: it is not part of a fused step, nor the same as
    /// another node's.
    pub(super) fn has_value(&self, node: NodeId) -> bool {
        self.steps.iter().any(|step| step.output == node)
    }

    /// Channels, height, width of a node.
    pub(super) fn shape(&self, node: NodeId) -> [usize; 3] {
        self.graph.nodes[node].shape
    }

    /// Rows and columns of zeros around a node's planes.
    pub(super) fn halo(&self, node: NodeId) -> usize {
        self.halos[node]
    }

    /// The distinct inputs of live ReLUs, in order of the nodes.
    pub(super) fn relu_inputs(&self, live: impl Fn(Option<usize>) -> bool) -> Vec<ReluInput> {
        let mut copies = vec![0; self.graph.nodes.len()];
        for (input, slot) in self.graph.relus() {
            copies[input] += usize::from(live(slot));
        }
        let input = |(node, copies)| ReluInput {
            node,
            elements: self.shape(node).iter().product(),
            copies,
        };
        copies.into_iter().enumerate().map(input).filter(|i| i.copies > 0).collect()
    }

    /// For each step, the parameters that no earlier step uses, by their first columns in J: a reverse
    /// pass has their whole gradient when it has come past the step.
    pub(super) fn completed_columns(&self) -> Vec<Vec<usize>> {
        let mut seen = HashSet::new();
        let mut of_step = |step: &Step| {
            let columns = match &step.action {
                Action::Conv(conv) => vec![Some(conv.column), conv.norm.map(|norm| norm.column)],
                Action::BatchNorm(norm) => vec![Some(norm.column)],
                Action::Linear(linear) => vec![Some(linear.column)],
                _ => Vec::new(),
            };
            columns.into_iter().flatten().filter(|column| seen.insert(*column)).collect()
        };
        self.steps.iter().map(&mut of_step).collect()
    }

    /// Nodes whose value nobody needs once step `s` has read it.
    pub(super) fn dead_after(&self, s: usize, keep: bool) -> impl Iterator<Item = NodeId> + '_ {
        let dead = move |n: &NodeId| self.last_read[*n] == s && !(keep && self.read_by_adjoint[*n]);
        self.steps[s].inputs.iter().copied().filter(dead)
    }
}

/// Whether copies of an operation with the same input are one: it has no parameters.
fn is_shared(operation: &Operation) -> bool {
    matches!(operation, Operation::Relu | Operation::AvgPool(_) | Operation::MaxPool(_))
}

/// The graph-to-graph pass: one ReLU or pooling for all that read the same input, BN into the
/// convolution before it, where the engine says so. Also gives each node's halo.
fn fuse(graph: &Graph, fuses: impl Fn(Fusion) -> bool) -> (Vec<Step>, Vec<usize>) {
    let nodes = &graph.nodes;
    // For each node the one that stands for it.
    let mut same: Vec<NodeId> = (0..nodes.len()).collect();
    if fuses(Fusion::Shared) {
        let mut first: Vec<NodeId> = Vec::new();
        for (id, node) in nodes.iter().enumerate().filter(|(_, n)| is_shared(&n.operation)) {
            let like = |other: &&NodeId| {
                nodes[**other].operation == node.operation && nodes[**other].inputs == node.inputs
            };
            match first.iter().find(like) {
                Some(other) => same[id] = *other,
                None => first.push(id),
            }
        }
    }
    // The slots that a step serves; none: it is always there.
    let slots = |id: NodeId| {
        let copies = (id..nodes.len()).filter(|copy| same[*copy] == id);
        copies.map(|copy| nodes[copy].slot).collect::<Option<Vec<usize>>>().unwrap_or_default()
    };
    let mut readers: Vec<Vec<NodeId>> = vec![Vec::new(); nodes.len()];
    for (id, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|i| readers[same[*i]].push(id));
    }
    let is_conv = |id: &NodeId| matches!(nodes[*id].operation, Operation::Conv { .. });
    let norm_into_conv = |id: NodeId| {
        fuses(Fusion::BatchNormIntoConv)
            && matches!(nodes[id].operation, Operation::BatchNorm { .. })
            && is_conv(&nodes[id].inputs[0])
            && readers[nodes[id].inputs[0]].len() == 1
    };
    let halo = |id: NodeId| {
        let shared = fuses(Fusion::Shared) && nodes[id].operation == Operation::Relu;
        if !shared || !readers[id].iter().all(is_conv) {
            return 0;
        }
        let reach = readers[id].iter().map(|r| match nodes[*r].operation {
            Operation::Conv { geometry, .. } => geometry.reach(nodes[id].shape, nodes[*r].shape),
            _ => 0,
        });
        reach.max().unwrap_or(0)
    };
    let parameters = &graph.parameters;
    let column = |id: usize| parameters[id].column.expect("weights are counted");
    let norm = |scale: usize, shift: usize, epsilon: f64| Norm {
        epsilon,
        scale: parameters[scale].offset,
        shift: parameters[shift].offset,
        column: column(scale),
    };
    // A convolution node as an action and its inputs.
    let conv = |id: NodeId, norm: Option<Norm>| {
        let Operation::Conv { weight, bias, geometry } = nodes[id].operation else {
            unreachable!("only called on convolutions")
        };
        let bias = bias.filter(|_| norm.is_none()).map(|bias| parameters[bias].offset);
        let conv = Conv {
            geometry,
            weight: parameters[weight].offset,
            weights: parameters[weight].len(),
            bias,
            column: column(weight),
            norm,
        };
        (Action::Conv(conv), nodes[id].inputs.clone())
    };
    let mut steps = Vec::with_capacity(nodes.len());
    for (id, node) in nodes.iter().enumerate() {
        let inputs = node.inputs.clone();
        let (action, inputs) = match &node.operation {
            Operation::Input => continue,
            Operation::Conv { .. } if readers[id].iter().any(|r| norm_into_conv(*r)) => continue,
            Operation::Conv { .. } => conv(id, None),
            Operation::BatchNorm { scale, shift, epsilon } if norm_into_conv(id) => {
                conv(inputs[0], Some(norm(*scale, *shift, *epsilon)))
            }
            Operation::BatchNorm { scale, shift, epsilon } => {
                (Action::BatchNorm(norm(*scale, *shift, *epsilon)), inputs)
            }
            _ if same[id] != id => continue,
            Operation::Relu => (Action::Relu, inputs),
            Operation::AvgPool(window) => (Action::AvgPool(*window), inputs),
            Operation::MaxPool(window) => (Action::MaxPool(*window), inputs),
            Operation::Mix(slots) => (Action::Mix(slots.clone()), inputs),
            Operation::Activation(activation) => (Action::Activation(*activation), inputs),
            Operation::Mul => (Action::Mul, inputs),
            Operation::Concat => (Action::Concat, inputs),
            Operation::Select(channels) => (Action::Select(channels.clone()), inputs),
            Operation::Reshape => (Action::Reshape, inputs),
            Operation::Expand => (Action::Expand, inputs),
            Operation::Pad(padding) => (Action::Pad(*padding), inputs),
            Operation::GlobalPool => (Action::GlobalPool, inputs),
            Operation::Linear { weight, bias } => {
                let linear = Linear {
                    weight: parameters[*weight].offset,
                    bias: bias.map(|bias| parameters[bias].offset),
                    column: column(*weight),
                };
                (Action::Linear(linear), inputs)
            }
        };
        let inputs = inputs.into_iter().map(|i| same[i]).collect();
        steps.push(Step { action, inputs, output: id, slots: slots(id) });
    }
    (steps, (0..nodes.len()).map(halo).collect())
}
