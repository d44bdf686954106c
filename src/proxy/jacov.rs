//! The covariance of gradients by the images: jacov (section 3.8).

use nalgebra::DMatrix;

use super::statistics::correlation;
use super::{Direction, Need, Proxy, Setup};
use crate::compute::{Evidence, Gradients, Seed, Wanted};
use crate::network::Graph;
use crate::random::Key;

/// Keeps logarithm and inverse finite, as published.
const K: f64 = 1e-5;

/// - sum over eigenvalues v of log(v + k) + 1 / (v + k), of the correlation of the images' gradients
///   (of the sum of all logits), with k = 1e-5. The first version of Mellor, Turner, Storkey,
///   Crowley, "Neural Architecture Search without Training", 2020 (arXiv 2006.04647v1); as in Abdelfattah, Mehrotra,
///   Dudziak, Lane, "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, and in NASLib.
#[derive(Debug)]
pub(super) struct Jacov;

fn term(eigenvalue: f64) -> f64 {
    // A correlation has no negative ones, but for rounding.
    let v = eigenvalue.max(0.0) + K;
    libm::log(v) + 1.0 / v
}

impl Proxy for Jacov {
    fn name(&self) -> &str {
        "jacov"
    }
    fn title(&self) -> &str {
        "how little the images' gradients correlate"
    }
    fn source(&self) -> &str {
        "Mellor et al., 2020 (arXiv 2006.04647v1); Abdelfattah et al., Zero-Cost Proxies, ICLR 2021"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup::IMAGES)
    }
    /// All eigenvalues are 0.
    fn worst(&self, batch: usize) -> f64 {
        -(batch as f64) * term(0.0)
    }
    fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
        let gradients = Gradients { seed: Seed::Ones, kernel: false, rows: false, images: true };
        Wanted { gradients: Some(gradients), ..Default::default() }
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let Some(gradients) = evidence.images else { return f64::NAN };
        let batch = evidence.batch;
        let correlation = correlation(gradients, batch);
        let eigenvalues = DMatrix::from_vec(batch, batch, correlation).symmetric_eigenvalues();
        -eigenvalues.iter().map(|v| term(*v)).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Builder;

    #[test]
    fn equals_a_direct_computation() {
        let mut b = Builder::new([1, 1, 3], 0);
        b.pool_and_classify("classifier", 0, 2);
        let graph = b.finish();
        let of = |rows: &[f64], batch| {
            Jacov.reduce(&Evidence { images: Some(rows), batch, ..Evidence::nothing(&graph) })
        };
        // Correlation 1/2: eigenvalues 3/2 and 1/2.
        let expected = -(term(1.5) + term(0.5));
        let found = of(&[1.0, 0.0, -1.0, 1.0, -1.0, 0.0], 2);
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
        // Gradients that are all zero are as bad as there are.
        assert_eq!(of(&[0.0; 6], 2), Jacov.worst(2));
    }
}
