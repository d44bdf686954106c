//! VKDNW's entropy (section 3.8).

use nalgebra::DMatrix;

use super::statistics::entropy;
use super::{Direction, InputKind, Need, Norms, Proxy, Setup};
use crate::compute::{Evidence, Gradients, Seed, Wanted};
use crate::network::{Graph, Operation};
use crate::random::Key;

/// Share of the uniform distribution that is mixed into the network's probabilities, as published.
const SMOOTHING: f64 = 0.05;

/// The entropy of the deciles of the eigenvalues of the empirical Fisher information matrix, by the
/// first weight of each layer, on standard normal numbers. Tybl, Neumann, "Training-free Neural
/// Architecture Search through Variance of Knowledge of Deep Network Weights", 2025 (arXiv
/// 2502.04975). The matrix is the mean over images of J^T (diag p - p p^T) J, J the gradients of an
/// image's logits, p their softmax; batch normalisation as an untrained network evaluates.
///
/// Layers are convolutions, the scales behind them, and the linear layer. Published code takes the
/// shifts and the bias as well.
#[derive(Debug)]
pub(super) struct Vkdnw;

/// The columns of J of the first weight of each layer that the network has.
fn columns(evidence: &Evidence<'_>) -> Vec<usize> {
    let parameters = &evidence.graph.parameters;
    let live = evidence.graph.nodes.iter().filter(|node| evidence.has(node.slot));
    let weight = |operation: &Operation| match operation {
        Operation::Conv { weight, .. } | Operation::Linear { weight, .. } => Some(*weight),
        Operation::BatchNorm { scale, .. } => Some(*scale),
        _ => None,
    };
    live.filter_map(|node| parameters[weight(&node.operation)?].column).collect()
}

/// The value below which a share of sorted numbers lies, between two of them in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// The Fisher information matrix, `[parameters, parameters]`: `j` gives the gradient of logit k of
/// image n by a parameter.
fn fisher(
    logits: &[f64],
    images: usize,
    parameters: usize,
    j: impl Fn(usize, usize, usize) -> f64,
) -> DMatrix<f64> {
    let classes = logits.len() / images;
    let mut matrix = DMatrix::zeros(parameters, parameters);
    for (n, logits) in logits.chunks_exact(classes).enumerate() {
        let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exponents: Vec<f64> = logits.iter().map(|l| libm::exp(l - most)).collect();
        let sum: f64 = exponents.iter().sum();
        let p = exponents.iter().map(|e| e / sum * (1.0 - SMOOTHING) + SMOOTHING / classes as f64);
        let p: Vec<f64> = p.collect();
        // The covariance of the labels is the sum over k of p_k (e_k - p) (e_k - p)^T.
        let mean = |w: usize| p.iter().enumerate().map(|(k, p)| p * j(n, k, w)).sum::<f64>();
        let means: Vec<f64> = (0..parameters).map(mean).collect();
        for (k, p) in p.iter().enumerate() {
            let root = libm::sqrt(p / images as f64);
            let row = DMatrix::from_fn(parameters, 1, |w, _| root * (j(n, k, w) - means[w]));
            matrix.ger(1.0, &row.column(0), &row.column(0), 1.0);
        }
    }
    matrix
}

impl Proxy for Vkdnw {
    fn name(&self) -> &str {
        "vkdnw"
    }
    fn title(&self) -> &str {
        "entropy of the eigenvalues of the Fisher information"
    }
    fn source(&self) -> &str {
        "Tybl, Neumann, VKDNW, 2025 (arXiv 2502.04975)"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        let inputs = InputKind::Noise;
        Need::Evaluation(Setup { norms: Norms::Frozen, inputs, ..Setup::IMAGES })
    }
    fn worst(&self, _: usize) -> f64 {
        0.0
    }
    fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
        let gradients = Gradients { seed: Seed::Logits, kernel: false, rows: true, images: false };
        Wanted { logits: true, gradients: Some(gradients), ..Default::default() }
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let (Some(jacobian), Some(logits)) = (evidence.jacobian, evidence.logits) else {
            return f64::NAN;
        };
        let columns = columns(evidence);
        let classes = logits.len() / evidence.batch;
        let j = |n: usize, k: usize, w: usize| {
            jacobian.rows.get((n * classes + k) * jacobian.columns + columns[w])
        };
        let matrix = fisher(logits, evidence.batch, columns.len(), j);
        let mut eigenvalues: Vec<f64> =
            matrix.symmetric_eigenvalues().iter().map(|v| v.max(0.0)).collect();
        eigenvalues.sort_by(f64::total_cmp);
        let deciles: Vec<f64> =
            (1..10).map(|tenth| quantile(&eigenvalues, f64::from(tenth) / 10.0)).collect();
        entropy(&deciles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        let sorted = [0.0, 1.0, 2.0, 4.0];
        assert_eq!(quantile(&sorted, 0.5), 1.5);
        assert!((quantile(&sorted, 0.9) - 3.4).abs() < 1e-12);
        assert_eq!(quantile(&[3.0], 0.1), 3.0);
    }

    #[test]
    fn the_fisher_matrix_equals_its_definition() {
        let (logits, images, parameters) = ([0.3, -1.0, 2.0, 0.0, 0.5, 0.1], 2, 3);
        let j = |n: usize, k: usize, w: usize| ((n * 7 + k * 3 + w * w) % 5) as f64 - 1.5;
        let found = fisher(&logits, images, parameters, j);
        for a in 0..parameters {
            for b in 0..parameters {
                let mut expected = 0.0;
                for n in 0..images {
                    let l = &logits[n * 3..n * 3 + 3];
                    let sum: f64 = l.iter().map(|l| l.exp()).sum();
                    let p: Vec<f64> = l.iter().map(|l| l.exp() / sum * 0.95 + 0.05 / 3.0).collect();
                    for k in 0..3 {
                        for m in 0..3 {
                            let covariance = f64::from(k == m) * p[k] - p[k] * p[m];
                            expected += j(n, k, a) * covariance * j(n, m, b) / images as f64;
                        }
                    }
                }
                assert!((found[(a, b)] - expected).abs() < 1e-12);
            }
        }
    }
}
