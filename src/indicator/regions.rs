//! The number of linear regions (section 3.3).

use std::collections::HashSet;

use crate::compute::ActivationBits;

/// Number of distinct bit patterns among all inputs.
pub fn linear_regions(bits: &ActivationBits) -> f64 {
    let patterns: HashSet<&[u64]> = (0..bits.rows()).map(|r| bits.row(r)).collect();
    patterns.len() as f64
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
