//! The native kernels behind the walk.

use std::ops::Range;
use std::sync::Arc;

use super::InstructionSet;
use super::ops::batch_norm::{self, AddSource, Adjoint, Statistics};
use super::ops::convolution::{Layout, Part, Scratch};
use super::ops::elementwise::{AddConstant, AddProduct, AddScaled, AddSum, MIXED, Mix};
use super::ops::linear::{LinearAdjoint, LinearForward};
use super::ops::padded::{Pad, Padding, Plain, Relu};
use super::ops::pooling::{
    AveragePool, AveragePoolAdjoint, GlobalPool, GlobalPoolAdjoint, MaxPool, MaxPoolAdjoint,
    Pooling,
};
use super::simd::{LANES, Lanes};
use super::tensor::{Pool, Tensor};
use crate::compute::Rows;
use crate::compute::bits::ActivationBits;
use crate::compute::cpu::CpuKernels;
use crate::compute::kernels::{
    self, Cotangent, Fusion, Kernels, MixedConv, RowsMut, Shape, Target,
};
use crate::compute::program::{Conv, Linear, Norm};
use crate::error::{Result, try_resize, try_vec};
use crate::network::{Activation, Window};

/// Kernels of one thread.
#[derive(Debug)]
pub(crate) struct NativeKernels {
    set: InstructionSet,
    pool: Pool,
    scratch: Scratch,
    sums: Vec<Lanes>,
}

/// What adjoints need beside the input.
#[derive(Debug)]
pub(crate) enum Saved {
    Nothing,
    Norm(Statistics),
    /// Of a convolution and the BN behind it.
    ConvNorm(Statistics, Moments),
    /// Tap of the maximum of each output.
    Places(Tensor),
    /// The slope at each element.
    Slopes(Tensor),
}

impl NativeKernels {
    pub(crate) fn new(set: InstructionSet) -> Self {
        Self::with_pool(set, Pool::default())
    }

    /// Kernels for another thread, with the same pool of memory.
    pub(crate) fn sibling(&self) -> Self {
        Self::with_pool(self.set, self.pool.clone())
    }

    fn moments(&mut self, layout: &Layout, x: &Tensor, statistics: &Statistics) -> Result<Moments> {
        let centred = &statistics.centred;
        let mut ones = self.pool.tensor(centred.shape)?;
        for b in 0..ones.blocks() {
            let one = Lanes::first(ones.valid(b), 1.0);
            ones.block_mut(b).fill(one);
        }
        let moments = Moments {
            centred: self.scratch.gradient(self.set, layout, x, centred, 0)?,
            alone: self.scratch.gradient(self.set, layout, x, &ones, 0)?,
        };
        self.pool.release(ones);
        Ok(moments)
    }

    fn with_pool(set: InstructionSet, pool: Pool) -> Self {
        NativeKernels { set, pool, scratch: Scratch::default(), sums: Vec::new() }
    }
}

/// What a convolution's weight gradient needs of the BN behind it, summed over the batch once for
/// all cotangents. BN's adjoint is affine in (dy, y), so the weight gradient of any cotangent follows
/// from the sums of dy times what each weight reads, and these.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    /// Sum of the centred output times what each weight reads, `[out, in, taps]`.
    centred: Vec<f64>,
    /// Sum of what each weight reads, likewise.
    alone: Vec<f64>,
}

/// The part of a plane that padding keeps.
struct Kept {
    /// First row and column in the input and in the output.
    from: [usize; 2],
    to: [usize; 2],
    /// Height and width.
    size: [usize; 2],
    /// Widths of both planes.
    widths: [usize; 2],
}

impl Kept {
    fn new(padding: &kernels::Padding, input: Shape, output: Shape) -> Self {
        let cut = |axis: usize| (-padding[axis][0]).max(0) as usize;
        let zeros = |axis: usize| padding[axis][0].max(0) as usize;
        let size = |axis: usize| {
            let [input, output] = [input, output].map(|shape| shape.chw[axis + 1]);
            input.saturating_sub(cut(axis)).min(output.saturating_sub(zeros(axis)))
        };
        Kept {
            from: [cut(0), cut(1)],
            to: [zeros(0), zeros(1)],
            size: [size(0), size(1)],
            widths: [input.chw[2], output.chw[2]],
        }
    }

    /// Calls `f(range of the input's plane, range of the output's)` for each row.
    fn rows(&self, mut f: impl FnMut(Range<usize>, Range<usize>)) {
        for y in 0..self.size[0] {
            let from = (self.from[0] + y) * self.widths[0] + self.from[1];
            let to = (self.to[0] + y) * self.widths[1] + self.to[1];
            f(from..from + self.size[1], to..to + self.size[1]);
        }
    }
}

fn pooling(window: &Window, input: Shape, output: Shape) -> Pooling {
    let size = |s: Shape| [s.chw[1], s.chw[2]];
    Pooling { window: *window, input: size(input), output: size(output) }
}

impl Kernels for NativeKernels {
    type Tensor = Tensor;
    type Parameters = [f32];
    type Weight = f32;
    type Saved = Saved;
    type Rows<'a> = RowsMut<'a, f32>;
    type Bits = ActivationBits;

    fn fuses(_: Fusion) -> bool {
        true
    }
    fn one() -> f32 {
        1.0
    }
    fn weights(&mut self, slots: &[Vec<f64>]) -> Result<Vec<f32>> {
        Ok(slots.iter().map(|values| values[0] as f32).collect())
    }
    fn product(&mut self, a: &f32, b: &f32) -> Result<f32> {
        Ok(a * b)
    }

    fn tensor(&mut self, shape: Shape) -> Result<Tensor> {
        self.pool.tensor(shape)
    }
    fn release(&mut self, tensor: Tensor) {
        self.pool.release(tensor);
    }
    fn release_saved(&mut self, saved: Saved) {
        match saved {
            Saved::Nothing => {}
            Saved::Norm(statistics) | Saved::ConvNorm(statistics, _) => {
                self.release(statistics.centred)
            }
            Saved::Places(tensor) | Saved::Slopes(tensor) => self.release(tensor),
        }
    }

    fn seed(&mut self, first: usize, shape: Shape) -> Result<Tensor> {
        let mut seed = self.tensor(shape)?;
        seed.data.fill(Lanes::ZERO);
        let blocks = seed.blocks();
        for i in 0..shape.cotangents {
            let image = first + i;
            for logit in seed.block_mut(i * blocks + image / LANES) {
                logit.0[image % LANES] = 1.0;
            }
        }
        Ok(seed)
    }

    fn write(&mut self, values: &[f64], shape: Shape) -> Result<Tensor> {
        let mut tensor = self.tensor(shape)?;
        tensor.data.fill(Lanes::ZERO);
        let (blocks, image) = (tensor.blocks(), tensor.stride());
        for (e, image) in values.chunks_exact(image).enumerate() {
            let (i, n) = (e / shape.batch, e % shape.batch);
            let block = tensor.block_mut(i * blocks + n / LANES);
            block.iter_mut().zip(image).for_each(|(lanes, v)| lanes.0[n % LANES] = *v as f32);
        }
        Ok(tensor)
    }

    fn read(&mut self, tensor: &Tensor) -> Result<Vec<f64>> {
        let (blocks, image) = (tensor.blocks(), tensor.stride());
        let images = tensor.shape.cotangents * tensor.shape.batch;
        let mut values = try_vec(0.0, images * image, "values of a node")?;
        for (e, image) in values.chunks_exact_mut(image).enumerate() {
            let (i, n) = (e / tensor.shape.batch, e % tensor.shape.batch);
            let block = tensor.block(i * blocks + n / LANES);
            image.iter_mut().zip(block).for_each(|(v, l)| *v = f64::from(l.0[n % LANES]));
        }
        Ok(values)
    }

    fn variances(&mut self, saved: &Saved) -> Result<Vec<f64>> {
        Ok(match saved {
            Saved::Norm(statistics) | Saved::ConvNorm(statistics, _) => statistics.variances(),
            Saved::Nothing | Saved::Places(_) | Saved::Slopes(_) => Vec::new(),
        })
    }

    fn bits(&mut self, x: &Tensor, bits: &mut ActivationBits, bit: usize) -> Result<()> {
        for b in 0..x.blocks() {
            let valid = x.valid(b);
            let (mut at, mut rest) = (bit, x.block(b));
            while !rest.is_empty() {
                // As many elements as go into one word of each image's row.
                let (now, later) = rest.split_at(rest.len().min(64 - at % 64));
                let mut words = [0u64; LANES];
                for (e, lanes) in now.iter().enumerate() {
                    for (word, v) in words.iter_mut().zip(lanes.0) {
                        *word |= u64::from(v > 0.0) << (at % 64 + e);
                    }
                }
                for (n, word) in words[..valid].iter().enumerate() {
                    bits.set_word(b * LANES + n, at / 64, *word);
                }
                at += now.len();
                rest = later;
            }
        }
        Ok(())
    }

    fn conv(
        &mut self,
        p: &[f32],
        conv: &Conv,
        x: &Tensor,
        y: &mut Tensor,
        keep: bool,
    ) -> Result<Saved> {
        let (set, scratch) = (self.set, &mut self.scratch);
        let layout = scratch.layout(&conv.geometry, x.shape.chw, y.shape.chw, x.shape.halo);
        scratch.load(&layout, &p[conv.weight..]);
        let mut run = |y: &mut Tensor| {
            (0..x.blocks()).try_for_each(|b| scratch.forward(set, &layout, x, b, y.block_mut(b)))
        };
        let Some(norm) = &conv.norm else {
            run(y)?;
            if let Some(bias) = conv.bias {
                let (plane, channels) = (y.shape.plane(), y.shape.chw[0]);
                for (c, y) in y.data.chunks_exact_mut(plane).enumerate() {
                    set.run(AddConstant { y, constant: p[bias + c % channels] });
                }
            }
            return Ok(Saved::Nothing);
        };
        let mut out = self.pool.tensor(y.shape)?;
        run(&mut out)?;
        let statistics = batch_norm::statistics(set, out, norm.epsilon);
        batch_norm::apply(set, &statistics, &p[norm.scale..], &p[norm.shift..], y);
        let moments =
            if keep { self.moments(&layout, x, &statistics)? } else { Moments::default() };
        Ok(Saved::ConvNorm(statistics, moments))
    }

    fn conv_adjoint(
        &mut self,
        p: &[f32],
        conv: &Conv,
        x: &Tensor,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Option<Target<'_, Tensor>>,
        rows: &mut RowsMut<'_, f32>,
    ) -> Result<()> {
        let convs = [MixedConv { conv, saved, scale: dy.scale }];
        self.conv_adjoints(p, &convs, x, dy.tensor, dx, rows)
    }

    fn conv_adjoints(
        &mut self,
        p: &[f32],
        convs: &[MixedConv<'_, Self>],
        x: &Tensor,
        dy: &Tensor,
        mut dx: Option<Target<'_, Tensor>>,
        rows: &mut RowsMut<'_, f32>,
    ) -> Result<()> {
        let (set, scratch) = (self.set, &mut self.scratch);
        let (blocks, channels) = (x.blocks(), dy.shape.chw[0]);
        let layouts: Vec<Arc<Layout>> = convs
            .iter()
            .map(|c| scratch.layout(&c.conv.geometry, x.shape.chw, dy.shape.chw, x.shape.halo))
            .collect();
        let parts: Vec<Part<'_>> = convs
            .iter()
            .zip(&layouts)
            .map(|(c, layout)| Part {
                layout,
                weights: &p[c.conv.weight..c.conv.weight + layout.weights()],
                // Where a BN follows, its adjoint is multiplied by the scale.
                scale: if c.conv.norm.is_some() { 1.0 } else { c.scale },
            })
            .collect();
        for i in 0..dy.shape.cotangents {
            let first = i * blocks;
            let gradients = scratch.gradients(set, &layouts, x, dy, first)?;
            let size = blocks * dx.as_ref().map_or(0, |dx| dx.tensor.stride());
            let dx =
                dx.as_mut().map(|dx| (&mut dx.tensor.data[i * size..(i + 1) * size], dx.overwrite));
            if convs[0].conv.norm.is_none() {
                for (c, gradient) in convs.iter().zip(&gradients) {
                    let row = rows.at(i, c.conv.column, c.conv.weights)?;
                    for (row, g) in row.iter_mut().zip(gradient) {
                        *row += (f64::from(c.scale) * g) as f32;
                    }
                }
                if let Some((dx, write)) = dx {
                    let source = |_, b: usize| Plain(dy.block(first + b));
                    scratch.input_adjoint(set, &parts, source, dx, write)?;
                }
                continue;
            }
            let sums: Vec<f64> =
                (0..channels).map(|c| batch_norm::channel_sum(set, dy, first, c)).collect();
            let mut adjoints = Vec::with_capacity(convs.len());
            for ((c, part), gradient) in convs.iter().zip(&parts).zip(&gradients) {
                let (Some(norm), Saved::ConvNorm(statistics, moments)) = (&c.conv.norm, c.saved)
                else {
                    unreachable!("all have a norm, and saved its statistics")
                };
                let fan_in = part.layout.fan_in();
                // dy times the output is dy times what each weight reads, times the weights.
                let channel = |(c, sum): (usize, &f64)| {
                    let terms = c * fan_in..(c + 1) * fan_in;
                    let output = part.weights[terms.clone()].iter().zip(&gradient[terms]);
                    let output: f64 = output.map(|(w, g)| f64::from(*w) * g).sum();
                    (*sum, output - f64::from(statistics.mean[c]) * sum)
                };
                let sums = sums.iter().enumerate().map(channel);
                let row_scale = rows.at(i, norm.column, channels)?;
                let adjoint = Adjoint::new(statistics, &p[norm.scale..], c.scale, sums, row_scale);
                let row = rows.at(i, c.conv.column, c.conv.weights)?;
                for (q, (row, g)) in row.iter_mut().zip(gradient).enumerate() {
                    let (centred, alone) = (moments.centred[q], moments.alone[q]);
                    *row += adjoint.combine(q / fan_in, *g, centred, alone) as f32;
                }
                adjoints.push((adjoint, statistics));
            }
            if let Some((dx, write)) = dx {
                let source = |part: usize, b: usize| {
                    let (adjoint, statistics) = &adjoints[part];
                    adjoint.block(statistics, dy, i, b)
                };
                scratch.input_adjoint(set, &parts, source, dx, write)?;
            }
        }
        Ok(())
    }

    fn batch_norm(&mut self, p: &[f32], norm: &Norm, x: &Tensor, y: &mut Tensor) -> Result<Saved> {
        let mut copy = self.pool.tensor(x.shape)?;
        copy.data.copy_from_slice(&x.data);
        let statistics = batch_norm::statistics(self.set, copy, norm.epsilon);
        batch_norm::apply(self.set, &statistics, &p[norm.scale..], &p[norm.shift..], y);
        Ok(Saved::Norm(statistics))
    }

    fn batch_norm_adjoint(
        &mut self,
        p: &[f32],
        norm: &Norm,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
        rows: &mut RowsMut<'_, f32>,
    ) -> Result<()> {
        let Saved::Norm(statistics) = saved else { unreachable!("saved by batch_norm") };
        let (dy, weight) = (dy.tensor, dy.scale);
        let (channels, blocks) = (dy.shape.chw[0], dy.blocks());
        let scale = &p[norm.scale..];
        for i in 0..dy.shape.cotangents {
            let row = rows.at(i, norm.column, channels)?;
            let sums = (0..channels).map(|c| {
                let first = i * blocks;
                let sum = batch_norm::channel_sum(self.set, dy, first, c);
                (sum, batch_norm::channel_product(self.set, statistics, dy, first, c))
            });
            let adjoint = Adjoint::new(statistics, scale, weight, sums, row);
            for b in 0..blocks {
                let source = adjoint.block(statistics, dy, i, b);
                let (plane, overwrite) = (dy.shape.plane(), dx.overwrite);
                let dx = dx.tensor.block_mut(i * blocks + b);
                self.set.run(AddSource { source, plane, dx, overwrite });
            }
        }
        Ok(())
    }

    fn relu(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let (halo, [channels, height, width]) = (y.shape.halo, x.shape.chw);
        let padding = Padding { height, width, low: halo, high: halo };
        for b in 0..x.blocks() {
            let (source, out) = (Relu(x.block(b)), y.block_mut(b));
            self.set.run(Pad { source, channels, padding, out });
        }
        Ok(())
    }

    fn relu_adjoint(
        &mut self,
        x: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let (len, overwrite) = (x.data.len(), dx.overwrite);
        let parts = dy.tensor.data.chunks_exact(len).zip(dx.tensor.data.chunks_exact_mut(len));
        for (dy_part, y) in parts {
            let mask = Some(&x.data[..]);
            self.set.run(AddScaled { x: dy_part, weight: dy.scale, mask, y, overwrite });
        }
        Ok(())
    }

    fn activation(
        &mut self,
        activation: &Activation,
        x: &Tensor,
        y: &mut Tensor,
        keep: bool,
    ) -> Result<Saved> {
        let mut slopes = if keep { Some(self.pool.tensor(x.shape)?) } else { None };
        for (e, (x, y)) in x.data.iter().zip(&mut y.data).enumerate() {
            let each = x.0.map(|x| activation.at(f64::from(x)));
            y.0 = each.map(|[value, _]| value as f32);
            if let Some(slopes) = &mut slopes {
                slopes.data[e].0 = each.map(|[_, slope]| slope as f32);
            }
        }
        Ok(slopes.map_or(Saved::Nothing, Saved::Slopes))
    }

    fn activation_adjoint(
        &mut self,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let Saved::Slopes(slopes) = saved else { unreachable!("saved by activation") };
        self.multiply_adjoint(slopes, dy, dx)
    }

    fn multiply(&mut self, a: &Tensor, b: &Tensor, y: &mut Tensor) -> Result<()> {
        let (a, b, y) = (&a.data, &b.data, &mut y.data);
        self.set.run(AddProduct { a, b, weight: 1.0, y, overwrite: true });
        Ok(())
    }

    fn multiply_adjoint(
        &mut self,
        other: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let (b, weight, overwrite) = (&other.data[..], dy.scale, dx.overwrite);
        let parts = dy.tensor.data.chunks_exact(b.len());
        for (a, y) in parts.zip(dx.tensor.data.chunks_exact_mut(b.len())) {
            self.set.run(AddProduct { a, b, weight, y, overwrite });
        }
        Ok(())
    }

    fn select(&mut self, channels: &[usize], x: &Tensor, y: &mut Tensor) -> Result<()> {
        let plane = x.shape.plane();
        for b in 0..x.blocks() {
            for (y, c) in y.block_mut(b).chunks_exact_mut(plane).zip(channels) {
                y.copy_from_slice(x.plane(b, *c));
            }
        }
        Ok(())
    }

    fn select_adjoint(
        &mut self,
        channels: &[usize],
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        // Channels that nothing reads have no cotangent, and others may have several.
        if dx.overwrite {
            dx.tensor.data.fill(Lanes::ZERO);
        }
        let plane = dx.tensor.shape.plane();
        for b in 0..dy.tensor.shape.cotangents * dy.tensor.blocks() {
            let dx = dx.tensor.block_mut(b);
            for (x, c) in dy.tensor.block(b).chunks_exact(plane).zip(channels) {
                let y = &mut dx[c * plane..(c + 1) * plane];
                self.set.run(AddScaled { x, weight: dy.scale, mask: None, y, overwrite: false });
            }
        }
        Ok(())
    }

    fn reshape(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        y.data.copy_from_slice(&x.data);
        Ok(())
    }

    fn reshape_adjoint(&mut self, dy: Cotangent<'_, Self>, dx: Target<'_, Tensor>) -> Result<()> {
        let (x, y, overwrite) = (&dy.tensor.data[..], &mut dx.tensor.data[..], dx.overwrite);
        self.set.run(AddScaled { x, weight: dy.scale, mask: None, y, overwrite });
        Ok(())
    }

    fn expand(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let plane = y.shape.plane();
        y.data.chunks_exact_mut(plane).zip(&x.data).for_each(|(y, x)| y.fill(*x));
        Ok(())
    }

    fn expand_adjoint(&mut self, dy: Cotangent<'_, Self>, dx: Target<'_, Tensor>) -> Result<()> {
        let (weight, overwrite) = (dy.scale, dx.overwrite);
        let planes = dy.tensor.data.chunks_exact(dy.tensor.shape.plane());
        for (x, y) in planes.zip(&mut dx.tensor.data) {
            self.set.run(AddSum { x, weight, y, overwrite });
        }
        Ok(())
    }

    fn pad(&mut self, padding: &kernels::Padding, x: &Tensor, y: &mut Tensor) -> Result<()> {
        y.data.fill(Lanes::ZERO);
        let kept = Kept::new(padding, x.shape, y.shape);
        let planes = x.data.chunks_exact(x.shape.plane());
        let out = y.shape.plane();
        for (x, y) in planes.zip(y.data.chunks_exact_mut(out)) {
            kept.rows(|from, to| y[to].copy_from_slice(&x[from]));
        }
        Ok(())
    }

    fn pad_adjoint(
        &mut self,
        padding: &kernels::Padding,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        if dx.overwrite {
            dx.tensor.data.fill(Lanes::ZERO);
        }
        let kept = Kept::new(padding, dx.tensor.shape, dy.tensor.shape);
        let planes = dy.tensor.data.chunks_exact(dy.tensor.shape.plane());
        let plane = dx.tensor.shape.plane();
        for (dy_plane, dx) in planes.zip(dx.tensor.data.chunks_exact_mut(plane)) {
            kept.rows(|from, to| {
                let (x, y) = (&dy_plane[to], &mut dx[from]);
                self.set.run(AddScaled { x, weight: dy.scale, mask: None, y, overwrite: false });
            });
        }
        Ok(())
    }

    fn avg_pool(&mut self, window: &Window, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let pooling = pooling(window, x.shape, y.shape);
        let inverse_counts = &pooling.inverse_counts();
        let planes = x.data.chunks_exact(x.shape.plane());
        for (x, y) in planes.zip(y.data.chunks_exact_mut(y.shape.plane())) {
            self.set.run(AveragePool { pooling, inverse_counts, x, y });
        }
        Ok(())
    }

    fn avg_pool_adjoint(
        &mut self,
        window: &Window,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let pooling = pooling(window, dx.tensor.shape, dy.tensor.shape);
        let axes = &pooling.axes();
        let (plane, overwrite, weight) = (dx.tensor.shape.plane(), dx.overwrite, dy.scale);
        let planes = dy.tensor.data.chunks_exact(dy.tensor.shape.plane());
        let sums = pooling.output[0] * pooling.input[1];
        try_resize(&mut self.sums, sums, Lanes::ZERO, "rows of a pooling")?;
        for (dy, dx) in planes.zip(dx.tensor.data.chunks_exact_mut(plane)) {
            let scratch = &mut self.sums;
            self.set.run(AveragePoolAdjoint { axes, weight, dy, dx, scratch, overwrite });
        }
        Ok(())
    }

    fn max_pool(&mut self, window: &Window, x: &Tensor, y: &mut Tensor) -> Result<Saved> {
        let pooling = pooling(window, x.shape, y.shape);
        let mut places = self.pool.tensor(y.shape)?;
        let plane = y.shape.plane();
        let outputs = y.data.chunks_exact_mut(plane).zip(places.data.chunks_exact_mut(plane));
        for (x, (y, place)) in x.data.chunks_exact(x.shape.plane()).zip(outputs) {
            self.set.run(MaxPool { pooling, x, y, place });
        }
        Ok(Saved::Places(places))
    }

    fn max_pool_adjoint(
        &mut self,
        window: &Window,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let Saved::Places(places) = saved else { unreachable!("saved by max_pool") };
        let pooling = pooling(window, dx.tensor.shape, dy.tensor.shape);
        let plane = dy.tensor.shape.plane();
        let (input, overwrite, weight) = (dx.tensor.shape.plane(), dx.overwrite, dy.scale);
        let planes = dy.tensor.data.chunks_exact(plane).zip(dx.tensor.data.chunks_exact_mut(input));
        let places = places.data.chunks_exact(plane).cycle();
        for ((dy, dx), place) in planes.zip(places) {
            self.set.run(MaxPoolAdjoint { pooling, place, weight, dy, dx, overwrite });
        }
        Ok(())
    }

    fn mix(&mut self, inputs: &[(&Tensor, f32)], y: Target<'_, Tensor>) -> Result<()> {
        let (y, mut overwrite) = (&mut y.tensor.data, y.overwrite);
        if inputs.is_empty() && overwrite {
            y.fill(Lanes::ZERO);
        }
        for inputs in inputs.chunks(MIXED) {
            self.set.run(Mix { inputs, y, overwrite });
            overwrite = false;
        }
        Ok(())
    }

    fn concat(&mut self, inputs: &[&Tensor], y: &mut Tensor) -> Result<()> {
        for b in 0..y.blocks() {
            let mut at = 0;
            for x in inputs {
                let x = x.block(b);
                y.block_mut(b)[at..at + x.len()].copy_from_slice(x);
                at += x.len();
            }
        }
        Ok(())
    }

    fn concat_adjoint(
        &mut self,
        channel: usize,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let at = channel * dx.tensor.shape.plane();
        for b in 0..dy.tensor.shape.cotangents * dy.tensor.blocks() {
            let y = dx.tensor.block_mut(b);
            let x = &dy.tensor.block(b)[at..at + y.len()];
            self.set.run(AddScaled { x, weight: dy.scale, mask: None, y, overwrite: dx.overwrite });
        }
        Ok(())
    }

    fn global_pool(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        self.set.run(GlobalPool { x: &x.data, y: &mut y.data });
        Ok(())
    }

    fn global_pool_adjoint(
        &mut self,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let (weight, overwrite) = (dy.scale, dx.overwrite);
        let (dy, dx) = (&dy.tensor.data, &mut dx.tensor.data);
        self.set.run(GlobalPoolAdjoint { weight, dy, dx, overwrite });
        Ok(())
    }

    fn linear(&mut self, p: &[f32], linear: &Linear, x: &Tensor, y: &mut Tensor) -> Result<()> {
        for b in 0..x.blocks() {
            let (weights, bias) = (&p[linear.weight..], linear.bias.map(|bias| &p[bias..]));
            self.set.run(LinearForward { weights, bias, x: x.block(b), y: y.block_mut(b) });
        }
        Ok(())
    }

    fn linear_adjoint(
        &mut self,
        p: &[f32],
        linear: &Linear,
        x: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
        rows: &mut RowsMut<'_, f32>,
    ) -> Result<()> {
        let (channels, classes) = (x.shape.chw[0], dy.tensor.shape.chw[0]);
        if dx.overwrite {
            dx.tensor.data.fill(Lanes::ZERO);
        }
        self.sums.clear();
        try_resize(&mut self.sums, channels, Lanes::ZERO, "weights of a linear layer")?;
        let (size, dy_size) = (x.data.len(), x.blocks() * classes);
        for i in 0..dy.tensor.shape.cotangents {
            let row = rows.at(i, linear.column, classes * channels)?;
            let dy_blocks = &dy.tensor.data[i * dy_size..(i + 1) * dy_size];
            let dx = &mut dx.tensor.data[i * size..(i + 1) * size];
            for (k, row) in row.chunks_exact_mut(channels).enumerate() {
                let from = linear.weight + k * channels;
                self.set.run(LinearAdjoint {
                    weights: &p[from..from + channels],
                    scale: dy.scale,
                    x: &x.data,
                    dy: &dy_blocks[k..],
                    classes,
                    dx,
                    sums: &mut self.sums,
                });
                for (row, sum) in row.iter_mut().zip(&self.sums) {
                    *row += sum.sum() as f32;
                }
            }
        }
        Ok(())
    }
}

impl CpuKernels for NativeKernels {
    type Scalar = f32;

    fn input(&mut self, values: &[f32], batch: usize, chw: [usize; 3]) -> Result<Tensor> {
        let mut tensor = self.tensor(Shape { cotangents: 1, batch, chw, halo: 0 })?;
        tensor.data.fill(Lanes::ZERO);
        let stride = tensor.stride();
        for (n, image) in values.chunks_exact(stride).enumerate() {
            for (lanes, value) in tensor.block_mut(n / LANES).iter_mut().zip(image) {
                lanes.0[n % LANES] = *value;
            }
        }
        Ok(tensor)
    }

    fn rows(values: &[f32]) -> Rows<'_> {
        Rows::F32(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::program::Program;
    use crate::compute::walk::{Instance, Notes, Start, forward, reverse};
    use crate::network::{Fan, Init, Initialiser, Supernet};
    use crate::random::{Key, Purpose};
    use crate::space::{Mask, SpaceKind};

    /// The tensors of a pass serve the next one, and all of them come back.
    #[test]
    fn a_second_pass_allocates_no_tensor() {
        for kind in [SpaceKind::NasBench201, SpaceKind::Darts] {
            let supernet = Supernet::of(kind);
            let mask = Mask::full(&supernet.space);
            let graph = Arc::new(supernet.ntk_network(&mask, [3, 8, 8], 3).unwrap());
            let purpose = Purpose::NtkParameters;
            let key = Key { seed: 0, purpose, round: 0, candidate: 0, repeat: 0 };
            let initialiser = Initialiser { init: Init::KaimingNormal, fan: Fan::Out, key };
            let parameters = initialiser.draw(&graph.parameters).unwrap();
            let program = Program::new(graph.clone(), NativeKernels::fuses);
            let mixing = mask.mixing(&supernet.space);
            let mut kernels = NativeKernels::new(InstructionSet::detect());
            let batch = 9;
            let images = vec![0.5; batch * 3 * 64];
            let mut waiting = Vec::new();
            for _ in 0..2 {
                let k = &mut kernels;
                let network = Instance::new(k, &program, &parameters, &[&mixing]).unwrap();
                let input = k.input(&images, batch, [3, 8, 8]).unwrap();
                let pass = forward(k, &network, input, batch, true, Notes::none()).unwrap();
                let mut row = vec![0.0; graph.parameters.columns()];
                for i in 0..2 {
                    let node = graph.nodes.len() - 1;
                    let shape = Shape { cotangents: 1, batch, chw: [3, 1, 1], halo: 0 };
                    let start = Start { node, tensor: k.seed(i, shape).unwrap(), cotangents: 1 };
                    let columns = graph.parameters.columns();
                    let mut rows = RowsMut::Whole { values: &mut row, columns };
                    reverse(k, &network, &pass, batch, start, None, &mut rows).unwrap();
                }
                pass.release(k);
                waiting.push(kernels.pool.waiting());
            }
            assert!(waiting[0] > 0);
            assert_eq!(waiting[0], waiting[1], "{kind:?}");
        }
    }
}
