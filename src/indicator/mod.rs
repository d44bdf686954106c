//! From what an engine leaves behind to numbers, once for all engines.

mod ntk;
mod regions;

pub use ntk::{Spectrum, condition_number, spectrum};
pub use regions::linear_regions;
