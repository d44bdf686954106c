//! Every finished architecture has a number (see [`Genotype::at`](super::Genotype::at)).

use super::{Choice, Group, Mask, Space, mask_of};
use crate::error::{Error, Result};
use crate::random::Stream;

/// Number of architectures; `None` if it does not fit.
pub(super) fn size(space: &Space) -> Option<u64> {
    space.groups().iter().try_fold(1u64, |size, group| size.checked_mul(options(space, group)?))
}

/// The operations that a kept edge may have, in order.
fn operations(space: &Space, group: &Group) -> Vec<usize> {
    let none = group.keep.and(space.none);
    (0..space.operations.len()).filter(|o| Some(*o) != none).collect()
}

/// Choices of `k` edges out of `n`.
fn binomial(n: usize, k: usize) -> Option<u64> {
    (0..k).try_fold(1u64, |b, i| Some(b.checked_mul((n - i) as u64)? / (i as u64 + 1)))
}

/// How many ways there are to choose the edges of one node and their operations.
fn options(space: &Space, group: &Group) -> Option<u64> {
    let edges = group.keep.unwrap_or(group.edges.len());
    let each = (operations(space, group).len() as u64).checked_pow(edges as u32)?;
    each.checked_mul(binomial(group.edges.len(), edges)?)
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
        let operations = operations(space, group);
        let base = operations.len() as u64;
        let edges = group.keep.unwrap_or(group.edges.len());
        let options = options(space, group).unwrap_or(u64::MAX);
        let mut here = rest % options;
        rest /= options;
        let mut digits: Vec<usize> = Vec::with_capacity(edges);
        for _ in 0..edges {
            digits.push((here % base) as usize);
            here /= base;
        }
        let kept = combination(group.edges.len(), edges, here);
        for (edge, digit) in kept.iter().zip(digits.iter().rev()) {
            choices.push(Choice {
                cell: group.cell,
                edge: group.edges.start + edge,
                operation: operations[*digit],
            });
        }
    }
    Ok(mask_of(space, &choices))
}

/// The number of an architecture.
pub(super) fn index(space: &Space, mask: &Mask) -> Option<u64> {
    let mut index = 0u64;
    for group in space.groups() {
        let operations = operations(space, &group);
        let (mut kept, mut digits) = (Vec::new(), 0u64);
        for edge in group.edges.clone() {
            let active = mask.operations_on(group.cell, edge).next();
            let operation = match (active, group.keep) {
                (None, Some(_)) => continue,
                (None, None) => space.none?,
                (Some(operation), _) => operation,
            };
            let digit = operations.iter().position(|o| *o == operation)? as u64;
            digits = digits.checked_mul(operations.len() as u64)?.checked_add(digit)?;
            kept.push(edge - group.edges.start);
        }
        let edges = group.keep.unwrap_or(group.edges.len());
        if kept.len() != edges {
            return None;
        }
        let each = (operations.len() as u64).checked_pow(edges as u32)?;
        let here = rank(group.edges.len(), &kept).checked_mul(each)?.checked_add(digits)?;
        index = index.checked_mul(options(space, &group)?)?.checked_add(here)?;
    }
    Some(index)
}

/// An architecture with one decision changed.
pub(super) fn mutated(space: &Space, mask: &Mask, stream: &mut Stream) -> Mask {
    let mut choices: Vec<Choice> = Vec::new();
    // What may take the place of which choice.
    let mut changes: Vec<(usize, Choice)> = Vec::new();
    for group in space.groups() {
        let cell = group.cell;
        let on = |edge: usize| mask.operations_on(cell, edge).next();
        let operations = operations(space, &group);
        for edge in group.edges.clone() {
            let absent = if group.keep.is_none() { space.none } else { None };
            let Some(operation) = on(edge).or(absent) else { continue };
            let here = choices.len();
            choices.push(Choice { cell, edge, operation });
            let others = operations.iter().filter(|o| **o != operation);
            changes.extend(others.map(|o| (here, Choice { cell, edge, operation: *o })));
            if group.keep.is_some() {
                let free = group.edges.clone().filter(|edge| on(*edge).is_none());
                changes.extend(free.map(|edge| (here, Choice { cell, edge, operation })));
            }
        }
    }
    if !changes.is_empty() {
        let (place, choice) = changes[stream.below(changes.len() as u64) as usize];
        choices[place] = choice;
    }
    mask_of(space, &choices)
}
