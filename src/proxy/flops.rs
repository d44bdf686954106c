//! Multiply-adds of the network that is trained (section 3.8).

use super::{Direction, Need, Proxy};
use crate::network::Cost;

/// Multiply-adds of one image. Papers call them FLOPs.
#[derive(Debug)]
pub(super) struct Flops;

impl Proxy for Flops {
    fn name(&self) -> &str {
        "flops"
    }
    fn title(&self) -> &str {
        "multiply-adds of the network that is trained"
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
        cost.multiply_adds as f64
    }
}
