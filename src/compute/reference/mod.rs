//! The reference engine: plain f64 loops over `[I, N, C, H, W]`, every primitive by itself. It is
//! for tests: slow, and obviously right.

mod kernels;

use super::Engine;
use super::cpu::CpuEngine;
use crate::error::Result;

pub(super) use kernels::ReferenceKernels;

/// The reference engine on `threads` threads (0: one a core).
pub fn reference(threads: usize) -> Result<Box<dyn Engine>> {
    Ok(Box::new(CpuEngine::new("reference", threads, || ReferenceKernels)?))
}
