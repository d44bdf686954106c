//! Rounds: which candidates there are, and what their ranking prunes (section 3.4).
//!
//! Where a search stands follows from its mask alone: it is in the first stage that still has
//! something to prune.

use crate::error::{Error, Result, check_range};
use crate::space::{Choice, Mask, Space, Stage};

/// The stage that a mask is in; `None` at the end of the search.
pub fn stage<'s>(space: &'s Space, mask: &Mask) -> Option<&'s Stage> {
    space.stages.iter().find(|stage| rounds_of(stage, space, mask, 1) > 0)
}

/// The candidates of a round, in order: cell, edge, operation.
pub fn candidates(stage: &Stage, space: &Space, mask: &Mask) -> Vec<Choice> {
    let on_edge = |(cell, edge): (usize, usize)| {
        let operations: Vec<usize> = mask.operations_on(cell, edge).collect();
        operations.into_iter().map(move |operation| Choice { cell, edge, operation })
    };
    match stage {
        Stage::Operations => {
            let open = space.edges().filter(|(cell, edge)| mask.active_on(*cell, *edge) > 1);
            open.flat_map(on_edge).collect()
        }
        Stage::EdgeGroup { cell, edges, .. } => {
            edges.clone().flat_map(|edge| on_edge((*cell, edge))).collect()
        }
    }
}

/// What a round removes, given its candidates' order of pruning (worst first).
pub fn pruned(
    stage: &Stage,
    mask: &Mask,
    candidates: &[Choice],
    order: &[usize],
    prune_per_edge: usize,
) -> Vec<usize> {
    match stage {
        Stage::Operations => {
            let mut left = mask.clone();
            let mut taken = std::collections::HashMap::new();
            let takes = |i: &usize| {
                let Choice { cell, edge, .. } = candidates[*i];
                let taken = taken.entry((cell, edge)).or_insert(0);
                let go = *taken < prune_per_edge && left.active_on(cell, edge) > 1;
                if go {
                    *taken += 1;
                    left.remove(candidates[*i]);
                }
                go
            };
            order.iter().copied().filter(takes).collect()
        }
        Stage::EdgeGroup { keep, .. } => order[..order.len().saturating_sub(*keep)].to_vec(),
    }
}

/// Whether a host may prune `choice`: it is active, and its edge keeps an operation, or is one of more
/// edges of a group than the search keeps.
pub fn check_prune(space: &Space, mask: &Mask, choice: Choice) -> Result<()> {
    let Choice { cell, edge, operation } = choice;
    check_index("cell", cell, space.cells.len())?;
    check_index("edge", edge, space.cells[cell].edges.len())?;
    check_index("operation", operation, space.operations.len())?;
    let named = || {
        let cell = &space.cells[cell];
        format!(
            "{} on edge {} of the {} cell",
            space.operations[operation], cell.edge_names[edge], cell.name
        )
    };
    if !mask.is_active(choice) {
        return Err(Error::InvalidState(format!(
            "operation: found {}, which is not active, expected an active one",
            named()
        )));
    }
    let spare_edge = space.stages.iter().any(|stage| match stage {
        Stage::Operations => false,
        Stage::EdgeGroup { cell: c, edges, .. } => {
            *c == cell && edges.contains(&edge) && rounds_of(stage, space, mask, 1) > 0
        }
    });
    if mask.active_on(cell, edge) == 1 && !spare_edge {
        return Err(Error::InvalidState(format!(
            "operation: found {}, the last one, on an edge that must keep one",
            named()
        )));
    }
    Ok(())
}

fn check_index(name: &str, found: usize, count: usize) -> Result<()> {
    check_range(name, found, 0..=count.saturating_sub(1)).map(drop)
}

/// Rounds that a stage still takes.
fn rounds_of(stage: &Stage, space: &Space, mask: &Mask, prune_per_edge: usize) -> usize {
    match stage {
        Stage::Operations => {
            let left = space.edges().map(|(cell, edge)| mask.active_on(cell, edge));
            let rounds = left.map(|k| k.saturating_sub(1).div_ceil(prune_per_edge));
            rounds.max().unwrap_or(0)
        }
        Stage::EdgeGroup { cell, edges, keep } => {
            let active = edges.clone().filter(|edge| mask.active_on(*cell, *edge) > 0).count();
            usize::from(active > *keep)
        }
    }
}

/// Rounds that the search still takes.
pub fn rounds_left(space: &Space, mask: &Mask, prune_per_edge: usize) -> usize {
    space.stages.iter().map(|s| rounds_of(s, space, mask, prune_per_edge)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::SpaceKind;

    #[test]
    fn published_schedules() {
        for (kind, prune, rounds, first) in
            [(SpaceKind::NasBench201, 1, 3, 24), (SpaceKind::Darts, 3, 8, 196)]
        {
            let space = kind.space();
            let mut mask = Mask::full(&space);
            assert_eq!(rounds_left(&space, &mask, prune), rounds);
            let mut counts = Vec::new();
            while let Some(stage) = stage(&space, &mask) {
                let all = candidates(stage, &space, &mask);
                let order: Vec<usize> = (0..all.len()).collect();
                counts.push(all.len());
                for i in pruned(stage, &mask, &all, &order, prune) {
                    mask.remove(all[i]);
                }
                assert_eq!(rounds_left(&space, &mask, prune), rounds - counts.len());
            }
            assert_eq!(counts[0], first);
            let expected: &[usize] = match kind {
                SpaceKind::NasBench201 => &[24, 18, 12],
                SpaceKind::Darts => &[196, 112, 3, 4, 5, 3, 4, 5],
            };
            assert_eq!(counts, expected);
        }
    }
}
