//! Every finished architecture has a number (see [`Genotype::at`](super::Genotype::at)).

use super::{Choice, Group, Mask, Space, mask_of};
use crate::error::{Error, Result};
use crate::random::Stream;

/// Number of architectures; `None` if it does not fit.
pub(super) fn size(space: &Space) -> Option<u64> {
    space.groups().iter().try_fold(1u64, |size, group| size.checked_mul(options(space, group)?))
}

/// What an edge that is kept may do, in order. In a group of which some stay all edges offer the same.
fn operations(space: &Space, group: &Group, edge: usize) -> Vec<usize> {
    let none = group.keep.and(space.none);
    let offered = space.cells[group.cell].options[group.edges.start + edge].iter().copied();
    offered.filter(|o| Some(*o) != none).collect()
}

/// The edges whose operations are a group's digits: all, or as many as stay.
fn kept(group: &Group) -> usize {
    group.keep.unwrap_or(group.edges.len())
}

/// Choices of `k` edges out of `n`.
fn binomial(n: usize, k: usize) -> Option<u64> {
    let k = k.min(n - k);
    (0..k).try_fold(1u64, |b, i| Some(b.checked_mul((n - i) as u64)? / (i as u64 + 1)))
}

/// How many ways there are to choose the edges of one node and their operations.
fn options(space: &Space, group: &Group) -> Option<u64> {
    let each = |edge| operations(space, group, edge).len() as u64;
    let all = (0..kept(group)).try_fold(1u64, |all, edge| all.checked_mul(each(edge)))?;
    all.checked_mul(binomial(group.edges.len(), kept(group))?)
}

/// Choice number `index` of `k` numbers below `n`, ascending; choices in lexicographic order.
fn combination(n: usize, k: usize, mut index: u64) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(k);
    let mut next = 0;
    while chosen.len() < k {
        let with_next = binomial(n - next - 1, k - chosen.len() - 1).unwrap_or(u64::MAX);
        if index < with_next {
            chosen.push(next);
        } else {
            index -= with_next;
        }
        next += 1;
    }
    chosen
}

/// The number of a choice: the inverse of [`combination`].
fn rank(n: usize, chosen: &[usize]) -> u64 {
    let mut rank = 0;
    let mut next = 0;
    for (i, c) in chosen.iter().enumerate() {
        for skipped in next..*c {
            rank += binomial(n - skipped - 1, chosen.len() - i - 1).unwrap_or(0);
        }
        next = c + 1;
    }
    rank
}

/// Adds what number `here` of a group means.
fn choose(space: &Space, group: &Group, mut here: u64, choices: &mut Vec<Choice>) {
    let mut digits: Vec<usize> = Vec::with_capacity(kept(group));
    for edge in (0..kept(group)).rev() {
        let operations = operations(space, group, edge);
        let base = operations.len() as u64;
        digits.push(operations[(here % base) as usize]);
        here /= base;
    }
    let edges = combination(group.edges.len(), kept(group), here);
    for (edge, operation) in edges.iter().zip(digits.iter().rev()) {
        let (cell, edge) = (group.cell, group.edges.start + edge);
        choices.push(Choice { cell, edge, operation: *operation });
    }
}

/// Architecture number `index`.
pub(super) fn at(space: &Space, index: u64) -> Result<Mask> {
    let size = size(space).unwrap_or(u64::MAX);
    if index >= size {
        return Err(Error::NotFound(format!(
            "index: found {index}, expected below {size}, the architectures of {}",
            space.name
        )));
    }
    let mut rest = index;
    let mut choices = Vec::new();
    for group in space.groups().iter().rev() {
        let options = options(space, group).unwrap_or(u64::MAX);
        choose(space, group, rest % options, &mut choices);
        rest /= options;
    }
    Ok(mask_of(space, &choices))
}

/// One of all architectures, each as likely as any other. A space with too many for one number draws
/// each node by itself.
pub(super) fn sample(space: &Space, stream: &mut Stream) -> Result<Mask> {
    if let Some(size) = size(space) {
        return at(space, stream.below(size));
    }
    let mut choices = Vec::new();
    for group in space.groups() {
        let options = options(space, &group).ok_or_else(|| {
            let cell = &space.cells[group.cell].name;
            let node = space.cells[group.cell].edges[group.edges.start].to;
            Error::InvalidState(format!(
                "{}: found 2^64 or more choices at node {node} of the {cell} cell, too many to draw \
                 from",
                space.name
            ))
        })?;
        choose(space, &group, stream.below(options), &mut choices);
    }
    Ok(mask_of(space, &choices))
}

/// The number of an architecture.
pub(super) fn index(space: &Space, mask: &Mask) -> Option<u64> {
    let mut index = 0u64;
    for group in space.groups() {
        let (mut edges, mut digits, mut each) = (Vec::new(), 0u64, 1u64);
        for edge in group.edges.clone() {
            let active = mask.operations_on(group.cell, edge).next();
            let operation = match (active, group.keep) {
                (None, Some(_)) => continue,
                (None, None) => space.none?,
                (Some(operation), _) => operation,
            };
            let edge = edge - group.edges.start;
            let operations = operations(space, &group, edge);
            let digit = operations.iter().position(|o| *o == operation)? as u64;
            digits = digits.checked_mul(operations.len() as u64)?.checked_add(digit)?;
            each = each.checked_mul(operations.len() as u64)?;
            edges.push(edge);
        }
        if edges.len() != kept(&group) {
            return None;
        }
        let here = rank(group.edges.len(), &edges).checked_mul(each)?.checked_add(digits)?;
        index = index.checked_mul(options(space, &group)?)?.checked_add(here)?;
    }
    Some(index)
}

/// Another architecture, one decision away: an edge with another operation or, where some of a
/// node's edges stay, another edge with the operation of one that goes. `None` if there is no other.
/// Each neighbour is as likely as any other.
pub(super) fn mutate(space: &Space, mask: &Mask, stream: &mut Stream) -> Option<Mask> {
    let groups = space.groups();
    // (edge, operation) that goes, (edge, operation) that comes.
    let mut moves: Vec<(Option<Choice>, Choice)> = Vec::new();
    for group in &groups {
        let cell = group.cell;
        for edge in group.edges.clone() {
            let active = mask.operations_on(cell, edge).next();
            if active.is_none() && group.keep.is_some() {
                continue;
            }
            let goes = active.map(|operation| Choice { cell, edge, operation });
            for operation in operations(space, group, edge - group.edges.start) {
                if Some(operation) != active.or(space.none) {
                    moves.push((goes, Choice { cell, edge, operation }));
                }
            }
            for other in group.edges.clone().filter(|o| mask.active_on(cell, *o) == 0) {
                if let (Some(_), Some(Choice { operation, .. })) = (group.keep, goes) {
                    moves.push((goes, Choice { cell, edge: other, operation }));
                }
            }
        }
    }
    if moves.is_empty() {
        return None;
    }
    let (goes, comes) = moves[stream.below(moves.len() as u64) as usize];
    let mut mask = mask.clone();
    goes.into_iter().for_each(|choice| mask.remove(choice));
    mask.add(comes);
    Some(mask)
}
