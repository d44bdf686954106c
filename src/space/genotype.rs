//! Finished architectures and their text forms.

use serde_json::Value;

use super::{Choice, Mask, PARALLEL, Space, mask_of};
use crate::error::{Error, Result};
use crate::random::Stream;

/// How a genotype is written. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum GenotypeFormat {
    /// The text that the space's own training code reads.
    Native = 1,
    /// JSON.
    Json = 2,
}

/// Prints and parses the architectures of one space.
///
/// What prints is given a mask with at most one active operation an edge, of the space or of the
/// same [with parallel edges](Space::with_parallel_edges), and that space. What parses gives the
/// architecture's operations, each with its edge in the space itself; an edge that the
/// architecture has twice comes twice.
pub trait GenotypeText: std::fmt::Debug + Send + Sync {
    /// The text that the space's own training code reads.
    fn native(&self, space: &Space, mask: &Mask) -> String;
    /// The same as JSON.
    fn json(&self, space: &Space, mask: &Mask) -> Value;
    /// Reads what [`native`](Self::native) writes, and published variants of it. The error says at
    /// which byte the fault is.
    fn parse(&self, space: &Space, text: &str) -> Result<Vec<Choice>>;
    /// Reads what [`json`](Self::json) writes. The error names the key.
    fn parse_json(&self, space: &Space, json: &Value) -> Result<Vec<Choice>> {
        let _ = json;
        Err(Error::Format(format!("genotype: architectures of {} have no JSON reader", space.name)))
    }
    /// A text that isomorphic architectures share. Unless a space knows better, they are those
    /// with the same native text.
    fn canonical(&self, space: &Space, mask: &Mask) -> String {
        self.native(space, mask)
    }
}

/// A finished architecture: at most one operation on each edge.
///
/// Where a node has two edges from the same state, the edges are those of the space [with parallel
/// edges](Space::with_parallel_edges).
#[derive(Debug, Clone)]
pub struct Genotype {
    space: Space,
    mask: Mask,
    parallel: bool,
}

impl Genotype {
    /// The architecture that a mask has come down to. It is an error if an edge has more than one
    /// active operation.
    pub fn from_mask(space: &Space, mask: &Mask) -> Result<Self> {
        for (cell, edge) in space.edges() {
            let active = mask.active_on(cell, edge);
            if active > 1 {
                return Err(Error::InvalidState(format!(
                    "genotype: edge {} of the {} cell has {active} active operations, expected 1",
                    space.cells[cell].edge_names[edge], space.cells[cell].name
                )));
            }
        }
        Ok(Self::of(space, mask.clone()))
    }

    fn of(space: &Space, mask: Mask) -> Self {
        Genotype { space: space.clone(), mask, parallel: false }
    }

    /// The space whose edges the mask has: with parallel edges if the architecture has some.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Whether a node has two edges from the same state.
    pub fn has_parallel_edges(&self) -> bool {
        self.parallel
    }

    /// Reads either text form: JSON if it begins with a brace, else the native one.
    ///
    /// Errors: [`Error::Format`] naming the byte or the key.
    pub fn parse(space: &Space, text: &str) -> Result<Self> {
        let choices = match super::text::json(text)? {
            Some(json) => space.text.parse_json(space, &json)?,
            None => space.text.parse(space, text)?,
        };
        Self::from_choices(space, choices)
    }

    /// The architecture of these operations, whose edges are the space's and may come twice. The
    /// order of the two makes no difference: `none` is the second, so that the other one has the
    /// parameters that it has alone.
    fn from_choices(space: &Space, mut choices: Vec<Choice>) -> Result<Self> {
        if let Some(choice) = choices.iter().find(|c| !space.offers(**c)) {
            let of = &space.cells[choice.cell];
            return Err(Error::Format(format!(
                "genotype: found {} on edge {} of the {} cell, expected one of {}",
                space.operations[choice.operation],
                of.edge_names[choice.edge],
                of.name,
                space.offered(choice.cell, choice.edge)
            )));
        }
        choices.sort_by_key(|c| (c.cell, c.edge, Some(c.operation) == space.none, c.operation));
        let same_edge = |a: &Choice, b: &Choice| (a.cell, a.edge) == (b.cell, b.edge);
        let parallel = choices.windows(2).any(|w| same_edge(&w[0], &w[1]));
        if !parallel {
            return Ok(Self::of(space, mask_of(space, &choices)));
        }
        let mut placed = Vec::with_capacity(choices.len());
        for edge in choices.chunk_by(same_edge) {
            if edge.len() > PARALLEL {
                return Err(Error::Format(format!(
                    "genotype: found {} operations on edge {} of the {} cell, expected at most \
                     {PARALLEL}",
                    edge.len(),
                    space.cells[edge[0].cell].edges[edge[0].edge],
                    space.cells[edge[0].cell].name
                )));
            }
            placed.extend(
                edge.iter().enumerate().map(|(i, c)| Choice { edge: PARALLEL * c.edge + i, ..*c }),
            );
        }
        let space = space.with_parallel_edges();
        let mask = mask_of(&space, &placed);
        Ok(Genotype { space, mask, parallel })
    }

    /// Stands for an edge that is not there, in a space without `none`.
    pub const ABSENT: usize = u32::MAX as usize;

    /// The architecture with these operations, one an edge: cells in order, in each its edges in
    /// order, `none` for an edge that is not there; [`ABSENT`](Self::ABSENT) in a space without it.
    ///
    /// Errors: [`Error::InvalidArgument`] for a wrong number of edges, an index that is no
    /// operation, or more or fewer edges into a node than an architecture of the space has.
    pub fn from_operations(space: &Space, operations: &[usize]) -> Result<Self> {
        let edges: Vec<(usize, usize)> = space.edges().collect();
        if operations.len() != edges.len() {
            return Err(Error::InvalidArgument(format!(
                "operations: found {}, expected {}, one for each edge of {}",
                operations.len(),
                edges.len(),
                space.name
            )));
        }
        let mut choices = Vec::new();
        for ((cell, edge), &operation) in edges.into_iter().zip(operations) {
            if operation == Self::ABSENT && space.none.is_none() && space.kept(cell).is_some() {
                continue;
            }
            if operation >= space.operations.len() {
                return Err(Error::InvalidArgument(format!(
                    "operation of edge {} of the {} cell: found {operation}, expected 0 to {}",
                    space.cells[cell].edge_names[edge],
                    space.cells[cell].name,
                    space.operations.len() - 1
                )));
            }
            let choice = Choice { cell, edge, operation };
            if !space.offers(choice) {
                return Err(Error::InvalidArgument(format!(
                    "operation of edge {} of the {} cell: found {}, expected one of {}",
                    space.cells[cell].edge_names[edge],
                    space.cells[cell].name,
                    space.operations[operation],
                    space.offered(cell, edge)
                )));
            }
            if !space.is_absent(choice) {
                choices.push(choice);
            }
        }
        let mask = mask_of(space, &choices);
        for group in space.groups() {
            let found = group.edges.clone().filter(|e| mask.active_on(group.cell, *e) > 0).count();
            if group.keep.is_some_and(|keep| keep != found) {
                return Err(Error::InvalidArgument(format!(
                    "operations: found {found} edges into node {} of the {} cell, expected {}",
                    space.cells[group.cell].edges[group.edges.start].to,
                    space.cells[group.cell].name,
                    group.keep.unwrap_or(found)
                )));
            }
        }
        Ok(Self::of(space, mask))
    }

    /// Its operation on each edge, in the order of [`from_operations`](Self::from_operations);
    /// `None` where an edge has none and the space no operation `none`. `None` for the whole of an
    /// architecture with parallel edges, which has two on one edge.
    pub fn operations(&self) -> Option<Vec<Option<usize>>> {
        let on = |(cell, edge)| self.mask.operations_on(cell, edge).next().or(self.space.none);
        (!self.parallel).then(|| self.space.edges().map(on).collect())
    }

    /// Architecture number `index` of the space, from 0 to [`Space::size`]: a number of many
    /// digits, the first edge's the most significant.
    ///
    /// Where a node takes every edge (NAS-Bench-201), an edge is a digit: its operation. Where it
    /// keeps `k` (DARTS), a node is: the kept edges, in lexicographic order of all choices of `k`;
    /// then an operation for each of them, `none` not counted.
    ///
    /// Errors: [`Error::NotFound`] if there is no such number.
    pub fn at(space: &Space, index: u64) -> Result<Self> {
        Ok(Self::of(space, super::enumerate::at(space, index)?))
    }

    /// Its number: [`at`](Self::at) gives it back. `None` for one that the enumeration leaves out:
    /// a DARTS cell with an operation `none`, or with parallel edges.
    pub fn index(&self) -> Option<u64> {
        if self.parallel {
            return None;
        }
        super::enumerate::index(&self.space, &self.mask)
    }

    /// One of all architectures of the space, each as likely as any other.
    ///
    /// Errors: [`Error::InvalidState`] for a node with 2^64 choices or more.
    pub fn sample(space: &Space, stream: &mut Stream) -> Result<Self> {
        Ok(Self::of(space, super::enumerate::sample(space, stream)?))
    }

    /// A neighbour, each as likely as any other: one edge has another operation; or, where a node
    /// keeps some of its edges, another edge takes the place and the operation of one.
    ///
    /// Errors: [`Error::InvalidState`] in a space of one architecture.
    pub fn mutate(&self, stream: &mut Stream) -> Result<Self> {
        let mask = super::enumerate::mutate(&self.space, &self.mask, stream).ok_or_else(|| {
            Error::InvalidState(format!("{}: found one architecture alone", self.space.name))
        })?;
        Ok(Genotype { mask, ..self.clone() })
    }

    /// A text that isomorphic architectures share and others do not.
    ///
    /// NAS-Bench-201: what each node adds up, written out from the input: `skip_connect` is the
    /// identity, `none` and what follows from a lone `none` is zero, sums are sorted. The
    /// benchmark's own rule (`to_unique_str` of its code), which finds 6,466 classes. It keeps
    /// zeros as terms of a sum, so that some classes still compute the same function.
    ///
    /// DARTS: cells whose steps differ in their numbers only.
    ///
    /// Others: each node written out in the same way, without zeros; in a chain, it does not matter
    /// which of two blocks of the same shape is skipped.
    pub fn canonical(&self) -> String {
        self.space.text.canonical(&self.space, &self.mask)
    }

    /// Whether both are isomorphic, by [`canonical`](Self::canonical).
    pub fn is_isomorphic(&self, other: &Genotype) -> bool {
        self.space == other.space && self.canonical() == other.canonical()
    }

    /// Its operations as a mask of [`space`](Self::space).
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Its text.
    pub fn to_text(&self, format: GenotypeFormat) -> String {
        match format {
            GenotypeFormat::Native => self.space.text.native(&self.space, &self.mask),
            GenotypeFormat::Json => self.space.text.json(&self.space, &self.mask).to_string(),
        }
    }
}
