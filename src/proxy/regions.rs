//! The number of linear regions (section 3.3).

use std::collections::HashSet;

use super::{Direction, InputKind, Need, Proxy, Setup, Shape};
use crate::compute::{ActivationBits, Evidence, Wanted};
use crate::network::Graph;
use crate::random::Key;

/// Number of distinct bit patterns among all inputs.
pub fn linear_regions(bits: &ActivationBits) -> f64 {
    let patterns: HashSet<&[u64]> = (0..bits.rows()).map(|r| bits.row(r)).collect();
    patterns.len() as f64
}

/// Number of linear regions, as a proxy.
#[derive(Debug)]
pub(super) struct Regions;

impl Proxy for Regions {
    fn name(&self) -> &str {
        "regions"
    }
    fn title(&self) -> &str {
        "number of linear regions"
    }
    fn source(&self) -> &str {
        "Chen, Gong, Wang, TE-NAS, ICLR 2021"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Evaluation(Setup { network: Shape::Thin, inputs: InputKind::Crops, ..Setup::IMAGES })
    }
    fn worst(&self, _: usize) -> f64 {
        1.0
    }
    fn wanted(&self, _: &Graph, _: &Key) -> Wanted {
        Wanted::bits()
    }
    fn reduce(&self, evidence: &Evidence<'_>) -> f64 {
        evidence.bits.map_or(f64::NAN, linear_regions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_distinct_rows_across_words() {
        let mut bits = ActivationBits::new(5, [(60, 1), (40, 2)].into_iter());
        assert_eq!(bits.units(), 140);
        assert_eq!(linear_regions(&bits), 1.0);
        bits.set(1, 3);
        bits.set(2, 99);
        bits.set(4, 99);
        assert_eq!(linear_regions(&bits), 3.0);
    }
}
