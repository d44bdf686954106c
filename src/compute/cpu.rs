//! What the CPU engines share: tasks in flight on a pool of threads of their own, cotangent blocks
//! of a task spread over the same pool.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::bits::ActivationBits;
use super::gram::gram;
use super::kernels::Kernels;
use super::program::Program;
use super::walk::{Network, forward, reverse};
use super::{Engine, Evidence, Parameters, Plan, Reduce, Rows, Sink, Task, Tasks, Wanted};
use crate::error::{Error, Result, try_vec};
use crate::float_state::in_default;
use crate::fork::{Maker, Mutex};
use crate::hooks::{Hook, reach};
use crate::network::Graph;

/// Kernels whose parameters and rows of J are plain slices in memory.
pub(super) trait CpuKernels:
    Kernels<
        Tensor: Send + Sync,
        Parameters = [Self::Scalar],
        Weight: Send + Sync,
        Saved: Send + Sync,
        Rows = [Self::Scalar],
        Bits = ActivationBits,
    > + Send
{
    /// Precision of the engine.
    type Scalar: Copy + Default + From<f32> + Send + Sync;

    /// A batch of images `[N, C, H, W]` as a tensor.
    fn input(&mut self, values: &[f32], batch: usize, chw: [usize; 3]) -> Result<Self::Tensor>;
    /// A tensor as numbers `[N, C, H, W]`.
    fn read(&self, tensor: &Self::Tensor) -> Vec<f64>;
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
        })
    }

    fn with_kernels<T>(&self, f: impl FnOnce(&mut K) -> T) -> T {
        let idle = self.idle.lock().pop();
        let mut kernels = idle.unwrap_or_else(|| (self.new_kernels)());
        let result = f(&mut kernels);
        self.idle.lock().push(kernels);
        result
    }

    /// Computes one task on the pool. `None` if told to stop.
    fn run(&self, task: &Task, reduce: &Reduce<'_>, stop: &AtomicBool) -> Result<Option<f64>> {
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
            self.with_kernels(|k| Network::<K>::new(k, program, &parameters, &[&task.mixing]))?;
        match task.wanted {
            Wanted::Jacobian | Wanted::Kernel => self.jacobian(task, &network, reduce, stop),
            Wanted::Bits => {
                // Batches have statistics of their own: they spread over the pool.
                let parts = self.batches(task, &network, |kernels, network, input| {
                    let mut bits = task.bits_of_a_batch()?;
                    let target = Some(&mut bits);
                    let pass = forward(kernels, network, input, task.inputs.batch, false, target)?;
                    pass.release(kernels);
                    Ok(bits)
                })?;
                Ok(Some(reduce(Evidence::Bits(&ActivationBits::stack(parts.into_iter())))))
            }
            Wanted::Logits => {
                let parts = self.batches(task, &network, |kernels, network, input| {
                    let pass = forward(kernels, network, input, task.inputs.batch, false, None)?;
                    let logits = kernels.read(pass.logits());
                    pass.release(kernels);
                    Ok(logits)
                })?;
                Ok(Some(reduce(Evidence::Logits(&parts.concat()))))
            }
        }
    }

    /// What `f` makes of each batch's tensor, in order.
    fn batches<T: Send>(
        &self,
        task: &Task,
        network: &Network<'_, K>,
        f: impl Fn(&mut K, &Network<'_, K>, K::Tensor) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let chw = network.program.graph().input_shape();
        let batch = task.inputs.batch;
        let elements = batch * chw.iter().product::<usize>();
        let one = |values: &[f32]| {
            self.with_kernels(|kernels| {
                let input = kernels.input(values, batch, chw)?;
                f(kernels, network, input)
            })
        };
        task.inputs.values.par_chunks_exact(elements).map(one).collect()
    }

    fn jacobian(
        &self,
        task: &Task,
        network: &Network<'_, K>,
        reduce: &Reduce<'_>,
        stop: &AtomicBool,
    ) -> Result<Option<f64>> {
        let graph = network.program.graph();
        let (images, columns) = (task.inputs.batch, graph.parameters.columns());
        let mut jacobian = try_vec(K::Scalar::default(), images * columns, "rows of J")?;
        let pass = self.with_kernels(|kernels| {
            let input = kernels.input(&task.inputs.values, images, graph.input_shape())?;
            forward(kernels, network, input, images, true, None)
        })?;
        // One cotangent a block: its tensors are what fits in cache.
        let blocks = jacobian.par_chunks_exact_mut(columns).enumerate();
        let result = blocks.try_for_each(|(i, rows)| {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            reach(Hook::Block)?;
            self.with_kernels(|kernels| reverse(kernels, network, &pass, images, i..i + 1, rows))
        });
        self.with_kernels(|kernels| pass.release(kernels));
        result?;
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let rows = K::rows(&jacobian);
        if task.wanted == Wanted::Jacobian {
            return Ok(Some(reduce(Evidence::Jacobian { rows, images, columns })));
        }
        let values = &gram(rows, images, columns)?;
        Ok(Some(reduce(Evidence::Kernel { values, images })))
    }
}

impl<K: CpuKernels> Engine for CpuEngine<K> {
    fn prepare(&self, graph: Arc<Graph>) -> Arc<Plan> {
        Arc::new(Plan { program: Program::new(graph, K::fuses) })
    }

    fn evaluate(
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
                                let run = AssertUnwindSafe(|| self.run(&task, reduce, stop));
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
                    Ok(Ok(Some(value))) if more || outcome.is_ok() => {
                        !stop.load(Ordering::Relaxed) && sink(number, value).is_continue()
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
