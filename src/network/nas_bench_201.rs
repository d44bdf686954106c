//! The networks of NAS-Bench-201 (section 3.1).

use super::{Builder, Convolution, Graph, NetworkConfig, NodeId, Training, Window};
use crate::error::{Error, Result};
use crate::space::{Choice, Mask, Space};

/// Channels C of the NTK network and of the thin network.
const NTK_CHANNELS: usize = 3;
const THIN_CHANNELS: usize = 1;
/// Channels C and cells N of the network that the benchmark trains.
const TRAINING_CHANNELS: usize = 16;
const TRAINING_CELLS: usize = 5;

/// The benchmark's network: C = 16, N = 5.
pub(super) fn training(space: &Space, mask: &Mask, training: &Training<'_>) -> Result<Graph> {
    let &Training { input, classes, .. } = training;
    let (channels, cells) = (TRAINING_CHANNELS, TRAINING_CELLS);
    lower(space, mask, &NetworkConfig { input, classes, channels, cells, thin: false })
}

/// Macro: stem, N cells, residual block, N cells, residual block, N cells, head. The thin network
/// is one cell and the head.
pub(super) fn lower(space: &Space, mask: &Mask, config: &NetworkConfig) -> Result<Graph> {
    let [_, h, w] = config.input;
    let mut b = Builder::new(config.input, space.slots());
    let mut x = 0;
    if config.thin {
        x = cell(&mut b, space, mask, "cells.0", x)?;
    } else {
        if h % 4 != 0 || w % 4 != 0 {
            return Err(Error::InvalidArgument(format!(
                "image size: found {h} x {w}, expected height and width divisible by 4 for {}",
                space.name
            )));
        }
        x = b.stem("stem.0", "stem.1", x, config.channels)?;
        let mut index = 0;
        for stage in 0..3 {
            if stage > 0 {
                let channels = config.channels << stage;
                x = residual_block(&mut b, &format!("cells.{index}"), x, channels)?;
                index += 1;
            }
            for _ in 0..config.cells {
                x = cell(&mut b, space, mask, &format!("cells.{index}"), x)?;
                index += 1;
            }
        }
    }
    b.head("lastact.0", "classifier", x, config.classes);
    Ok(b.finish())
}

/// Four nodes; node i is the sum of its edges from all earlier nodes.
fn cell(b: &mut Builder, space: &Space, mask: &Mask, name: &str, x: NodeId) -> Result<NodeId> {
    let shape = b.shape(x);
    let edges = &space.cells[0].edges;
    let mut nodes = vec![x];
    for node in 1..=edges[edges.len() - 1].to {
        let mut terms = Vec::new();
        for (e, edge) in edges.iter().enumerate().filter(|(_, e)| e.to == node) {
            for o in mask.operations_on(0, e) {
                let slot = Some(space.slot(Choice { cell: 0, edge: e, operation: o }));
                b.enter(slot);
                let name = format!("{name}.edges.{edge}.{o}");
                if let Some(y) = operation(b, &space.operations[o], &name, nodes[edge.from])? {
                    terms.push((y, slot));
                }
                b.enter(None);
            }
        }
        nodes.push(b.mix(&terms, shape));
    }
    Ok(nodes[nodes.len() - 1])
}

fn operation(b: &mut Builder, name: &str, prefix: &str, x: NodeId) -> Result<Option<NodeId>> {
    let channels = b.shape(x)[0];
    Ok(match name {
        "none" => None,
        "skip_connect" => Some(x),
        "nor_conv_1x1" => Some(b.relu_conv_bn(prefix, x, channels, 1, 1)?),
        "nor_conv_3x3" => Some(b.relu_conv_bn(prefix, x, channels, 3, 1)?),
        "avg_pool_3x3" => Some(b.avg_pool(x, Window { kernel: 3, stride: 1, padding: 1 })),
        other => return Err(Error::Internal(format!("operation {other} has no lowering"))),
    })
}

/// Halves the size and doubles the channels, with a shortcut of pooling and 1x1 convolution.
fn residual_block(b: &mut Builder, name: &str, x: NodeId, channels: usize) -> Result<NodeId> {
    let a = b.relu_conv_bn(&format!("{name}.conv_a"), x, channels, 3, 2)?;
    let a = b.relu_conv_bn(&format!("{name}.conv_b"), a, channels, 3, 1)?;
    let s = b.avg_pool(x, Window { kernel: 2, stride: 2, padding: 0 });
    let s = b.conv(&format!("{name}.downsample.1"), s, channels, Convolution::same(1))?;
    let shape = b.shape(a);
    Ok(b.mix(&[(a, None), (s, None)], shape))
}
