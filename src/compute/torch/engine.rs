//! Tasks of the same kind in groups, as large as the device's memory allows.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use tch::Device;

use super::backend::{Array, Backend, Counts, F64};
use super::kernels::{PackedBits, Tensor, TorchKernels};
use super::{TorchDevice, cuda};
use crate::compute::bits::ActivationBits;
use crate::compute::kernels::Kernels;
use crate::compute::program::Program;
use crate::compute::walk::{Forward, Network, forward, reverse};
use crate::compute::{Engine, Evidence, Parameters, Plan, Reduce, Rows, Sink, Task, Tasks, Wanted};
use crate::error::{Error, Result, try_vec};
use crate::network::Graph;

/// Numbers of the largest tensor of a group beyond which a device is busy anyway: more only takes
/// memory. On a CPU, what its caches hold.
pub const ENOUGH_CUDA: usize = 1 << 26;
const ENOUGH_CPU: usize = 1 << 20;

/// Bytes of memory to have free for each number of the largest tensor: it and its neighbours in the
/// graph, their cotangents, and copies in f64.
const BYTES_PER_NUMBER: usize = 96;

/// Of a thread that computes: as much as programs' first threads usually have.
const STACK: usize = 8 << 20;

/// An engine on one device of libtorch.
#[derive(Debug)]
pub struct TorchEngine {
    name: TorchDevice,
    backend: Backend,
    /// Most numbers of a group's largest tensor. Halved when memory runs out.
    limit: AtomicUsize,
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
        Ok(TorchEngine { name, backend: Backend::new(device), limit: AtomicUsize::new(enough) })
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

    /// Computes tasks of one kind and hands their values to the sink.
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
            let group: Vec<&Task> = rest[..now].iter().map(|(_, task)| task).collect();
            match self.compute(&group, cut.block, reduce) {
                Ok(values) => {
                    for ((number, _), value) in rest[..now].iter().zip(values) {
                        if sink(*number, value).is_break() {
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

    /// The values of tasks of one kind, all at once, on a thread of their own. Whatever a host has set
    /// for its thread (mixed precision, a mode of gradients, a stream) is not set there. The helpers
    /// that libtorch gives to a thread are new, too: those of a host's thread may be in another
    /// floating-point state, and in a forked child they do not exist, so that libtorch would wait for
    /// them for ever.
    fn compute(&self, tasks: &[&Task], block: usize, reduce: &Reduce<'_>) -> Result<Vec<f64>> {
        let compute = || {
            let _no_grad = tch::no_grad_guard();
            self.compute_group(tasks, block, reduce)
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("tenas-torch".to_owned());
            let thread = thread.stack_size(STACK).spawn_scoped(scope, compute);
            let thread =
                thread.map_err(|e| Error::OutOfMemory(format!("cannot start a thread: {e}")))?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn compute_group(
        &self,
        tasks: &[&Task],
        block: usize,
        reduce: &Reduce<'_>,
    ) -> Result<Vec<f64>> {
        let first = tasks[0];
        let program = &first.plan.program;
        let batches = first.inputs.batches;
        // A batch has its own statistics: it is a network of its own.
        let mut kernels = TorchKernels { backend: &self.backend, groups: tasks.len() * batches };
        let parameters = self.parameters(tasks, program.graph())?;
        let mixing: Vec<&[f64]> = tasks
            .iter()
            .flat_map(|task| std::iter::repeat_n(task.mixing.as_ref(), batches))
            .collect();
        let network = Network::new(&mut kernels, program, &parameters, &mixing)?;
        let input = Tensor::new(self.images(tasks, program.graph())?);
        let batch = first.inputs.batch;
        match first.wanted {
            Wanted::Kernel | Wanted::Jacobian => {
                let pass = forward(&mut kernels, &network, input, batch, true, None)?;
                let rows = jacobian(&mut kernels, &network, &pass, batch, block)?;
                self.reduce_rows(tasks, &rows, reduce)
            }
            Wanted::Bits => {
                let mut packed = Vec::new();
                forward(&mut kernels, &network, input, batch, false, Some(&mut packed))?;
                self.reduce_bits(tasks, &packed, reduce)
            }
            Wanted::Logits => {
                let pass = forward(&mut kernels, &network, input, batch, false, None)?;
                self.reduce_logits(tasks, pass.logits().array()?, reduce)
            }
        }
    }

    /// `[G, parameters]`: a task's, once for each of its batches.
    fn parameters(&self, tasks: &[&Task], graph: &Graph) -> Result<Array> {
        let length = graph.parameters.len();
        let batches = tasks[0].inputs.batches;
        let mut values = Vec::new();
        values
            .try_reserve_exact(tasks.len() * batches * length)
            .map_err(|_| Error::OutOfMemory("parameters of a group".into()))?;
        for task in tasks {
            let drawn;
            let own: &[f32] = match &task.parameters {
                Parameters::Given(values) => values,
                Parameters::Drawn(initialiser) => {
                    drawn = initialiser.draw(&graph.parameters)?;
                    &drawn
                }
            };
            (0..batches).for_each(|_| values.extend_from_slice(own));
        }
        self.backend.upload(&values, &[(tasks.len() * batches) as i64, length as i64])
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

    /// From J of all tasks, `[G, images, columns]`, to their values.
    fn reduce_rows(&self, tasks: &[&Task], rows: &Array, reduce: &Reduce<'_>) -> Result<Vec<f64>> {
        let [_, images, columns] = rows.shape[..] else {
            return Err(Error::Internal("J has three axes".into()));
        };
        let (images, columns) = (images as usize, columns as usize);
        if tasks[0].wanted == Wanted::Jacobian {
            let values = self.backend.read::<f64>(rows)?;
            let rows = values.chunks_exact(images * columns).map(Rows::F64);
            return Ok(rows
                .map(|rows| reduce(Evidence::Jacobian { rows, images, columns }))
                .collect());
        }
        let k = self.backend.product(rows, &rows.permute(&[0, 2, 1])?)?;
        let k = self.backend.read::<f64>(&k)?;
        let each = k.chunks_exact(images * images);
        Ok(each.map(|values| reduce(Evidence::Kernel { values, images })).collect())
    }

    fn reduce_bits(
        &self,
        tasks: &[&Task],
        packed: &[PackedBits],
        reduce: &Reduce<'_>,
    ) -> Result<Vec<f64>> {
        // `[task][batch]`, flat.
        let batches = tasks[0].inputs.batches;
        let each = tasks.iter().flat_map(|task| std::iter::repeat_n(task, batches));
        let mut bits = each.map(|task| task.bits_of_a_batch()).collect::<Result<Vec<_>>>()?;
        // The union's inputs in order, as the walk counted them.
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
        let mut value = |_: &&Task| {
            let all = ActivationBits::stack(bits.by_ref().take(batches));
            reduce(Evidence::Bits(&all))
        };
        Ok(tasks.iter().map(&mut value).collect())
    }

    fn reduce_logits(
        &self,
        tasks: &[&Task],
        logits: &Array,
        reduce: &Reduce<'_>,
    ) -> Result<Vec<f64>> {
        let [_, n, g, classes, ..] = logits.shape[..] else {
            return Err(Error::Internal("logits have six axes".into()));
        };
        let by_group = logits.reshape(&[n, g, classes])?.permute(&[1, 0, 2])?;
        let values = self.backend.read::<f64>(&self.backend.copy(&by_group, F64)?)?;
        let each = values.chunks_exact(values.len() / tasks.len());
        Ok(each.map(|logits| reduce(Evidence::Logits(logits))).collect())
    }
}

/// Rows of J of all groups, `[G, images, columns]`, block by block.
fn jacobian<'k>(
    kernels: &mut TorchKernels<'k>,
    network: &Network<'_, TorchKernels<'k>>,
    pass: &Forward<TorchKernels<'k>>,
    batch: usize,
    block: usize,
) -> Result<Array> {
    let backend = kernels.backend;
    let columns = network.program.graph().parameters.columns();
    let mut blocks = Vec::new();
    for start in (0..batch).step_by(block) {
        let images = start..batch.min(start + block);
        let shape = [kernels.groups, images.len(), columns].map(|d| d as i64);
        let mut rows = backend.zeros(&shape, F64)?;
        reverse(kernels, network, pass, batch, images, &mut rows)?;
        blocks.push(rows);
    }
    match &blocks[..] {
        [all] => Ok(all.clone()),
        blocks => backend.concat(&blocks.iter().collect::<Vec<_>>(), 1),
    }
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
    if let Wanted::Bits | Wanted::Logits = task.wanted {
        return Grouping { tasks: (limit / numbers).max(1), block: 1 };
    }
    let batch = task.inputs.batch;
    let block = (limit / numbers).clamp(1, batch.max(1));
    // Blocks of about the same size.
    let block = batch.max(1).div_ceil(batch.max(1).div_ceil(block));
    Grouping { tasks: (limit / (numbers * batch.max(1))).max(1), block }
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

    fn evaluate(
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
