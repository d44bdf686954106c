//! Engines that evaluate tasks on graphs.
//!
//! An engine has two verbs: [`prepare`](Engine::prepare) a plan from a graph, and
//! [`evaluate`](Engine::evaluate) all tasks of a round at once. Blocking, threads, memory and fusion
//! are inside; no caller ever sees a tensor. Tasks are pure data. What a task leaves behind (rows of
//! J, activation bits, logits) is reduced to a number by a function of the caller, on the thread
//! that has it at hand; numbers arrive at a sink, on the thread that called in, in any order.

mod bits;
mod cpu;
mod gram;
mod kernels;
mod native;
mod program;
mod reference;
mod torch;
mod walk;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use bits::{ActivationBits, BitGroup};
pub use native::{InstructionSet, native, native_with};
pub use reference::reference;
#[cfg(feature = "torch")]
pub use torch::{Counts, ENOUGH_CUDA, TorchEngine};
pub use torch::{LIBTORCH_VERSION, TorchDevice, cuda_devices, torch};

use crate::error::{Error, Result, room_for};
use crate::network::{Graph, Initialiser};
use program::{Program, ReluInput};

/// Where a task's parameters come from.
#[derive(Debug, Clone)]
pub enum Parameters {
    /// Drawn by the engine.
    Drawn(Initialiser),
    /// The flat vector itself, in the order of the graph's table.
    Given(Arc<[f32]>),
}

/// The images of a task.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// `[batches, batch, channels, height, width]`.
    pub values: Arc<Vec<f32>>,
    /// Batches, each with its own BN statistics.
    pub batches: usize,
    /// Images of a batch.
    pub batch: usize,
}

/// What a task is to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// K = J J^T (section 3.2); takes one batch.
    Kernel,
    /// The rows of J themselves; takes one batch.
    Jacobian,
    /// The on/off bits of all ReLUs (section 3.3).
    Bits,
    /// The logits.
    Logits,
}

/// One evaluation: pure data.
#[derive(Debug, Clone)]
pub struct Task {
    /// The prepared graph.
    pub plan: Arc<Plan>,
    /// Mixing weight of each slot; an operation of weight 0 is not there.
    pub mixing: Arc<[f64]>,
    /// The parameters.
    pub parameters: Parameters,
    /// The images.
    pub inputs: Inputs,
    /// What is asked for.
    pub wanted: Wanted,
}

impl Task {
    /// A task that does not fit its graph is a bug of the caller.
    fn check(&self) -> Result<()> {
        let fits = |what: &str, found: usize, expected: usize| {
            if found == expected {
                return Ok(());
            }
            Err(Error::Internal(format!("task: found {found} {what}, expected {expected}")))
        };
        let graph = self.plan.graph();
        let image: usize = graph.input_shape().iter().product();
        let inputs = &self.inputs;
        fits("input values", inputs.values.len(), inputs.batches * inputs.batch * image)?;
        fits("mixing weights", self.mixing.len(), graph.slots)?;
        if let Parameters::Given(values) = &self.parameters {
            fits("parameters", values.len(), graph.parameters.len())?;
        }
        if let Wanted::Kernel | Wanted::Jacobian = self.wanted {
            fits("batches", inputs.batches, 1)?;
        }
        Ok(())
    }

    /// The inputs of the ReLUs that this task's network has.
    fn relu_inputs(&self) -> Vec<ReluInput> {
        self.plan.program.relu_inputs(|slot| slot.is_none_or(|s| self.mixing[s] != 0.0))
    }

    /// Activation bits of one of its batches, all off. There is room for what comes of them: the bits
    /// of all batches stacked, transposed and sorted, and a kernel of images.
    fn bits_of_a_batch(&self) -> Result<ActivationBits> {
        let (inputs, Inputs { batch, batches, .. }) = (self.relu_inputs(), &self.inputs);
        let row = inputs.iter().map(|i| i.elements).sum::<usize>() / 8 + 8;
        let kernel = batch * batch * size_of::<f64>();
        room_for(4 * (row * batch * batches + kernel), || {
            format!("activation bits of {batches} x {batch} images")
        })?;
        Ok(ActivationBits::new(*batch, inputs.iter().map(|i| (i.elements, i.copies))))
    }
}

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

/// A matrix of an engine's own precision, row by row.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

/// What a task leaves behind.
#[derive(Debug, Clone, Copy)]
pub enum Evidence<'a> {
    /// K, `[images, images]` row by row, accumulated in f64.
    Kernel {
        /// The matrix.
        values: &'a [f64],
        /// Number of rows and of columns.
        images: usize,
    },
    /// J: one row an image, one column a counted parameter.
    Jacobian {
        /// The matrix.
        rows: Rows<'a>,
        /// Number of rows.
        images: usize,
        /// Number of columns.
        columns: usize,
    },
    /// Activation bits.
    Bits(&'a ActivationBits),
    /// Logits `[images, classes]`.
    Logits(&'a [f64]),
}

/// Reduces what a task leaves behind to a number, on any thread.
pub type Reduce<'a> = dyn Fn(Evidence<'_>) -> f64 + Sync + 'a;

/// Takes (number of the task, its value), on the thread that called in; `Break` stops.
pub type Sink<'a> = dyn FnMut(usize, f64) -> ControlFlow<()> + 'a;

/// Tasks as they come; pulled on the thread that called in.
pub type Tasks<'a> = dyn Iterator<Item = Result<Task>> + 'a;

/// Computes tasks.
pub trait Engine: std::fmt::Debug + Send + Sync {
    /// Prepares a graph for this engine.
    fn prepare(&self, graph: Arc<Graph>) -> Arc<Plan>;

    /// Evaluates all tasks. Returns early, with `Ok`, when the sink says stop.
    fn evaluate(
        &self,
        tasks: &mut Tasks<'_>,
        reduce: &Reduce<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<()>;
}
