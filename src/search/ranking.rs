//! From scores to what is pruned (section 3.4). Ties decide, so the arithmetic is spelled out.

use crate::space::Choice;

/// Scores of one candidate: its mean deltas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The operation whose removal was scored.
    pub choice: Choice,
    /// Mean of the rounded relative changes of the condition number.
    pub ntk_delta: f64,
    /// Mean of the rounded relative changes of the count of regions.
    pub regions_delta: f64,
}

/// A candidate's place in both orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranks {
    /// By `ntk_delta`, the highest first; from 1, dense.
    pub ntk: u32,
    /// By `regions_delta`, the lowest first; from 1, dense.
    pub regions: u32,
}

/// Relative change from `now` to `without`, rounded to `decimals`. Both are positive.
pub fn delta(now: f64, without: f64, decimals: u32) -> f64 {
    round((now - without) / now, decimals)
}

/// Python's `round`: the decimal nearest the exact binary value, ties to even; -0 becomes 0.
fn round(value: f64, decimals: u32) -> f64 {
    // Formatting works on the exact value and breaks ties to even.
    parse(&format!("{value:.0$}", decimals as usize))
}

/// `value` to `figures` significant figures, by the same rule.
fn significant(value: f64, figures: u32) -> f64 {
    parse(&format!("{value:.0$e}", figures as usize - 1))
}

fn parse(text: &str) -> f64 {
    // Adding 0 turns -0 into 0.
    text.parse::<f64>().map_or(f64::NAN, |v| v + 0.0)
}

/// ((d1 + d2) + d3 ...) / R, in f64, in order, with one division.
pub fn mean(deltas: &[f64]) -> f64 {
    deltas.iter().fold(0.0, |sum, d| sum + d) / deltas.len() as f64
}

/// The order of pruning: candidate numbers, worst first; and each candidate's ranks.
///
/// Sorted stably by ntk_delta descending and, apart from that, by regions_delta ascending, the
/// keys rounded to `precision` significant figures; dense ranks; sorted by the sum of both ranks,
/// stably from the NTK order.
pub fn order(candidates: &[Scored], precision: u32) -> (Vec<usize>, Vec<Ranks>) {
    let sorted = |value: &dyn Fn(&Scored) -> f64, sign: f64| {
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        let key = |i: &usize| sign * significant(value(&candidates[*i]), precision);
        order.sort_by(|a, b| key(a).total_cmp(&key(b)));
        order
    };
    let ntk = |c: &Scored| c.ntk_delta;
    let regions = |c: &Scored| c.regions_delta;
    let by_ntk = sorted(&ntk, -1.0);
    let by_regions = sorted(&regions, 1.0);
    let ranks_of = |order: &[usize], value: &dyn Fn(&Scored) -> f64| {
        let mut ranks = vec![0u32; candidates.len()];
        let mut rank = 0;
        let mut before = None;
        for i in order {
            let value = value(&candidates[*i]);
            if before != Some(value) {
                rank += 1;
            }
            before = Some(value);
            ranks[*i] = rank;
        }
        ranks
    };
    let ntk_ranks = ranks_of(&by_ntk, &ntk);
    let regions_ranks = ranks_of(&by_regions, &regions);
    let mut order = by_ntk;
    order.sort_by_key(|i| ntk_ranks[*i] + regions_ranks[*i]);
    let ranks =
        ntk_ranks.into_iter().zip(regions_ranks).map(|(ntk, regions)| Ranks { ntk, regions });
    (order, ranks.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_as_python_does() {
        // Expected values from Python's round(x, 3) and round(x, 1).
        for (value, decimals, expected) in [
            (0.0005, 3, 0.001), // 0.0005 lies a little above the tie
            (0.0015, 3, 0.002),
            (0.0025, 3, 0.003),
            (2.5, 0, 2.0),
            (3.5, 0, 4.0),
            (0.125, 2, 0.12),
            (0.375, 2, 0.38),
            (1.0005, 3, 1.0), // below the tie in binary
            (-0.0004, 3, 0.0),
            (2.675, 2, 2.67),
        ] {
            assert_eq!(round(value, decimals), expected, "round({value}, {decimals})");
        }
        assert!(round(-0.0004, 3).is_sign_positive());
    }

    #[test]
    fn significant_figures() {
        assert_eq!(significant(0.123_45, 3), 0.123);
        assert_eq!(significant(-1234.5, 3), -1230.0);
        assert_eq!(significant(0.0, 3), 0.0);
    }

    fn scored(ntk_delta: f64, regions_delta: f64) -> Scored {
        let choice = Choice { cell: 0, edge: 0, operation: 0 };
        Scored { choice, ntk_delta, regions_delta }
    }

    #[test]
    fn equal_means_share_a_rank_and_equal_keys_do_not() {
        let third = (0.1 + 0.2) / 3.0;
        let near = 0.3 / 3.0;
        assert_ne!(third, near);
        let all = [scored(third, 0.5), scored(near, 0.5), scored(third, 0.1)];
        let (order, ranks) = order(&all, 3);
        // Sort keys are equal, so the order stays; the rank moves wherever the mean differs.
        assert_eq!(ranks.iter().map(|r| r.ntk).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(ranks.iter().map(|r| r.regions).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(order, [0, 1, 2]);
    }

    #[test]
    fn zero_and_minus_zero_are_one_key() {
        let (order, ranks) = order(&[scored(-0.0, -0.0), scored(0.0, 0.0)], 1);
        assert_eq!(order, [0, 1]);
        assert_eq!(ranks[0], ranks[1]);
    }
}
