//! Finished architectures and their text forms.

use super::{Mask, Space};
use crate::error::{Error, Result};

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
    fn json(&self, space: &Space, mask: &Mask) -> serde_json::Value;
    /// Reads what [`native`](Self::native) writes, and published variants of it. The error says at
    /// which byte the fault is.
    fn parse(&self, space: &Space, text: &str) -> Result<Mask>;
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
                    space.cells[cell].edges[edge], space.cells[cell].name
                )));
            }
        }
        Ok(Genotype { space: space.clone(), mask: mask.clone() })
    }

    /// Reads the native text form.
    pub fn parse(space: &Space, text: &str) -> Result<Self> {
        let mask = space.text.parse(space, text)?;
        Ok(Genotype { space: space.clone(), mask })
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
