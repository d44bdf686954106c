//! ZiCo (section 3.8).

use super::{Direction, InputKind, Need, Proxy, Setup};
use crate::compute::{Evidence, Gradients, Seed, Wanted};
use crate::network::{Graph, ParameterKind};
use crate::random::Key;

/// Batches whose gradients are compared.
const BATCHES: usize = 2;

/// Sum over convolutions and the linear layer of log sum_w E|g_w| / std(g_w), over the gradients
/// g of the cross-entropy on two batches. Li, Yang, Bhardwaj, Marculescu, "ZiCo: Zero-shot NAS via
/// Inverse Coefficient of Variation on Gradients", ICLR 2023, equation 15.
///
/// Labels are random: an untrained network knows nothing of them.
#[derive(Debug)]
pub(super) struct Zico;

impl Proxy for Zico {
    fn name(&self) -> &str {
        "zico"
    }
    fn title(&self) -> &str {
        "inverse coefficient of variation of gradients"
    }
    fn source(&self) -> &str {
        "Li, Yang, Bhardwaj, Marculescu, ZiCo, ICLR 2023"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup { inputs: InputKind::Images { batches: BATCHES }, ..Setup::IMAGES })
    }
    /// Every term is at least log 1.
    fn worst(&self, _: usize) -> f64 {
        0.0
    }
    fn wanted(&self, _: &Graph, key: &Key) -> Wanted {
        let seed = Seed::CrossEntropy(*key);
        let gradients = Gradients { seed, kernel: false, rows: true, images: false };
        Wanted { gradients: Some(gradients), ..Default::default() }
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let Some(jacobian) = evidence.jacobian else { return f64::NAN };
        let weights =
            evidence.graph.parameters.iter().filter(|p| {
                matches!(p.kind, ParameterKind::ConvWeight | ParameterKind::LinearWeight)
            });
        let of_layer = |first: usize, len: usize| -> f64 {
            let ratio = |column: usize| {
                let g: Vec<f64> = (0..jacobian.count)
                    .map(|row| jacobian.rows.get(row * jacobian.columns + column))
                    .collect();
                let n = g.len() as f64;
                let mean = g.iter().sum::<f64>() / n;
                let variance = g.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / n;
                let magnitude = g.iter().map(|g| g.abs()).sum::<f64>() / n;
                // A weight whose gradients are equal, or that the network lacks, says nothing.
                if variance > 0.0 { magnitude / libm::sqrt(variance) } else { 0.0 }
            };
            let sum: f64 = (first..first + len).map(ratio).sum();
            if sum > 0.0 { libm::log(sum) } else { 0.0 }
        };
        weights.filter_map(|p| Some(of_layer(p.column?, p.len()))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{Jacobian, Rows};
    use crate::network::Builder;

    #[test]
    fn equals_a_direct_computation() {
        let mut b = Builder::new([2, 1, 1], 0);
        b.pool_and_classify("classifier", 0, 2);
        let graph = b.finish();
        // Means of magnitudes 2, 1, 0.5, 3; deviations 1, 1, 0.5, 0.
        let rows = [1.0, -1.0, 0.0, 3.0, 3.0, 1.0, 1.0, 3.0];
        let jacobian = Jacobian { rows: Rows::F64(&rows), count: 2, columns: 4 };
        let evidence = Evidence { jacobian: Some(jacobian), ..Evidence::nothing(&graph) };
        let expected = (2.0f64 / 1.0 + 1.0 / 1.0 + 0.5 / 0.5).ln();
        assert!((Zico.reduce(&evidence) - expected).abs() < 1e-12);
    }
}
