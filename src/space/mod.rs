//! Search spaces as data: cells, edges, operations, and the stages of a search.
//!
//! Nothing here computes. A [`Space`] says what can be pruned and in which stages, a [`Mask`] which
//! operations are still active, a [`Genotype`] what is left at the end. Every space is a file
//! ([`SpaceFile`]); those that are built in are in `spaces/`, with others.

mod enumerate;
mod file;
mod generic;
mod genotype;
mod mask;
mod preset;
mod text;

mod darts;
mod nas_bench_201;

pub use file::*;
pub use genotype::{Genotype, GenotypeFormat, GenotypeText};
pub use mask::{Choice, Mask};
pub use preset::{Preset, RankPreset};
pub use text::{Cursor, mask_of};

use std::ops::{Deref, Range};
use std::sync::Arc;

use once_cell::race::OnceBox;

use crate::digest::digest_of;
use crate::error::{Error, Result};

/// The search spaces that are built in. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum SpaceKind {
    /// NAS-Bench-201 (Dong and Yang, ICLR 2020).
    NasBench201 = 1,
    /// DARTS (Liu, Simonyan and Yang, ICLR 2019).
    Darts = 2,
}

static NAS_BENCH_201: OnceBox<Space> = OnceBox::new();
static DARTS: OnceBox<Space> = OnceBox::new();

impl SpaceKind {
    /// All of them.
    pub const ALL: [SpaceKind; 2] = [SpaceKind::NasBench201, SpaceKind::Darts];

    /// The space as data.
    pub fn space(self) -> Space {
        let read = match self {
            SpaceKind::NasBench201 => &NAS_BENCH_201,
            SpaceKind::Darts => &DARTS,
        };
        read.get_or_init(|| Box::new(self.read())).clone()
    }

    /// Its file.
    pub fn json(self) -> &'static str {
        match self {
            SpaceKind::NasBench201 => include_str!("../../spaces/nas-bench-201.json"),
            SpaceKind::Darts => include_str!("../../spaces/darts.json"),
        }
    }

    fn read(self) -> Space {
        let space = Space::from_json(self.json());
        space.unwrap_or_else(|error| panic!("{self:?}, which is built in: {error}"))
    }

    /// The built-in space that `space` is, by all of its content.
    pub fn of(space: &Space) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.space() == *space)
    }
}

/// A search space. Copies share what they hold; two are equal if their content is.
#[derive(Debug, Clone)]
pub struct Space(Arc<SpaceData>);

/// What a space holds.
#[derive(Debug)]
pub struct SpaceData {
    /// The name that users type, for example `nas-bench-201`.
    pub name: String,
    /// The operations of all edges, in the order of the mask. An edge need not offer all of them.
    pub operations: Vec<String>,
    /// The operation that contributes zero: never active in a supernet.
    pub none: Option<usize>,
    /// The kinds of cell, each with a mask of its own, and the groups of choices.
    pub cells: Vec<Cell>,
    /// What a search prunes, in order.
    pub stages: Vec<Stage>,
    /// Published hyper-parameters.
    pub preset: Preset,
    /// Hyper-parameters of the strategy `rank`.
    pub rank: RankPreset,
    /// The text forms of a finished architecture.
    pub text: &'static dyn GenotypeText,
    file: Arc<SpaceFile>,
    digest: u64,
    own_graphs: bool,
}

impl Deref for Space {
    type Target = SpaceData;
    fn deref(&self) -> &SpaceData {
        &self.0
    }
}

impl PartialEq for Space {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.digest == other.digest && self.name == other.name
    }
}
impl Eq for Space {}

/// How often an edge is there in a space [with parallel edges](Space::with_parallel_edges).
const PARALLEL: usize = 2;

/// A kind of cell, whose cells share one mask, or a group of choices outside of cells.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its name, for example `normal`.
    pub name: String,
    /// Its edges, in the order of the mask.
    pub edges: Vec<Edge>,
    /// Their names.
    pub edge_names: Vec<String>,
    /// The operations that each edge offers, ascending.
    pub options: Vec<Vec<usize>>,
    pub(crate) kind: CellKind,
}

/// What the edges of a cell are.
#[derive(Debug, Clone)]
pub(crate) enum CellKind {
    /// Edges of a graph. States are the inputs, then the nodes.
    Graph {
        /// Outputs of earlier parts of the network that it reads.
        inputs: usize,
        /// The number of the first node in `Edge::to`.
        first_node: usize,
        /// What its nodes become.
        output: Output,
        /// Some network has it with a stride: what reads an input then changes its shape.
        strided: bool,
    },
    /// Choices of a network's macro structure.
    Choices {
        /// Whether an edge comes directly behind the edge before it, and has its shape.
        joined: Vec<bool>,
    },
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

/// The edges that end in one node, or a single choice.
#[derive(Debug, Clone)]
struct Group {
    cell: usize,
    edges: Range<usize>,
    /// How many of them a finished architecture keeps; `None` where it keeps all.
    keep: Option<usize>,
}

/// The names of parameters of an operation on an edge.
pub(crate) fn fill(path: &str, edge: &str, operation: &str, index: usize) -> String {
    let path = path.replace("{edge}", edge).replace("{operation}", operation);
    path.replace("{index}", &index.to_string())
}

impl Space {
    /// Reads a space file.
    ///
    /// Errors: [`Error::Format`] with the place in the JSON, what was found and what was expected;
    /// [`Error::OutOfMemory`].
    pub fn from_json(text: &str) -> Result<Self> {
        SpaceFile::parse(text)?.space()
    }

    /// Number of finished architectures; `None` if it does not fit.
    pub fn size(&self) -> Option<u64> {
        enumerate::size(self)
    }
}

impl SpaceData {
    /// A space of a file that has been checked.
    pub(crate) fn of_file(
        file: SpaceFile,
        cells: Vec<Cell>,
        stages: Vec<Stage>,
        own_graphs: bool,
    ) -> Result<Space> {
        // Neither readers' texts nor the order and spelling of the JSON make another space.
        let content = SpaceFile { description: None, ..file.clone() };
        let content = serde_json::to_string(&content)
            .map_err(|e| Error::Internal(format!("a space that cannot be written: {e}")))?;
        Ok(Space(Arc::new(SpaceData {
            name: file.name.clone(),
            operations: file.operations.iter().map(|o| o.name.clone()).collect(),
            none: file.operations.iter().position(|o| o.zero),
            cells,
            stages,
            preset: file.preset,
            rank: file.rank,
            text: match file.text {
                TextForm::Generic => &generic::Listing,
                TextForm::NasBench201 => &nas_bench_201::ArchitectureString,
                TextForm::Darts => &darts::NamedTuple,
            },
            digest: digest_of(content.as_bytes()),
            own_graphs,
            file: Arc::new(file),
        })))
    }

    /// The file that it was read from.
    pub fn file(&self) -> &SpaceFile {
        &self.file
    }

    /// The file as JSON: read back, it gives an equal space.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&*self.file).unwrap_or_default()
    }

    /// A number that tells spaces apart by all of their content: the 64-bit FNV-1a hash of the file,
    /// without its description.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Whether an architecture needs a graph of its own. If not, it runs on that of any supernet
    /// that has its operations, by mixing weights alone. Numbers of channels and of repetitions
    /// change the graph.
    pub fn has_own_graphs(&self) -> bool {
        self.own_graphs
    }

    /// Whether an operation on an edge gives what it reads, in every network.
    pub(crate) fn passes(&self, cell: usize, edge: usize, operation: usize) -> bool {
        let layers = self.file.operations[operation].layers.as_deref();
        let identity = layers.is_some_and(|layers| layers.iter().all(|l| *l == Layer::Identity));
        identity
            && match self.cells[cell].kind {
                CellKind::Graph { inputs, strided, .. } => {
                    !strided || self.cells[cell].edges[edge].from >= inputs
                }
                CellKind::Choices { .. } => true,
            }
    }

    /// Whether it is `none` where an architecture lacks edges instead.
    pub(crate) fn is_absent(&self, choice: Choice) -> bool {
        Some(choice.operation) == self.none && self.kept(choice.cell).is_some()
    }

    /// Whether an edge offers an operation.
    pub fn offers(&self, choice: Choice) -> bool {
        let Choice { cell, edge, operation } = choice;
        self.cells[cell].options[edge].contains(&operation)
    }
    /// The preset for the data set of that name.
    pub fn preset(&self, dataset: &str) -> Preset {
        self.file.presets.get(dataset).copied().unwrap_or(self.preset)
    }

    /// The name, for a message about two spaces; with the digest if the other has the same name.
    pub(crate) fn told_from(&self, other: &SpaceData) -> String {
        if self.name == other.name {
            format!("{} (digest {:016x})", self.name, self.digest)
        } else {
            self.name.clone()
        }
    }

    /// The names of what an edge offers, for messages.
    pub(crate) fn offered(&self, cell: usize, edge: usize) -> String {
        let options = self.cells[cell].options[edge].iter();
        options.map(|o| self.operations[*o].as_str()).collect::<Vec<_>>().join(", ")
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

    /// The same space with every edge there twice, one after the other in the order of the mask.
    ///
    /// A finished cell may have two edges into a node from the same state, each with an operation
    /// of its own, and adds up both. A mask of the space itself has one place for both, where
    /// active operations are averaged; a mask of this space has a place for each.
    pub fn with_parallel_edges(&self) -> Space {
        let twice = |cell: &Cell| Cell {
            edges: cell.edges.iter().flat_map(|edge| [*edge; PARALLEL]).collect(),
            // As parameters are named.
            edge_names: cell
                .edge_names
                .iter()
                .flat_map(|n| [n.clone(), format!("{n}#2")])
                .collect(),
            options: cell.options.iter().flat_map(|o| [o.clone(), o.clone()]).collect(),
            ..cell.clone()
        };
        let stage = |stage: &Stage| match stage {
            Stage::Operations => Stage::Operations,
            Stage::EdgeGroup { cell, edges, keep } => {
                let edges = PARALLEL * edges.start..PARALLEL * edges.end;
                Stage::EdgeGroup { cell: *cell, edges, keep: *keep }
            }
        };
        Space(Arc::new(SpaceData {
            name: self.name.clone(),
            operations: self.operations.clone(),
            none: self.none,
            cells: self.cells.iter().map(twice).collect(),
            stages: self.stages.iter().map(stage).collect(),
            preset: self.preset,
            rank: self.rank,
            text: self.text,
            file: self.file.clone(),
            digest: self.digest,
            own_graphs: self.own_graphs,
        }))
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
