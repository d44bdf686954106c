//! MeCo (section 3.8).

use nalgebra::DMatrix;

use super::statistics::correlation;
use super::{Direction, InputKind, Need, Proxy, ProxyNetwork, Setup};
use crate::compute::{Evidence, Features, Wanted};
use crate::network::{Graph, Operation};
use crate::random::Key;

/// The sum over layers of the least eigenvalue of the correlation of their channels, on one image of
/// standard normal numbers. Jiang, Wang, Bie, "MeCo: Zero-Shot NAS with One Data and Single Forward
/// Pass via Minimum Eigenvalue of Correlation", NeurIPS 2023.
///
/// Layers are the outputs of batch normalisations, which have the correlations of the convolutions
/// before them, and of blocks. Published code sums over all modules of the network, nested ones again.
#[derive(Debug)]
pub(super) struct Meco;

fn least_eigenvalue(features: &Features) -> f64 {
    let [channels, ..] = features.shape;
    let matrix = DMatrix::from_vec(channels, channels, correlation(&features.values, channels));
    matrix.symmetric_eigenvalues().min().max(0.0)
}

impl Proxy for Meco {
    fn name(&self) -> &str {
        "meco"
    }
    fn title(&self) -> &str {
        "least eigenvalues of the correlations of channels"
    }
    fn source(&self) -> &str {
        "Jiang, Wang, Bie, MeCo, NeurIPS 2023"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup { inputs: InputKind::Noise, ..Setup::IMAGES })
    }
    fn worst(&self, _: usize) -> f64 {
        0.0
    }
    fn network(&self) -> ProxyNetwork {
        ProxyNetwork { batch_size: 1, ..Default::default() }
    }
    fn wanted(&self, graph: &Graph, _: &Key) -> Wanted {
        let is_layer = |node: &usize| {
            matches!(graph.nodes[*node].operation, Operation::BatchNorm { .. })
                || graph.blocks.contains(node)
        };
        Wanted { features: (0..graph.nodes.len()).filter(is_layer).collect(), ..Default::default() }
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let layers = evidence.features.iter().filter(|f| !f.values.is_empty());
        // The first image stands for all, as published.
        let first = |f: &Features| {
            let values = f.values[..f.shape.iter().product()].to_vec();
            least_eigenvalue(&Features { node: f.node, shape: f.shape, values })
        };
        layers.map(first).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_a_direct_computation() {
        // Correlation 1/2: eigenvalues 3/2 and 1/2.
        let values = vec![1.0, 0.0, -1.0, 1.0, -1.0, 0.0];
        let found = least_eigenvalue(&Features { node: 0, shape: [2, 1, 3], values });
        assert!((found - 0.5).abs() < 1e-12, "{found}");
        let constant = Features { node: 0, shape: [2, 1, 1], values: vec![1.0, 2.0] };
        assert_eq!(least_eigenvalue(&constant), 0.0);
    }
}
