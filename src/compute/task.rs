//! Tasks: one evaluation of one network, as pure data.

use std::sync::Arc;

use super::Plan;
use super::bits::ActivationBits;
use super::program::ReluInput;
use crate::error::{Error, Result, room_for};
use crate::network::{Initialiser, NodeId};
use crate::random::Key;

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

/// Where a reverse pass starts: the cotangents of the logits, one for each row of gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seed {
    /// Row i: 1 for every logit of image i (the NTK's, section 3.2). Takes one batch.
    Images,
    /// Row (i, k): 1 for logit k of image i. Takes one batch.
    Logits,
    /// One row a batch: 1 for every logit of every image.
    Ones,
    /// One row a batch: the gradient of the mean cross-entropy, with labels of its images drawn
    /// from the classes by stream b of this key for batch b.
    CrossEntropy(Key),
}

impl Seed {
    /// Whether it depends on the logits.
    pub(super) fn reads_logits(&self) -> bool {
        matches!(self, Seed::CrossEntropy(_))
    }

    /// Rows of gradients that a batch gives.
    pub fn rows(&self, batch: usize, classes: usize) -> usize {
        match self {
            Seed::Images => batch,
            Seed::Logits => batch * classes,
            Seed::Ones | Seed::CrossEntropy(_) => 1,
        }
    }
}

/// Gradients of the logits, as a seed weighs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gradients {
    /// Where they start.
    pub seed: Seed,
    /// K = J J^T of the rows by the counted parameters (section 3.2), summed in f64.
    pub kernel: bool,
    /// The rows themselves.
    pub rows: bool,
    /// The gradients by the images, one for each row.
    pub images: bool,
}

/// A reverse pass from one node of the graph back to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pullback {
    /// Where it starts, with a cotangent of signs: 1 or -1 for each element, in the order
    /// `[batches, batch, C, H, W]`: the bits of the numbers of a stream of `key`, the lowest first.
    pub from: NodeId,
    /// Where it ends.
    pub to: NodeId,
    /// The draw of the signs.
    pub key: Key,
    /// Its stream.
    pub stream: u64,
}

/// What a task is to compute. All of it comes from one forward pass a batch, and one reverse pass
/// a row of gradients or pullback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// The logits.
    pub logits: bool,
    /// The on/off bits of all ReLUs (section 3.3).
    pub bits: bool,
    /// The values of these nodes, which must be outputs of batch normalisations, sums or
    /// concatenations, or what global pooling reads.
    pub features: Vec<NodeId>,
    /// The variances that batch normalisations divide by.
    pub variances: bool,
    /// Gradients.
    pub gradients: Option<Gradients>,
    /// Reverse passes between nodes.
    pub pullbacks: Vec<Pullback>,
}

impl Wanted {
    /// The logits alone.
    pub fn logits() -> Self {
        Wanted { logits: true, ..Default::default() }
    }

    /// The bits of all ReLUs alone.
    pub fn bits() -> Self {
        Wanted { bits: true, ..Default::default() }
    }

    /// K alone.
    pub fn kernel() -> Self {
        let seed = Seed::Images;
        let gradients = Gradients { seed, kernel: true, rows: false, images: false };
        Wanted { gradients: Some(gradients), ..Default::default() }
    }

    /// The rows of J alone.
    pub fn jacobian() -> Self {
        let seed = Seed::Images;
        let gradients = Gradients { seed, kernel: false, rows: true, images: false };
        Wanted { gradients: Some(gradients), ..Default::default() }
    }

    /// Both, if one task can give both: it has one seed.
    pub fn union(&self, other: &Wanted) -> Option<Wanted> {
        let gradients = match (self.gradients, other.gradients) {
            (Some(a), Some(b)) if a.seed != b.seed => return None,
            (Some(a), Some(b)) => Some(Gradients {
                seed: a.seed,
                kernel: a.kernel || b.kernel,
                rows: a.rows || b.rows,
                images: a.images || b.images,
            }),
            (a, b) => a.or(b),
        };
        let (mut features, mut pullbacks) = (self.features.clone(), self.pullbacks.clone());
        features.extend(other.features.iter().filter(|node| !self.features.contains(node)));
        pullbacks.extend(other.pullbacks.iter().filter(|pull| !self.pullbacks.contains(pull)));
        Some(Wanted {
            logits: self.logits || other.logits,
            bits: self.bits || other.bits,
            features,
            variances: self.variances || other.variances,
            gradients,
            pullbacks,
        })
    }

    /// Whether a reverse pass follows the forward pass.
    pub(super) fn reverses(&self) -> bool {
        self.gradients.is_some() || !self.pullbacks.is_empty()
    }
}

/// One evaluation.
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
    pub(super) fn check(&self) -> Result<()> {
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
        if let Some(Gradients { seed: Seed::Images | Seed::Logits, .. }) = self.wanted.gradients {
            fits("batches", inputs.batches, 1)?;
        }
        let ends = self.wanted.pullbacks.iter().map(|pull| pull.from);
        for node in self.wanted.features.iter().copied().chain(ends) {
            if !self.plan.program.has_value(node) {
                return Err(Error::Internal(format!("task: node {node} has no value of its own")));
            }
        }
        Ok(())
    }

    /// Whether K is wanted alone and J has more than `most` numbers, so that K is summed layer by
    /// layer. What decides is the task, not the machine: the order of K's sums follows from it.
    pub(super) fn sums_kernel_by_layers(&self, most: usize) -> bool {
        let Some(gradients) = self.wanted.gradients else { return false };
        let graph = self.plan.graph();
        let rows = gradients.seed.rows(self.inputs.batch, graph.classes()) * self.inputs.batches;
        let large = rows.saturating_mul(graph.parameters.columns()) > most;
        gradients.kernel && !gradients.rows && !gradients.images && large
    }

    /// The inputs of the ReLUs that this task's network has.
    pub(super) fn relu_inputs(&self) -> Vec<ReluInput> {
        self.plan.program.relu_inputs(|slot| slot.is_none_or(|s| self.mixing[s] != 0.0))
    }

    /// Activation bits of one of its batches, all off. There is room for what comes of them: the bits
    /// of all batches stacked, transposed and sorted, and a kernel of images.
    pub(super) fn bits_of_a_batch(&self) -> Result<ActivationBits> {
        let (inputs, Inputs { batch, batches, .. }) = (self.relu_inputs(), &self.inputs);
        let row = inputs.iter().map(|i| i.elements).sum::<usize>() / 8 + 8;
        let kernel = batch * batch * size_of::<f64>();
        room_for(4 * (row * batch * batches + kernel), || {
            format!("activation bits of {batches} x {batch} images")
        })?;
        Ok(ActivationBits::new(*batch, inputs.iter().map(|i| (i.elements, i.copies))))
    }

    /// The cotangent of a batch's logits `[batch, classes]` for one row of gradients.
    pub(super) fn seed_values(
        &self,
        seed: &Seed,
        row: usize,
        b: usize,
        logits: &[f64],
    ) -> Vec<f64> {
        let (batch, classes) = (self.inputs.batch, self.plan.graph().classes());
        let mut values = vec![0.0; batch * classes];
        match seed {
            Seed::Images => values[row * classes..][..classes].fill(1.0),
            Seed::Logits => values[row] = 1.0,
            Seed::Ones => values.fill(1.0),
            Seed::CrossEntropy(key) => {
                let mut labels = key.stream(b as u64);
                for (out, logits) in values.chunks_exact_mut(classes).zip(logits.chunks(classes)) {
                    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    out.iter_mut().zip(logits).for_each(|(o, l)| *o = libm::exp(l - most));
                    let sum: f64 = out.iter().sum();
                    out[labels.below(classes as u64) as usize] -= sum;
                    out.iter_mut().for_each(|o| *o /= sum * batch as f64);
                }
            }
        }
        values
    }

    /// The signs that a pullback starts with: those of batch `b`.
    pub(super) fn signs(&self, pull: &Pullback, b: usize) -> Vec<f64> {
        let node = &self.plan.graph().nodes[pull.from];
        let each = self.inputs.batch * node.shape.iter().product::<usize>();
        let mut stream = pull.key.stream(pull.stream);
        let mut word = 0;
        let mut sign = |place: usize| {
            if place.is_multiple_of(64) {
                word = stream.bits();
            }
            if word >> (place % 64) & 1 == 1 { 1.0 } else { -1.0 }
        };
        (0..(b + 1) * each).map(&mut sign).skip(b * each).collect()
    }
}
