//! The linear layer, block by block.

use super::super::simd::{Lanes, Vector, VectorKernel};

/// y[k] = bias[k] + sum over c of weight[k, c] x[c].
pub(crate) struct LinearForward<'a> {
    pub(crate) weights: &'a [f32],
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) x: &'a [Lanes],
    pub(crate) y: &'a mut [Lanes],
}

impl VectorKernel for LinearForward<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let weights = self.weights.chunks_exact(self.x.len());
        for (k, (y, weights)) in self.y.iter_mut().zip(weights).enumerate() {
            let mut sum = V::splat(self.bias.map_or(0.0, |bias| bias[k]));
            for (x, w) in self.x.iter().zip(weights) {
                sum = V::load(x).mul_add(V::splat(*w), sum);
            }
            sum.store(y);
        }
    }
}

/// The adjoint of one output k: dx[c] += scale weight[k, c] dy[k] for each block of images, and
/// sums[c] = the sum over blocks of scale dy[k] x[c].
pub(crate) struct LinearAdjoint<'a> {
    /// The weights of output k.
    pub(crate) weights: &'a [f32],
    pub(crate) scale: f32,
    /// All blocks, each of as many numbers as there are weights.
    pub(crate) x: &'a [Lanes],
    /// Begins with output k of the first block; that of the next block is `classes` further on.
    pub(crate) dy: &'a [Lanes],
    pub(crate) classes: usize,
    pub(crate) dx: &'a mut [Lanes],
    pub(crate) sums: &'a mut [Lanes],
}

impl VectorKernel for LinearAdjoint<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let channels = self.weights.len();
        let scale = V::splat(self.scale);
        self.sums.fill(Lanes::ZERO);
        let blocks = self.x.chunks_exact(channels).zip(self.dx.chunks_exact_mut(channels));
        for ((x, dx), dy) in blocks.zip(self.dy.iter().step_by(self.classes)) {
            let dy = V::load(dy).mul(scale);
            for (((x, dx), w), sum) in x.iter().zip(dx).zip(self.weights).zip(&mut *self.sums) {
                dy.mul_add(V::splat(*w), V::load(dx)).store(dx);
                dy.mul_add(V::load(x), V::load(sum)).store(sum);
            }
        }
    }
}
