//! From what an engine leaves behind to numbers, once for all engines.

mod naswot;
mod ntk;
mod regions;
mod swap;

pub use naswot::naswot;
pub use ntk::{Spectrum, condition_number, spectrum, worst_condition_number};
pub use regions::linear_regions;
pub use swap::swap;
