//! The linear layer, block by block.

use super::super::simd::{Job, Lanes, Vector};

/// y[k] = bias[k] + sum over c of weight[k, c] x[c].
pub(crate) struct Linear<'a> {
    pub(crate) weights: &'a [f32],
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) x: &'a [Lanes],
    pub(crate) y: &'a mut [Lanes],
}

impl Job for Linear<'_> {
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

/// dx[c] (+)= scale * sum over k of weight[k, c] dy[k]; sums[k, c] += dy[k] x[c].
pub(crate) struct LinearAdjoint<'a> {
    pub(crate) weights: &'a [f32],
    pub(crate) scale: f32,
    pub(crate) x: &'a [Lanes],
    pub(crate) dy: &'a [Lanes],
    pub(crate) dx: &'a mut [Lanes],
    pub(crate) first: bool,
    pub(crate) sums: &'a mut [Lanes],
}

impl Job for LinearAdjoint<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let channels = self.x.len();
        let scale = V::splat(self.scale);
        if self.first {
            self.dx.fill(Lanes::ZERO);
        }
        for (k, dy) in self.dy.iter().enumerate() {
            let dy = V::load(dy).mul(scale);
            for c in 0..channels {
                let at = k * channels + c;
                let dx = &mut self.dx[c];
                dy.mul_add(V::splat(self.weights[at]), V::load(dx)).store(dx);
                let sum = &mut self.sums[at];
                dy.mul_add(V::load(&self.x[c]), V::load(sum)).store(sum);
            }
        }
    }
}
