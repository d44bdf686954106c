//! The SWAP score (section 3.8).

use std::collections::HashSet;

use super::{Direction, Need, Proxy, Setup};
use crate::compute::{ActivationBits, Evidence, Wanted};
use crate::network::Graph;
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
    fn nothing_to_tell_apart_is_one_pattern() {
        assert_eq!(swap(&ActivationBits::new(3, [(100, 1)].into_iter())), 1.0);
        assert_eq!(swap(&ActivationBits::new(3, std::iter::empty())), 1.0);
    }
}
