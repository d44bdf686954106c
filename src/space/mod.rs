//! Search spaces as data: cells, edges, operations, and the stages of a search.
//!
//! Nothing here knows of networks. A [`Space`] says what can be pruned and in which stages, a
//! [`Mask`] which operations are still active, a [`Genotype`] what is left at the end.

mod enumerate;
mod genotype;
mod mask;
mod preset;
mod text;

pub mod darts;
pub mod nas_bench_201;

pub use genotype::{Genotype, GenotypeFormat, GenotypeText};
pub use mask::{Choice, Mask};
pub use preset::{Preset, RankPreset};
pub use text::{Cursor, mask_of};

use std::ops::Range;

/// The search spaces that are built in. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum SpaceKind {
    /// NAS-Bench-201 (Dong and Yang, ICLR 2020).
    NasBench201 = 1,
    /// DARTS (Liu, Simonyan and Yang, ICLR 2019).
    Darts = 2,
}

impl SpaceKind {
    /// All of them.
    pub const ALL: [SpaceKind; 2] = [SpaceKind::NasBench201, SpaceKind::Darts];

    /// The space as data.
    pub fn space(self) -> Space {
        match self {
            SpaceKind::NasBench201 => nas_bench_201::space(),
            SpaceKind::Darts => darts::space(),
        }
    }
}

/// A search space.
#[derive(Debug, Clone)]
pub struct Space {
    /// The name that users type, for example `nas-bench-201`.
    pub name: &'static str,
    /// The operations of every edge, in the order of the mask.
    pub operations: Vec<&'static str>,
    /// The operation that contributes zero: never active in a supernet.
    pub none: Option<usize>,
    /// The kinds of cell, each with a mask of its own.
    pub cells: Vec<Cell>,
    /// What a search prunes, in order.
    pub stages: Vec<Stage>,
    /// Published hyper-parameters.
    pub preset: Preset,
    /// Those of data sets that have their own, by the data set's name.
    pub presets: Vec<(&'static str, Preset)>,
    /// Hyper-parameters of the strategy `rank`.
    pub rank: RankPreset,
    /// The text forms of a finished architecture.
    pub text: &'static dyn GenotypeText,
}

/// A kind of cell: all cells of a kind share one mask.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its name, for example `normal`.
    pub name: &'static str,
    /// Its edges, in the order of the mask.
    pub edges: Vec<Edge>,
}

/// An edge of a cell. It reads state `from` and adds into state `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The state that is read.
    pub from: usize,
    /// The node (NAS-Bench-201) or step (DARTS) that is written, numbered as in parameter names.
    pub to: usize,
}

impl std::fmt::Display for Edge {
    /// As in parameter names: `to<-from`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}<-{}", self.to, self.from)
    }
}

/// A stage of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Rounds that remove operations until every edge has one.
    Operations,
    /// One round that removes whole edges of a group until `keep` are left.
    EdgeGroup {
        /// The cell.
        cell: usize,
        /// Its edges that compete with each other.
        edges: Range<usize>,
        /// How many stay.
        keep: usize,
    },
}

/// The edges that end in one node.
#[derive(Debug, Clone)]
struct Group {
    cell: usize,
    edges: Range<usize>,
    /// How many of them a finished architecture has; `None` where each has its operation.
    keep: Option<usize>,
}

impl Space {
    /// The preset for the data set of that name.
    pub fn preset(&self, dataset: &str) -> Preset {
        let own = self.presets.iter().find(|(name, _)| *name == dataset);
        own.map_or(self.preset, |(_, preset)| *preset)
    }

    /// Number of operation slots: the length of a flat mask.
    pub fn slots(&self) -> usize {
        self.cells.iter().map(|c| c.edges.len()).sum::<usize>() * self.operations.len()
    }

    /// The flat index of (cell, edge, operation): cells, then edges, then operations.
    pub fn slot(&self, choice: Choice) -> usize {
        let before: usize = self.cells[..choice.cell].iter().map(|c| c.edges.len()).sum();
        (before + choice.edge) * self.operations.len() + choice.operation
    }

    /// Number of finished architectures; `None` if it does not fit.
    pub fn size(&self) -> Option<u64> {
        enumerate::size(self)
    }

    /// How many edges into a node a finished cell keeps; `None` for all.
    fn kept(&self, cell: usize) -> Option<usize> {
        self.stages.iter().find_map(|stage| match stage {
            Stage::EdgeGroup { cell: c, keep, .. } if *c == cell => Some(*keep),
            _ => None,
        })
    }

    /// The edges of all cells, grouped by the node they end in.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (c, cell) in self.cells.iter().enumerate() {
            for (e, edge) in cell.edges.iter().enumerate() {
                match groups.last_mut() {
                    Some(g) if g.cell == c && cell.edges[g.edges.start].to == edge.to => {
                        g.edges.end = e + 1;
                    }
                    _ => groups.push(Group { cell: c, edges: e..e + 1, keep: None }),
                }
            }
        }
        for group in &mut groups {
            group.keep = self.kept(group.cell).map(|keep| keep.min(group.edges.len()));
        }
        groups
    }

    /// Every (cell, edge), in order.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.cells
            .iter()
            .enumerate()
            .flat_map(|(c, cell)| (0..cell.edges.len()).map(move |e| (c, e)))
    }
}
