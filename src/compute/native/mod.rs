//! The native engine: this machine's CPU, f32, nothing but this crate.
//!
//! Networks of a search have 1 to 12 channels, too few to vectorise over, and planes as small as
//! 3 x 3. So the innermost axis is the image: a tensor is `[I, N/8, C, H, W]` vectors of 8 images.
//! Every kernel is then a loop over whole vectors, at any stride, dilation or width, and a
//! reduction never adds across lanes before its end. The last vectors of a batch whose size is not
//! a multiple of 8 have unused lanes: their cotangents are kept zero, statistics pass them over.

mod kernels;
mod ops;
mod simd;
mod tensor;

pub use simd::InstructionSet;

use super::Engine;
use super::cpu::CpuEngine;
use crate::error::{Error, Result};
pub(super) use kernels::NativeKernels;

/// The native engine on `threads` threads (0: one a core), with the best instructions there are.
pub fn native(threads: usize) -> Result<Box<dyn Engine>> {
    native_with(threads, InstructionSet::detect())
}

/// The native engine with given instructions. The results are the same to the last bit.
pub fn native_with(threads: usize, set: InstructionSet) -> Result<Box<dyn Engine>> {
    if !set.is_available() {
        return Err(Error::Device(format!("instruction set: found a machine without {set:?}")));
    }
    let first = NativeKernels::new(set);
    Ok(Box::new(CpuEngine::new(set.engine_name(), threads, move || first.sibling())?))
}
