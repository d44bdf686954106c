//! The SWAP score (section 3.8).

use std::collections::HashSet;

use super::{Direction, Need, Proxy, Setup};
use crate::compute::{ActivationBits, Evidence, Wanted};
use crate::network::{Graph, Node, Operation};
use crate::random::Key;

/// Number of distinct patterns of ReLU units over the images: a unit's pattern is its bit for each
/// of them. Peng, Song, Fayek, Ciesielski, Chang, "SWAP-NAS: Sample-Wise Activation Patterns for
/// Ultra-Fast NAS", ICLR 2024; without their regularisation by model size. Never below 1, the
/// value for units that no image tells apart.
pub fn swap(bits: &ActivationBits) -> f64 {
    let words = bits.rows().div_ceil(64);
    let units = bits.groups().last().map_or(0, |g| g.bits.end);
    // Transposed: a unit's pattern is a run of words.
    let mut patterns = vec![0u64; units * words];
    for row in 0..bits.rows() {
        for (word, bits) in bits.row(row).iter().enumerate() {
            let mut left = *bits;
            while left != 0 {
                let unit = 64 * word + left.trailing_zeros() as usize;
                patterns[unit * words + row / 64] |= 1 << (row % 64);
                left &= left - 1;
            }
        }
    }
    let distinct: HashSet<&[u64]> = patterns.chunks_exact(words.max(1)).collect();
    distinct.len().max(1) as f64
}

/// Number of distinct patterns of ReLU units, as a proxy.
#[derive(Debug)]
pub(super) struct Swap;

impl Proxy for Swap {
    fn name(&self) -> &str {
        "swap"
    }
    fn title(&self) -> &str {
        "number of distinct patterns of ReLU units"
    }
    fn source(&self) -> &str {
        "Peng, Song, Fayek, Ciesielski, Chang, SWAP-NAS, ICLR 2024"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup::IMAGES)
    }
    fn worst(&self, _: usize) -> f64 {
        1.0
    }
    fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
        Wanted::bits()
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        evidence.bits.map_or(f64::NAN, swap)
    }
}

/// SWAP times exp(-(P - mu)^2 / sigma), P the parameters of the measured network in thousands: the
/// authors' regularisation by size, equation 6 of their paper.
///
/// Without a mu and sigma of the host's, mu is the size of the supernet, sigma its square: the same
/// factor in any space and at any number of channels, from exp(-1) for a network without parameters
/// to 1 for one with all.
#[derive(Debug, Clone, Copy, Default)]
pub struct SwapRegularised {
    /// (mu, sigma), in thousands of parameters and their square.
    pub target: Option<(f64, f64)>,
}

impl SwapRegularised {
    fn factor(&self, thousands: f64, supernet: f64) -> f64 {
        let (mu, sigma) = self.target.unwrap_or((supernet, supernet * supernet));
        libm::exp(-(thousands - mu) * (thousands - mu) / sigma)
    }
}

/// Thousands of parameters of the network, and of the supernet that it is part of.
fn thousands(evidence: &Evidence<'_>) -> (f64, f64) {
    let parameters = &evidence.graph.parameters;
    let of_node = |node: &Node| -> usize {
        let both =
            |a: usize, b: Option<usize>| parameters[a].len() + b.map_or(0, |b| parameters[b].len());
        match node.operation {
            Operation::Conv { weight, bias, .. } => both(weight, bias),
            Operation::BatchNorm { scale, shift, .. } => both(scale, Some(shift)),
            Operation::Linear { weight, bias } => both(weight, bias),
            _ => 0,
        }
    };
    let live = evidence.graph.nodes.iter().filter(|node| evidence.has(node.slot));
    (live.map(of_node).sum::<usize>() as f64 / 1e3, parameters.len() as f64 / 1e3)
}

impl Proxy for SwapRegularised {
    fn name(&self) -> &str {
        "swap_regularised"
    }
    fn title(&self) -> &str {
        "SWAP, weighed by the size of the network"
    }
    fn source(&self) -> &str {
        "Peng, Song, Fayek, Ciesielski, Chang, SWAP-NAS, ICLR 2024"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup::IMAGES)
    }
    fn worst(&self, _: usize) -> f64 {
        0.0
    }
    fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
        Wanted::bits()
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        let (own, supernet) = thousands(evidence);
        evidence.bits.map_or(f64::NAN, |bits| swap(bits) * self.factor(own, supernet))
    }
}

#[cfg(test)]
mod tests {
    use super::super::naswot::tests::random;
    use super::*;

    #[test]
    fn equals_a_direct_computation() {
        for (rows, groups) in [
            (1, vec![(5, 1)]),
            (3, vec![(64, 1), (3, 2)]),
            (7, vec![(70, 3), (1, 1), (200, 1)]),
            (130, vec![(130, 1), (61, 5)]),
        ] {
            let (units, bits) = random(rows, &groups, rows as u64);
            let pattern = |u: usize| units.iter().map(|row| row[u]).collect::<Vec<_>>();
            let distinct: HashSet<_> = (0..units[0].len()).map(pattern).collect();
            assert_eq!(swap(&bits), distinct.len() as f64);
        }
    }

    #[test]
    fn the_size_factor_is_that_of_the_paper() {
        let published = SwapRegularised { target: Some((40.0, 80.0)) };
        assert!((published.factor(36.0, 100.0) - (-16.0f64 / 80.0).exp()).abs() < 1e-15);
        let ours = SwapRegularised::default();
        assert_eq!(ours.factor(100.0, 100.0), 1.0);
        assert!((ours.factor(50.0, 100.0) - (-0.25f64).exp()).abs() < 1e-15);
    }

    #[test]
    fn nothing_to_tell_apart_is_one_pattern() {
        assert_eq!(swap(&ActivationBits::new(3, [(100, 1)].into_iter())), 1.0);
        assert_eq!(swap(&ActivationBits::new(3, std::iter::empty())), 1.0);
    }
}
