//! Parameters of the network that is trained (section 3.8).

use super::{Direction, Need, Proxy};
use crate::network::Cost;

/// The number of parameters, those of batch normalisation and the bias included.
#[derive(Debug)]
pub(super) struct Parameters;

impl Proxy for Parameters {
    fn name(&self) -> &str {
        "parameters"
    }
    fn title(&self) -> &str {
        "parameters of the network that is trained"
    }
    fn source(&self) -> &str {
        "counted as by Dong and Yang, NAS-Bench-201, ICLR 2020"
    }
    fn direction(&self) -> Direction {
        Direction::Higher
    }
    fn need(&self) -> Need {
        Need::Cost
    }
    fn worst(&self, _: usize) -> f64 {
        0.0
    }
    fn of_cost(&self, cost: Cost) -> f64 {
        cost.parameters as f64
    }
}
