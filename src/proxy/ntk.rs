//! The condition number of the neural tangent kernel (section 3.2).

use nalgebra::DMatrix;

use super::{Direction, Need, Proxy, Setup};
use crate::compute::{Evidence, Wanted};
use crate::network::Graph;
use crate::random::Key;

/// Extreme eigenvalues of K.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrum {
    /// The largest.
    pub max: f64,
    /// The smallest.
    pub min: f64,
}

/// Extreme eigenvalues of a symmetric matrix; `None` where it is not finite.
pub fn spectrum(k: &[f64], images: usize) -> Option<Spectrum> {
    if !k.iter().all(|v| v.is_finite()) {
        return None;
    }
    let eigenvalues = DMatrix::from_row_slice(images, images, k).symmetric_eigenvalues();
    Some(Spectrum { max: eigenvalues.max(), min: eigenvalues.min() })
}

/// The largest condition number of a batch: 2^24 / images.
pub fn worst_condition_number(images: usize) -> f64 {
    f64::from(1 << 24) / images as f64
}

/// lambda_max / lambda_min of K, at most 2^24 / images: the resolution of f32 gradients. That value
/// also stands for a K that is not finite, zero, or singular to that resolution.
pub fn condition_number(k: &[f64], images: usize) -> f64 {
    let worst = worst_condition_number(images);
    match spectrum(k, images) {
        Some(Spectrum { max, min }) if max > 0.0 && min > 0.0 && max / min < worst => max / min,
        _ => worst,
    }
}

/// Condition number of the neural tangent kernel, as a proxy.
#[derive(Debug)]
pub(super) struct Ntk;

impl Proxy for Ntk {
    fn name(&self) -> &str {
        "ntk"
    }
    fn title(&self) -> &str {
        "condition number of the neural tangent kernel"
    }
    fn source(&self) -> &str {
        "Chen, Gong, Wang, TE-NAS, ICLR 2021"
    }
    fn direction(&self) -> Direction {
        Direction::Lower
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup::IMAGES)
    }
    fn worst(&self, batch: usize) -> f64 {
        worst_condition_number(batch)
    }
    fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
        Wanted::kernel()
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        evidence.kernel.map_or(f64::NAN, |k| condition_number(k.values, k.images))
    }
    /// The geometric mean: a draw's condition number has a heavy tail.
    fn settle(&self, draws: &[f64]) -> f64 {
        let logs: f64 = draws.iter().map(|draw| libm::log(*draw)).sum();
        libm::exp(logs / draws.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_kernels_give_the_clamp() {
        let worst = f64::from(1 << 24) / 2.0;
        for k in [
            [0.0, 0.0, 0.0, 0.0],
            [5.0, 5.0, 5.0, 5.0],
            [f64::NAN, 0.0, 0.0, 1.0],
            [f64::INFINITY, 0.0, 0.0, 1.0],
            [1e60, 0.0, 0.0, 1e-60],
            [-1.0, 0.0, 0.0, -2.0],
        ] {
            assert_eq!(condition_number(&k, 2), worst, "{k:?}");
        }
    }

    #[test]
    fn diagonal_and_rotated_kernels() {
        assert_eq!(condition_number(&[9.0, 0.0, 0.0, 1.0], 2), 9.0);
        // Eigenvalues 9 and 1.
        let found = condition_number(&[5.0, 4.0, 4.0, 5.0], 2);
        assert!((found - 9.0).abs() < 1e-12, "{found}");
        assert_eq!(condition_number(&[49.0], 1), 1.0);
    }
}
