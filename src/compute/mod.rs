//! Engines that evaluate tasks on graphs.
//!
//! An engine has two verbs: [`prepare`](Engine::prepare) a plan from a graph, and
//! [`evaluate`](Engine::evaluate) all tasks of a round at once. Blocking, threads, memory and fusion
//! are inside; no caller ever sees a tensor. Tasks are pure data. What a task leaves behind (K, rows
//! of gradients, activation bits, features and more) is reduced by a function of the caller, on the
//! thread that has it at hand; what it made arrives at a sink, on the thread that called in, in any
//! order.

mod bits;
mod cpu;
mod evidence;
mod gram;
mod kernels;
mod native;
mod program;
mod reference;
mod task;
mod torch;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

pub use bits::{ActivationBits, BitGroup};
pub use evidence::{Evidence, Features, Jacobian, Kernel, Pulled, Rows, Variances};
pub use native::{InstructionSet, native, native_with};
pub use reference::reference;
pub use task::{Gradients, Inputs, Parameters, Pullback, Seed, Task, Wanted};
#[cfg(feature = "torch")]
pub use torch::{Counts, ENOUGH_CUDA, TorchEngine};
pub use torch::{LIBTORCH_VERSION, TorchDevice, cuda_devices, torch};

use crate::error::Result;
use crate::fork::Mutex;
use crate::network::Graph;
use program::Program;

/// A graph as an engine wants it.
#[derive(Debug)]
pub struct Plan {
    program: Program,
}

impl Plan {
    /// The graph that it was made from.
    pub fn graph(&self) -> &Graph {
        self.program.graph()
    }
}

/// Takes task number n's evidence, on any thread.
pub type Reduce<'a> = dyn Fn(usize, Evidence<'_>) + Sync + 'a;

/// Is told that task number n has been reduced, on the thread that called in; `Break` stops.
pub type Sink<'a> = dyn FnMut(usize) -> ControlFlow<()> + 'a;

/// Tasks as they come; pulled on the thread that called in.
pub type Tasks<'a> = dyn Iterator<Item = Result<Task>> + 'a;

/// Computes tasks.
pub trait Engine: std::fmt::Debug + Send + Sync {
    /// Prepares a graph for this engine.
    fn prepare(&self, graph: Arc<Graph>) -> Arc<Plan>;

    /// Evaluates all tasks, numbered as they come. Returns early, with `Ok`, when the sink says
    /// stop. [`evaluate`](dyn Engine::evaluate) is how it is called.
    fn evaluate_all(
        &self,
        tasks: &mut Tasks<'_>,
        reduce: &Reduce<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<()>;
}

impl dyn Engine + '_ {
    /// Evaluates all tasks, numbered as they come. `reduce` makes of a task's number and evidence
    /// what is to be kept of it, on the thread that has it at hand; `sink` takes that, in any
    /// order, on the thread that called in. Returns early, with `Ok`, when the sink says stop.
    pub fn evaluate<R: Send>(
        &self,
        tasks: &mut Tasks<'_>,
        reduce: &(dyn Fn(usize, Evidence<'_>) -> R + Sync),
        sink: &mut dyn FnMut(usize, R) -> ControlFlow<()>,
    ) -> Result<()> {
        // Results on their way from the thread that reduces to the one that called in.
        let reduced = Mutex::new(HashMap::new());
        let keep = |number: usize, evidence: Evidence<'_>| {
            let value = reduce(number, evidence);
            reduced.lock().insert(number, value);
        };
        self.evaluate_all(tasks, &keep, &mut |number| {
            let value = reduced.lock().remove(&number);
            // A task is reduced before the sink hears of it.
            value.map_or(ControlFlow::Continue(()), |value| sink(number, value))
        })
    }
}
