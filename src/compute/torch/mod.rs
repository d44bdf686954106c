//! The torch engine: the same walk on libtorch, on an NVIDIA GPU or, as a cross-check, on the CPU.
//!
//! No autograd: the reverse pass is our own, with all cotangents of a block at once, and many tasks
//! side by side on a leading group axis, as many as the device has memory for. Nothing global of
//! libtorch is touched. The feature `torch` builds it.

#[cfg(feature = "torch")]
mod backend;
#[cfg(feature = "torch")]
mod cuda;
#[cfg(feature = "torch")]
mod engine;
#[cfg(feature = "torch")]
mod kernels;

#[cfg(feature = "torch")]
pub use backend::Counts;
#[cfg(feature = "torch")]
pub use engine::{ENOUGH_CUDA, TorchEngine};

use super::Engine;
use crate::error::Result;

/// A device of libtorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TorchDevice {
    /// This machine's CPU.
    Cpu,
    /// An NVIDIA GPU, counted from 0.
    Cuda(usize),
}

impl std::fmt::Display for TorchDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TorchDevice::Cpu => write!(f, "TORCH_CPU"),
            TorchDevice::Cuda(index) => write!(f, "CUDA {index}"),
        }
    }
}

/// The version of libtorch that the feature `torch` is for; `None` in a build without it.
pub const LIBTORCH_VERSION: Option<&str> =
    if cfg!(feature = "torch") { Some("2.11.0") } else { None };

/// The engine on a device of libtorch; an error that says what to do where there is no such device.
#[cfg(feature = "torch")]
pub fn torch(device: TorchDevice) -> Result<Box<dyn Engine>> {
    Ok(Box::new(TorchEngine::new(device)?))
}

/// The engine on a device of libtorch; an error that says what to do where there is no such device.
#[cfg(not(feature = "torch"))]
pub fn torch(device: TorchDevice) -> Result<Box<dyn Engine>> {
    Err(crate::error::Error::Device(format!(
        "device: found {device}, but this build has no torch engine; expected AUTO or CPU, or a \
         library built with `cargo build --release --features torch` and a libtorch 2.11.0"
    )))
}

/// NVIDIA GPUs that this build and this machine can use.
pub fn cuda_devices() -> usize {
    #[cfg(feature = "torch")]
    return cuda::devices();
    #[cfg(not(feature = "torch"))]
    return 0;
}
