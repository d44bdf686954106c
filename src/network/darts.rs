//! The networks of DARTS (section 3.1).

use super::{Builder, Convolution, Graph, NetworkConfig, NodeId, Training, Window};
use crate::error::{Error, Result};
use crate::space::{Choice, Mask, Space};

/// Channels C of the NTK network and of the thin network.
const NTK_CHANNELS: usize = 1;
const THIN_CHANNELS: usize = 1;
/// Kinds of cell, as in the space.
const NORMAL: usize = 0;
const REDUCTION: usize = 1;

/// The network that is trained, as the authors' code builds it: (cells, C).
const CIFAR: (usize, usize) = (20, 36);
const IMAGENET: (usize, usize) = (14, 48);
/// Channels of the stem for CIFAR, in C.
const STEM_MULTIPLIER: usize = 3;
/// The data set that papers train at this size, with a stem of its own.
const IMAGENET_NAME: &str = "imagenet-1k";
const IMAGENET_SIDE: usize = 224;

/// Macro for the search: stem (none in the thin network), N normal cells at C, a reduction cell at
/// 2C, head.
pub(super) fn lower(space: &Space, mask: &Mask, config: &NetworkConfig) -> Result<Graph> {
    let mut b = Builder::new(config.input, space.slots());
    let c = config.channels;
    let stem = if config.thin { 0 } else { b.stem("stem.0", "stem.1", 0, c)? };
    let (mut before, mut last) = (stem, stem);
    for index in 0..=config.cells {
        let (kind, channels) = if index < config.cells { (NORMAL, c) } else { (REDUCTION, 2 * c) };
        let name = format!("cells.{index}");
        let cell = Cell { space, mask, kind, name: &name, channels, halve: false };
        let out = cell.lower(&mut b, before, last)?;
        (before, last) = (last, out);
    }
    b.head("lastact.0", "classifier", last, config.classes);
    Ok(b.finish())
}

/// The network that is trained, without auxiliary head: 20 cells at C = 36; on ImageNet 14 at
/// C = 48, images of 224 x 224 whatever the size of those at hand, and a stem that divides it by 8.
/// The cells at a third and two thirds are reduction cells and double the channels.
pub(super) fn training(space: &Space, mask: &Mask, training: &Training<'_>) -> Result<Graph> {
    let imagenet = training.dataset == IMAGENET_NAME;
    let (cells, c) = if imagenet { IMAGENET } else { CIFAR };
    let [colours, h, w] = training.input;
    let side = IMAGENET_SIDE;
    let input = if imagenet { [colours, side, side] } else { [colours, h, w] };
    let mut b = Builder::new(input, space.slots());
    let (mut before, mut last) = if imagenet {
        let half = Convolution { stride: 2, ..Convolution::same(3) };
        let x = b.conv("stem0.0", 0, c / 2, half)?;
        let x = b.batch_norm("stem0.1", x);
        let x = b.relu(x);
        let x = b.conv("stem0.3", x, c, half)?;
        let first = b.batch_norm("stem0.4", x);
        let x = b.relu(first);
        let x = b.conv("stem1.1", x, c, half)?;
        (first, b.batch_norm("stem1.2", x))
    } else {
        let stem = b.stem("stem.0", "stem.1", 0, STEM_MULTIPLIER * c)?;
        (stem, stem)
    };
    let (mut channels, mut halve) = (c, imagenet);
    for index in 0..cells {
        let reduces = index == cells / 3 || index == 2 * cells / 3;
        let kind = if reduces { REDUCTION } else { NORMAL };
        if reduces {
            channels *= 2;
        }
        let name = format!("cells.{index}");
        let cell = Cell { space, mask, kind, name: &name, channels, halve };
        let out = cell.lower(&mut b, before, last)?;
        (before, last) = (last, out);
        halve = reduces;
    }
    b.pool_and_classify("classifier", last, training.classes);
    Ok(b.finish())
}

struct Cell<'a> {
    space: &'a Space,
    mask: &'a Mask,
    kind: usize,
    name: &'a str,
    channels: usize,
    /// The first input is twice as large as the second.
    halve: bool,
}

impl Cell<'_> {
    /// Two preprocessed inputs, four steps, their concatenation.
    fn lower(&self, b: &mut Builder, before: NodeId, last: NodeId) -> Result<NodeId> {
        let (c, name) = (self.channels, self.name);
        let first = format!("{name}.preprocess0");
        let mut states = vec![
            if self.halve {
                factorised_reduction(b, &first, before, c)?
            } else {
                b.relu_conv_bn(&first, before, c, 1, 1)?
            },
            b.relu_conv_bn(&format!("{name}.preprocess1"), last, c, 1, 1)?,
        ];
        let stride = |state| if self.kind == REDUCTION && state < 2 { 2 } else { 1 };
        let [_, h, w] = b.shape(states[1]);
        let shape = [c, h.div_ceil(stride(0)), w.div_ceil(stride(0))];
        let edges = &self.space.cells[self.kind].edges;
        for step in 0..=edges[edges.len() - 1].to {
            let mut terms = Vec::new();
            for (e, edge) in edges.iter().enumerate().filter(|(_, e)| e.to == step) {
                for o in self.mask.operations_on(self.kind, e) {
                    let choice = Choice { cell: self.kind, edge: e, operation: o };
                    let slot = Some(self.space.slot(choice));
                    b.enter(slot);
                    let name = format!("{name}.edges.{edge}._ops.{o}");
                    let x = states[edge.from];
                    let y = operation(b, &self.space.operations[o], &name, x, stride(edge.from))?;
                    terms.extend(y.map(|y| (y, slot)));
                    b.enter(None);
                }
            }
            states.push(b.mix(&terms, shape));
        }
        Ok(b.concat(&states[2..]))
    }
}

fn operation(
    b: &mut Builder,
    name: &str,
    prefix: &str,
    x: NodeId,
    stride: usize,
) -> Result<Option<NodeId>> {
    let window = Window { kernel: 3, stride, padding: 1 };
    Ok(match name {
        "none" => None,
        "skip_connect" if stride == 1 => Some(x),
        "skip_connect" => Some(factorised_reduction(b, prefix, x, b.shape(x)[0])?),
        "sep_conv_3x3" => Some(separable(b, prefix, x, 3, stride)?),
        "sep_conv_5x5" => Some(separable(b, prefix, x, 5, stride)?),
        "dil_conv_3x3" => Some(depthwise_pointwise(b, prefix, x, 3, stride, 2)?),
        "dil_conv_5x5" => Some(depthwise_pointwise(b, prefix, x, 5, stride, 2)?),
        "avg_pool_3x3" => Some(b.avg_pool(x, window)),
        "max_pool_3x3" => Some(b.max_pool(x, window)),
        other => return Err(Error::Internal(format!("operation {other} has no lowering"))),
    })
}

/// ReLU, depthwise convolution, pointwise convolution, BN: `name.op.{1,2,3}`.
fn depthwise_pointwise(
    b: &mut Builder,
    name: &str,
    x: NodeId,
    kernel: usize,
    stride: usize,
    dilation: usize,
) -> Result<NodeId> {
    let channels = b.shape(x)[0];
    let padding = (dilation * (kernel / 2)) as isize;
    let depthwise = Convolution { kernel, stride, padding, dilation, depthwise: true };
    let x = b.relu(x);
    let x = b.conv(&format!("{name}.op.1"), x, channels, depthwise)?;
    let x = b.conv(&format!("{name}.op.2"), x, channels, Convolution::same(1))?;
    Ok(b.batch_norm(&format!("{name}.op.3"), x))
}

/// Twice ReLU, depthwise, pointwise, BN; the first with the stride.
fn separable(
    b: &mut Builder,
    name: &str,
    x: NodeId,
    kernel: usize,
    stride: usize,
) -> Result<NodeId> {
    let x = depthwise_pointwise(b, &format!("{name}.op_a"), x, kernel, stride, 1)?;
    depthwise_pointwise(b, &format!("{name}.op_b"), x, kernel, 1, 1)
}

/// ReLU, two 1x1 stride-2 convolutions to half of the `c` channels each, the second shifted by one pixel,
/// concatenated, BN.
fn factorised_reduction(b: &mut Builder, name: &str, x: NodeId, c: usize) -> Result<NodeId> {
    let [_, h, w] = b.shape(x);
    let at = |padding| Convolution { stride: 2, padding, ..Convolution::same(1) };
    let x = b.relu(x);
    let first = b.conv(&format!("{name}.convs.0"), x, c / 2, at(0))?;
    let second = b.conv(&format!("{name}.convs.1"), x, c - c / 2, at(-1))?;
    debug_assert_eq!(b.shape(first)[1..], [h.div_ceil(2), w.div_ceil(2)]);
    let x = b.concat(&[first, second]);
    Ok(b.batch_norm(&format!("{name}.bn"), x))
}
