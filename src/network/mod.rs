//! Lowers (space, mask, network config) to a static graph of primitive operations.

use crate::error::Result;
use crate::space::{Space, SpaceKind};

/// How parameters are initialised (section 3.5). The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Init {
    /// As the paper says: Kaiming normal, fan-out for the NTK, fan-in for regions.
    KaimingNormal = 1,
    /// As the published code does: PyTorch's default.
    TorchDefault = 2,
}

/// A space together with its lowering.
#[derive(Debug)]
pub struct Supernet {
    /// The space.
    pub space: Space,
}

impl Supernet {
    /// A built-in supernet.
    pub fn of(kind: SpaceKind) -> Result<Self> {
        Ok(Supernet { space: kind.space() })
    }
}
