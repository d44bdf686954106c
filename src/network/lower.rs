//! Lowers a space, a mask and sizes to a graph: the one place where recipes become layers.
//!
//! A tensor whose number of channels is a choice comes in parts, one for each number that is still
//! possible (`Part`). A part is what all larger options have in common: it is multiplied by the sum
//! of their mixing weights, which averages the networks of all options. What is left in the end is
//! one part, the network itself.

use super::{Builder, Convolution, Graph, NodeId, Window};
use crate::error::{Error, Result};
use crate::space::{
    Amount, Cell, CellFile, CellKind, Channels, Choice, Conv, CountedFrom, Edge, Layer, MacroFile,
    Mask, Output, Padding, PartFile, Pool, Round, Space, Stride, fill,
};

/// Nodes of a graph, and work on it.
const NODES: usize = 1 << 16;
const WORK: usize = 1 << 19;
/// Elements of one tensor of one image.
const ELEMENTS: usize = 1 << 28;
/// Parameters and multiply-adds of a network.
const PARAMETERS: u64 = 1 << 30;
const MULTIPLY_ADDS: u64 = 1 << 50;

/// What a network is made of, beside the space's structure.
pub(super) struct Sizes {
    /// Channels, height and width of an image.
    pub(super) input: [usize; 3],
    /// Classes.
    pub(super) classes: usize,
    /// The unit of channels.
    pub(super) channels: usize,
    /// What `"cells"` stands for.
    pub(super) cells: usize,
    /// Whether there is a stem.
    pub(super) stem: bool,
}

/// The network of a mask.
///
/// Errors: [`Error::InvalidArgument`] for images that are too small for it, or whose size it cannot
/// take, parts that do not fit each other, or a network that is too large.
pub(super) fn lower(
    space: &Space,
    mask: &Mask,
    structure: &MacroFile,
    sizes: &Sizes,
) -> Result<Graph> {
    let [_, h, w] = sizes.input;
    let by = structure.divisible_by as usize;
    if h % by != 0 || w % by != 0 {
        return Err(Error::InvalidArgument(format!(
            "image size: found {h} x {w}, expected height and width divisible by {by} for {}",
            space.name
        )));
    }
    let b = Builder::new(sizes.input, space.slots());
    let image = Tensor::plain(0, sizes.input[0]);
    let mut lowerer = Lowerer { b, space, mask, sizes, work: 0, multiply_adds: 0 };
    let out = lowerer.network(structure, image)?;
    let Lowerer { mut b, .. } = lowerer;
    let out = concat(&mut b, &out);
    b.pool_and_classify(&structure.head.classifier, out, sizes.classes);
    Ok(b.finish())
}

/// A part of a tensor's channels.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    node: NodeId,
    /// What it is of the width.
    share: Share,
}

/// A number of channels that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Share {
    channels: usize,
    /// The slots of the options that have it; none if all have.
    slots: Vec<usize>,
    /// What names of parameters end in.
    suffix: String,
}

/// The output of a layer.
#[derive(Debug, Clone)]
struct Tensor {
    parts: Vec<Part>,
    /// How many pixels of the image one of its pixels stands for, along an axis.
    scale: usize,
}

impl Tensor {
    fn plain(node: NodeId, channels: usize) -> Self {
        Tensor { parts: vec![Part { node, share: Share::plain(channels) }], scale: 1 }
    }

    fn shares(&self) -> Vec<Share> {
        self.parts.iter().map(|p| p.share.clone()).collect()
    }

    fn channels(&self) -> usize {
        self.parts.iter().map(|p| p.share.channels).sum()
    }
}

impl Share {
    fn plain(channels: usize) -> Self {
        Share { channels, slots: Vec::new(), suffix: String::new() }
    }
}

/// Where a recipe stands.
#[derive(Debug, Clone)]
struct Place {
    stride: usize,
    out: Vec<Share>,
}

struct Lowerer<'a> {
    b: Builder,
    space: &'a Space,
    mask: &'a Mask,
    sizes: &'a Sizes,
    work: usize,
    multiply_adds: u64,
}

fn concat(b: &mut Builder, x: &Tensor) -> NodeId {
    match x.parts.as_slice() {
        [part] => part.node,
        parts => b.concat(&parts.iter().map(|p| p.node).collect::<Vec<_>>()),
    }
}

impl Lowerer<'_> {
    /// Stem, body and the layers of the head.
    fn network(&mut self, structure: &MacroFile, image: Tensor) -> Result<Tensor> {
        // What cells read: the last two outputs.
        let mut history: Vec<Tensor> = Vec::new();
        let mut x = image;
        for stem in structure.stem.iter().filter(|_| self.sizes.stem) {
            let place = Place { stride: 1, out: self.width(&stem.channels)? };
            x = self.layers(&stem.layers, &stem.name, x, &place)?;
            history.push(x.clone());
        }
        if history.is_empty() {
            history.push(x.clone());
        } else {
            self.end_block(&x);
        }
        let mut index = 0;
        for part in &structure.body {
            let out = self.width(&part.channels)?;
            let (times, ends) = self.repeats(&part.repeat)?;
            let mut outputs = vec![x.clone()];
            for i in 0..times {
                let stride = if i == 0 { part.stride as usize } else { 1 };
                let path = format!("{}.{index}", structure.path);
                let place = Place { stride, out: out.clone() };
                x = self.part(part, &path, &history, x, &place)?;
                self.end_block(&x);
                outputs.push(x.clone());
                history.push(x.clone());
                index += 1;
            }
            if ends.len() > 1 {
                let terms = ends.iter().map(|(depth, slot)| (outputs[*depth].clone(), Some(*slot)));
                let what = format!("{}.{index}, which may be left out", structure.path);
                x = self.sum(&terms.collect::<Vec<_>>(), &what)?;
                history.push(x.clone());
            }
            let begin = history.len().saturating_sub(2);
            history.drain(..begin);
        }
        let place = Place { stride: 1, out: self.width(&structure.head.channels)? };
        self.layers(&structure.head.layers, &structure.head.name, x, &place)
    }

    /// Marks the output of a block, if it is one node.
    fn end_block(&mut self, x: &Tensor) {
        if let [part] = x.parts.as_slice() {
            self.b.end_block(part.node);
        }
    }

    fn part(
        &mut self,
        part: &PartFile,
        path: &str,
        history: &[Tensor],
        x: Tensor,
        place: &Place,
    ) -> Result<Tensor> {
        if let Some(layers) = &part.layers {
            return self.recipe(layers, part.strided.as_deref(), path, x, place);
        }
        if let Some(key) = &part.choice {
            let (cell, edge) = self.choice(key)?;
            let mut terms = Vec::new();
            for o in self.mask.operations_on(cell, edge) {
                let path = format!("{path}.{}", self.space.operations[o]);
                terms.extend(self.operation((cell, edge, o), &path, &x, place)?);
            }
            return self.sum(&terms, path);
        }
        let name = part.cell.as_deref().unwrap_or_default();
        let kind = self.space.cells.iter().position(|c| c.name == name);
        let kind = kind.ok_or_else(|| Error::Internal(format!("no cell {name}")))?;
        self.cell(kind, path, history, place)
    }

    /// Inputs, nodes, output.
    fn cell(
        &mut self,
        kind: usize,
        path: &str,
        history: &[Tensor],
        place: &Place,
    ) -> Result<Tensor> {
        let (space, file) = (self.space, &self.space.file().cells[kind]);
        let (of, CellFile { inputs, nodes, preprocess, .. }): (&Cell, _) =
            (&space.cells[kind], file);
        let CellKind::Graph { first_node, output, .. } = of.kind else {
            return Err(Error::Internal(format!("{} is no cell", of.name)));
        };
        let last = &history[history.len() - 1];
        let before = &history[history.len().saturating_sub(2)];
        let mut states =
            if *inputs == 1 { vec![last.clone()] } else { vec![before.clone(), last.clone()] };
        let scale = last.scale;
        for (i, recipe) in preprocess.iter().enumerate() {
            let stride = (scale / states[i].scale).max(1);
            let place = Place { stride, out: place.out.clone() };
            let path = format!("{path}.preprocess{i}");
            let (layers, strided) = (&recipe.layers, recipe.strided.as_deref());
            states[i] = self.recipe(layers, strided, &path, states[i].clone(), &place)?;
        }
        let [_, h, w] = self.b.shape(states[inputs - 1].parts[0].node);
        let size = [h.div_ceil(place.stride), w.div_ceil(place.stride)];
        for node in first_node..first_node + nodes {
            let mut terms = Vec::new();
            for (e, edge) in of.edges.iter().enumerate().filter(|(_, e)| e.to == node) {
                let stride = if edge.from < *inputs { place.stride } else { 1 };
                let place = Place { stride, out: place.out.clone() };
                for o in self.mask.operations_on(kind, e) {
                    let Edge { from, .. } = *edge;
                    let name = fill(&file.path, &of.edge_names[e], &space.operations[o], o);
                    let path = format!("{path}.{name}");
                    let x = states[from].clone();
                    terms.extend(self.operation((kind, e, o), &path, &x, &place)?);
                }
            }
            // A node may have no terms, and is zero then.
            let mut parts = Vec::new();
            for (p, share) in place.out.iter().enumerate() {
                let of_part = |(t, slot): &(Tensor, Option<usize>)| (t.parts[p].node, *slot);
                let of_part: Vec<_> = terms.iter().map(of_part).collect();
                let shape = [share.channels, size[0], size[1]];
                self.check_mix(&of_part, shape, &format!("{path}, node {node}"))?;
                parts.push(Part { node: self.b.mix(&of_part, shape), share: share.clone() });
            }
            states.push(Tensor { parts, scale: scale * place.stride });
        }
        let all = &states[*inputs..];
        match output {
            Output::Last => Ok(states[states.len() - 1].clone()),
            Output::Sum => {
                let terms: Vec<_> = all.iter().map(|s| (s.clone(), None)).collect();
                self.sum(&terms, path)
            }
            Output::Concat => self.concat(all, path),
        }
    }

    /// An operation on an edge, and its slot; nothing for zero.
    fn operation(
        &mut self,
        (cell, edge, operation): (usize, usize, usize),
        path: &str,
        x: &Tensor,
        place: &Place,
    ) -> Result<Option<(Tensor, Option<usize>)>> {
        self.spend(1)?;
        let file = &self.space.file().operations[operation];
        let Some(layers) = &file.layers else { return Ok(None) };
        let slot = Some(self.space.slot(Choice { cell, edge, operation }));
        self.b.enter(slot);
        let y = self.recipe(layers, file.strided.as_deref(), path, x.clone(), place)?;
        self.b.enter(None);
        if y.scale != x.scale * place.stride {
            return Err(Error::InvalidArgument(format!(
                "{path}: found a stride of {} in {}, expected {}, that of its place",
                y.scale / x.scale,
                file.name,
                place.stride
            )));
        }
        if y.shares() != place.out {
            return Err(Error::InvalidArgument(format!(
                "{path}: found {} channels behind {}, expected {}",
                y.channels(),
                file.name,
                place.out.iter().map(|s| s.channels).sum::<usize>()
            )));
        }
        Ok(Some((y, slot)))
    }

    fn recipe(
        &mut self,
        layers: &[Layer],
        strided: Option<&[Layer]>,
        path: &str,
        x: Tensor,
        place: &Place,
    ) -> Result<Tensor> {
        let layers = strided.filter(|_| place.stride != 1).unwrap_or(layers);
        self.layers(layers, path, x, place)
    }

    fn layers(
        &mut self,
        layers: &[Layer],
        path: &str,
        mut x: Tensor,
        place: &Place,
    ) -> Result<Tensor> {
        for (i, layer) in layers.iter().enumerate() {
            let normed = matches!(layers.get(i + 1), Some(Layer::BatchNorm(_)));
            x = self.layer(layer, &name(layer, path, i), x, place, normed)?;
        }
        Ok(x)
    }

    /// `normed`: batch normalisation follows.
    fn layer(
        &mut self,
        layer: &Layer,
        path: &str,
        x: Tensor,
        place: &Place,
        normed: bool,
    ) -> Result<Tensor> {
        self.spend(1)?;
        match layer {
            Layer::Identity => Ok(x),
            Layer::Relu => Ok(self.each(&x, |b, part| b.relu(part.node))),
            Layer::BatchNorm(_) => {
                let y = self.each(&x, |b, part| {
                    b.batch_norm(&format!("{path}{}", part.share.suffix), part.node)
                });
                self.weigh(y)
            }
            Layer::AvgPool(pool) => self.pool(pool, path, &x, place, Builder::avg_pool),
            Layer::MaxPool(pool) => self.pool(pool, path, &x, place, Builder::max_pool),
            Layer::Conv(conv) => {
                let y = self.conv(conv, path, &x, place)?;
                if normed { Ok(y) } else { self.weigh(y) }
            }
            Layer::Sequence(of) => self.layers(&of.layers, path, x, place),
            Layer::Residual(of) => {
                let y = self.layers(&of.layers, path, x.clone(), place)?;
                let same = y.shares() == x.shares()
                    && self.b.shape(y.parts[0].node) == self.b.shape(x.parts[0].node);
                if same { self.sum(&[(y, None), (x, None)], path) } else { Ok(y) }
            }
            Layer::Shortcut(of) => {
                let same = x.shares() == place.out && place.stride == 1;
                if same { Ok(x) } else { self.layers(&of.layers, path, x, place) }
            }
            Layer::Sum(of) => {
                let mut terms = Vec::new();
                for (i, branch) in of.branches.iter().enumerate() {
                    let path = name(branch, path, i);
                    terms.push((self.layer(branch, &path, x.clone(), place, false)?, None));
                }
                self.sum(&terms, path)
            }
            Layer::Concat(of) => {
                let mut parts = Vec::new();
                for (i, branch) in of.branches.iter().enumerate() {
                    let path = name(branch, path, i);
                    parts.push(self.layer(branch, &path, x.clone(), place, normed)?);
                }
                self.concat(&parts, path)
            }
        }
    }

    /// The same on each part.
    fn each(&mut self, x: &Tensor, layer: impl Fn(&mut Builder, &Part) -> NodeId) -> Tensor {
        let one = |part: &Part| Part { node: layer(&mut self.b, part), share: part.share.clone() };
        Tensor { parts: x.parts.iter().map(one).collect(), scale: x.scale }
    }

    fn conv(&mut self, conv: &Conv, path: &str, x: &Tensor, place: &Place) -> Result<Tensor> {
        let stride = strided(conv.stride, place);
        let same = (conv.dilation * (conv.kernel / 2)) as isize;
        let padding = match conv.padding {
            Padding::Same => same,
            Padding::Exactly(n) => n as isize,
        };
        let (kernel, dilation) = (conv.kernel as usize, conv.dilation as usize);
        let geometry = Convolution::square(kernel, stride, padding, dilation);
        let shares = if conv.depthwise { x.shares() } else { self.counted(conv, path, x, place)? };
        let input = if conv.depthwise { 0 } else { concat(&mut self.b, x) };
        let mut parts = Vec::new();
        for (i, share) in shares.into_iter().enumerate() {
            let from = if conv.depthwise { x.parts[i].node } else { input };
            let path = format!("{path}{}", share.suffix);
            let [read, h, w] = self.b.shape(from);
            let groups = if conv.depthwise { read } else { conv.groups as usize };
            for channels in [read, share.channels] {
                if !channels.is_multiple_of(groups) {
                    return Err(Error::InvalidArgument(format!(
                        "{path}: found a convolution in {groups} groups from {read} to {} channels, \
                         expected numbers of channels that the groups divide",
                        share.channels
                    )));
                }
            }
            let geometry = Convolution { groups, ..geometry };
            let each = read / groups * geometry.kernel_size();
            // Before the graph has it: an upper bound, at stride 1.
            self.check_size(&path, [share.channels, h, w])?;
            let node = self.b.conv(&path, from, share.channels, geometry)?;
            let [c, h, w] = self.b.shape(node);
            self.multiply_adds =
                self.multiply_adds.saturating_add((c * h * w) as u64 * each as u64);
            parts.push(Part { node, share });
        }
        self.check_cost(path)?;
        Ok(Tensor { parts, scale: x.scale * stride })
    }

    /// The channels of a convolution.
    fn counted(&self, conv: &Conv, path: &str, x: &Tensor, place: &Place) -> Result<Vec<Share>> {
        let part = match conv.channels {
            Channels::Exactly(n) => return Ok(vec![Share::plain(n as usize)]),
            Channels::Of(part) => part,
        };
        let whole = match part.of {
            CountedFrom::In => x.shares(),
            CountedFrom::Out => place.out.clone(),
        };
        let scaled = |n: usize| {
            let (n, by) = (n * part.times as usize, part.divide as usize);
            match part.round {
                Round::Down => n / by,
                Round::Up => n.div_ceil(by),
            }
        };
        let (mut before, mut shares) = (0, Vec::new());
        for share in whole {
            let (from, to) = (scaled(before), scaled(before + share.channels));
            before += share.channels;
            if to > from {
                shares.push(Share { channels: to - from, ..share });
            }
        }
        if shares.is_empty() {
            return Err(Error::InvalidArgument(format!(
                "{path}: found a convolution to 0 channels, expected at least 1"
            )));
        }
        Ok(shares)
    }

    fn pool(
        &mut self,
        pool: &Pool,
        path: &str,
        x: &Tensor,
        place: &Place,
        layer: fn(&mut Builder, NodeId, Window) -> NodeId,
    ) -> Result<Tensor> {
        let (kernel, stride) = (pool.kernel as usize, strided(pool.stride, place));
        let padding = match pool.padding {
            Padding::Same => kernel / 2,
            Padding::Exactly(n) => n.unsigned_abs() as usize,
        };
        let window = Window::square(kernel, stride, padding);
        let [_, h, w] = self.b.shape(x.parts[0].node);
        if h.min(w) + 2 * padding < kernel {
            return Err(Error::InvalidArgument(format!(
                "{path}: found an input of {h} x {w}, too small for a window of {kernel}"
            )));
        }
        let y = self.each(x, |b, part| layer(b, part.node, window));
        Ok(Tensor { scale: x.scale * stride, ..y })
    }

    /// Multiplies the parts that some options lack by the weights of those that have them.
    fn weigh(&mut self, x: Tensor) -> Result<Tensor> {
        let Tensor { parts, scale } = x;
        let mut weighed = Vec::new();
        for Part { node, share } in parts {
            let node = if share.slots.is_empty() {
                node
            } else {
                self.spend(share.slots.len())?;
                let terms: Vec<_> = share.slots.iter().map(|s| (node, Some(*s))).collect();
                let shape = self.b.shape(node);
                self.b.mix(&terms, shape)
            };
            weighed.push(Part { node, share });
        }
        Ok(Tensor { parts: weighed, scale })
    }

    /// Sum of tensors of one shape, each times the weight of its slot.
    fn sum(&mut self, terms: &[(Tensor, Option<usize>)], path: &str) -> Result<Tensor> {
        let Some((first, _)) = terms.first() else {
            return Err(Error::InvalidArgument(format!("{path}: found no active operation")));
        };
        let (shares, scale) = (first.shares(), first.scale);
        for (other, _) in terms {
            if other.shares() != shares {
                return Err(Error::InvalidArgument(format!(
                    "{path}: found a sum of {} and {} channels, expected the same",
                    first.channels(),
                    other.channels()
                )));
            }
        }
        let mut parts = Vec::new();
        for (p, share) in shares.into_iter().enumerate() {
            let nodes: Vec<_> = terms.iter().map(|(t, slot)| (t.parts[p].node, *slot)).collect();
            let shape = self.b.shape(nodes[0].0);
            self.check_mix(&nodes, shape, path)?;
            parts.push(Part { node: self.b.mix(&nodes, shape), share });
        }
        Ok(Tensor { parts, scale })
    }

    fn check_mix(
        &mut self,
        terms: &[(NodeId, Option<usize>)],
        shape: [usize; 3],
        path: &str,
    ) -> Result<()> {
        self.spend(terms.len() + 1)?;
        self.check_size(path, shape)?;
        for (node, _) in terms {
            let found = self.b.shape(*node);
            if found != shape {
                let [[a, b, c], [d, e, f]] = [found, shape];
                return Err(Error::InvalidArgument(format!(
                    "{path}: found a sum of {a} x {b} x {c} and {d} x {e} x {f}, expected one shape"
                )));
            }
        }
        Ok(())
    }

    /// Concatenation along channels.
    fn concat(&mut self, tensors: &[Tensor], path: &str) -> Result<Tensor> {
        let size = |b: &Builder, t: &Tensor| b.shape(t.parts[0].node);
        let [_, h, w] = size(&self.b, &tensors[0]);
        for tensor in tensors {
            let [_, a, b] = size(&self.b, tensor);
            if [a, b] != [h, w] {
                return Err(Error::InvalidArgument(format!(
                    "{path}: found {h} x {w} and {a} x {b} side by side, expected one size"
                )));
            }
        }
        let channels = tensors.iter().map(Tensor::channels).sum();
        self.spend(tensors.len())?;
        self.check_size(path, [channels, h, w])?;
        let nodes: Vec<NodeId> =
            tensors.iter().flat_map(|t| t.parts.iter().map(|p| p.node)).collect();
        let node = self.b.concat(&nodes);
        Ok(Tensor { scale: tensors[0].scale, ..Tensor::plain(node, channels) })
    }

    /// The edge of a choice `group.edge`.
    fn choice(&self, key: &str) -> Result<(usize, usize)> {
        let found = self.space.cells.iter().enumerate().find_map(|(c, cell)| {
            let edge = key.strip_prefix(cell.name.as_str())?.strip_prefix('.')?;
            Some((c, cell.edge_names.iter().position(|name| name == edge)?))
        });
        found.ok_or_else(|| Error::Internal(format!("no choice {key}")))
    }

    /// The options of a choice of numbers, ascending: (number, slot, active, name).
    fn numbers(&self, key: &str) -> Result<Vec<(usize, usize, bool, &str)>> {
        let (cell, edge) = self.choice(key)?;
        let options = self.space.cells[cell].options[edge].iter();
        let mut numbers: Vec<_> = options
            .map(|&operation| {
                let choice = Choice { cell, edge, operation };
                let value = self.space.file().operations[operation].value.unwrap_or(1) as usize;
                let name = self.space.operations[operation].as_str();
                (value, self.space.slot(choice), self.mask.is_active(choice), name)
            })
            .collect();
        numbers.sort_unstable();
        if numbers.iter().all(|(_, _, active, _)| !active) {
            return Err(Error::InvalidArgument(format!("{key}: found no active option")));
        }
        Ok(numbers)
    }

    /// The channels of a place.
    fn width(&self, channels: &Amount) -> Result<Vec<Share>> {
        let unit = self.sizes.channels;
        let key = match channels {
            Amount::Exactly(n) => return Ok(vec![Share::plain(*n as usize * unit)]),
            Amount::Named(key) => key,
        };
        let numbers = self.numbers(key)?;
        let active: Vec<_> = numbers.iter().filter(|n| n.2).collect();
        let (least, most) = (active[0].0, active[active.len() - 1].0);
        if least == most {
            return Ok(vec![Share::plain(most * unit)]);
        }
        // Parts by the numbers of all options, so that they stay the same when one goes.
        let mut before = 0;
        let mut shares = Vec::new();
        for (number, _, _, name) in numbers.iter().filter(|n| n.0 <= most) {
            let with: Vec<usize> = active.iter().filter(|a| a.0 >= *number).map(|a| a.1).collect();
            let slots = if *number <= least { Vec::new() } else { with };
            let suffix = format!(".{name}");
            shares.push(Share { channels: (number - before) * unit, slots, suffix });
            before = *number;
        }
        Ok(shares)
    }

    /// How often a part stands, and the slots of the numbers among which that is open.
    fn repeats(&self, repeat: &Amount) -> Result<(usize, Vec<(usize, usize)>)> {
        match repeat {
            Amount::Exactly(n) => Ok((*n as usize, Vec::new())),
            Amount::Named(name) if name == "cells" => Ok((self.sizes.cells, Vec::new())),
            Amount::Named(key) => {
                let numbers = self.numbers(key)?;
                let active = numbers.iter().filter(|n| n.2).map(|n| (n.0, n.1));
                let active: Vec<(usize, usize)> = active.collect();
                Ok((active[active.len() - 1].0, active))
            }
        }
    }

    /// Counts work against what a hostile file may ask for.
    fn spend(&mut self, work: usize) -> Result<()> {
        self.work += work;
        if self.work > WORK || self.b.nodes() > NODES {
            return Err(Error::InvalidArgument(format!(
                "{}: found a network of more than {NODES} nodes, expected a smaller one",
                self.space.name
            )));
        }
        Ok(())
    }

    fn check_size(&self, path: &str, [c, h, w]: [usize; 3]) -> Result<()> {
        if c.saturating_mul(h).saturating_mul(w) > ELEMENTS {
            return Err(Error::InvalidArgument(format!(
                "{path}: found a tensor of {c} x {h} x {w}, expected at most {ELEMENTS} numbers"
            )));
        }
        Ok(())
    }

    fn check_cost(&self, path: &str) -> Result<()> {
        if self.b.parameters() > PARAMETERS || self.multiply_adds > MULTIPLY_ADDS {
            return Err(Error::InvalidArgument(format!(
                "{path}: found more than {PARAMETERS} parameters or {MULTIPLY_ADDS} multiply-adds, \
                 expected a smaller network"
            )));
        }
        Ok(())
    }
}

/// The path of a layer's parameters.
fn name(layer: &Layer, path: &str, index: usize) -> String {
    match layer.name() {
        Some("") => path.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None => format!("{path}.{index}"),
    }
}

fn strided(stride: Stride, place: &Place) -> usize {
    match stride {
        Stride::Given => place.stride,
        Stride::Exactly(n) => n as usize,
    }
}
