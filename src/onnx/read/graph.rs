//! From an ONNX graph to ours: values by their names, parameters, and what the whole must be.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::proto::{DataType, Dimension, GraphProto, NodeProto, ValueInfoProto};
use super::Import;
use super::constant::{Constant, Weights};
use super::operators;
use crate::error::{Error, Result, check_range, try_reserve};
use crate::message::{clip, list};
use crate::model::{Network, RunningStatistics};
use crate::network::{Builder, Graph, NodeId, Operation, ParameterId, ParameterKind};

/// Nodes of a network.
const NODES: usize = 1 << 16;
/// Numbers of one tensor of one image.
const ELEMENTS: usize = 1 << 28;
/// Parameters and multiply-adds of a network.
const PARAMETERS: usize = 1 << 30;
const MULTIPLY_ADDS: u64 = 1 << 50;
/// The largest image.
const SIDE: usize = 1 << 14;
const CHANNELS: usize = 1 << 14;

/// Channels that are put in another order, and numbers of constants that are looked at, in all.
const SELECTED: usize = 1 << 22;
const LOOKED_AT: usize = 1 << 28;

/// Stands in a shape for the number of images.
pub(super) const BATCH: i64 = i64::MIN;

/// Zeros around the planes of a tensor that have not been laid down yet.
pub(super) type Padding = [[isize; 2]; 2];
pub(super) const NO_PADDING: Padding = [[0; 2]; 2];

/// A tensor: a node's numbers in their order, as axes that leave out the images.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) node: NodeId,
    pub(super) dims: Vec<usize>,
    /// Zeros that are still to come around the node's planes; `dims` has them.
    pub(super) padding: Padding,
}

pub(super) const SEQUENCE: &str =
    "found a sequence of tensors, expected one of its parts (SequenceAt)";

/// What a name stands for.
#[derive(Clone)]
pub(super) enum Value<'a> {
    Tensor(Tensor),
    Constant(Constant<'a>),
    /// The mean of each image over all of its axes: only a product with zeros can be made of it, which
    /// is how a network without any path is written.
    MeanOfAll,
    /// Parts of a tensor, to be taken one by one.
    Sequence(Vec<Tensor>),
}

/// A parameter's values: a constant of the file.
struct FileValues<'a> {
    parameter: ParameterId,
    constant: Constant<'a>,
}

/// A graph under construction.
pub(super) struct Importer<'a> {
    pub(super) b: Builder,
    pub(super) weights: &'a Weights<'a>,
    pub(super) notes: Vec<String>,
    values: HashMap<&'a str, Value<'a>>,
    /// How often a name is read.
    readers: HashMap<&'a str, usize>,
    outputs: Vec<&'a str>,
    parameters: HashMap<(String, ParameterKind), ParameterId>,
    sources: Vec<FileValues<'a>>,
    /// Of each batch normalisation: node, mean and variance.
    statistics: Vec<(NodeId, Constant<'a>, Constant<'a>)>,
    /// The number of images that the file fixes, if it does.
    batch: Option<i64>,
    selected: usize,
    looked_at: usize,
}

/// A node, for messages: `node "layer1.conv" (Conv)`.
pub(super) fn of_node(node: &NodeProto) -> String {
    let operator = clip(node.op_type.as_deref().unwrap_or_default());
    let name = node.name.as_deref().filter(|name| !name.is_empty());
    let name = name.or(node.output.first().map(String::as_str)).unwrap_or_default();
    format!("node {:?} ({operator})", clip(name))
}

/// The network of a graph.
pub(super) fn import<'a>(
    graph: &'a GraphProto,
    weights: &'a Weights<'a>,
    name: String,
    settings: &Import,
) -> Result<Network> {
    let format = |text: String| Error::Format(format!("ONNX: {text}"));
    if graph.node.len() > NODES {
        let found = graph.node.len();
        return Err(format(format!("found {found} nodes, expected at most {NODES}")));
    }
    let mut values = HashMap::new();
    let mut constants = HashSet::new();
    for tensor in &graph.initializer {
        let name = tensor.name.as_deref().unwrap_or_default();
        constants.insert(name);
        if values.insert(name, Value::Constant(Constant::new(tensor)?)).is_some() {
            return Err(format(format!("found two constants {:?}, expected one", clip(name))));
        }
    }
    if let Some(sparse) = graph.sparse_initializer.first() {
        let name = sparse.values.as_ref().and_then(|v| v.name.as_deref()).unwrap_or_default();
        let text = format!("found the sparse constant {:?}, expected dense ones", clip(name));
        return Err(format(text));
    }
    let is_input = |v: &&ValueInfoProto| !constants.contains(v.name.as_deref().unwrap_or_default());
    let inputs: Vec<_> = graph.input.iter().filter(is_input).collect();
    let [input] = inputs[..] else {
        return Err(format(format!(
            "found {} inputs ({}), expected one: the images",
            inputs.len(),
            list(inputs.iter().map(|v| v.name.as_deref().unwrap_or_default()))
        )));
    };
    let [output] = &graph.output[..] else {
        return Err(format(format!(
            "found {} outputs ({}), expected one: the logits",
            graph.output.len(),
            list(graph.output.iter().map(|v| v.name.as_deref().unwrap_or_default()))
        )));
    };
    let [input_name, output_name] =
        [input, output].map(|value| value.name.as_deref().unwrap_or_default());
    let (image, batch) = images(input, settings)?;
    let needed = needed(graph, output_name);
    let mut given: HashSet<&str> = constants.iter().copied().chain([input_name]).collect();
    let mut readers: HashMap<&str, usize> = HashMap::new();
    for node in &graph.node {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if !given.insert(name) {
                let (node, name) = (of_node(node), clip(name));
                return Err(format(format!("{node}: found the output {name:?} a second time")));
            }
        }
        node.input.iter().for_each(|name| *readers.entry(name).or_default() += 1);
    }
    *readers.entry(output_name).or_default() += 1;
    let image_tensor = Tensor { node: 0, dims: image.to_vec(), padding: NO_PADDING };
    values.insert(input_name, Value::Tensor(image_tensor));
    let mut importer = Importer {
        b: Builder::new(image, 0),
        weights,
        notes: Vec::new(),
        values,
        readers,
        outputs: vec![output_name],
        parameters: HashMap::new(),
        sources: Vec::new(),
        statistics: Vec::new(),
        batch,
        selected: 0,
        looked_at: 0,
    };
    // What does not reach the output is a part of the network all the same, which has its size.
    let mut unused = Vec::new();
    for (node, needed) in graph.node.iter().zip(&needed) {
        let weighted = ["Conv", "Gemm", "MatMul", "BatchNormalization"];
        let weighted = node.op_type.as_deref().is_some_and(|op| weighted.contains(&op));
        match importer.node(node) {
            Err(error) if *needed || weighted => return Err(of_other_size(error, input, image)),
            Ok(()) if weighted && !needed => unused.push(of_node(node)),
            _ => {}
        }
    }
    if let Some(first) = unused.first() {
        let count = unused.len();
        importer.notes.push(format!(
            "{count} of its layers do not reach its output {:?}, the first is {first}",
            clip(output_name)
        ));
    }
    importer.finish(output_name, name)
}

/// An error that may come of images of another size than the file was written for: many exporters write
/// the shapes of all tensors down.
fn of_other_size(error: Error, input: &ValueInfoProto, image: [usize; 3]) -> Error {
    let shape = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()?.shape.as_ref());
    let side = |axis: usize| match shape?.dim.get(axis)?.value.as_ref()? {
        Dimension::Value(n) => Some(*n),
        _ => None,
    };
    match (error, [side(2), side(3)]) {
        (Error::Format(text), [Some(height), Some(width)])
            if [height, width] != [image[1], image[2]].map(|n| n as i64) =>
        {
            Error::Format(format!(
                "{text}; the file was written for images of {height} x {width}, not {} x {}",
                image[1], image[2]
            ))
        }
        (error, _) => error,
    }
}

/// The shape of an image, and the number of images if the file fixes it.
fn images(input: &ValueInfoProto, settings: &Import) -> Result<([usize; 3], Option<i64>)> {
    let name = clip(input.name.as_deref().unwrap_or_default());
    let wrong = |text: String| Error::Format(format!("ONNX: input {name:?}: {text}"));
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let Some(tensor) = tensor else {
        return Err(wrong("found no tensor, expected images [N, C, H, W]".into()));
    };
    let kind = DataType::try_from(tensor.elem_type.unwrap_or_default());
    let real = [DataType::Float, DataType::Double, DataType::Float16, DataType::Bfloat16];
    if !kind.is_ok_and(|kind| real.contains(&kind)) {
        let found = match kind {
            Ok(kind) => format!("{kind:?}"),
            Err(_) => format!("type {}", tensor.elem_type.unwrap_or_default()),
        };
        return Err(wrong(format!("found numbers of {found}, expected floating-point ones")));
    }
    let dims = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim[..]);
    let [batch, rest @ ..] = dims else {
        return Err(wrong("found no shape, expected images [N, C, H, W]".into()));
    };
    if rest.len() != 3 {
        let rank = dims.len();
        return Err(wrong(format!("found {rank} axes, expected images [N, C, H, W]")));
    }
    let batch = match &batch.value {
        Some(Dimension::Value(n)) if *n > 0 => Some(*n),
        _ => None,
    };
    let mut image = [0; 3];
    for (axis, dim) in rest.iter().enumerate() {
        let what = ["channels", "height", "width"][axis];
        let most = if axis == 0 { CHANNELS } else { SIDE };
        image[axis] = match (&dim.value, settings.image) {
            // Height and width may be others than those that it was written for.
            (Some(Dimension::Value(_)), Some(given)) if axis > 0 => {
                check_range(&format!("image {what}"), given[axis], 1..=most)?;
                given[axis]
            }
            (Some(Dimension::Value(n)), given) => {
                let Some(n) = usize::try_from(*n).ok().filter(|n| (1..=most).contains(n)) else {
                    return Err(wrong(format!("found {what} {n}, expected 1 to {most}")));
                };
                if let Some(given) = given.map(|g| g[axis]).filter(|given| *given != n) {
                    return Err(Error::InvalidArgument(format!(
                        "image {what}: found {given}, expected {n}, which the network's input \
                         {name:?} has"
                    )));
                }
                n
            }
            (_, Some(given)) => {
                check_range(&format!("image {what}"), given[axis], 1..=most)?;
                given[axis]
            }
            (_, None) => {
                return Err(Error::InvalidArgument(format!(
                    "image {what}: found none in the network's input {name:?}, expected a value \
                     beside the file"
                )));
            }
        };
    }
    let elements: usize = image.iter().product();
    if elements > ELEMENTS {
        return Err(wrong(format!(
            "found images of {elements} numbers, expected at most {ELEMENTS}"
        )));
    }
    Ok((image, batch))
}

/// Which nodes the output needs.
fn needed(graph: &GraphProto, output: &str) -> Vec<bool> {
    let mut wanted: HashSet<&str> = HashSet::from([output]);
    let mut needed = vec![false; graph.node.len()];
    for (n, node) in graph.node.iter().enumerate().rev() {
        needed[n] = node.output.iter().any(|name| !name.is_empty() && wanted.contains(&name[..]));
        if needed[n] {
            wanted.extend(node.input.iter().map(|name| &name[..]));
        }
    }
    needed
}

impl<'a> Importer<'a> {
    fn node(&mut self, node: &'a NodeProto) -> Result<()> {
        let at = of_node(node);
        let wrong = |text: String| Error::Format(format!("ONNX: {at}: {text}"));
        let domain = node.domain.as_deref().unwrap_or_default();
        if !matches!(domain, "" | "ai.onnx") {
            let domain = clip(domain);
            return Err(wrong(format!("found an operator of {domain:?}, expected one of ONNX")));
        }
        if let Some(attribute) = node.attribute.iter().find(|a| a.g.is_some()) {
            let name = clip(attribute.name.as_deref().unwrap_or_default());
            let text = format!("found a network in the attribute {name:?}, expected none");
            return Err(wrong(text));
        }
        for name in node.input.iter().filter(|name| !name.is_empty()) {
            if !self.values.contains_key(&name[..]) {
                return Err(wrong(format!(
                    "found the input {:?}, which neither the network's inputs and constants nor an \
                     earlier node give; expected nodes in the order of evaluation, without a cycle",
                    clip(name)
                )));
            }
        }
        let outputs = operators::translate(self, node).map_err(|error| match error {
            Error::Format(text)
                if !text.starts_with("ONNX: ") && !text.starts_with("constant ") =>
            {
                wrong(text)
            }
            Error::InvalidArgument(text) => wrong(text),
            other => other,
        })?;
        if self.b.nodes() > NODES || self.b.parameters() > PARAMETERS as u64 {
            return Err(wrong(format!(
                "found a network of more than {NODES} operations or {PARAMETERS} parameters, expected \
                 a smaller one"
            )));
        }
        for (name, value) in node.output.iter().zip(outputs) {
            if name.is_empty() {
                continue;
            }
            if let Value::Tensor(tensor) = &value {
                let elements = tensor.dims.iter().fold(1usize, |n, dim| n.saturating_mul(*dim));
                if elements > ELEMENTS || elements == 0 {
                    return Err(wrong(format!(
                        "found an output of {elements} numbers an image, expected 1 to {ELEMENTS}"
                    )));
                }
            }
            self.values.insert(name, value);
        }
        Ok(())
    }

    /// What an input of a node stands for; `None` if it is left out.
    pub(super) fn input(&self, node: &'a NodeProto, i: usize) -> Option<Value<'a>> {
        let name = node.input.get(i).filter(|name| !name.is_empty())?;
        self.values.get(&name[..]).cloned()
    }

    /// An input that must be a tensor.
    pub(super) fn tensor(&self, node: &'a NodeProto, i: usize) -> Result<Tensor> {
        match self.input(node, i) {
            Some(Value::Tensor(tensor)) => Ok(tensor),
            Some(Value::Sequence(_)) => Err(Error::Format(SEQUENCE.into())),
            Some(_) => Err(Error::Format(format!(
                "found a constant as input {i}, expected what depends on the images"
            ))),
            None => Err(Error::Format(format!("found no input {i}, expected a tensor"))),
        }
    }

    /// An input that must be a constant, if it is there.
    pub(super) fn constant(&self, node: &'a NodeProto, i: usize) -> Result<Option<Constant<'a>>> {
        match self.input(node, i) {
            None => Ok(None),
            Some(Value::Constant(constant)) => Ok(Some(constant)),
            Some(_) => Err(Error::Format(format!(
                "found input {i} {:?}, which depends on the images, expected a constant",
                clip(&node.input[i])
            ))),
        }
    }

    /// Whole numbers that must be constant, if the input is there.
    pub(super) fn integers(&self, node: &'a NodeProto, i: usize) -> Result<Option<Vec<i64>>> {
        match self.constant(node, i)? {
            None => Ok(None),
            Some(Constant::Integers { values, .. }) => Ok(Some(values)),
            Some(_) => Err(Error::Format(format!(
                "found real numbers as input {i} {:?}, expected whole ones",
                clip(&node.input[i])
            ))),
        }
    }

    /// Whether one node alone reads a value.
    pub(super) fn is_read_once(&self, name: &str) -> bool {
        self.readers.get(name) == Some(&1)
    }

    /// Whether any node reads a value.
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.readers.contains_key(name)
    }

    /// Whether a value is what the network gives.
    pub(super) fn is_output(&self, name: &str) -> bool {
        self.outputs.contains(&name)
    }

    /// Counts channels that are put in another order against what a hostile file may ask for.
    pub(super) fn spend_channels(&mut self, count: usize) -> Result<()> {
        self.selected = self.selected.saturating_add(count);
        if self.selected > SELECTED {
            return Err(Error::Format(format!(
                "found more than {SELECTED} channels in another order, expected fewer"
            )));
        }
        Ok(())
    }

    /// Counts numbers of constants that are looked at, likewise.
    pub(super) fn spend_numbers(&mut self, count: usize) -> Result<()> {
        self.looked_at = self.looked_at.saturating_add(count);
        if self.looked_at > LOOKED_AT {
            return Err(Error::Format(format!(
                "found more than {LOOKED_AT} numbers in factors and terms, expected fewer"
            )));
        }
        Ok(())
    }

    /// The number of images that the file fixes.
    pub(super) fn fixed_batch(&self) -> Option<i64> {
        self.batch
    }

    /// A parameter whose values are a constant of the file: one parameter, however often it is read.
    pub(super) fn parameter(
        &mut self,
        name: &str,
        constant: &Constant<'a>,
        kind: ParameterKind,
        shape: &[usize],
        fan_in: usize,
    ) -> Result<ParameterId> {
        let key = (name.to_owned(), kind);
        if let Some(id) = self.parameters.get(&key) {
            let known = &self.b.parameter_at(*id).shape;
            if known != shape {
                return Err(Error::Format(format!(
                    "found the constant {:?} of {known:?} as one of {shape:?}",
                    clip(name)
                )));
            }
            return Ok(*id);
        }
        let total = self.b.parameters() as usize;
        let more = shape.iter().fold(1usize, |n, dim| n.saturating_mul(*dim));
        if total.saturating_add(more) > PARAMETERS {
            return Err(Error::Format(format!(
                "found more than {PARAMETERS} parameters, expected fewer"
            )));
        }
        let id = self.b.parameter(name.to_owned(), kind, shape, fan_in);
        self.sources.push(FileValues { parameter: id, constant: constant.clone() });
        self.parameters.insert(key, id);
        Ok(id)
    }

    /// The statistics that a batch normalisation has in evaluation.
    pub(super) fn statistics(&mut self, node: NodeId, mean: Constant<'a>, variance: Constant<'a>) {
        self.statistics.push((node, mean, variance));
    }

    /// A tensor whose zeros have been laid down.
    pub(super) fn laid(&mut self, mut tensor: Tensor) -> Tensor {
        if tensor.padding != NO_PADDING {
            tensor.node = self.b.pad(tensor.node, tensor.padding);
            tensor.padding = NO_PADDING;
        }
        tensor
    }

    /// A tensor's node in the shape that its axes say: `[C, H, W]`, or `[F, 1, 1]`.
    pub(super) fn planes(&mut self, tensor: Tensor) -> Result<NodeId> {
        let tensor = self.laid(tensor);
        let shape = match tensor.dims[..] {
            [c, h, w] => [c, h, w],
            [c, h] => [c, h, 1],
            [c] => [c, 1, 1],
            _ => {
                return Err(Error::Format(format!(
                    "found a tensor of [N, {}], expected [N, C, H, W] or [N, C]",
                    join(&tensor.dims)
                )));
            }
        };
        Ok(self.reshaped(tensor.node, shape))
    }

    /// The node of a tensor `[N, C, H, W]`, around which there may be zeros to come.
    pub(super) fn bare_planes(&mut self, tensor: &Tensor) -> Result<NodeId> {
        if tensor.padding == NO_PADDING { self.planes(tensor.clone()) } else { Ok(tensor.node) }
    }

    /// The same numbers in another shape.
    pub(super) fn reshaped(&mut self, node: NodeId, shape: [usize; 3]) -> NodeId {
        if self.b.shape(node) == shape { node } else { self.b.reshape(node, shape) }
    }

    /// The whole, once all nodes are there.
    fn finish(mut self, output: &str, name: String) -> Result<Network> {
        let format =
            |text: String| Error::Format(format!("ONNX: output {:?}: {text}", clip(output)));
        let tensor = match self.values.get(output) {
            Some(Value::Tensor(tensor)) => tensor.clone(),
            Some(_) => {
                return Err(format("found a constant, expected logits of the images".into()));
            }
            None => return Err(format("found no node that gives it, expected one".into())),
        };
        let (classes, rest) = match &tensor.dims[..] {
            [classes, rest @ ..] => (*classes, rest),
            [] => (1, &[][..]),
        };
        if rest.iter().any(|dim| *dim != 1) {
            return Err(format(format!(
                "found a tensor of [N, {}], expected one number a class, [N, classes]",
                join(&tensor.dims)
            )));
        }
        let tensor = self.laid(tensor);
        let node = self.reshaped(tensor.node, [classes, 1, 1]);
        if node == 0 {
            return Err(format("found the images themselves, expected logits".into()));
        }
        if node + 1 != self.b.nodes() {
            // The logits are the last node, also where layers behind them do not reach the output.
            self.b.mix(&[(node, None)], [classes, 1, 1]);
        }
        let Importer { b, weights, notes, sources, statistics, .. } = self;
        let mut graph = b.finish();
        graph.blocks = blocks(&graph);
        let cost = graph.cost();
        if cost.multiply_adds > MULTIPLY_ADDS {
            let found = cost.multiply_adds;
            let text = format!("found {found} multiply-adds, expected at most {MULTIPLY_ADDS}");
            return Err(format(text));
        }
        // As much memory as there are values: sources are in the order of the table.
        let mut values: Option<Vec<f32>> = Some(Vec::new());
        for source in &sources {
            let Some(all) = &mut values else { break };
            let Some(own) = source.constant.values(weights)? else {
                values = None;
                continue;
            };
            let range = graph.parameters[source.parameter].range();
            if (all.len(), own.len()) != (range.start, range.len()) {
                return Err(Error::Internal("values of parameters out of order".into()));
            }
            try_reserve(all, own.len())
                .map_err(|()| Error::OutOfMemory(format!("{} parameters", range.end)))?;
            all.extend(own);
        }
        let mut running = Vec::new();
        for (node, mean, variance) in &statistics {
            let Some(mean) = mean.values(weights)? else { continue };
            let Some(variance) = variance.values(weights)? else { continue };
            if let Some(v) = variance.iter().find(|v| **v < 0.0) {
                return Err(format(format!("found the variance {v}, expected 0 or more")));
            }
            running.push(RunningStatistics { node: *node, mean, variance });
        }
        let mut notes = notes;
        let missing = weights.missing();
        if !missing.is_empty() {
            let files = list(missing.iter().map(String::as_str));
            notes.push(format!("its weights are not there: found no {files}"));
        }
        let network = Network::new(name, Arc::new(graph), values.map(Arc::from))?;
        Ok(network.imported(running, notes))
    }
}

/// Axes of a tensor, for messages.
pub(super) fn join(dims: &[usize]) -> String {
    dims.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// The blocks that a network is a chain of: where all paths from the images to the logits meet in a
/// sum, a concatenation or a batch normalisation of feature maps; in a network that has none of
/// these, in a convolution.
fn blocks(graph: &Graph) -> Vec<NodeId> {
    let nodes = &graph.nodes;
    let mut last_reader: Vec<NodeId> = (0..nodes.len()).collect();
    for (id, node) in nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| last_reader[*input] = id);
    }
    let last = graph.last_features().unwrap_or(nodes.len());
    // A node through which everything goes: no earlier one is read behind it.
    let mut reach = 0;
    let mut meets = Vec::new();
    for (id, reader) in last_reader.iter().enumerate() {
        if reach <= id && id > 0 && id <= last {
            meets.push(id);
        }
        reach = reach.max(*reader);
    }
    let of = |wanted: &dyn Fn(&Operation) -> bool| -> Vec<NodeId> {
        meets.iter().copied().filter(|id| wanted(&nodes[*id].operation)).collect()
    };
    let blocks =
        of(&|op| matches!(op, Operation::Mix(_) | Operation::Concat | Operation::BatchNorm { .. }));
    let mut blocks = match blocks.is_empty() {
        true => of(&|op| matches!(op, Operation::Conv { .. })),
        false => blocks,
    };
    // A chain of feature maps that do not grow.
    let mut size = [usize::MAX; 2];
    blocks.retain(|id| {
        let [_, h, w] = nodes[*id].shape;
        let fits = h <= size[0] && w <= size[1];
        if fits {
            size = [h, w];
        }
        fits
    });
    blocks
}
