//! Pooling. A window's taps are walked one by one, each over whole rows.

use super::super::simd::{Lanes, Vector, VectorKernel};
use crate::network::Window;

/// Shapes of one pooled plane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pooling {
    pub(crate) window: Window,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
}

/// Outputs of one axis whose window holds tap `k`, and the input of the first.
struct Reach {
    outputs: std::ops::Range<usize>,
    input: usize,
}

impl Pooling {
    fn reach(&self, axis: usize, k: usize) -> Reach {
        let (stride, padding) = (self.window.stride[axis], self.window.padding[axis][0]);
        let first = padding.saturating_sub(k).div_ceil(stride);
        // The last output whose tap k is an input: o * stride + k - padding < input.
        let end = (self.input[axis] + padding).saturating_sub(k).div_ceil(stride);
        let end = end.min(self.output[axis]).max(first);
        Reach { outputs: first..end, input: first * stride + k - padding.min(first * stride + k) }
    }

    /// Calls `f(tap, first output, first input, outputs)` for each row of each tap; inputs lie a
    /// stride of the width apart.
    #[inline(always)]
    fn rows(&self, mut f: impl FnMut(usize, usize, usize, usize)) {
        let stride = self.window.stride[0];
        for ky in 0..self.window.kernel[0] {
            let ys = self.reach(0, ky);
            for kx in 0..self.window.kernel[1] {
                let xs = self.reach(1, kx);
                for (i, oy) in ys.outputs.clone().enumerate() {
                    let input = (ys.input + i * stride) * self.input[1] + xs.input;
                    let output = oy * self.output[1] + xs.outputs.start;
                    f(ky * self.window.kernel[1] + kx, output, input, xs.outputs.len());
                }
            }
        }
    }

    /// 1 / (what an average counts) of each output.
    pub(crate) fn inverse_counts(&self) -> Vec<f32> {
        let count = |axis: usize, o: usize| self.window.count(axis, self.input[axis], o);
        let rows = (0..self.output[0]).map(|y| count(0, y));
        let inverse = |y: usize| (0..self.output[1]).map(move |x| 1.0 / (y * count(1, x)) as f32);
        rows.flat_map(inverse).collect()
    }
}

/// y = mean over the window.
pub(crate) struct AveragePool<'a> {
    pub(crate) pooling: Pooling,
    pub(crate) inverse_counts: &'a [f32],
    pub(crate) x: &'a [Lanes],
    pub(crate) y: &'a mut [Lanes],
}

impl VectorKernel for AveragePool<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let stride = self.pooling.window.stride[1];
        self.y.fill(Lanes::ZERO);
        self.pooling.rows(|_, output, input, len| {
            for i in 0..len {
                let y = &mut self.y[output + i];
                V::load(y).add(V::load(&self.x[input + i * stride])).store(y);
            }
        });
        for (y, inverse) in self.y.iter_mut().zip(self.inverse_counts) {
            V::load(y).mul(V::splat(*inverse)).store(y);
        }
    }
}

/// dx (+)= weight dy / count over the window. Counts are a product of rows and columns, so the sum
/// goes column by column into `scratch`, `[output height, input width]`, then row by row.
pub(crate) struct AveragePoolAdjoint<'a> {
    pub(crate) axes: &'a [Axis; 2],
    pub(crate) weight: f32,
    pub(crate) dy: &'a [Lanes],
    pub(crate) dx: &'a mut [Lanes],
    pub(crate) scratch: &'a mut [Lanes],
    pub(crate) overwrite: bool,
}

/// One axis of a window, seen from the inputs.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// For each input, the outputs whose window it is in.
    outputs: Vec<std::ops::Range<usize>>,
    /// For each output, 1 / (what an average counts on this axis).
    inverse: Vec<f32>,
}

impl Pooling {
    /// Both axes.
    pub(crate) fn axes(&self) -> [Axis; 2] {
        std::array::from_fn(|axis| {
            let (kernel, stride) = (self.window.kernel[axis], self.window.stride[axis]);
            let padding = self.window.padding[axis][0];
            let (input, output) = (self.input[axis], self.output[axis]);
            let outputs = (0..input).map(|i| {
                let first = (i + padding + 1).saturating_sub(kernel).div_ceil(stride);
                first..((i + padding) / stride + 1).min(output).max(first)
            });
            let outputs: Vec<_> = outputs.collect();
            let count = |o: usize| self.window.count(axis, input, o);
            let inverse = (0..output).map(|o| 1.0 / count(o) as f32).collect();
            Axis { outputs, inverse }
        })
    }
}

impl VectorKernel for AveragePoolAdjoint<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let [rows, columns] = self.axes;
        let (width, out_width) = (columns.outputs.len(), columns.inverse.len());
        let dy = self.dy.chunks_exact(out_width);
        for (dy, scratch) in dy.zip(self.scratch.chunks_exact_mut(width)) {
            for (outputs, scratch) in columns.outputs.iter().zip(scratch) {
                let (dy, inverse) = (&dy[outputs.clone()], &columns.inverse[outputs.clone()]);
                let term = |i: usize, sum: V| V::load(&dy[i]).mul_add(V::splat(inverse[i]), sum);
                let zero = V::splat(0.0);
                let sum = match outputs.len() {
                    3 => term(2, term(1, term(0, zero))),
                    len => (0..len).fold(zero, |sum, i| term(i, sum)),
                };
                sum.store(scratch);
            }
        }
        for (outputs, dx) in rows.outputs.iter().zip(self.dx.chunks_exact_mut(width)) {
            let row = |o: usize| &self.scratch[o * width..(o + 1) * width];
            let factor = |o: usize| V::splat(self.weight * rows.inverse[o]);
            let mut overwrite = self.overwrite;
            let o = outputs.start;
            if outputs.len() == 3 {
                // The inside of a 3 x 3 window at stride 1, in one go.
                let f = [factor(o), factor(o + 1), factor(o + 2)];
                let sources = row(o).iter().zip(row(o + 1)).zip(row(o + 2));
                for (dx, ((a, b), c)) in dx.iter_mut().zip(sources) {
                    let before = if overwrite { V::splat(0.0) } else { V::load(dx) };
                    let sum = V::load(a).mul_add(f[0], before);
                    let sum = V::load(b).mul_add(f[1], sum);
                    V::load(c).mul_add(f[2], sum).store(dx);
                }
                continue;
            }
            if outputs.is_empty() && overwrite {
                dx.fill(Lanes::ZERO);
            }
            for o in outputs.clone() {
                let f = factor(o);
                for (dx, a) in dx.iter_mut().zip(row(o)) {
                    let before = if overwrite { V::splat(0.0) } else { V::load(dx) };
                    V::load(a).mul_add(f, before).store(dx);
                }
                overwrite = false;
            }
        }
    }
}

/// y = maximum over the window; `place` = tap of the first maximum in scan order.
pub(crate) struct MaxPool<'a> {
    pub(crate) pooling: Pooling,
    pub(crate) x: &'a [Lanes],
    pub(crate) y: &'a mut [Lanes],
    pub(crate) place: &'a mut [Lanes],
}

impl VectorKernel for MaxPool<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let stride = self.pooling.window.stride[1];
        self.y.fill(Lanes([f32::NEG_INFINITY; super::super::simd::LANES]));
        self.place.fill(Lanes::ZERO);
        self.pooling.rows(|tap, output, input, len| {
            let tap = V::splat(tap as f32);
            for i in 0..len {
                let (y, place) = (&mut self.y[output + i], &mut self.place[output + i]);
                let x = V::load(&self.x[input + i * stride]);
                let (best, at) = x.select_greater(V::load(y), tap, V::load(place));
                best.store(y);
                at.store(place);
            }
        });
    }
}

/// dx += weight dy, at the place of the maximum.
pub(crate) struct MaxPoolAdjoint<'a> {
    pub(crate) pooling: Pooling,
    pub(crate) place: &'a [Lanes],
    pub(crate) weight: f32,
    pub(crate) dy: &'a [Lanes],
    pub(crate) dx: &'a mut [Lanes],
    pub(crate) overwrite: bool,
}

impl VectorKernel for MaxPoolAdjoint<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let stride = self.pooling.window.stride[1];
        let weight = V::splat(self.weight);
        if self.overwrite {
            self.dx.fill(Lanes::ZERO);
        }
        self.pooling.rows(|tap, output, input, len| {
            let tap = V::splat(tap as f32);
            for i in 0..len {
                let dx = &mut self.dx[input + i * stride];
                let place = V::load(&self.place[output + i]);
                let dy = V::load(&self.dy[output + i]).where_equal(place, tap);
                dy.mul_add(weight, V::load(dx)).store(dx);
            }
        });
    }
}

/// y = mean over the plane.
pub(crate) struct GlobalPool<'a> {
    pub(crate) x: &'a [Lanes],
    pub(crate) y: &'a mut [Lanes],
}

impl VectorKernel for GlobalPool<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let plane = self.x.len() / self.y.len();
        let inverse = V::splat(1.0 / plane as f32);
        for (x, y) in self.x.chunks_exact(plane).zip(self.y) {
            let sum = x.iter().fold(V::splat(0.0), |sum, x| sum.add(V::load(x)));
            sum.mul(inverse).store(y);
        }
    }
}

/// dx (+)= weight dy / plane.
pub(crate) struct GlobalPoolAdjoint<'a> {
    pub(crate) weight: f32,
    pub(crate) dy: &'a [Lanes],
    pub(crate) dx: &'a mut [Lanes],
    pub(crate) overwrite: bool,
}

impl VectorKernel for GlobalPoolAdjoint<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let plane = self.dx.len() / self.dy.len();
        let factor = V::splat(self.weight / plane as f32);
        for (dx, dy) in self.dx.chunks_exact_mut(plane).zip(self.dy) {
            let value = V::load(dy).mul(factor);
            for dx in dx {
                let sum = if self.overwrite { value } else { V::load(dx).add(value) };
                sum.store(dx);
            }
        }
    }
}
