//! What a network costs.

use super::{Graph, Operation};

/// Size of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Multiply-adds of one image: convolutions without their biases, and linear layers with theirs. Papers call
    /// these FLOPs. Batch normalisation, ReLU, pooling and sums are not counted.
    pub multiply_adds: u64,
    /// All parameters, those of batch normalisation and the bias included.
    pub parameters: u64,
}

impl Graph {
    /// Counts as NAS-Bench-201's code does (`get_model_infos`) and DARTS papers do.
    pub fn cost(&self) -> Cost {
        let elements = |shape: [usize; 3]| shape.iter().product::<usize>() as u64;
        let multiply_adds = self.nodes.iter().map(|node| match &node.operation {
            Operation::Conv { weight, .. } => {
                let each: usize = self.parameters[*weight].shape[1..].iter().product();
                elements(node.shape) * each as u64
            }
            Operation::Linear { weight, bias } => {
                let bias = bias.map_or(0, |bias| self.parameters[bias].len());
                (self.parameters[*weight].len() + bias) as u64
            }
            _ => 0,
        });
        Cost { multiply_adds: multiply_adds.sum(), parameters: self.parameters.len() as u64 }
    }

    /// Whether the logits depend on the image: by some path of nodes, all mixing weights taken as
    /// nonzero.
    pub fn is_connected(&self) -> bool {
        let mut reached = vec![false; self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate() {
            reached[id] = node.operation == Operation::Input
                || node.inputs.iter().any(|input| reached[*input]);
        }
        reached.last().copied().unwrap_or(false)
    }
}
