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
    /// Presets of data sets that have one of their own, by the data set's name.
    pub presets: Vec<(&'static str, Preset)>,
    /// Hyper-parameters of the strategy `rank`.
    pub rank: RankPreset,
    /// The text forms of a finished architecture.
    pub text: &'static dyn GenotypeText,
}

/// How often an edge is there in a space [with parallel edges](Space::with_parallel_edges).
const PARALLEL: usize = 2;

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
    /// How many of them a finished architecture keeps; `None` where it keeps all.
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

    /// The same space with every edge there twice, one behind the other in the order of the mask.
    ///
    /// A finished cell may have two edges into a node from the same state, each with an operation
    /// of its own, and adds up both. A mask of the space itself has one place for both, where
    /// active operations are averaged; a mask of this space has a place for each.
    pub fn with_parallel_edges(&self) -> Space {
        let mut space = self.clone();
        for cell in &mut space.cells {
            cell.edges = cell.edges.iter().flat_map(|edge| [*edge; PARALLEL]).collect();
        }
        for stage in &mut space.stages {
            if let Stage::EdgeGroup { edges, .. } = stage {
                *edges = PARALLEL * edges.start..PARALLEL * edges.end;
            }
        }
        space
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
        (0..self.cells.len()).flat_map(|cell| self.groups_of(cell)).collect()
    }

    /// The edges of one cell, grouped by the node they end in, in the order of the mask.
    fn groups_of(&self, cell: usize) -> Vec<Group> {
        let kept = self.kept(cell);
        let mut start = 0;
        let same_node = |a: &Edge, b: &Edge| a.to == b.to;
        let groups = self.cells[cell].edges.chunk_by(same_node).map(|edges| {
            let group = Group {
                cell,
                edges: start..start + edges.len(),
                keep: kept.map(|keep| keep.min(edges.len())),
            };
            start += edges.len();
            group
        });
        groups.collect()
    }

    /// Every (cell, edge), in order.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.cells
            .iter()
            .enumerate()
            .flat_map(|(c, cell)| (0..cell.edges.len()).map(move |e| (c, e)))
    }
}
