//! What a proxy costs a network, in kind.

use super::{Need, Proxy};
use crate::compute::Wanted;
use crate::network::Graph;
use crate::random::{Key, Purpose};

/// What a proxy costs. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(i32)]
pub enum CostClass {
    /// The size of the network is counted; nothing is evaluated.
    Count = 1,
    /// Forward passes.
    Forward = 2,
    /// Forward and reverse passes.
    Reverse = 3,
}

impl CostClass {
    /// The cost of a proxy on a network, since what it wants may depend on the graph.
    pub fn of(proxy: &dyn Proxy, graph: &Graph) -> Self {
        if proxy.need() == Need::Cost {
            return CostClass::Count;
        }
        let purpose = Purpose::Proxies;
        let key = Key { seed: 0, purpose, round: 0, candidate: 0, repeat: 0 };
        let Wanted { gradients, pullbacks, .. } = proxy.wanted(graph, &key);
        if gradients.is_none() && pullbacks.is_empty() {
            CostClass::Forward
        } else {
            CostClass::Reverse
        }
    }
}
