//! Which operations are still active.

use super::Space;
use crate::error::{Error, Result};

/// One operation on one edge of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Choice {
    /// Kind of cell.
    pub cell: usize,
    /// Edge of the cell.
    pub edge: usize,
    /// Operation on the edge.
    pub operation: usize,
}

/// The active operations of a supernet: cell -> edge -> operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mask {
    active: Vec<Vec<Vec<bool>>>,
}

impl Mask {
    /// The whole supernet: every operation that an edge offers, but `none`.
    pub fn full(space: &Space) -> Self {
        let edge = |options: &Vec<usize>| {
            let mut active = vec![false; space.operations.len()];
            options.iter().for_each(|o| active[*o] = Some(*o) != space.none);
            active
        };
        Mask { active: space.cells.iter().map(|c| c.options.iter().map(edge).collect()).collect() }
    }

    /// That no edge has an operation that it does not offer.
    fn offered(self, space: &Space) -> Result<Self> {
        for (cell, edge) in space.edges() {
            let active = self.operations_on(cell, edge);
            for operation in active {
                if !space.offers(Choice { cell, edge, operation }) {
                    let of = &space.cells[cell];
                    return Err(Error::InvalidArgument(format!(
                        "mask of {}: found {} on edge {} of the {} cell, expected one of {}",
                        space.name,
                        space.operations[operation],
                        of.edge_names[edge],
                        of.name,
                        space.offered(cell, edge)
                    )));
                }
            }
        }
        Ok(self)
    }

    /// A mask of `space` from cell -> edge -> operation.
    pub fn from_nested(space: &Space, active: Vec<Vec<Vec<bool>>>) -> Result<Self> {
        let lengths = |what: String, found: usize, expected: usize| {
            if found == expected {
                return Ok(());
            }
            Err(Error::InvalidArgument(format!(
                "mask of {}: found {found} {what}, expected {expected}",
                space.name
            )))
        };
        lengths("cells".into(), active.len(), space.cells.len())?;
        for (cell, edges) in space.cells.iter().zip(&active) {
            lengths(format!("edges in the {} cell", cell.name), edges.len(), cell.edges.len())?;
            for operations in edges {
                lengths("operations on an edge".into(), operations.len(), space.operations.len())?;
            }
        }
        Mask { active }.offered(space)
    }

    /// A mask of `space` from 0 and 1 for every slot, in the order of [`Space::slot`].
    pub fn from_flat(space: &Space, active: &[u8]) -> Result<Self> {
        if active.len() != space.slots() {
            return Err(Error::InvalidArgument(format!(
                "mask of {}: found {} values, expected {}",
                space.name,
                active.len(),
                space.slots()
            )));
        }
        if let Some(slot) = active.iter().position(|a| *a > 1) {
            return Err(Error::InvalidArgument(format!(
                "mask[{slot}]: found {}, expected 0 or 1",
                active[slot]
            )));
        }
        let mut edges = active.chunks(space.operations.len());
        let mut edge = || edges.next().unwrap_or_default().iter().map(|a| *a == 1).collect();
        let cell = |cell: &super::Cell| cell.edges.iter().map(|_| edge()).collect();
        Mask { active: space.cells.iter().map(cell).collect() }.offered(space)
    }

    /// Cell -> edge -> operation.
    pub fn nested(&self) -> &[Vec<Vec<bool>>] {
        &self.active
    }

    /// Whether the operation is active.
    pub fn is_active(&self, c: Choice) -> bool {
        self.active[c.cell][c.edge][c.operation]
    }

    /// Number of active operations on an edge.
    pub fn active_on(&self, cell: usize, edge: usize) -> usize {
        self.active[cell][edge].iter().filter(|a| **a).count()
    }

    /// The active operations of an edge, in order.
    pub fn operations_on(&self, cell: usize, edge: usize) -> impl Iterator<Item = usize> + '_ {
        self.active[cell][edge].iter().enumerate().filter_map(|(o, a)| a.then_some(o))
    }

    /// Switches one operation off.
    pub fn remove(&mut self, c: Choice) {
        self.active[c.cell][c.edge][c.operation] = false;
    }

    /// Switches one operation on.
    pub(super) fn add(&mut self, c: Choice) {
        self.active[c.cell][c.edge][c.operation] = true;
    }

    /// This mask without one operation.
    pub fn without(&self, c: Choice) -> Self {
        let mut mask = self.clone();
        mask.remove(c);
        mask
    }

    /// The mixing weights of all slots (section 3.1): 1/k on an edge with k active operations.
    pub fn mixing(&self, space: &Space) -> Vec<f64> {
        let mut weights = Vec::with_capacity(space.slots());
        for edge in self.active.iter().flatten() {
            let k = edge.iter().filter(|a| **a).count();
            weights.extend(edge.iter().map(|a| if *a { 1.0 / k as f64 } else { 0.0 }));
        }
        weights
    }
}
