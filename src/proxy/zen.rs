//! The Zen score (section 3.8).

use super::{Direction, InputKind, Need, Proxy, Setup, Weights};
use crate::compute::{Evidence, Wanted};
use crate::network::Graph;
use crate::random::Key;

/// How far a running variance moves in one forward pass: PyTorch's momentum.
const MOMENTUM: f64 = 0.1;

/// log of the mean over images of sum |f(x) - f(x + 0.01 e)|, f the features before global pooling,
/// x and e standard normal, weights standard normal; plus, for each batch normalisation, log of the
/// root of its mean running variance after both passes. Lin, Wang, Sun, Chen, Sun, Qian, Li, Jin,
/// "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition", ICCV 2021, in the form that
/// NASLib and AZ-NAS's authors compute: batch normalisation as in training.
#[derive(Debug)]
pub(super) struct Zen;

impl Proxy for Zen {
    fn name(&self) -> &str {
        "zen"
    }
    fn title(&self) -> &str {
        "how much features change with the image, Gaussian weights"
    }
    fn source(&self) -> &str {
        "Lin et al., Zen-NAS, ICCV 2021, in NASLib's form"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup {
            weights: Weights::StandardNormal,
            inputs: InputKind::NoisePair,
            ..Setup::IMAGES
        })
    }
    fn worst(&self, _: usize) -> f64 {
        libm::log(f64::MIN_POSITIVE)
    }
    fn wanted(&self, graph: &Graph, _: &Key) -> Wanted {
        let features = graph.last_features().into_iter().collect();
        Wanted { features, variances: true, ..Default::default() }
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let Some(features) = evidence.features.first() else { return f64::NAN };
        let (x, mixed) = features.values.split_at(features.values.len() / 2);
        let distance: f64 = x.iter().zip(mixed).map(|(a, b)| (a - b).abs()).sum();
        let mean = distance / evidence.batch as f64;
        let scaling = evidence.variances.iter().map(|v| {
            let channels = v.values.len() / evidence.batches;
            // A running variance is the unbiased one, and begins at 1.
            let unbiased = v.count as f64 / (v.count as f64 - 1.0).max(1.0);
            let running = |c: usize| {
                let of_pass = v.values.iter().skip(c).step_by(channels);
                of_pass.fold(1.0, |r, v| (1.0 - MOMENTUM) * r + MOMENTUM * unbiased * v)
            };
            let mean = (0..channels).map(running).sum::<f64>() / channels as f64;
            libm::log(libm::sqrt(mean))
        });
        libm::log(mean.max(f64::MIN_POSITIVE)) + scaling.sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::{Features, Variances};
    use crate::network::Builder;

    #[test]
    fn equals_a_direct_computation() {
        let mut b = Builder::new([1, 1, 2], 0);
        b.pool_and_classify("classifier", 0, 2);
        let graph = b.finish();
        let features = [Features { node: 0, shape: [1, 1, 2], values: vec![1.0, 2.0, 1.5, 0.0] }];
        let variances = [Variances { node: 0, count: 2, values: vec![2.0, 4.0, 6.0, 8.0] }];
        let evidence = Evidence {
            features: &features,
            variances: &variances,
            batches: 2,
            batch: 1,
            ..Evidence::nothing(&graph)
        };
        let running = |a: f64, b: f64| 0.9 * (0.9 + 0.1 * 2.0 * a) + 0.1 * 2.0 * b;
        let mean: f64 = (running(2.0, 6.0) + running(4.0, 8.0)) / 2.0;
        let expected = 2.5f64.ln() + mean.sqrt().ln();
        assert!((Zen.reduce(&evidence) - expected).abs() < 1e-12);
    }
}
