//! From the values of several proxies to one order of networks (section 3.10).

use crate::error::{Error, Result};
use crate::proxy::Direction;

/// How the ranks by several proxies become one number. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Aggregation {
    /// The sum of log(rank / m), where the best of m networks has rank m (AZ-NAS, CVPR 2024): at
    /// most 0, and the higher the better. One bad rank weighs more than several good ones.
    LogRanks = 1,
    /// The sum of the ranks, where the best network has rank 1 (TE-NAS): the lower the better.
    Ranks = 2,
}

impl Aggregation {
    /// Which totals are better.
    pub fn direction(self) -> Direction {
        match self {
            Aggregation::LogRanks => Direction::Higher,
            Aggregation::Ranks => Direction::Lower,
        }
    }

    /// One network's total, from its rank among `m` by each proxy; rank 1 is the best.
    pub fn total(self, ranks: &[f64], m: usize) -> f64 {
        match self {
            Aggregation::Ranks => ranks.iter().sum(),
            Aggregation::LogRanks => {
                let m = m as f64;
                ranks.iter().map(|rank| libm::log((m + 1.0 - rank) / m)).sum()
            }
        }
    }
}

/// The rank of each value, 1 for the best; equal values share the mean of their places.
pub fn average_ranks(values: &[f64], direction: Direction) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| match direction {
        Direction::Lower => values[*a].total_cmp(&values[*b]),
        Direction::Higher => values[*b].total_cmp(&values[*a]),
    });
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for equal in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = first as f64 + (equal.len() as f64 + 1.0) / 2.0;
        equal.iter().for_each(|place| ranks[*place] = rank);
        first += equal.len();
    }
    ranks
}

/// The totals of networks whose values by each proxy are the rows of `values`, and their ranks in
/// the same shape.
///
/// Errors: [`Error::InvalidArgument`] for a row of another length than there are directions.
pub fn aggregate(
    values: &[&[f64]],
    directions: &[Direction],
    aggregation: Aggregation,
) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
    if let Some((i, row)) = values.iter().enumerate().find(|(_, r)| r.len() != directions.len()) {
        return Err(Error::InvalidArgument(format!(
            "values[{i}]: found {} values, expected {}",
            row.len(),
            directions.len()
        )));
    }
    let mut ranks = vec![Vec::with_capacity(directions.len()); values.len()];
    for (p, direction) in directions.iter().enumerate() {
        let column: Vec<f64> = values.iter().map(|row| row[p]).collect();
        for (row, rank) in ranks.iter_mut().zip(average_ranks(&column, *direction)) {
            row.push(rank);
        }
    }
    let totals = ranks.iter().map(|row| aggregation.total(row, values.len())).collect();
    Ok((totals, ranks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_mean_of_their_places() {
        let values = [3.0, 1.0, 3.0, 2.0, 3.0];
        assert_eq!(average_ranks(&values, Direction::Higher), [2.0, 5.0, 2.0, 4.0, 2.0]);
        assert_eq!(average_ranks(&values, Direction::Lower), [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert!(average_ranks(&[], Direction::Lower).is_empty());
        assert_eq!(average_ranks(&[0.0, -0.0], Direction::Lower), [1.5, 1.5]);
    }

    #[test]
    fn totals_are_the_published_sums() {
        let directions = [Direction::Lower, Direction::Higher];
        let rows: [&[f64]; 3] = [&[1.0, 10.0], &[2.0, 30.0], &[3.0, 20.0]];
        let (totals, ranks) = aggregate(&rows, &directions, Aggregation::Ranks).unwrap();
        assert_eq!(ranks, [[1.0, 3.0], [2.0, 1.0], [3.0, 2.0]]);
        assert_eq!(totals, [4.0, 3.0, 5.0]);
        // As AZ-NAS has it, log(scipy.stats.rankdata(x) / len(x)): the best of 3 has log(3 / 3).
        let (totals, _) = aggregate(&rows, &directions, Aggregation::LogRanks).unwrap();
        let expected = [(1.0f64 / 3.0).ln(), (2.0f64 / 3.0).ln(), (2.0f64 / 9.0).ln()];
        for (found, expected) in totals.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        let short: [&[f64]; 1] = [&[1.0]];
        assert!(aggregate(&short, &directions, Aggregation::Ranks).is_err());
    }
}
