//! Tasks of the same kind in groups, as large as the device's memory allows.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};

use tch::Device;

use super::backend::{Array, Backend, Counts, F64};
use super::kernels::{BlockRows, PackedBits, Saved, Tensor, TorchKernels};
use super::{TorchDevice, cuda};
use crate::compute::bits::ActivationBits;
use crate::compute::evidence::{self, Findings};
use crate::compute::gram::WHOLE_JACOBIAN;
use crate::compute::kernels::{Kernels, Shape};
use crate::compute::program::{Program, Step};
use crate::compute::walk::{Forward, Instance, Notes, Reverse, Start, Watch, forward, reverse};
use crate::compute::{
    Engine, Evidence, Features, Gradients, Jacobian, Kernel, Parameters, Plan, Pulled, Reduce,
    Rows, Seed, Sink, Task, Tasks, Variances,
};
use crate::error::{Error, Result, try_vec};
use crate::network::{Graph, NodeId};

/// Numbers of the largest tensor of a group beyond which a device is busy anyway: more only takes
/// memory. On a CPU, what its caches hold.
pub const ENOUGH_CUDA: usize = 1 << 26;
const ENOUGH_CPU: usize = 1 << 20;

/// Bytes of memory to have free for each number of the largest tensor: it and its neighbours in the
/// graph, their cotangents, and copies in f64.
const BYTES_PER_NUMBER: usize = 96;

/// Stack of a thread that computes: as much as the first thread of a program usually has.
const STACK: usize = 8 << 20;

/// An engine on one device of libtorch.
#[derive(Debug)]
pub struct TorchEngine {
    name: TorchDevice,
    backend: Backend,
    /// Most numbers of a group's largest tensor. Halved when memory runs out.
    limit: AtomicUsize,
    /// Numbers of J that a task may hold at once: beyond that, K is summed layer by layer.
    pub(crate) whole_jacobian: usize,
}

/// How tasks of one kind are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grouping {
    /// Tasks at once.
    tasks: usize,
    /// Cotangents at once.
    block: usize,
}

impl TorchEngine {
    /// The engine on a device; an error where there is no such device.
    pub fn new(name: TorchDevice) -> Result<Self> {
        cuda::load();
        let (device, enough) = match name {
            TorchDevice::Cpu => (Device::Cpu, ENOUGH_CPU),
            TorchDevice::Cuda(index) => {
                cuda::check_process()?;
                let count = cuda::devices();
                if index >= count {
                    return Err(no_such_gpu(index, count));
                }
                let free = cuda::free_memory(index).map_or(ENOUGH_CUDA, |bytes| {
                    usize::try_from(bytes).unwrap_or(usize::MAX) / BYTES_PER_NUMBER
                });
                (Device::Cuda(index), free.clamp(1, ENOUGH_CUDA))
            }
        };
        Ok(TorchEngine {
            name,
            backend: Backend::new(device),
            limit: AtomicUsize::new(enough),
            whole_jacobian: WHOLE_JACOBIAN,
        })
    }

    /// The same, with at most `numbers` in a group's largest tensor: how much runs at once.
    pub fn limited(name: TorchDevice, numbers: usize) -> Result<Self> {
        let engine = Self::new(name)?;
        engine.limit.store(numbers.max(1), Ordering::Relaxed);
        Ok(engine)
    }

    /// Operations and bytes since the engine was made.
    pub fn counts(&self) -> Counts {
        self.backend.counts()
    }

    /// From now on arrays of more than `bytes` are refused as by a device without memory.
    #[cfg(test)]
    pub(crate) fn fail_beyond(&self, bytes: u64) {
        self.backend.fail_beyond(bytes);
    }

    fn grouping(&self, task: &Task) -> Grouping {
        grouping(&task.plan.program, task, self.limit.load(Ordering::Relaxed))
    }

    /// Computes tasks of one kind and tells the sink.
    fn run(
        &self,
        tasks: &[(usize, Task)],
        reduce: &Reduce<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<ControlFlow<()>> {
        let mut rest = tasks;
        while let Some((_, first)) = rest.first() {
            let cut = self.grouping(first);
            let now = rest.len().min(cut.tasks);
            match self.compute(&rest[..now], cut.block, reduce) {
                Ok(()) => {
                    for (number, _) in &rest[..now] {
                        if sink(*number).is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                    rest = &rest[now..];
                }
                Err(Error::OutOfMemory(_)) if now > 1 || cut.block > 1 => {
                    let numbers = numbers(&first.plan.program, first) * now * cut.block;
                    self.limit.store((numbers / 2).max(1), Ordering::Relaxed);
                }
                Err(Error::OutOfMemory(message)) => {
                    return Err(Error::OutOfMemory(format!(
                        "device {}: not even one network with a batch of {} images and one \
                         cotangent fits in what memory is free: {message}",
                        self.name, first.inputs.batch
                    )));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Computes tasks of one kind, all at once, and reduces them, on a thread of their own. Whatever a
    /// host has set for its thread (mixed precision, a mode of gradients, a stream) is not set there.
    /// The helpers that libtorch gives to a thread are new, too: those of a host's thread may be in
    /// another floating-point state, and in a forked child they do not exist, so that libtorch would
    /// wait for them for ever.
    fn compute(&self, tasks: &[(usize, Task)], block: usize, reduce: &Reduce<'_>) -> Result<()> {
        let compute = || {
            let _no_grad = tch::no_grad_guard();
            self.compute_here(tasks, block, reduce)
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("tenas-torch".to_owned());
            let thread = thread.stack_size(STACK).spawn_scoped(scope, compute);
            let thread =
                thread.map_err(|e| Error::OutOfMemory(format!("cannot start a thread: {e}")))?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn compute_here(
        &self,
        tasks: &[(usize, Task)],
        block: usize,
        reduce: &Reduce<'_>,
    ) -> Result<()> {
        let group: Vec<&Task> = tasks.iter().map(|(_, task)| task).collect();
        let found = self.compute_group(&group, block)?;
        let first = group[0];
        let graph = first.plan.program.graph();
        let (batches, batch) = (first.inputs.batches, first.inputs.batch);
        let columns = graph.parameters.columns();
        for (t, ((number, task), parts)) in tasks.iter().zip(found.parts).enumerate() {
            let wanted = task.wanted.gradients;
            let rows = found.rows.get(t * found.count * columns..).unwrap_or_default();
            let rows = rows.get(..found.count * columns).unwrap_or_default();
            let square = found.count * found.count;
            let k = found.kernels.get(t * square..).unwrap_or_default();
            let k = k.get(..square).unwrap_or_default();
            let evidence = Evidence {
                graph,
                mixing: &task.mixing,
                parameters: &found.parameters[t],
                batches,
                batch,
                logits: task.wanted.logits.then_some(&parts.logits),
                bits: parts.bits.as_ref(),
                features: &parts.features,
                variances: &parts.variances,
                kernel: wanted
                    .is_some_and(|g| g.kernel)
                    .then_some(Kernel { values: k, images: found.count }),
                jacobian: wanted.is_some_and(|g| g.rows).then_some(Jacobian {
                    rows: Rows::F64(rows),
                    count: found.count,
                    columns,
                }),
                images: wanted.is_some_and(|g| g.images).then_some(&parts.images),
                pullbacks: &parts.pullbacks,
            };
            reduce(*number, evidence);
        }
        Ok(())
    }

    fn compute_group(&self, tasks: &[&Task], block: usize) -> Result<Found> {
        let first = tasks[0];
        let program = &first.plan.program;
        let graph = program.graph();
        let wanted = &first.wanted;
        let (batches, batch) = (first.inputs.batches, first.inputs.batch);
        let groups = tasks.len() * batches;
        // A batch has its own statistics: it is a network of its own.
        let mut kernels = TorchKernels { backend: &self.backend, groups };
        let values = drawn(tasks, graph)?;
        let parameters = self.parameters(&values, batches)?;
        let mixing: Vec<&[f64]> = tasks
            .iter()
            .flat_map(|task| std::iter::repeat_n(task.mixing.as_ref(), batches))
            .collect();
        let network = Instance::new(&mut kernels, program, &parameters, &mixing)?;
        let input = Tensor::new(self.images(tasks, graph)?);
        // What is read back on the way: `[G, ...]` of each node.
        let mut features: Vec<Vec<f64>> = vec![Vec::new(); wanted.features.len()];
        let mut variances: Vec<(NodeId, Vec<f64>)> = Vec::new();
        let mut packed = Vec::new();
        let mut watch = |kernels: &mut TorchKernels<'_>,
                         step: &Step,
                         value: &Tensor,
                         saved: Option<&Saved>|
         -> Result<()> {
            for (f, _) in wanted.features.iter().enumerate().filter(|(_, n)| **n == step.output) {
                features[f] = kernels.read(value)?;
            }
            if let (true, Some(saved)) = (wanted.variances, saved) {
                let values = kernels.variances(saved)?;
                if !values.is_empty() {
                    variances.push((step.output, values));
                }
            }
            Ok(())
        };
        let notes = Notes {
            bits: wanted.bits.then_some(&mut packed),
            watch: (wanted.variances || !wanted.features.is_empty())
                .then_some(&mut watch as &mut Watch<'_, TorchKernels<'_>>),
        };
        let pass = forward(&mut kernels, &network, input, batch, wanted.reverses(), notes)?;
        let reads_logits = wanted.logits || wanted.gradients.is_some_and(|g| g.seed.reads_logits());
        let logits = if reads_logits { kernels.read(pass.logits())? } else { Vec::new() };
        let mut found = Found {
            parts: Vec::with_capacity(tasks.len()),
            parameters: values,
            count: wanted.gradients.map_or(0, |g| batches * g.seed.rows(batch, graph.classes())),
            kernels: Vec::new(),
            rows: Vec::new(),
        };
        let mut images = Vec::new();
        if let Some(gradients) = wanted.gradients {
            let blocks = Blocks { tasks, gradients, logits: &logits, most: block };
            if first.sums_kernel_by_layers(self.whole_jacobian) {
                let k = blocks.kernel_by_layers(&mut kernels, &network, &pass)?;
                found.kernels = self.backend.read::<f64>(&k)?;
            } else {
                let rows;
                (rows, images) = blocks.rows(&mut kernels, &network, &pass)?;
                if gradients.kernel {
                    let k = self.backend.product(&rows, &rows.permute(&[0, 2, 1])?)?;
                    found.kernels = self.backend.read::<f64>(&k)?;
                }
                if gradients.rows {
                    found.rows = self.backend.read::<f64>(&rows)?;
                }
            }
        }
        let mut bits = match wanted.bits {
            true => self.bits(tasks, &packed)?.into_iter().map(Some).collect(),
            false => vec![None; tasks.len()],
        };
        let pulled = pullbacks(&mut kernels, &network, &pass, tasks)?;
        // A task's share of what is `[G, ...]`.
        let share = |all: &[f64], t: usize| -> Vec<f64> {
            let each = all.len() / tasks.len();
            all[t * each..(t + 1) * each].to_vec()
        };
        for (t, task) in tasks.iter().enumerate() {
            let has = |node: NodeId| graph.nodes[node].slot.is_none_or(|s| task.mixing[s] != 0.0);
            let part = Findings {
                logits: share(&logits, t),
                bits: bits[t].take(),
                features: wanted
                    .features
                    .iter()
                    .zip(&features)
                    .map(|(node, values)| Features {
                        values: if has(*node) { share(values, t) } else { Vec::new() },
                        ..evidence::features(graph, *node)
                    })
                    .collect(),
                variances: variances
                    .iter()
                    .filter(|(node, _)| has(*node))
                    .map(|(node, values)| {
                        let places: usize = graph.nodes[*node].shape[1..].iter().product();
                        Variances { node: *node, count: batch * places, values: share(values, t) }
                    })
                    .collect(),
                images: share(&images, t),
                pullbacks: pulled
                    .iter()
                    .map(|p| Pulled {
                        signs: share(&p.signs, t),
                        cotangent: share(&p.cotangent, t),
                        ..*p
                    })
                    .collect(),
            };
            found.parts.push(part);
        }
        Ok(found)
    }

    /// `[G, parameters]`: a task's, once for each of its batches.
    fn parameters(&self, of_tasks: &[Vec<f32>], batches: usize) -> Result<Array> {
        let length = of_tasks.first().map_or(0, Vec::len);
        let mut values = Vec::new();
        values
            .try_reserve_exact(of_tasks.len() * batches * length)
            .map_err(|_| Error::OutOfMemory("parameters of a group".into()))?;
        for own in of_tasks {
            (0..batches).for_each(|_| values.extend_from_slice(own));
        }
        self.backend.upload(&values, &[(of_tasks.len() * batches) as i64, length as i64])
    }

    /// The images of all groups, `[1, N, G, C, H, W]`.
    fn images(&self, tasks: &[&Task], graph: &Graph) -> Result<Array> {
        let inputs = &tasks[0].inputs;
        let (batches, batch) = (inputs.batches, inputs.batch);
        let [c, h, w] = graph.input_shape();
        let (image, groups) = (c * h * w, tasks.len() * batches);
        let mut values = try_vec(0f32, batch * groups * image, "images of a group")?;
        for (t, task) in tasks.iter().enumerate() {
            for (e, pixels) in task.inputs.values.chunks_exact(image).enumerate() {
                let (group, n) = (t * batches + e / batch, e % batch);
                let at = (n * groups + group) * image;
                values[at..at + image].copy_from_slice(pixels);
            }
        }
        let shape = [1, batch, groups, c, h, w].map(|d| d as i64);
        self.backend.upload(&values, &shape)
    }

    /// The bits of each task, all its batches.
    fn bits(&self, tasks: &[&Task], packed: &[PackedBits]) -> Result<Vec<ActivationBits>> {
        // `[task][batch]`, flat.
        let batches = tasks[0].inputs.batches;
        let each = tasks.iter().flat_map(|task| std::iter::repeat_n(task, batches));
        let mut bits = each.map(|task| task.bits_of_a_batch()).collect::<Result<Vec<_>>>()?;
        // The ReLU inputs that any task of the group has, in the order in which the walk counted them.
        let union = tasks[0].plan.program.relu_inputs(|slot| {
            slot.is_none_or(|s| tasks.iter().any(|task| task.mixing[s] != 0.0))
        });
        let mut end = 0;
        for input in &union {
            let of_input = packed.iter().find(|p| p.bit == end);
            let bytes = of_input.ok_or_else(|| Error::Internal("bits of a ReLU".into()))?;
            // Where each task has this input's bits, if it has that ReLU.
            let start = |(task, bits): (&&Task, &[ActivationBits])| {
                let own = task.relu_inputs();
                let place = own.iter().position(|i| i.node == input.node)?;
                Some(bits[0].groups()[place].bits.start)
            };
            let of_tasks = tasks.iter().zip(bits.chunks_exact(batches));
            let starts: Vec<Option<usize>> = of_tasks.map(start).collect();
            let values = self.backend.read::<u8>(&bytes.bytes)?;
            for (e, row) in values.chunks_exact(input.elements.div_ceil(8)).enumerate() {
                let (n, group) = (e / (tasks.len() * batches), e % (tasks.len() * batches));
                if let Some(start) = starts[group / batches] {
                    bits[group].set_bytes(n, start, row);
                }
            }
            end += input.elements;
        }
        let mut bits = bits.into_iter();
        let mut all = |_: &&Task| ActivationBits::stack(bits.by_ref().take(batches));
        Ok(tasks.iter().map(&mut all).collect())
    }
}

/// What a group of tasks leaves behind.
struct Found {
    /// What each task found.
    parts: Vec<Findings>,
    /// The parameters of each task.
    parameters: Vec<Vec<f32>>,
    /// Rows of gradients of a task.
    count: usize,
    /// K of each task, one after the other; empty if it is not wanted.
    kernels: Vec<f64>,
    /// The rows of each task, likewise.
    rows: Vec<f64>,
}

/// The parameters of each task.
fn drawn(tasks: &[&Task], graph: &Graph) -> Result<Vec<Vec<f32>>> {
    let of_task = |task: &&Task| match &task.parameters {
        Parameters::Given(values) => Ok(values.to_vec()),
        Parameters::Drawn(initialiser) => initialiser.draw(&graph.parameters),
    };
    tasks.iter().map(of_task).collect()
}

/// The rows of gradients of a group of tasks, in blocks of rows whose reverse passes run at once.
struct Blocks<'a> {
    tasks: &'a [&'a Task],
    gradients: Gradients,
    /// `[G, N, classes]`, if the seed reads them.
    logits: &'a [f64],
    /// Rows of a block.
    most: usize,
}

impl Blocks<'_> {
    /// Rows that a batch has.
    fn each(&self) -> usize {
        let first = self.tasks[0];
        self.gradients.seed.rows(first.inputs.batch, first.plan.graph().classes())
    }

    /// The rows of each block.
    fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let (each, most) = (self.each(), self.most);
        (0..each).step_by(most).map(move |first| first..each.min(first + most))
    }

    /// Where the reverse passes of these rows start, in all groups.
    fn start(&self, kernels: &mut TorchKernels<'_>, rows: &Range<usize>) -> Result<Start<Tensor>> {
        let (graph, inputs) = (self.tasks[0].plan.graph(), &self.tasks[0].inputs);
        let (batch, classes) = (inputs.batch, graph.classes());
        let shape = Shape { cotangents: rows.len(), batch, chw: [classes, 1, 1], halo: 0 };
        let tensor = match &self.gradients.seed {
            Seed::Images => kernels.seed(rows.start, shape)?,
            seed => {
                let mut values = Vec::new();
                for group in 0..kernels.groups {
                    let (task, b) = (self.tasks[group / inputs.batches], group % inputs.batches);
                    let logits = self.logits.get(group * batch * classes..).unwrap_or_default();
                    for row in rows.clone() {
                        values.extend(task.seed_values(seed, row, b, logits));
                    }
                }
                kernels.write(&values, shape)?
            }
        };
        Ok(Start { node: graph.nodes.len() - 1, tensor, cotangents: rows.len() })
    }

    /// All rows of an array `[G, I, columns]` of each block: `[tasks, rows, columns]`.
    fn joined(&self, backend: &Backend, blocks: &[&Array]) -> Result<Array> {
        let rows = match blocks {
            [all] => (*all).clone(),
            blocks => backend.concat(blocks, 1)?,
        };
        let count = (self.tasks[0].inputs.batches * self.each()) as i64;
        rows.reshape(&[self.tasks.len() as i64, count, rows.shape[2]])
    }

    /// The rows, `[tasks, rows, columns]`, and the gradients by the images,
    /// `[tasks, rows, N, C, H, W]`, if they are wanted.
    fn rows<'k>(
        &self,
        kernels: &mut TorchKernels<'k>,
        network: &Instance<'_, TorchKernels<'k>>,
        pass: &Forward<TorchKernels<'k>>,
    ) -> Result<(Array, Vec<f64>)> {
        let backend = kernels.backend;
        let graph = network.program.graph();
        let (batch, each) = (self.tasks[0].inputs.batch, self.each());
        let image = graph.input_shape().iter().product::<usize>() * batch;
        let mut of_images = Vec::new();
        if self.gradients.images {
            let len = kernels.groups * each * image;
            of_images = try_vec(0.0, len, "gradients of the images")?;
        }
        let mut blocks = Vec::new();
        for now in self.ranges() {
            let start = self.start(kernels, &now)?;
            let shape = [kernels.groups, now.len(), graph.parameters.columns()];
            let rows = backend.zeros(&shape.map(|d| d as i64), F64)?;
            let until = self.gradients.images.then_some(0);
            let into = &mut BlockRows::Whole(rows.clone());
            let arrived = reverse(kernels, network, pass, batch, start, until, into)?;
            if let Some(tensor) = arrived {
                let values = kernels.read(&tensor)?;
                for (group, values) in values.chunks_exact(now.len() * image).enumerate() {
                    let at = (group * each + now.start) * image;
                    of_images[at..][..values.len()].copy_from_slice(values);
                }
            }
            blocks.push(rows);
        }
        let rows = self.joined(backend, &blocks.iter().collect::<Vec<_>>())?;
        Ok((rows, of_images))
    }

    /// K of each task, `[tasks, rows, rows]`, parameter by parameter: the reverse passes of all blocks
    /// go through a layer together, whose columns of J are multiplied and forgotten.
    fn kernel_by_layers<'k>(
        &self,
        kernels: &mut TorchKernels<'k>,
        network: &Instance<'_, TorchKernels<'k>>,
        pass: &Forward<TorchKernels<'k>>,
    ) -> Result<Array> {
        let backend = kernels.backend;
        let inputs = &self.tasks[0].inputs;
        let count = inputs.batches * self.each();
        let k = backend.zeros(&[self.tasks.len(), count, count].map(|d| d as i64), F64)?;
        let mut blocks = Vec::new();
        for now in self.ranges() {
            let start = self.start(kernels, &now)?;
            let reverse = Reverse::new(network, inputs.batch, start, None);
            blocks.push((reverse, BlockRows::Parts(BTreeMap::new())));
        }
        for (s, columns) in network.program.completed_columns().iter().enumerate().rev() {
            for (reverse, rows) in &mut blocks {
                reverse.step(kernels, network, pass, s, rows)?;
            }
            for column in columns {
                let of_block = |(_, rows): &mut (_, BlockRows)| match rows {
                    BlockRows::Parts(parts) => parts.remove(column),
                    BlockRows::Whole(_) => None,
                };
                // No block has a part of an operation that is not in this network.
                let parts: Vec<Array> = blocks.iter_mut().filter_map(of_block).collect();
                if parts.len() == blocks.len() {
                    let rows = self.joined(backend, &parts.iter().collect::<Vec<_>>())?;
                    let product = backend.product(&rows, &rows.permute(&[0, 2, 1])?)?;
                    backend.add_at(&k, &product)?;
                }
            }
        }
        for (reverse, _) in blocks {
            reverse.end(kernels)?;
        }
        Ok(k)
    }
}

/// The reverse passes between nodes, of all groups: signs and cotangents `[G, N, C, H, W]`.
fn pullbacks<'k>(
    kernels: &mut TorchKernels<'k>,
    network: &Instance<'_, TorchKernels<'k>>,
    pass: &Forward<TorchKernels<'k>>,
    tasks: &[&Task],
) -> Result<Vec<Pulled>> {
    let graph = network.program.graph();
    let (batches, batch) = (tasks[0].inputs.batches, tasks[0].inputs.batch);
    let mut all = Vec::new();
    for pull in &tasks[0].wanted.pullbacks {
        let of_group = |group: usize| tasks[group / batches].signs(pull, group % batches);
        let signs: Vec<f64> = (0..kernels.groups).flat_map(of_group).collect();
        let shape =
            |node: NodeId| Shape { cotangents: 1, batch, chw: graph.nodes[node].shape, halo: 0 };
        let tensor = kernels.write(&signs, shape(pull.from))?;
        let start = Start { node: pull.from, tensor, cotangents: 1 };
        // The weights on the way get gradients, which nobody reads.
        let columns = graph.parameters.columns();
        let row = [kernels.groups, 1, columns].map(|d| d as i64);
        let rows = &mut BlockRows::Whole(kernels.backend.zeros(&row, F64)?);
        let arrived = reverse(kernels, network, pass, batch, start, Some(pull.to), rows)?;
        let cotangent = match arrived {
            Some(tensor) => kernels.read(&tensor)?,
            None => {
                let len = kernels.groups * batch * shape(pull.to).chw.iter().product::<usize>();
                try_vec(0.0, len, "a cotangent")?
            }
        };
        all.push(Pulled { from: pull.from, to: pull.to, signs, cotangent });
    }
    Ok(all)
}

/// Numbers of a task's largest tensor, for one cotangent.
fn numbers(program: &Program, task: &Task) -> usize {
    let nodes = &program.graph().nodes;
    let largest = nodes.iter().map(|node| node.shape.iter().product()).max().unwrap_or(1);
    let images: usize = task.inputs.batches * task.inputs.batch;
    images * largest
}

/// As many tasks as make tensors of at most `limit` numbers; if not even one does, blocks of its
/// cotangents.
fn grouping(program: &Program, task: &Task, limit: usize) -> Grouping {
    let numbers = numbers(program, task).max(1);
    let Some(gradients) = task.wanted.gradients else {
        return Grouping { tasks: (limit / numbers).max(1), block: 1 };
    };
    let rows = gradients.seed.rows(task.inputs.batch, program.graph().classes()).max(1);
    let block = (limit / numbers).clamp(1, rows);
    // Blocks of about the same size.
    let block = rows.div_ceil(rows.div_ceil(block));
    Grouping { tasks: (limit / (numbers * rows)).max(1), block }
}

fn no_such_gpu(index: usize, count: usize) -> Error {
    let expected = match count {
        0 => "a machine with an NVIDIA GPU, its driver, and a libtorch with CUDA beside the \
              library's (found no usable GPU)"
            .to_owned(),
        1 => "0, the only one".to_owned(),
        _ => format!("0 to {}", count - 1),
    };
    Error::Device(format!("device index: found CUDA {index}, expected {expected}"))
}

/// Tasks that can be computed together.
fn same_kind(a: &Task, b: &Task) -> bool {
    std::sync::Arc::ptr_eq(&a.plan, &b.plan)
        && a.wanted == b.wanted
        && a.inputs.batches == b.inputs.batches
        && a.inputs.batch == b.inputs.batch
}

impl Engine for TorchEngine {
    fn prepare(&self, graph: std::sync::Arc<Graph>) -> std::sync::Arc<Plan> {
        let fuses = <TorchKernels<'_> as Kernels>::fuses;
        std::sync::Arc::new(Plan { program: Program::new(graph, fuses) })
    }

    fn evaluate_all(
        &self,
        tasks: &mut Tasks<'_>,
        reduce: &Reduce<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let mut waiting: Vec<Vec<(usize, Task)>> = Vec::new();
        for (number, task) in tasks.enumerate() {
            let task = task?;
            task.check()?;
            let kind = match waiting.iter().position(|group| same_kind(&group[0].1, &task)) {
                Some(kind) => kind,
                None => {
                    waiting.push(Vec::new());
                    waiting.len() - 1
                }
            };
            let full = self.grouping(&task).tasks;
            waiting[kind].push((number, task));
            if waiting[kind].len() >= full {
                let group = waiting.swap_remove(kind);
                if self.run(&group, reduce, sink)?.is_break() {
                    return Ok(());
                }
            }
        }
        for group in waiting {
            if self.run(&group, reduce, sink)?.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}
