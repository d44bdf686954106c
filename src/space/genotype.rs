//! Finished architectures and their text forms.

use serde_json::Value;

use super::{Choice, Mask, Space, mask_of};
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

/// Prints and parses the architectures of one space. All of them take masks with at most one
/// active operation an edge.
pub trait GenotypeText: std::fmt::Debug + Send + Sync {
    /// The text that the space's own training code reads.
    fn native(&self, space: &Space, mask: &Mask) -> String;
    /// The same as JSON.
    fn json(&self, space: &Space, mask: &Mask) -> Value;
    /// Reads what [`native`](Self::native) writes, and published variants of it. The error says at
    /// which byte the fault is.
    fn parse(&self, space: &Space, text: &str) -> Result<Mask>;
    /// Reads what [`json`](Self::json) writes. The error names the key.
    fn parse_json(&self, space: &Space, json: &Value) -> Result<Mask> {
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
#[derive(Debug, Clone)]
pub struct Genotype {
    space: Space,
    mask: Mask,
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
        Ok(Genotype { space: space.clone(), mask: mask.clone() })
    }

    /// The space it is of.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Reads either text form: JSON if it begins with a brace, else the native one.
    ///
    /// Errors: [`Error::Format`] naming the byte or the key.
    pub fn parse(space: &Space, text: &str) -> Result<Self> {
        let mask = if text.trim_start().starts_with('{') {
            let json = super::text::json(text)?;
            space.text.parse_json(space, &json)?
        } else {
            space.text.parse(space, text)?
        };
        Ok(Genotype { space: space.clone(), mask })
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
        Ok(Genotype { space: space.clone(), mask })
    }

    /// Its operation on each edge, in the order of [`from_operations`](Self::from_operations);
    /// `None` where an edge has none and the space no operation `none`.
    pub fn operations(&self) -> Vec<Option<usize>> {
        let on = |(cell, edge)| self.mask.operations_on(cell, edge).next().or(self.space.none);
        self.space.edges().map(on).collect()
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
        let mask = super::enumerate::at(space, index)?;
        Ok(Genotype { space: space.clone(), mask })
    }

    /// Its number: [`at`](Self::at) gives it back. `None` for one that the enumeration leaves out:
    /// a DARTS cell with an operation `none`.
    pub fn index(&self) -> Option<u64> {
        super::enumerate::index(&self.space, &self.mask)
    }

    /// One of all architectures of the space, each as likely as any other.
    ///
    /// Errors: [`Error::InvalidState`] for a node with 2^64 choices or more.
    pub fn sample(space: &Space, stream: &mut Stream) -> Result<Self> {
        let mask = super::enumerate::sample(space, stream)?;
        Ok(Genotype { space: space.clone(), mask })
    }

    /// A neighbour, each as likely as any other: one edge has another operation; or, where a node
    /// keeps some of its edges, another edge takes the place and the operation of one.
    ///
    /// Errors: [`Error::InvalidState`] in a space of one architecture.
    pub fn mutate(&self, stream: &mut Stream) -> Result<Self> {
        let mask = super::enumerate::mutate(&self.space, &self.mask, stream).ok_or_else(|| {
            Error::InvalidState(format!("{}: found one architecture alone", self.space.name))
        })?;
        Ok(Genotype { space: self.space.clone(), mask })
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

    /// Its operations as a mask.
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
