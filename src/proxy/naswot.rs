//! The NASWOT score (section 3.8).

use nalgebra::DMatrix;

use super::{Direction, Need, Proxy, Setup};
use crate::compute::{ActivationBits, Evidence, Wanted};
use crate::network::Graph;
use crate::random::Key;

/// log |det K| of the Hamming kernel: K[i][j] is the number of ReLU units that are both on or both
/// off for images i and j. Mellor, Turner, Storkey, Crowley, "Neural Architecture Search without
/// Training", ICML 2021.
///
/// K has integer entries, so its determinant, where not 0, is at least 1 and the score at least 0.
/// A singular K, of images that the network does not tell apart, gives 0: the least value, where
/// published code gives minus infinity.
pub fn naswot(bits: &ActivationBits) -> f64 {
    let kernel = hamming_kernel(bits);
    let eigenvalues = DMatrix::from_vec(bits.rows(), bits.rows(), kernel).symmetric_eigenvalues();
    // K is positive semidefinite. What is below the rounding of the largest eigenvalue is zero.
    let least = eigenvalues.max() * bits.rows() as f64 * f64::EPSILON;
    if !eigenvalues.iter().all(|l| *l > least) {
        return 0.0;
    }
    eigenvalues.iter().map(|l| libm::log(*l)).sum::<f64>().max(0.0)
}

/// K, `[images, images]`.
fn hamming_kernel(bits: &ActivationBits) -> Vec<f64> {
    let (rows, units) = (bits.rows(), bits.units() as u64);
    // Units that read the same input count as often as they are; a mask for each bit of the copies.
    let most = bits.groups().iter().map(|g| g.copies).max().unwrap_or(0);
    let layers = usize::BITS - most.leading_zeros();
    let words = if rows == 0 { 0 } else { bits.row(0).len() };
    let mut weights = vec![vec![0u64; words]; layers as usize];
    for group in bits.groups() {
        let masks = weights.iter_mut().enumerate();
        for (_, mask) in masks.filter(|(layer, _)| group.copies >> layer & 1 == 1) {
            set_range(mask, group.bits.clone());
        }
    }
    let mut kernel = vec![0.0; rows * rows];
    for i in 0..rows {
        for j in 0..=i {
            let pair = bits.row(i).iter().zip(bits.row(j));
            let mut distance = 0u64;
            for (word, (a, b)) in pair.enumerate() {
                let differ = a ^ b;
                for (layer, mask) in weights.iter().enumerate() {
                    distance += u64::from((differ & mask[word]).count_ones()) << layer;
                }
            }
            let value = (units - distance) as f64;
            kernel[i * rows + j] = value;
            kernel[j * rows + i] = value;
        }
    }
    kernel
}

/// Switches on a range of bits.
fn set_range(words: &mut [u64], bits: std::ops::Range<usize>) {
    for (word, bits_of_word) in words.iter_mut().enumerate() {
        let (first, last) = (bits.start.max(64 * word), bits.end.min(64 * word + 64));
        if first < last {
            let ones = if last - first == 64 { u64::MAX } else { (1 << (last - first)) - 1 };
            *bits_of_word |= ones << (first % 64);
        }
    }
}

/// Log determinant of the kernel of ReLU patterns, as a proxy.
#[derive(Debug)]
pub(super) struct Naswot;

impl Proxy for Naswot {
    fn name(&self) -> &str {
        "naswot"
    }
    fn title(&self) -> &str {
        "log determinant of the kernel of ReLU patterns"
    }
    fn source(&self) -> &str {
        "Mellor, Turner, Storkey, Crowley, Neural Architecture Search without Training, ICML 2021"
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
        evidence.bits.map_or(f64::NAN, naswot)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::random::{Key, Purpose};

    /// Random bits as a matrix, each unit as often as it is, and packed.
    pub(in crate::proxy) fn random(
        rows: usize,
        groups: &[(usize, usize)],
        seed: u64,
    ) -> (Vec<Vec<bool>>, ActivationBits) {
        let key = Key { seed, purpose: Purpose::RegionInputs, round: 9, candidate: 0, repeat: 0 };
        let mut stream = key.stream(0);
        let mut bits = ActivationBits::new(rows, groups.iter().copied());
        let mut units = vec![Vec::new(); rows];
        for (row, units) in units.iter_mut().enumerate() {
            let mut bit = 0;
            for (elements, copies) in groups {
                for _ in 0..*elements {
                    let on = stream.below(2) == 1;
                    if on {
                        bits.set(row, bit);
                    }
                    units.extend(std::iter::repeat_n(on, *copies));
                    bit += 1;
                }
            }
        }
        (units, bits)
    }

    /// log |det| by Gaussian elimination with partial pivoting; `None` for a zero pivot.
    fn log_det(mut k: Vec<Vec<f64>>) -> Option<f64> {
        let n = k.len();
        let mut sum = 0.0;
        for c in 0..n {
            let p = (c..n).max_by(|a, b| k[*a][c].abs().total_cmp(&k[*b][c].abs()))?;
            k.swap(c, p);
            if k[c][c].abs() < 1e-9 {
                return None;
            }
            sum += k[c][c].abs().ln();
            let (above, below) = k.split_at_mut(c + 1);
            for row in below {
                let factor = row[c] / above[c][c];
                row.iter_mut().zip(&above[c]).for_each(|(x, p)| *x -= factor * p);
            }
        }
        Some(sum)
    }

    /// As published: K = C C^T + (1 - C) (1 - C)^T.
    fn direct(units: &[Vec<bool>]) -> Vec<Vec<f64>> {
        let same = |a: &Vec<bool>, b: &Vec<bool>| a.iter().zip(b).filter(|(a, b)| a == b).count();
        units.iter().map(|a| units.iter().map(|b| same(a, b) as f64).collect()).collect()
    }

    #[test]
    fn equals_a_direct_computation() {
        for (rows, groups) in [
            (1, vec![(5, 1)]),
            (7, vec![(64, 1), (3, 2)]),
            (16, vec![(70, 3), (1, 1), (200, 1)]),
            (40, vec![(130, 1), (61, 5), (66, 4)]),
        ] {
            let (units, bits) = random(rows, &groups, rows as u64);
            assert_eq!(bits.units(), units[0].len());
            let expected = direct(&units);
            assert_eq!(hamming_kernel(&bits), expected.concat());
            let expected = log_det(expected).expect("random bits tell all rows apart");
            let found = naswot(&bits);
            assert!((found - expected).abs() < 1e-8 * expected.abs(), "{found} {expected}");
        }
    }

    #[test]
    fn images_that_look_alike_give_zero() {
        let mut bits = ActivationBits::new(3, [(100, 1)].into_iter());
        assert_eq!(naswot(&bits), 0.0);
        bits.set(0, 5);
        assert_eq!(naswot(&bits), 0.0);
        assert_eq!(naswot(&ActivationBits::new(4, std::iter::empty())), 0.0);
        // Rank deficient without two equal rows: 4 rows of 2 units.
        let mut square = ActivationBits::new(4, [(2, 1)].into_iter());
        square.set(1, 0);
        square.set(2, 1);
        square.set(3, 0);
        square.set(3, 1);
        assert_eq!(naswot(&square), 0.0);
    }
}
