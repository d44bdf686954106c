//! One network with its weights, whatever it comes from: the network of a genotype in the size that
//! is trained, or one that was read from a file.

mod weights;

use std::sync::Arc;

use crate::compute::{self, Inputs, Parameters, Task, Wanted};
use crate::data::DatasetKind;
use crate::error::{Error, Result, check_range, try_vec};
use crate::network::{Cost, Fan, Graph, Init, Initialiser, NodeId, Operation, network_of};
use crate::random::{Key, Purpose};
use crate::space::{Genotype, NetworkFile, limits};

/// The size of a genotype's network. What is left out is that of the network that papers train on the
/// data set (section 3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The data set, which gives the other values where they are left out.
    pub dataset: DatasetKind,
    /// The unit of channels: C of the first cell.
    pub channels: Option<usize>,
    /// Cells a stage; of no effect in a space whose networks say how many there are.
    pub cells: Option<usize>,
    /// Classes. Must be given for [`DatasetKind::Custom`].
    pub classes: Option<usize>,
    /// Channels, height and width of an image. Must be given for [`DatasetKind::Custom`], unless the
    /// space's network has a size of its own.
    pub image: Option<[usize; 3]>,
}

impl Default for Settings {
    /// The network that papers train on CIFAR-10.
    fn default() -> Self {
        let dataset = DatasetKind::Cifar10;
        Settings { dataset, channels: None, cells: None, classes: None, image: None }
    }
}

/// What a genotype's network was made of.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The architecture.
    pub genotype: Genotype,
    /// Structure and sizes, as in a space's file.
    pub network: NetworkFile,
}

/// A network: a graph of plain operations, a name and, where they are known, the values of its
/// parameters. It mixes nothing: whatever a graph weighs by a mixing weight has weight 1.
///
/// Where it is evaluated as trained networks are (by [`logits`](Self::logits), in an ONNX file, in
/// PyTorch's `eval()`), its batch normalisations are those of a PyTorch module before any training:
/// running mean 0, running variance 1; those that were read from a file have the file's statistics
/// ([`logits`](Self::logits)).
#[derive(Debug, Clone)]
pub struct Network {
    name: String,
    graph: Arc<Graph>,
    values: Option<Arc<[f32]>>,
    origin: Option<Origin>,
    statistics: Arc<[RunningStatistics]>,
    notes: Arc<[String]>,
}

/// The statistics that a batch normalisation has in evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningStatistics {
    /// The node of the graph.
    pub node: NodeId,
    /// The mean of each channel.
    pub mean: Vec<f32>,
    /// The variance of each channel.
    pub variance: Vec<f32>,
}

impl Network {
    /// A network of a graph. The values are those of the graph's parameters, in the order of its
    /// table.
    ///
    /// Errors: [`Error::Internal`] if there are more or fewer values than parameters.
    pub fn new(
        name: impl Into<String>,
        graph: Arc<Graph>,
        values: Option<Arc<[f32]>>,
    ) -> Result<Self> {
        let expected = graph.parameters.len();
        if let Some(found) = values.as_ref().map(|values| values.len())
            && found != expected
        {
            return Err(Error::Internal(format!(
                "a network: found {found} values of parameters, expected {expected}"
            )));
        }
        let (statistics, notes) = (Arc::from([]), Arc::from([]));
        Ok(Network { name: name.into(), graph, values, origin: None, statistics, notes })
    }

    /// The network of an architecture, as it is trained, without values of its parameters.
    ///
    /// Errors: [`Error::InvalidArgument`] for a size that is out of its range, or that the space
    /// cannot have.
    pub fn of_genotype(genotype: &Genotype, settings: &Settings) -> Result<Self> {
        let space = genotype.space();
        let networks = &space.file().networks;
        let own = networks.training_on.get(settings.dataset.name());
        let mut network = own.unwrap_or(&networks.training).clone();
        let published = settings.dataset.published();
        if let Some(channels) = settings.channels {
            check_range("channels", channels, 1..=limits::CHANNELS as usize)?;
            network.channels = channels as u32;
        }
        if let Some(cells) = settings.cells {
            check_range("cells", cells, 1..=limits::REPEAT as usize)?;
            network.cells = cells as u32;
        }
        let missing = |what: &str| {
            Error::InvalidArgument(format!(
                "{what}: found none, expected a value: images of your own have no published one"
            ))
        };
        let classes = settings.classes.or(published.map(|published| published.classes));
        let classes = classes.ok_or_else(|| missing("classes"))?;
        check_range("classes", classes, 1..=100_000)?;
        let of_space = network.image.map(|side| [3, side as usize, side as usize]);
        let image = settings.image.or(of_space).or(published.map(|published| published.shape));
        let image = image.ok_or_else(|| missing("image"))?;
        check_range("image channels", image[0], 1..=16)?;
        check_range("image height", image[1], 1..=limits::IMAGE as usize)?;
        check_range("image width", image[2], 1..=limits::IMAGE as usize)?;
        let graph = network_of(space, genotype.mask(), &network, image, classes)?;
        let origin = Some(Origin { genotype: genotype.clone(), network });
        Ok(Network { origin, ..Self::new(space.name.clone(), Arc::new(graph), None)? })
    }

    /// The same network with fresh values of its parameters: those of a method and a seed
    /// (section 3.5; Kaiming normal by the fan-out).
    ///
    /// Errors: [`Error::OutOfMemory`].
    pub fn initialise(&self, init: Init, seed: u64) -> Result<Self> {
        let purpose = Purpose::NtkParameters;
        let key = Key { seed, purpose, round: 0, candidate: 0, repeat: 0 };
        let values = Initialiser { init, fan: Fan::Out, key }.draw(&self.graph.parameters)?;
        let statistics = Arc::from([]);
        Ok(Network { values: Some(values.into()), statistics, ..self.clone() })
    }

    /// Its name: the space's, or the one that a file has.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it computes.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The values of its parameters, in the order of the graph's table.
    pub fn values(&self) -> Option<&Arc<[f32]>> {
        self.values.as_ref()
    }

    /// The architecture and the sizes that it was made of, if it was.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The same network with what a file says beside its graph.
    pub(crate) fn imported(self, statistics: Vec<RunningStatistics>, notes: Vec<String>) -> Self {
        Network { statistics: statistics.into(), notes: notes.into(), ..self }
    }

    /// What its file has and the network does not, each in some words: a softmax that was left out,
    /// weights in a file that is not there.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The statistics of its batch normalisations that a file has.
    pub fn statistics(&self) -> &[RunningStatistics] {
        &self.statistics
    }

    /// Mean and variance of each channel that the batch normalisation at `node` has in evaluation.
    pub(crate) fn statistics_at(&self, node: NodeId) -> [Vec<f32>; 2] {
        match self.statistics.iter().find(|own| own.node == node) {
            Some(own) => [own.mean.clone(), own.variance.clone()],
            None => [0.0, 1.0].map(|value| vec![value; self.graph.nodes[node].shape[0]]),
        }
    }

    /// Multiply-adds of one image, and parameters.
    pub fn cost(&self) -> Cost {
        self.graph.cost()
    }

    /// The mixing weights of a graph's slots: what is in a plain network is there.
    pub(crate) fn mixing(&self) -> Arc<[f64]> {
        vec![1.0; self.graph.slots].into()
    }

    /// The logits `[batch, classes]` of images `[batch, channels, height, width]`, in evaluation:
    /// batch normalisation with the statistics of its file, or else mean 0 and variance 1.
    ///
    /// Errors: [`Error::InvalidArgument`] for a number of values that is no number of images;
    /// [`Error::InvalidState`] if the parameters have no values; [`Error::OutOfMemory`].
    pub fn logits(&self, images: &[f32]) -> Result<Vec<f32>> {
        let image: usize = self.graph.input_shape().iter().product();
        if images.is_empty() || !images.len().is_multiple_of(image) {
            let [c, h, w] = self.graph.input_shape();
            return Err(Error::InvalidArgument(format!(
                "images: found {} values, expected a multiple of {image}, {c} x {h} x {w} for each",
                images.len()
            )));
        }
        let values = self.known_values()?;
        let (graph, added) = self.graph.evaluation();
        let mut all = try_vec(0.0f32, graph.parameters.len(), "parameters")?;
        all[..values.len()].copy_from_slice(values);
        for (node, factors, terms) in added {
            let Operation::BatchNorm { scale, shift, epsilon } = self.graph.nodes[node].operation
            else {
                continue;
            };
            let own = self.statistics.iter().find(|own| own.node == node);
            let [factors, terms] = [factors, terms].map(|id| graph.parameters[id].range());
            let [scale, shift] = [scale, shift].map(|id| self.graph.parameters[id].range());
            for c in 0..scale.len() {
                let (mean, variance) = own
                    .map_or((0.0, 1.0), |own| (f64::from(own.mean[c]), f64::from(own.variance[c])));
                let factor = f64::from(values[scale.start + c]) / (variance + epsilon).sqrt();
                all[factors.start + c] = factor as f32;
                all[terms.start + c] = (f64::from(values[shift.start + c]) - mean * factor) as f32;
            }
        }
        let engine = compute::native(0)?;
        let task = Task {
            plan: engine.prepare(Arc::new(graph)),
            mixing: self.mixing(),
            parameters: Parameters::Given(all.into()),
            inputs: Inputs {
                values: Arc::new(images.to_vec()),
                batches: 1,
                batch: images.len() / image,
            },
            wanted: Wanted::logits(),
        };
        let mut logits = Vec::new();
        engine.evaluate(
            &mut [task].into_iter().map(Ok),
            &|_, evidence| evidence.logits.map(<[f64]>::to_vec).unwrap_or_default(),
            &mut |_, found: Vec<f64>| {
                logits = found.into_iter().map(|l| l as f32).collect();
                std::ops::ControlFlow::Continue(())
            },
        )?;
        Ok(logits)
    }

    pub(crate) fn known_values(&self) -> Result<&Arc<[f32]>> {
        self.values.as_ref().ok_or_else(|| {
            Error::InvalidState(
                "network: found parameters without values, expected a network that is initialised"
                    .into(),
            )
        })
    }
}
