//! Measures networks by proxies: which tasks that takes, and what their evidence says.
//!
//! Proxies that ask for the same network on the same inputs share one task.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::Config;
use super::draws::{Draw, SharedImages, Wish, batch_of, heights};
use crate::compute::{self, Engine, Evidence, Plan, Task};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::network::{Graph, NetworkConfig, Supernet, Training};
use crate::proxy::{InputKind, Need, Norms, Precision, Proxy, ProxyNetwork, Setup, Shape};
use crate::random::Purpose;
use crate::space::Mask;

/// Networks whose tasks are pending at a time where two engines take turns.
const AT_ONCE: usize = 256;

/// One evaluation of a network for a group of proxies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    /// Which network, by a number of the caller's.
    pub(super) network: usize,
    /// Which group.
    pub(super) group: usize,
    /// Its draw.
    pub(super) draw: Draw,
    /// Whether other networks have the same draw.
    pub(super) shared: bool,
}

/// Proxies that one task serves.
#[derive(Debug)]
struct Group {
    setup: Setup,
    wish: Wish,
    size: ProxyNetwork,
    plan: Arc<Plan>,
    /// Places among the proxies.
    members: Vec<usize>,
}

/// The networks of jobs, by their numbers.
#[derive(Clone, Copy)]
pub(super) struct Networks<'a> {
    /// Mixing weights.
    pub(super) mixing: &'a dyn Fn(usize) -> Arc<[f64]>,
    /// The mask of a network; `None` for the base itself. It is asked for where a network needs a
    /// graph of its own ([`has_own_graphs`](crate::space::SpaceData::has_own_graphs)).
    pub(super) mask: &'a dyn Fn(usize) -> Option<Mask>,
}

/// A set of proxies, ready to measure the networks of one supernet.
#[derive(Debug)]
pub(super) struct Measurement {
    proxies: Vec<Arc<dyn Proxy>>,
    groups: Vec<Group>,
    /// The engine of what is computed in f64.
    double: Option<Box<dyn Engine>>,
    shared: SharedImages,
}

impl Measurement {
    /// Ready to measure all networks whose operations are among those of `base`.
    ///
    /// Errors: [`Error::InvalidArgument`] for a network or a batch that does not fit the data set.
    pub(super) fn new(
        config: &Config,
        dataset: &Dataset,
        engine: &dyn Engine,
        proxies: &[Arc<dyn Proxy>],
        base: &Mask,
    ) -> Result<Self> {
        let mut all = Measurement {
            proxies: proxies.to_vec(),
            groups: Vec::new(),
            double: None,
            shared: SharedImages::default(),
        };
        for (place, proxy) in proxies.iter().enumerate() {
            if let Need::Evaluation(setup) = proxy.need() {
                all.join(config, dataset, engine, base, place, setup)?;
            }
        }
        Ok(all)
    }

    /// Puts a proxy into a group that it can share, or else into one of its own.
    fn join(
        &mut self,
        config: &Config,
        dataset: &Dataset,
        engine: &dyn Engine,
        base: &Mask,
        place: usize,
        setup: Setup,
    ) -> Result<()> {
        let proxy = &self.proxies[place];
        let size = config.network_of(proxy.as_ref());
        let batch = batch_of(setup.inputs, size, dataset)?;
        let least = if setup.inputs == InputKind::Crops { 0 } else { size.image_size as usize };
        // The smallest images that the network takes.
        let mut fitting = Err(Error::Internal("images without a height".into()));
        for height in heights(dataset.shape(), least) {
            let wish = Wish { source: setup.inputs, batch, height };
            fitting = lower(config.supernet(), dataset, base, setup, wish, size)
                .map(|graph| (wish, Arc::new(graph)));
            if fitting.is_ok() {
                break;
            }
        }
        let (wish, graph) = fitting?;
        let draw = Draw { round: 0, candidate: 0, repeat: 0 };
        let key = draw.key(0, Purpose::Proxies);
        let wanted = proxy.wanted(&graph, &key);
        for group in &mut self.groups {
            let same = group.setup == setup && group.wish == wish && *group.plan.graph() == *graph;
            let members = group.members.iter().map(|m| self.proxies[*m].wanted(&graph, &key));
            let together = members.chain([wanted.clone()]).map(Some).reduce(|a, b| a?.union(&b?));
            if same && together.flatten().is_some() {
                group.members.push(place);
                return Ok(());
            }
        }
        let engine = match setup.precision {
            Precision::Engine => engine,
            Precision::Double => {
                if self.double.is_none() {
                    self.double = Some(compute::reference(config.threads() as usize)?);
                }
                self.double.as_deref().unwrap_or(engine)
            }
        };
        let plan = engine.prepare(graph);
        self.groups.push(Group { setup, wish, size, plan, members: vec![place] });
        Ok(())
    }

    /// Number of groups: of tasks for each draw of a network.
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The proxies that a group's task gives values of, by their places.
    pub(super) fn members(&self, group: usize) -> &[usize] {
        &self.groups[group].members
    }

    /// Evaluates jobs, those of a network one after the other. `sink` takes a job's values, in the
    /// order of its group's members; it stops by `Break`.
    pub(super) fn evaluate(
        &mut self,
        config: &Config,
        dataset: &Dataset,
        engine: &dyn Engine,
        jobs: &[Job],
        networks: Networks<'_>,
        sink: &mut dyn FnMut(&Job, &[f64]) -> ControlFlow<()>,
    ) -> Result<()> {
        let Measurement { proxies, groups, double, shared } = self;
        let Some(double) = double.as_deref() else {
            let part: Vec<&Job> = jobs.iter().collect();
            return evaluate(
                proxies, groups, shared, config, dataset, engine, &part, networks, sink,
            )
            .map(drop);
        };
        // Engines take turns, so that networks are finished one after the other.
        for part in jobs.chunk_by(|a, b| a.network / AT_ONCE == b.network / AT_ONCE) {
            for (precision, engine) in [(Precision::Engine, engine), (Precision::Double, double)] {
                let of_engine = |job: &&Job| groups[job.group].setup.precision == precision;
                let part: Vec<&Job> = part.iter().filter(of_engine).collect();
                let done = evaluate(
                    proxies, groups, shared, config, dataset, engine, &part, networks, sink,
                );
                if done?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The values of those of some proxies that need no evaluation: (place, value).
pub(super) fn costs(
    proxies: &[Arc<dyn Proxy>],
    config: &Config,
    dataset: &Dataset,
    mask: &Mask,
) -> Result<Vec<(usize, f64)>> {
    let of_cost = |p: &(usize, &Arc<dyn Proxy>)| p.1.need() == Need::Cost;
    let mut proxies = proxies.iter().enumerate().filter(of_cost).peekable();
    if proxies.peek().is_none() {
        return Ok(Vec::new());
    }
    let training = Training {
        dataset: config.dataset().name(),
        input: dataset.shape(),
        classes: dataset.classes(),
    };
    let cost = config.supernet().training_network(mask, &training)?.cost();
    proxies
        .map(|(place, proxy)| {
            let value = proxy.of_cost(cost);
            check_finite(proxy.as_ref(), value)?;
            Ok((place, value))
        })
        .collect()
}

/// The values of a network whose output does not depend on the image, which is not measured.
pub(super) fn worst(proxies: &[Arc<dyn Proxy>], config: &Config) -> Vec<f64> {
    let batch = |p: &dyn Proxy| config.network_of(p).batch_size as usize;
    proxies.iter().map(|p| p.worst(batch(p.as_ref()))).collect()
}

/// That a proxy keeps its promise.
pub(super) fn check_finite(proxy: &dyn Proxy, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    let name = proxy.name();
    Err(Error::Internal(format!("proxy {name}: found {value}, expected a finite number")))
}

#[expect(clippy::too_many_arguments, reason = "the parts of a measurement, borrowed apart")]
fn evaluate(
    proxies: &[Arc<dyn Proxy>],
    groups: &[Group],
    shared: &mut SharedImages,
    config: &Config,
    dataset: &Dataset,
    engine: &dyn Engine,
    jobs: &[&Job],
    networks: Networks<'_>,
    sink: &mut dyn FnMut(&Job, &[f64]) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut own = OwnPlans { config, dataset, engine, groups, network: None, plans: Vec::new() };
    let mut tasks = jobs.iter().map(|job| {
        let Group { setup, wish, members, .. } = &groups[job.group];
        let plan = &own.of(job, networks)?;
        let (graph, draw) = (plan.graph(), &job.draw);
        let key = draw.key(config.seed(), Purpose::Proxies);
        let wanted = members.iter().map(|m| proxies[*m].wanted(graph, &key));
        let wanted = wanted.map(Some).reduce(|a, b| a?.union(&b?)).flatten();
        Ok(Task {
            plan: plan.clone(),
            mixing: (networks.mixing)(job.network),
            parameters: draw.parameters(config, setup.network, setup.weights, graph)?,
            inputs: if job.shared {
                shared.get(draw, *wish, config, dataset)?
            } else {
                draw.inputs(*wish, config, dataset)?
            },
            wanted: wanted.unwrap_or_default(),
        })
    });
    let reduce = |number: usize, evidence: Evidence<'_>| -> Vec<f64> {
        let members = &groups[jobs[number].group].members;
        members.iter().map(|m| proxies[*m].reduce(&evidence)).collect()
    };
    let mut flow = ControlFlow::Continue(());
    let mut outcome = Ok(());
    engine.evaluate(&mut tasks, &reduce, &mut |number, values| {
        let job = jobs[number];
        let members = &groups[job.group].members;
        let mut checks =
            members.iter().zip(&values).map(|(m, v)| check_finite(proxies[*m].as_ref(), *v));
        outcome = checks.try_for_each(|check| check);
        if outcome.is_err() {
            return ControlFlow::Break(());
        }
        flow = sink(job, &values);
        flow
    })?;
    outcome.map(|()| flow)
}

/// The plans of networks that need graphs of their own, those of the last network kept.
struct OwnPlans<'a> {
    config: &'a Config,
    dataset: &'a Dataset,
    engine: &'a dyn Engine,
    groups: &'a [Group],
    network: Option<usize>,
    /// By group.
    plans: Vec<Option<Arc<Plan>>>,
}

impl OwnPlans<'_> {
    fn of(&mut self, job: &Job, networks: Networks<'_>) -> Result<Arc<Plan>> {
        let group = &self.groups[job.group];
        let supernet = self.config.supernet();
        if !supernet.space.has_own_graphs() {
            return Ok(group.plan.clone());
        }
        let Some(mask) = (networks.mask)(job.network) else { return Ok(group.plan.clone()) };
        if self.network != Some(job.network) {
            self.network = Some(job.network);
            self.plans = vec![None; self.groups.len()];
        }
        if let Some(plan) = &self.plans[job.group] {
            return Ok(plan.clone());
        }
        let Group { setup, wish, size, .. } = group;
        let graph = lower(supernet, self.dataset, &mask, *setup, *wish, *size)?;
        let plan = self.engine.prepare(Arc::new(graph));
        self.plans[job.group] = Some(plan.clone());
        Ok(plan)
    }
}

/// A network as a setup wants it.
fn lower(
    supernet: &Supernet,
    dataset: &Dataset,
    mask: &Mask,
    setup: Setup,
    wish: Wish,
    size: ProxyNetwork,
) -> Result<Graph> {
    let graph = match setup.network {
        Shape::Thin => supernet.thin_network(mask, dataset.classes())?,
        Shape::Proxy => {
            let [channels, height, width] = dataset.shape();
            let config = NetworkConfig {
                input: [channels, wish.height, width * wish.height / height],
                classes: dataset.classes(),
                channels: size.channels as usize,
                cells: size.cells as usize,
                thin: false,
            };
            supernet.lower(mask, &config)?
        }
    };
    Ok(match setup.norms {
        Norms::Batch => graph,
        Norms::Frozen => graph.frozen(),
    })
}
