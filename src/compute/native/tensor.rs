//! Tensors of vectors of 8 images, and the memory they come from.

use std::collections::HashMap;
use std::sync::Arc;

use super::simd::{LANES, Lanes};
use crate::compute::kernels::Shape;
use crate::error::{Result, try_vec};
use crate::fork::Mutex;

/// `[I, N/8, C, H, W]` vectors of 8 images.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) data: Vec<Lanes>,
    pub(crate) shape: Shape,
}

impl Tensor {
    /// Vectors of images: N/8, rounded up.
    pub(crate) fn blocks(&self) -> usize {
        blocks(self.shape.batch)
    }

    /// Length of C x H x W, halos included.
    pub(crate) fn stride(&self) -> usize {
        self.shape.chw[0] * self.shape.plane()
    }

    /// Lanes of block `b` that hold images.
    pub(crate) fn valid(&self, b: usize) -> usize {
        (self.shape.batch - b * LANES).min(LANES)
    }

    /// All C x H x W of block `b` of an activation, or of (cotangent, block) number `b`.
    pub(crate) fn block(&self, b: usize) -> &[Lanes] {
        &self.data[b * self.stride()..(b + 1) * self.stride()]
    }

    /// The same to write.
    pub(crate) fn block_mut(&mut self, b: usize) -> &mut [Lanes] {
        let stride = self.stride();
        &mut self.data[b * stride..(b + 1) * stride]
    }

    /// The plane of one channel of a block.
    pub(crate) fn plane(&self, b: usize, channel: usize) -> &[Lanes] {
        let plane = self.shape.plane();
        &self.block(b)[channel * plane..(channel + 1) * plane]
    }
}

fn blocks(batch: usize) -> usize {
    batch.div_ceil(LANES)
}

/// Memory of released tensors, by length, shared by all kernels of an engine: once a search has
/// seen each of its networks, no tensor is allocated any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<HashMap<usize, Vec<Vec<Lanes>>>>>);

impl Pool {
    /// A tensor of unspecified content.
    pub(crate) fn tensor(&self, shape: Shape) -> Result<Tensor> {
        let len = shape.cotangents * blocks(shape.batch) * shape.chw[0] * shape.plane();
        let kept = self.0.lock().get_mut(&len).and_then(Vec::pop);
        let data = match kept {
            Some(data) => data,
            None => try_vec(Lanes::ZERO, len, "tensor")?,
        };
        Ok(Tensor { data, shape })
    }

    /// Takes the memory back.
    pub(crate) fn release(&self, tensor: Tensor) {
        self.0.lock().entry(tensor.data.len()).or_default().push(tensor.data);
    }

    /// Tensors that wait for their next use.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().values().map(Vec::len).sum()
    }
}
