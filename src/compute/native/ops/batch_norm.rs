//! Batch normalisation with the statistics of the batch: the sums, and the affine maps that both
//! directions come down to.

use super::super::InstructionSet;
use super::super::simd::{Lanes, Vector, VectorKernel};
use super::super::tensor::Tensor;
use super::padded::Elements;

/// Parts of a sum that run side by side, to hide the latency of an addition.
const PARTS: usize = 4;

/// Statistics of a forward pass.
#[derive(Debug)]
pub(crate) struct Statistics {
    /// x - mean.
    pub(crate) centred: Tensor,
    /// The mean that was taken off, of each channel.
    pub(crate) mean: Vec<f32>,
    /// 1 / sqrt(var + epsilon) of each channel.
    pub(crate) inverse: Vec<f64>,
    epsilon: f64,
}

impl Statistics {
    /// The variance of each channel, without epsilon.
    pub(crate) fn variances(&self) -> Vec<f64> {
        self.inverse
            .iter()
            .map(|inverse| (1.0 / (inverse * inverse) - self.epsilon).max(0.0))
            .collect()
    }
}

/// Adds up f(element) of one plane.
struct PlaneSum<'a, F> {
    len: usize,
    element: F,
    sum: &'a mut Lanes,
}

trait Element: Copy {
    fn add<V: Vector>(self, at: usize, sum: V) -> V;
}

impl<F: Element> VectorKernel for PlaneSum<'_, F> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let mut parts = [V::splat(0.0); PARTS];
        let whole = self.len / PARTS * PARTS;
        for at in (0..whole).step_by(PARTS) {
            for (i, part) in parts.iter_mut().enumerate() {
                *part = self.element.add(at + i, *part);
            }
        }
        for at in whole..self.len {
            parts[0] = self.element.add(at, parts[0]);
        }
        parts[0].add(parts[1]).add(parts[2].add(parts[3])).store(self.sum);
    }
}

#[derive(Clone, Copy)]
struct Plain<'a>(&'a [Lanes]);
impl Element for Plain<'_> {
    #[inline(always)]
    fn add<V: Vector>(self, at: usize, sum: V) -> V {
        sum.add(V::load(&self.0[at]))
    }
}

#[derive(Clone, Copy)]
struct Product<'a>(&'a [Lanes], &'a [Lanes]);
impl Element for Product<'_> {
    #[inline(always)]
    fn add<V: Vector>(self, at: usize, sum: V) -> V {
        V::load(&self.0[at]).mul_add(V::load(&self.1[at]), sum)
    }
}

fn plane_sum(set: InstructionSet, len: usize, element: impl Element) -> Lanes {
    let mut sum = Lanes::ZERO;
    set.run(PlaneSum { len, element, sum: &mut sum });
    sum
}

/// x - shift in the valid lanes, 0 in the others, in place.
struct Shift<'a> {
    values: &'a mut [Lanes],
    shift: f32,
    valid: usize,
}

impl VectorKernel for Shift<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let shift = V::splat(-self.shift);
        let valid = V::load(&Lanes::first(self.valid, 1.0));
        for v in self.values {
            V::load(v).add(shift).where_positive(valid).store(v);
        }
    }
}

/// Centres `x` in place and returns its statistics.
pub(crate) fn statistics(set: InstructionSet, mut x: Tensor, epsilon: f64) -> Statistics {
    let (blocks, plane) = (x.blocks(), x.shape.plane());
    let count = (x.shape.batch * plane) as f64;
    let (mut means, mut inverse) = (Vec::new(), Vec::new());
    // Lanes of a block that hold images, in f64.
    let total = |x: &Tensor, c: usize, f: &dyn Fn(&[Lanes]) -> Lanes| -> f64 {
        (0..blocks)
            .map(|b| {
                let sum = f(x.plane(b, c));
                sum.0[..x.valid(b)].iter().map(|v| f64::from(*v)).sum::<f64>()
            })
            .sum()
    };
    for c in 0..x.shape.chw[0] {
        let mean = total(&x, c, &|p| plane_sum(set, plane, Plain(p))) / count;
        for b in 0..blocks {
            let valid = x.valid(b);
            let values = &mut x.block_mut(b)[c * plane..(c + 1) * plane];
            set.run(Shift { values, shift: mean as f32, valid });
        }
        means.push(mean as f32);
        let squares = total(&x, c, &|p| plane_sum(set, plane, Product(p, p)));
        inverse.push(1.0 / libm::sqrt(squares / count + epsilon));
    }
    Statistics { centred: x, mean: means, inverse, epsilon }
}

/// y = scale[c] * x + shift[c].
struct Affine<'a> {
    x: &'a [Lanes],
    y: &'a mut [Lanes],
    scale: f32,
    shift: f32,
}

impl VectorKernel for Affine<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let (scale, shift) = (V::splat(self.scale), V::splat(self.shift));
        for (x, y) in self.x.iter().zip(self.y) {
            V::load(x).mul_add(scale, shift).store(y);
        }
    }
}

/// y = scale * normalised x + shift.
pub(crate) fn apply(
    set: InstructionSet,
    statistics: &Statistics,
    scale: &[f32],
    shift: &[f32],
    y: &mut Tensor,
) {
    let plane = y.shape.plane();
    for b in 0..y.blocks() {
        let x = statistics.centred.block(b).chunks_exact(plane);
        for (c, (x, y)) in x.zip(y.block_mut(b).chunks_exact_mut(plane)).enumerate() {
            let scale = (f64::from(scale[c]) * statistics.inverse[c]) as f32;
            set.run(Affine { x, y, scale, shift: shift[c] });
        }
    }
}

/// BN's adjoint for one cotangent: dx = a dy + b (x - mean) + d, per channel.
#[derive(Debug, Clone, Copy, Default)]
struct Coefficients {
    dy: f32,
    centred: f32,
    constant: f32,
}

/// The adjoint of all channels for one cotangent; a source of padded planes.
#[derive(Debug)]
pub(crate) struct Adjoint {
    coefficients: Vec<Coefficients>,
}

/// Sum of the cotangent over a channel. Its unused lanes are zero.
pub(crate) fn channel_sum(set: InstructionSet, dy: &Tensor, first: usize, c: usize) -> f64 {
    let plane = dy.shape.plane();
    (0..dy.blocks()).map(|b| plane_sum(set, plane, Plain(dy.plane(first + b, c))).sum()).sum()
}

/// Sum of the cotangent times the centred input over a channel.
pub(crate) fn channel_product(
    set: InstructionSet,
    statistics: &Statistics,
    dy: &Tensor,
    first: usize,
    c: usize,
) -> f64 {
    let plane = dy.shape.plane();
    let product = |b| Product(dy.plane(first + b, c), statistics.centred.plane(b, c));
    (0..dy.blocks()).map(|b| plane_sum(set, plane, product(b)).sum()).sum()
}

impl Adjoint {
    /// For a cotangent times `weight`, from each channel's (sum of the cotangent, sum of the
    /// cotangent times the centred input). Adds the gradient by the scale to `row`.
    pub(crate) fn new(
        statistics: &Statistics,
        scale: &[f32],
        weight: f32,
        sums: impl Iterator<Item = (f64, f64)>,
        row: &mut [f32],
    ) -> Self {
        let shape = statistics.centred.shape;
        let count = (shape.batch * shape.plane()) as f64;
        let weight = f64::from(weight);
        let coefficients = sums.enumerate().map(|(c, (sum, product))| {
            let inverse = statistics.inverse[c];
            let factor = f64::from(scale[c]) * inverse * weight;
            row[c] += (weight * product * inverse) as f32;
            Coefficients {
                dy: factor as f32,
                centred: (-factor * inverse * inverse * product / count) as f32,
                constant: (-factor * sum / count) as f32,
            }
        });
        Adjoint { coefficients: coefficients.collect() }
    }

    /// The sum of dx times anything, over channel `c`, from the sums of that thing times dy, times
    /// the centred input and alone.
    pub(crate) fn combine(&self, c: usize, dy: f64, centred: f64, alone: f64) -> f64 {
        let k = &self.coefficients[c];
        f64::from(k.dy) * dy + f64::from(k.centred) * centred + f64::from(k.constant) * alone
    }
}

/// One block of the adjoint of one cotangent.
#[derive(Clone, Copy)]
pub(crate) struct AdjointBlock<'a> {
    adjoint: &'a Adjoint,
    dy: &'a [Lanes],
    centred: &'a [Lanes],
    valid: usize,
}

impl Adjoint {
    /// Block `b` of cotangent `i`.
    pub(crate) fn block<'a>(
        &'a self,
        statistics: &'a Statistics,
        dy: &'a Tensor,
        i: usize,
        b: usize,
    ) -> AdjointBlock<'a> {
        AdjointBlock {
            adjoint: self,
            dy: dy.block(i * dy.blocks() + b),
            centred: statistics.centred.block(b),
            valid: statistics.centred.valid(b),
        }
    }
}

impl Elements for AdjointBlock<'_> {
    #[inline(always)]
    fn channel<V: Vector>(self, channel: usize) -> [V; 3] {
        // Unused lanes stay zero: those of dy and of the centred input are.
        let k = &self.adjoint.coefficients[channel];
        let constant = V::load(&Lanes::first(self.valid, k.constant));
        [V::splat(k.dy), V::splat(k.centred), constant]
    }
    #[inline(always)]
    fn value<V: Vector>(self, [dy, centred, constant]: &[V; 3], at: usize) -> V {
        let affine = V::load(&self.centred[at]).mul_add(*centred, *constant);
        V::load(&self.dy[at]).mul_add(*dy, affine)
    }
}

/// dx (+)= a source, plane by plane.
pub(crate) struct AddSource<'a, S> {
    pub(crate) source: S,
    pub(crate) plane: usize,
    pub(crate) dx: &'a mut [Lanes],
    pub(crate) overwrite: bool,
}

impl<S: Elements> VectorKernel for AddSource<'_, S> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        for (c, dx) in self.dx.chunks_exact_mut(self.plane).enumerate() {
            let channel = self.source.channel::<V>(c);
            for (e, dx) in dx.iter_mut().enumerate() {
                let mut value = self.source.value(&channel, c * self.plane + e);
                if !self.overwrite {
                    value = V::load(dx).add(value);
                }
                value.store(dx);
            }
        }
    }
}
