//! What determines a search.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::aggregation::Aggregation;
use crate::compute::{self, Engine, TorchDevice};
use crate::data::DatasetKind;
use crate::error::{Error, Result, check_range};
use crate::network::{Init, Supernet};
use crate::proxy::{self, Need, Proxy, ProxyNetwork, Shape};
use crate::space::{Space, SpaceKind};

/// How a space is searched. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Strategy {
    /// TE-NAS: a supernet loses operations, round by round (section 3.4).
    Prune = 1,
    /// Architectures are scored one by one and ranked (section 3.10).
    Rank = 2,
}

/// How candidates draw their random numbers (section 3.5). The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Sampling {
    /// In a round, each repeat has its own weights and images, the same for all candidates.
    Common = 1,
    /// Fresh weights and images for every candidate and repeat.
    Independent = 2,
}

/// Where a search computes. The numbers are those of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum DeviceKind {
    /// CUDA if it is built in and present, else the native engine.
    Auto = 0,
    /// The native engine.
    Cpu = 1,
    /// An NVIDIA GPU through libtorch.
    Cuda = 2,
    /// libtorch on the CPU.
    TorchCpu = 3,
}

pub(super) const REPEATS: RangeInclusive<u32> = 1..=1000;
pub(super) const BATCH_SIZE: RangeInclusive<u32> = 2..=1024;
pub(super) const PRUNE_PER_EDGE: RangeInclusive<u32> = 1..=16;
pub(super) const SCORE_DECIMALS: RangeInclusive<u32> = 1..=15;
pub(super) const THREADS: RangeInclusive<u32> = 0..=1024;
/// Of a proxy network; a training run has no more.
pub(super) const CHANNELS: u32 = 256;
pub(super) const CELLS: u32 = 64;
pub(super) const IMAGE_SIZE: u32 = 1024;
/// Of the strategy `rank`.
pub(super) const BUDGET: RangeInclusive<u32> = 1..=60_000;
pub(super) const RUNGS: RangeInclusive<u32> = 1..=6;
pub(super) const REDUCTION: RangeInclusive<u32> = 2..=1024;
pub(super) const DRAW_GROWTH: RangeInclusive<u32> = 2..=8;
/// Scores that one search goes by, at most: the C ABI has a struct with so many.
pub(super) const PROXIES: usize = 16;
/// GPUs are counted from 0.
pub(super) const LAST_GPU: i32 = i16::MAX as i32;

/// A search's parameters. Made from a published preset, changed by setters that check ranges.
#[derive(Debug, Clone)]
pub struct Config {
    supernet: Arc<Supernet>,
    dataset: DatasetKind,
    seed: u64,
    repeats: u32,
    batch_size: u32,
    prune_per_edge: u32,
    score_decimals: u32,
    threads: u32,
    init: Init,
    sampling: Sampling,
    device: (DeviceKind, i32),
    /// What all proxy networks have that say nothing else, and what single proxies' have.
    proxy_network: ProxyNetwork,
    proxy_networks: BTreeMap<String, ProxyNetwork>,
    strategy: Strategy,
    proxies: Vec<Arc<dyn Proxy>>,
    aggregation: Aggregation,
    budget: u32,
    rungs: u32,
    reduction: u32,
    draw_growth: u32,
}

/// What each strategy has a preset of its own for.
#[derive(PartialEq)]
struct Presets {
    batch_size: u32,
    channels: u32,
    cells: u32,
    image_size: u32,
}

impl Config {
    /// The published preset for a space and a data set.
    pub fn new(space: SpaceKind, dataset: DatasetKind) -> Self {
        Self::for_supernet(Arc::new(Supernet::of(space)), dataset)
    }

    /// The preset of any supernet, also one that is not built in.
    pub fn for_supernet(supernet: Arc<Supernet>, dataset: DatasetKind) -> Self {
        let preset = supernet.space.preset(dataset.name());
        let rank = supernet.space.rank;
        // A space names proxies that there are.
        let proxies = rank.proxies.iter().filter_map(|name| proxy::named(name).ok()).collect();
        Config {
            supernet,
            dataset,
            seed: 0,
            repeats: 3,
            batch_size: preset.batch_size,
            prune_per_edge: preset.prune_per_edge,
            score_decimals: 3,
            threads: 0,
            init: Init::KaimingNormal,
            sampling: Sampling::Common,
            device: (DeviceKind::Auto, 0),
            proxy_network: ProxyNetwork::default(),
            proxy_networks: BTreeMap::new(),
            strategy: Strategy::Prune,
            proxies,
            aggregation: Aggregation::LogRanks,
            budget: rank.budget,
            rungs: rank.rungs,
            reduction: rank.reduction,
            draw_growth: rank.draw_growth,
        }
    }

    /// The same for another form of its space: with parallel edges.
    pub(super) fn with_space(&self, space: &Space) -> Self {
        let supernet = Supernet { space: space.clone(), ..Supernet::clone(&self.supernet) };
        Config { supernet: Arc::new(supernet), ..self.clone() }
    }

    /// Any value; default 0.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    /// How the space is searched; default pruning. Batch size and proxy network have presets of
    /// each strategy: those that still are the old strategy's become the new one's.
    pub fn set_strategy(&mut self, strategy: Strategy) {
        let (old, new) = (self.presets(self.strategy), self.presets(strategy));
        let follow = |value: &mut u32, old, new| {
            if *value == old {
                *value = new;
            }
        };
        let network = &mut self.proxy_network;
        follow(&mut self.batch_size, old.batch_size, new.batch_size);
        follow(&mut network.channels, old.channels, new.channels);
        follow(&mut network.cells, old.cells, new.cells);
        follow(&mut network.image_size, old.image_size, new.image_size);
        self.strategy = strategy;
    }

    fn presets(&self, strategy: Strategy) -> Presets {
        let space = &self.supernet.space;
        match strategy {
            Strategy::Prune => Presets {
                batch_size: space.preset(self.dataset.name()).batch_size,
                channels: 0,
                cells: 0,
                image_size: 0,
            },
            Strategy::Rank => Presets {
                batch_size: space.rank.batch_size,
                channels: space.rank.channels,
                cells: space.rank.cells,
                image_size: space.rank.image_size,
            },
        }
    }

    /// The scores that the strategy `rank` goes by: 1 to 16, no two of one name; default the
    /// space's preset.
    ///
    /// Errors: [`Error::InvalidArgument`].
    pub fn set_proxies(&mut self, proxies: &[Arc<dyn Proxy>]) -> Result<()> {
        check_range("number of proxies", proxies.len(), 1..=PROXIES)?;
        for (i, proxy) in proxies.iter().enumerate() {
            if proxies[..i].iter().any(|p| p.name() == proxy.name()) {
                return Err(Error::InvalidArgument(format!(
                    "proxies: found {:?} twice, expected each once",
                    proxy.name()
                )));
            }
        }
        self.proxies = proxies.to_vec();
        Ok(())
    }

    /// How the strategy `rank` makes one order of the ranks by several scores; default the sum of
    /// log ranks.
    pub fn set_aggregation(&mut self, aggregation: Aggregation) {
        self.aggregation = aggregation;
    }

    /// Most architectures that the strategy `rank` looks at: 1 to 60,000. A space with no more
    /// classes of isomorphic architectures is ranked whole.
    pub fn set_budget(&mut self, budget: u32) -> Result<()> {
        self.budget = check_range("budget", budget, BUDGET)?;
        Ok(())
    }

    /// Rungs of successive halving: 1 to 6. Rung r has `draw_growth`^r draws of each candidate.
    pub fn set_rungs(&mut self, rungs: u32) -> Result<()> {
        self.rungs = check_range("rungs", rungs, RUNGS)?;
        Ok(())
    }

    /// Of so many candidates one goes on to the next rung: 2 to 1024.
    pub fn set_reduction(&mut self, reduction: u32) -> Result<()> {
        self.reduction = check_range("reduction", reduction, REDUCTION)?;
        Ok(())
    }

    /// A rung has so many times the draws of the one before it: 2 to 8.
    pub fn set_draw_growth(&mut self, draw_growth: u32) -> Result<()> {
        self.draw_growth = check_range("draw_growth", draw_growth, DRAW_GROWTH)?;
        Ok(())
    }

    /// Draws of weights and images a candidate is scored on: 1 to 1000, default 3. The strategy
    /// `rank` has rungs instead.
    pub fn set_repeats(&mut self, repeats: u32) -> Result<()> {
        self.repeats = check_range("repeats", repeats, REPEATS)?;
        Ok(())
    }

    /// Images of an NTK batch: 2 to 1024.
    pub fn set_batch_size(&mut self, batch_size: u32) -> Result<()> {
        self.batch_size = check_range("batch_size", batch_size, BATCH_SIZE)?;
        Ok(())
    }

    /// Operations that a round removes from each edge: 1 to 16; one always stays.
    pub fn set_prune_per_edge(&mut self, prune_per_edge: u32) -> Result<()> {
        self.prune_per_edge = check_range("prune_per_edge", prune_per_edge, PRUNE_PER_EDGE)?;
        Ok(())
    }

    /// The p of section 3.4: decimals of deltas, significant figures of sort keys; 1 to 15,
    /// default 3.
    pub fn set_score_decimals(&mut self, score_decimals: u32) -> Result<()> {
        self.score_decimals = check_range("score_decimals", score_decimals, SCORE_DECIMALS)?;
        Ok(())
    }

    /// Threads of the native engine: 0 (all cores, the default) to 1024.
    pub fn set_threads(&mut self, threads: u32) -> Result<()> {
        self.threads = check_range("threads", threads, THREADS)?;
        Ok(())
    }

    /// How parameters are initialised; default Kaiming normal.
    pub fn set_init(&mut self, init: Init) {
        self.init = init;
    }

    /// How candidates draw random numbers; default common.
    pub fn set_sampling(&mut self, sampling: Sampling) {
        self.sampling = sampling;
    }

    /// Where to compute; default AUTO. `index` counts GPUs and must be 0 for the other kinds. Whether
    /// the machine has that GPU shows when a search is made.
    pub fn set_device(&mut self, kind: DeviceKind, index: i32) -> Result<()> {
        let last = if kind == DeviceKind::Cuda { LAST_GPU } else { 0 };
        check_range("device index", index, 0..=last)?;
        if compute::LIBTORCH_VERSION.is_none()
            && let Some(device) = torch_device(kind, index)
        {
            // Says what to do about it.
            compute::torch(device)?;
        }
        self.device = (kind, index);
        Ok(())
    }

    /// The size of the proxy networks: of that of one proxy, or with `None` of all that have no
    /// size of their own. What is 0 stays as the proxy's paper, or else the space's published
    /// search, has it: C = 3 for NAS-Bench-201 and 1 for DARTS, one cell a stage, the images as
    /// they are, `batch_size` of them. The thin network of the count of regions is always the
    /// published one.
    ///
    /// Errors: [`Error::InvalidArgument`](crate::Error::InvalidArgument) for more than 256
    /// channels, 64 cells, 1024 pixels or images.
    pub fn set_proxy_network(&mut self, proxy: Option<&str>, size: ProxyNetwork) -> Result<()> {
        check_range("channels", size.channels, 0..=CHANNELS)?;
        check_range("cells", size.cells, 0..=CELLS)?;
        check_range("image_size", size.image_size, 0..=IMAGE_SIZE)?;
        if size.batch_size != 0 {
            check_range("batch_size", size.batch_size, BATCH_SIZE)?;
        }
        match proxy {
            None => self.proxy_network = size,
            Some(name) if size == ProxyNetwork::default() => {
                self.proxy_networks.remove(name);
            }
            Some(name) => {
                self.proxy_networks.insert(name.to_owned(), size);
            }
        }
        Ok(())
    }

    /// The proxies that have a network of their own, and its size.
    pub fn proxy_networks(&self) -> &BTreeMap<String, ProxyNetwork> {
        &self.proxy_networks
    }

    /// The size that [`set_proxy_network`](Self::set_proxy_network) has set.
    pub fn proxy_network(&self, proxy: Option<&str>) -> ProxyNetwork {
        match proxy {
            None => self.proxy_network,
            Some(name) => self.proxy_networks.get(name).copied().unwrap_or_default(),
        }
    }

    /// The size of a proxy's network, nothing left open but an image size of 0, for that of the
    /// data set.
    pub fn network_of(&self, proxy: &dyn Proxy) -> ProxyNetwork {
        let published = ProxyNetwork {
            channels: self.supernet.ntk_channels as u32,
            cells: 1,
            image_size: 0,
            batch_size: self.batch_size,
        };
        match proxy.need() {
            Need::Evaluation(setup) if setup.network == Shape::Proxy => self
                .proxy_network(Some(proxy.name()))
                .or(self.proxy_network)
                .or(proxy.network())
                .or(published),
            _ => published,
        }
    }

    /// The device that a search on this machine uses: AUTO is CUDA if it is built in and present,
    /// else the CPU.
    pub fn resolved_device(&self) -> (DeviceKind, i32) {
        match self.device {
            (DeviceKind::Auto, _) if compute::cuda_devices() > 0 => (DeviceKind::Cuda, 0),
            (DeviceKind::Auto, _) => (DeviceKind::Cpu, 0),
            device => device,
        }
    }

    /// The engine on that device.
    pub fn engine(&self) -> Result<Box<dyn Engine>> {
        let (kind, index) = self.resolved_device();
        match torch_device(kind, index) {
            Some(device) => compute::torch(device),
            None => compute::native(self.threads as usize),
        }
    }

    /// The supernet that is searched.
    pub fn supernet(&self) -> &Arc<Supernet> {
        &self.supernet
    }
    /// The data set that the preset is for.
    pub fn dataset(&self) -> DatasetKind {
        self.dataset
    }
    /// How the space is searched.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }
    /// The scores of the strategy `rank`.
    pub fn proxies(&self) -> &[Arc<dyn Proxy>] {
        &self.proxies
    }
    /// How their ranks become one order.
    pub fn aggregation(&self) -> Aggregation {
        self.aggregation
    }
    /// Most architectures that are looked at.
    pub fn budget(&self) -> u32 {
        self.budget
    }
    /// Rungs of successive halving.
    pub fn rungs(&self) -> u32 {
        self.rungs
    }
    /// Of so many candidates one goes on to the next rung.
    pub fn reduction(&self) -> u32 {
        self.reduction
    }
    /// A rung has so many times the draws of the one before it.
    pub fn draw_growth(&self) -> u32 {
        self.draw_growth
    }
    /// The seed of all random numbers.
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// Repeats of a candidate.
    pub fn repeats(&self) -> u32 {
        self.repeats
    }
    /// Images of an NTK batch.
    pub fn batch_size(&self) -> u32 {
        self.batch_size
    }
    /// Operations that a round removes from each edge.
    pub fn prune_per_edge(&self) -> u32 {
        self.prune_per_edge
    }
    /// Decimals of deltas and significant figures of sort keys.
    pub fn score_decimals(&self) -> u32 {
        self.score_decimals
    }
    /// Threads of the native engine, 0 for all cores.
    pub fn threads(&self) -> u32 {
        self.threads
    }
    /// How parameters are initialised.
    pub fn init(&self) -> Init {
        self.init
    }
    /// How candidates draw random numbers.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }
    /// Where to compute.
    pub fn device(&self) -> (DeviceKind, i32) {
        self.device
    }
}

/// The device of libtorch that a kind means; `None` for the native engine.
fn torch_device(kind: DeviceKind, index: i32) -> Option<TorchDevice> {
    match kind {
        DeviceKind::Auto | DeviceKind::Cpu => None,
        DeviceKind::Cuda => Some(TorchDevice::Cuda(index.unsigned_abs() as usize)),
        DeviceKind::TorchCpu => Some(TorchDevice::Cpu),
    }
}
