//! SynFlow (section 3.8).

use super::{Direction, InputKind, Need, Norms, Precision, Proxy, Setup, Weights};
use crate::compute::{Evidence, Gradients, Seed, Wanted};
use crate::network::{Graph, ParameterKind};
use crate::random::Key;

/// The logarithm of the sum of |w dR/dw| over the weights w of convolutions and linear layer, where R
/// is the sum of the logits of one image of ones, with all parameters replaced by their magnitudes and
/// without batch normalisation. Tanaka, Kunin, Yamins, Ganguli, "Pruning neural networks without any
/// data by iteratively conserving synaptic flow", NeurIPS 2020; as a score in Abdelfattah et al.,
/// "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, whose sum grows beyond any float with depth.
#[derive(Debug)]
pub(super) struct Synflow;

impl Proxy for Synflow {
    fn name(&self) -> &str {
        "synflow"
    }
    fn title(&self) -> &str {
        "log of the synaptic flow of all weights"
    }
    fn source(&self) -> &str {
        "Tanaka et al., NeurIPS 2020; Abdelfattah et al., Zero-Cost Proxies, ICLR 2021"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup {
            norms: Norms::Frozen,
            weights: Weights::Magnitudes,
            inputs: InputKind::Ones,
            precision: Precision::Double,
            ..Setup::IMAGES
        })
    }
    /// The logarithm of the smallest number there is.
    fn worst(&self, _: usize) -> f64 {
        libm::log(f64::MIN_POSITIVE)
    }
    fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
        let gradients = Gradients { seed: Seed::Ones, kernel: false, rows: true, images: false };
        Wanted { gradients: Some(gradients), ..Default::default() }
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let Some(jacobian) = evidence.jacobian else { return f64::NAN };
        let weights =
            evidence.graph.parameters.iter().filter(|p| {
                matches!(p.kind, ParameterKind::ConvWeight | ParameterKind::LinearWeight)
            });
        let flow = |(column, weight): (usize, &f32)| {
            (jacobian.rows.get(column) * f64::from(*weight)).abs()
        };
        let of_layer = |p: &crate::network::Parameter| -> Option<f64> {
            Some((p.column?..).zip(&evidence.parameters[p.range()]).map(flow).sum())
        };
        let sum: f64 = weights.filter_map(of_layer).sum();
        libm::log(sum.max(f64::MIN_POSITIVE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{Inputs, Parameters, Task, reference};
    use crate::network::{Convolution, Graph};

    /// A chain of three layers of positive weights: each layer's flow is the whole output.
    #[test]
    fn the_flow_through_a_chain_is_conserved() {
        let mut b = crate::network::Builder::new([1, 1, 1], 0);
        let x = b.conv("a", 0, 2, Convolution::same(1)).unwrap();
        let x = b.relu(x);
        let x = b.conv("b", x, 3, Convolution::same(1)).unwrap();
        b.pool_and_classify("classifier", x, 2);
        let graph: Graph = b.finish();
        let values: Vec<f32> = (0..graph.parameters.len()).map(|v| 0.25 + v as f32 / 8.0).collect();
        // R: the logits without their bias.
        let [a, b, c] = [&values[..2], &values[2..8], &values[8..14]];
        let y: Vec<f32> = b.chunks(2).map(|w| w[0] * a[0] + w[1] * a[1]).collect();
        let r: f32 = c.chunks(3).flat_map(|w| w.iter().zip(&y).map(|(w, y)| w * y)).sum();
        let engine = reference(1).unwrap();
        let key = Key {
            seed: 0,
            purpose: crate::random::Purpose::Proxies,
            round: 0,
            candidate: 0,
            repeat: 0,
        };
        let task = Task {
            wanted: Synflow.wanted(&graph, &key),
            plan: engine.prepare(std::sync::Arc::new(graph)),
            mixing: [].into(),
            parameters: Parameters::Given(values.into()),
            inputs: Inputs { values: vec![1.0].into(), batches: 1, batch: 1 },
        };
        let mut found = f64::NAN;
        let mut tasks = std::iter::once(Ok(task));
        engine
            .evaluate(&mut tasks, &|_, e| Synflow.reduce(&e), &mut |_, value| {
                found = value;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        assert!((found - f64::from(3.0 * r).ln()).abs() < 1e-6, "{found}");
    }
}
