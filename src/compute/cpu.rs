//! What the CPU engines share: tasks in flight on a pool of threads of their own, cotangent blocks
//! of a task spread over the same pool.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::bits::ActivationBits;
use super::evidence::{Findings, features};
use super::gram::{WHOLE_JACOBIAN, add_lower, gram, mirror};
use super::kernels::{Kernels, RowsMut, Shape};
use super::program::{Program, Step};
use super::walk::{Forward, Instance, Notes, Reverse, Start, Watch, forward, reverse};
use super::{
    Engine, Evidence, Gradients, Jacobian, Kernel, Parameters, Plan, Pullback, Pulled, Reduce,
    Rows, Seed, Sink, Task, Tasks, Variances,
};
use crate::error::{Error, Result, try_vec};
use crate::float_state::in_default;
use crate::fork::{Maker, Mutex};
use crate::hooks::{Hook, reach};
use crate::network::Graph;

/// Kernels whose parameters and rows of J are plain slices in memory.
pub(super) trait CpuKernels:
    for<'a> Kernels<
        Tensor: Send + Sync,
        Parameters = [Self::Scalar],
        Weight: Send + Sync,
        Saved: Send + Sync,
        Rows<'a> = RowsMut<'a, Self::Scalar>,
        Bits = ActivationBits,
    > + Send
{
    /// Precision of the engine.
    type Scalar: Copy + Default + From<f32> + Into<f64> + Send + Sync;

    /// A batch of images `[N, C, H, W]` as a tensor.
    fn input(&mut self, values: &[f32], batch: usize, chw: [usize; 3]) -> Result<Self::Tensor>;
    /// A matrix as evidence.
    fn rows(values: &[Self::Scalar]) -> Rows<'_>;
}

/// An engine on this machine's cores.
pub(super) struct CpuEngine<K> {
    name: &'static str,
    threads: Threads,
    new_kernels: Box<dyn Fn() -> K + Send + Sync>,
    /// Kernels that no task uses at the moment. They keep their working memory.
    idle: Mutex<Vec<K>>,
    /// Numbers of J that a task may hold at once: beyond that, K is summed layer by layer.
    pub(super) whole_jacobian: usize,
}

/// A pool of threads. Dropping it waits for their end, where rayon itself only tells them to end. In a
/// forked child the threads do not exist, and dropping it does nothing.
struct Threads {
    maker: Maker,
    pool: Option<ThreadPool>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    fn new(count: usize) -> Result<Self> {
        let mut handles = Vec::with_capacity(count);
        let pool = ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|i| format!("tenas-{i}"))
            .spawn_handler(|thread| {
                let name = thread.name().unwrap_or("tenas").to_owned();
                // Threads begin in the floating-point state of the one that starts them.
                let run = || in_default(|| thread.run());
                handles.push(std::thread::Builder::new().name(name).spawn(run)?);
                Ok(())
            })
            .build();
        match pool {
            Ok(pool) => Ok(Threads { maker: Maker::here(), pool: Some(pool), handles }),
            // rayon has told the threads that did start to end.
            Err(e) => Err(Error::OutOfMemory(format!("cannot start {count} threads: {e}"))),
        }
    }

    fn pool(&self) -> &ThreadPool {
        self.pool.as_ref().expect("taken on drop only")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if !self.maker.is_here() {
            std::mem::forget((self.pool.take(), std::mem::take(&mut self.handles)));
            return;
        }
        self.pool = None;
        for handle in self.handles.drain(..) {
            // If a task panicked, the call that it was for has been told.
            let _ = handle.join();
        }
    }
}

impl<K> std::fmt::Debug for CpuEngine<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} engine, {} threads", self.name, self.threads.handles.len())
    }
}

impl<K: CpuKernels> CpuEngine<K> {
    /// An engine with a pool of `threads` threads (0: one a core), joined when it is dropped.
    pub(super) fn new(
        name: &'static str,
        threads: usize,
        new_kernels: impl Fn() -> K + Send + Sync + 'static,
    ) -> Result<Self> {
        // Not left to rayon, which would ask the host's environment.
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, NonZero::get),
            threads => threads,
        };
        Ok(CpuEngine {
            name,
            threads: Threads::new(threads)?,
            new_kernels: Box::new(new_kernels),
            idle: Mutex::new(Vec::new()),
            whole_jacobian: WHOLE_JACOBIAN,
        })
    }

    fn with_kernels<T>(&self, f: impl FnOnce(&mut K) -> T) -> T {
        let idle = self.idle.lock().pop();
        let mut kernels = idle.unwrap_or_else(|| (self.new_kernels)());
        let result = f(&mut kernels);
        self.idle.lock().push(kernels);
        result
    }

    /// Computes one task on the pool; false if told to stop before it was done.
    fn run(
        &self,
        number: usize,
        task: &Task,
        reduce: &Reduce<'_>,
        stop: &AtomicBool,
    ) -> Result<bool> {
        let program = &task.plan.program;
        let graph = program.graph();
        reach(Hook::Task)?;
        task.check()?;
        let drawn;
        let given = match &task.parameters {
            Parameters::Drawn(initialiser) => {
                drawn = initialiser.draw(&graph.parameters)?;
                &drawn[..]
            }
            Parameters::Given(values) => values,
        };
        let mut parameters = try_vec(K::Scalar::default(), given.len(), "parameters")?;
        parameters.iter_mut().zip(given).for_each(|(p, value)| *p = K::Scalar::from(*value));
        let network =
            self.with_kernels(|k| Instance::<K>::new(k, program, &parameters, &[&task.mixing]))?;
        // Batches have statistics of their own: they spread over the pool.
        let elements = task.inputs.batch * graph.input_shape().iter().product::<usize>();
        let batches = task.inputs.values.par_chunks_exact(elements);
        let forward = |values: &[f32]| self.forward(task, &network, values);
        let parts: Vec<Part<K>> = batches.map(forward).collect::<Result<_>>()?;
        let (passes, findings): (Vec<Option<Forward<K>>>, Vec<Findings>) =
            parts.into_iter().map(|part| (part.pass, part.findings)).unzip();
        let passes: Vec<Forward<K>> = passes.into_iter().flatten().collect();
        let mut found = Findings::join(findings);
        let by_layers = task.sums_kernel_by_layers(self.whole_jacobian);
        let gradients = match by_layers {
            true => self.kernel_by_layers(task, &network, &passes, &found, stop),
            false => self.gradients(task, &network, &passes, &mut found, stop),
        };
        let pulled = match &gradients {
            Ok(Some(_)) => self.pullbacks(task, &network, &passes, &mut found, stop),
            _ => Ok(()),
        };
        self.with_kernels(|kernels| passes.into_iter().for_each(|pass| pass.release(kernels)));
        let Some(Rowed { jacobian, mut kernel, count }) = gradients? else { return Ok(false) };
        pulled?;
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let (images, columns) = (task.inputs.batch, graph.parameters.columns());
        if !by_layers && matches!(task.wanted.gradients, Some(gradients) if gradients.kernel) {
            kernel = gram(K::rows(&jacobian), count, columns)?;
        }
        reduce(
            number,
            Evidence {
                graph,
                mixing: &task.mixing,
                parameters: given,
                batches: task.inputs.batches,
                batch: images,
                logits: task.wanted.logits.then_some(&found.logits),
                bits: found.bits.as_ref(),
                features: &found.features,
                variances: &found.variances,
                kernel: (!kernel.is_empty()).then_some(Kernel { values: &kernel, images: count }),
                // Rows that are not wanted are empty. The wish itself is not asked here: valgrind takes
                // the fields of a wish that is absent for uninitialised memory.
                jacobian: (!jacobian.is_empty()).then(|| Jacobian {
                    rows: K::rows(&jacobian),
                    count,
                    columns,
                }),
                images: (!found.images.is_empty()).then_some(&found.images),
                pullbacks: &found.pullbacks,
            },
        );
        Ok(true)
    }

    /// The forward pass of one batch, with what is wanted of it.
    fn forward(&self, task: &Task, network: &Instance<'_, K>, values: &[f32]) -> Result<Part<K>> {
        let (graph, wanted) = (network.program.graph(), &task.wanted);
        let batch = task.inputs.batch;
        self.with_kernels(|kernels| {
            let mut found = Findings {
                features: wanted.features.iter().map(|node| features(graph, *node)).collect(),
                ..Default::default()
            };
            let mut bits = wanted.bits.then(|| task.bits_of_a_batch()).transpose()?;
            let mut watch = |kernels: &mut K,
                             step: &Step,
                             value: &K::Tensor,
                             saved: Option<&K::Saved>|
             -> Result<()> {
                for (f, _) in wanted.features.iter().enumerate().filter(|(_, n)| **n == step.output)
                {
                    found.features[f].values = kernels.read(value)?;
                }
                if let (true, Some(saved)) = (wanted.variances, saved) {
                    let values = kernels.variances(saved)?;
                    if !values.is_empty() {
                        let node = step.output;
                        let count = batch * graph.nodes[node].shape[1..].iter().product::<usize>();
                        found.variances.push(Variances { node, count, values });
                    }
                }
                Ok(())
            };
            let notes = Notes {
                bits: bits.as_mut(),
                watch: (wanted.variances || !wanted.features.is_empty())
                    .then_some(&mut watch as &mut Watch<'_, K>),
            };
            let input = kernels.input(values, batch, graph.input_shape())?;
            let pass = forward(kernels, network, input, batch, wanted.reverses(), notes)?;
            if wanted.logits || matches!(wanted.gradients, Some(g) if g.seed.reads_logits()) {
                found.logits = kernels.read(pass.logits())?;
            }
            found.bits = bits;
            let pass = if wanted.reverses() {
                Some(pass)
            } else {
                pass.release(kernels);
                None
            };
            Ok(Part { pass, findings: found })
        })
    }

    /// K, parameter by parameter: the reverse passes of all rows go through a layer together, whose
    /// columns of J are multiplied and forgotten. `None` if told to stop.
    fn kernel_by_layers(
        &self,
        task: &Task,
        network: &Instance<'_, K>,
        passes: &[Forward<K>],
        found: &Findings,
        stop: &AtomicBool,
    ) -> Result<Option<Rowed<K::Scalar>>> {
        let Some(Gradients { seed, .. }) = task.wanted.gradients else { return Ok(None) };
        let (batch, program) = (task.inputs.batch, network.program);
        let each = seed.rows(batch, program.graph().classes());
        let count = each * passes.len();
        let mut kernel = try_vec(0.0, count * count, "K")?;
        let start = |row: usize| {
            self.with_kernels(|kernels| {
                let start = start(kernels, task, &seed, row, found)?;
                let parts: BTreeMap<usize, Vec<K::Scalar>> = BTreeMap::new();
                Ok((Reverse::new(network, batch, start, None), parts))
            })
        };
        let mut rows = (0..count).map(start).collect::<Result<Vec<_>>>()?;
        for (s, columns) in program.completed_columns().iter().enumerate().rev() {
            rows.par_iter_mut().enumerate().try_for_each(|(row, (pass, parts))| {
                if stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                reach(Hook::Block)?;
                let rows = &mut RowsMut::Parts(parts);
                self.with_kernels(|k| pass.step(k, network, &passes[row / each], s, rows))
            })?;
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            for column in columns {
                let parts: Vec<Vec<K::Scalar>> =
                    rows.iter_mut().filter_map(|(_, parts)| parts.remove(column)).collect();
                if parts.len() == count {
                    add_lower(&mut kernel, &parts);
                }
            }
        }
        self.with_kernels(|k| rows.into_iter().try_for_each(|(pass, _)| pass.end(k).map(drop)))?;
        mirror(&mut kernel, count);
        Ok(Some(Rowed { jacobian: Vec::new(), kernel, count }))
    }

    /// The rows of gradients of all batches; `None` if told to stop.
    fn gradients(
        &self,
        task: &Task,
        network: &Instance<'_, K>,
        passes: &[Forward<K>],
        found: &mut Findings,
        stop: &AtomicBool,
    ) -> Result<Option<Rowed<K::Scalar>>> {
        let Some(Gradients { seed, images, .. }) = task.wanted.gradients else {
            return Ok(Some(Rowed { jacobian: Vec::new(), kernel: Vec::new(), count: 0 }));
        };
        let graph = network.program.graph();
        let (batch, classes) = (task.inputs.batch, graph.classes());
        let (each, columns) = (seed.rows(batch, classes), graph.parameters.columns());
        let count = each * passes.len();
        let mut jacobian = try_vec(K::Scalar::default(), count * columns, "rows of J")?;
        let image = batch * graph.input_shape().iter().product::<usize>();
        let wanted = if images { count * image } else { 0 };
        let mut of_images = try_vec(0.0, wanted, "gradients of the images")?;
        // One cotangent a block: its tensors are what fits in cache.
        let one = |(row, rows): (usize, &mut [K::Scalar]), out: Option<&mut [f64]>| -> Result<()> {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            reach(Hook::Block)?;
            let b = row / each;
            self.with_kernels(|kernels| {
                let start = start(kernels, task, &seed, row, found)?;
                let until = out.is_some().then_some(0);
                let rows = &mut RowsMut::Whole { values: rows, columns };
                let arrived = reverse(kernels, network, &passes[b], batch, start, until, rows)?;
                if let (Some(out), Some(tensor)) = (out, arrived) {
                    out.copy_from_slice(&kernels.read(&tensor)?);
                    kernels.release(tensor);
                }
                Ok(())
            })
        };
        let rows = jacobian.par_chunks_exact_mut(columns).enumerate();
        if images {
            let rows = rows.zip(of_images.par_chunks_exact_mut(image));
            rows.try_for_each(|(row, out)| one(row, Some(out)))?;
        } else {
            rows.try_for_each(|row| one(row, None))?;
        }
        found.images = of_images;
        let kernel = Vec::new();
        Ok((!stop.load(Ordering::Relaxed)).then_some(Rowed { jacobian, kernel, count }))
    }

    /// The reverse passes between nodes.
    fn pullbacks(
        &self,
        task: &Task,
        network: &Instance<'_, K>,
        passes: &[Forward<K>],
        found: &mut Findings,
        stop: &AtomicBool,
    ) -> Result<()> {
        let graph = network.program.graph();
        let batch = task.inputs.batch;
        let one = |pull: &Pullback| -> Result<Pulled> {
            let mut pulled = Pulled { from: pull.from, to: pull.to, ..Default::default() };
            let [from, to] = [pull.from, pull.to].map(|node| graph.nodes[node].shape);
            // The weights on the way get gradients, which nobody reads.
            let mut row = try_vec(K::Scalar::default(), graph.parameters.columns(), "a row of J")?;
            for (b, pass) in passes.iter().enumerate() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let signs = task.signs(pull, b);
                let cotangent = self.with_kernels(|kernels| {
                    let shape = Shape { cotangents: 1, batch, chw: from, halo: 0 };
                    let tensor = kernels.write(&signs, shape)?;
                    let start = Start { node: pull.from, tensor, cotangents: 1 };
                    let until = Some(pull.to);
                    let rows = &mut RowsMut::Whole { columns: row.len(), values: &mut row };
                    match reverse(kernels, network, pass, batch, start, until, rows)? {
                        None => Ok(vec![0.0; batch * to.iter().product::<usize>()]),
                        Some(tensor) => {
                            let values = kernels.read(&tensor)?;
                            kernels.release(tensor);
                            Ok(values)
                        }
                    }
                })?;
                pulled.signs.extend(signs);
                pulled.cotangent.extend(cotangent);
            }
            Ok(pulled)
        };
        found.pullbacks = task.wanted.pullbacks.par_iter().map(one).collect::<Result<_>>()?;
        Ok(())
    }
}

/// Where the reverse pass of a row of gradients starts; rows count through all batches.
fn start<K: CpuKernels>(
    kernels: &mut K,
    task: &Task,
    seed: &Seed,
    row: usize,
    found: &Findings,
) -> Result<Start<K::Tensor>> {
    let graph = task.plan.graph();
    let (batch, classes) = (task.inputs.batch, graph.classes());
    let each = seed.rows(batch, classes);
    let (b, row) = (row / each, row % each);
    let shape = Shape { cotangents: 1, batch, chw: [classes, 1, 1], halo: 0 };
    let tensor = match seed {
        Seed::Images => kernels.seed(row, shape)?,
        _ => {
            let logits = found.logits.get(b * batch * classes..).unwrap_or_default();
            kernels.write(&task.seed_values(seed, row, b, logits), shape)?
        }
    };
    Ok(Start { node: graph.nodes.len() - 1, tensor, cotangents: 1 })
}

/// What the reverse passes of a task's rows give.
struct Rowed<T> {
    /// The rows; none if they were forgotten.
    jacobian: Vec<T>,
    /// K; empty where it is still to be made of the rows.
    kernel: Vec<f64>,
    /// Number of rows.
    count: usize,
}

/// A batch after its forward pass.
struct Part<K: Kernels> {
    /// What a reverse pass needs, if one follows.
    pass: Option<Forward<K>>,
    findings: Findings,
}

impl<K: CpuKernels> Engine for CpuEngine<K> {
    fn prepare(&self, graph: Arc<Graph>) -> Arc<Plan> {
        Arc::new(Plan { program: Program::new(graph, K::fuses) })
    }

    fn evaluate_all(
        &self,
        tasks: &mut Tasks<'_>,
        reduce: &Reduce<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        self.threads.maker.check("engine")?;
        // Enough to keep every thread busy while this one feeds the sink; memory grows with it.
        let most = self.threads.handles.len() + 1;
        let stop = AtomicBool::new(false);
        let mut outcome = Ok(());
        let mut panic = None;
        self.threads.pool().in_place_scope(|scope| {
            let (send, receive) = mpsc::channel();
            let mut numbered = tasks.enumerate();
            let (mut in_flight, mut more) = (0, true);
            loop {
                while more && in_flight < most {
                    match numbered.next() {
                        None => more = false,
                        Some((_, Err(error))) => {
                            outcome = Err(error);
                            more = false;
                        }
                        Some((number, Ok(task))) => {
                            in_flight += 1;
                            let (send, stop) = (send.clone(), &stop);
                            scope.spawn(move |_| {
                                let run =
                                    AssertUnwindSafe(|| self.run(number, &task, reduce, stop));
                                // The receiver outlives all tasks: it waits for each.
                                let _ = send.send((number, catch_unwind(run)));
                            });
                        }
                    }
                }
                if in_flight == 0 {
                    break;
                }
                let Ok((number, result)) = receive.recv() else { break };
                in_flight -= 1;
                let go_on = match result {
                    Ok(Ok(true)) if more || outcome.is_ok() => {
                        !stop.load(Ordering::Relaxed) && sink(number).is_continue()
                    }
                    Ok(Ok(_)) => false,
                    Ok(Err(error)) => {
                        if outcome.is_ok() {
                            outcome = Err(error);
                        }
                        false
                    }
                    Err(payload) => {
                        panic.get_or_insert(payload);
                        false
                    }
                };
                if !go_on {
                    stop.store(true, Ordering::Relaxed);
                    more = false;
                }
            }
        });
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
        outcome
    }
}
