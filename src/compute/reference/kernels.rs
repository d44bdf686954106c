//! Plain loops.

use crate::compute::Rows;
use crate::compute::bits::ActivationBits;
use crate::compute::cpu::CpuKernels;
use crate::compute::kernels::{Cotangent, Fusion, Kernels, Padding, RowsMut, Shape, Target};
use crate::compute::program::{Conv, Linear, Norm};
use crate::error::{Result, try_vec};
use crate::network::{Activation, Convolution, Window};

/// The kernels have no state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReferenceKernels;

/// `[I, N, C, H, W]`, contiguous.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) data: Vec<f64>,
    pub(crate) shape: Shape,
}

/// What adjoints need beside the input.
#[derive(Debug)]
pub(crate) enum Saved {
    Nothing,
    /// Normalised values, and 1/sqrt(var + epsilon) of each channel.
    Norm {
        normalised: Vec<f64>,
        inverse: Vec<f64>,
        epsilon: f64,
    },
    /// For each output the input element of its plane that it is.
    Places(Vec<usize>),
    /// The slope at each element.
    Slopes(Vec<f64>),
}

impl Tensor {
    fn planes(&self) -> impl Iterator<Item = &[f64]> {
        self.data.chunks_exact(self.shape.plane())
    }

    /// Clears a target that nothing is in yet.
    fn ready<'a>(target: Target<'a, Tensor>) -> &'a mut Tensor {
        if target.overwrite {
            target.tensor.data.fill(0.0);
        }
        target.tensor
    }
}

/// The (output, tap, input) triples of one axis of a window: 0 is the height, 1 the width.
fn taps(axis: usize, out: usize, size: usize, g: &Convolution) -> Vec<(usize, usize, usize)> {
    let mut all = Vec::new();
    for o in 0..out {
        for k in 0..g.kernel[axis] {
            let i = (o * g.stride[axis] + k * g.dilation[axis]) as isize - g.padding[axis][0];
            if (0..size as isize).contains(&i) {
                all.push((o, k, i as usize));
            }
        }
    }
    all
}

/// Calls `f(output in plane, weight in kernel, input in plane)` for each term of a convolution.
fn each_tap(
    out: [usize; 3],
    input: [usize; 3],
    g: &Convolution,
    mut f: impl FnMut(usize, usize, usize),
) {
    let (rows, columns) = (taps(0, out[1], input[1], g), taps(1, out[2], input[2], g));
    for (oy, ky, y) in rows {
        for (ox, kx, x) in &columns {
            f(oy * out[2] + ox, ky * g.kernel[1] + kx, y * input[2] + x);
        }
    }
}

/// (output channel, input channel, weight offset) of each kernel of a convolution.
fn channel_pairs(conv: &Conv, out: usize, input: usize) -> Vec<(usize, usize, usize)> {
    let (size, groups) = (conv.geometry.kernel_size(), conv.geometry.groups);
    let (out_each, each) = (out / groups, input / groups);
    let of = |o: usize| (0..each).map(move |i| (o, o / out_each * each + i, (o * each + i) * size));
    (0..out).flat_map(of).collect()
}

fn window_geometry(w: &Window) -> Convolution {
    Convolution {
        kernel: w.kernel,
        stride: w.stride,
        padding: w.padding.map(|sides| sides.map(|n| n as isize)),
        dilation: [1; 2],
        groups: 1,
    }
}

/// For each output of a pooled plane: how many elements its average counts.
fn counts(out: [usize; 3], input: [usize; 3], w: &Window) -> Vec<f64> {
    let places = (0..out[1]).flat_map(|y| (0..out[2]).map(move |x| (y, x)));
    places.map(|(y, x)| (w.count(0, input[1], y) * w.count(1, input[2], x)) as f64).collect()
}

/// dx += scale dy factors, element by element.
fn add_products(factors: &[f64], dy: Cotangent<'_, ReferenceKernels>, dx: &mut Tensor) {
    let pairs = dy.tensor.data.iter().zip(factors.iter().cycle());
    dx.data.iter_mut().zip(pairs).for_each(|(dx, (v, factor))| *dx += dy.scale * v * factor);
}

/// Calls `f(place in the input's plane, place in the output's)` for each that padding keeps.
fn each_place(
    padding: &Padding,
    input: [usize; 3],
    out: [usize; 3],
    mut f: impl FnMut(usize, usize),
) {
    for (y, x) in (0..input[1]).flat_map(|y| (0..input[2]).map(move |x| (y, x))) {
        let (row, column) = (y as isize + padding[0][0], x as isize + padding[1][0]);
        if (0..out[1] as isize).contains(&row) && (0..out[2] as isize).contains(&column) {
            f(y * input[2] + x, row as usize * out[2] + column as usize);
        }
    }
}

impl ReferenceKernels {
    fn normalise(x: &Tensor, epsilon: f64) -> (Vec<f64>, Vec<f64>) {
        let [channels, ..] = x.shape.chw;
        let (n, plane) = (x.shape.batch, x.shape.plane());
        let mut normalised = x.data.clone();
        let mut inverse = vec![0.0; channels];
        for (c, inverse) in inverse.iter_mut().enumerate() {
            let of = |data: &[f64], f: &mut dyn FnMut(f64)| {
                data.chunks_exact(plane).skip(c).step_by(channels).flatten().for_each(|v| f(*v));
            };
            let count = (n * plane) as f64;
            let (mut sum, mut squares) = (0.0, 0.0);
            of(&x.data, &mut |v| sum += v);
            let mean = sum / count;
            of(&x.data, &mut |v| squares += (v - mean) * (v - mean));
            *inverse = 1.0 / (squares / count + epsilon).sqrt();
            for p in normalised.chunks_exact_mut(plane).skip(c).step_by(channels) {
                p.iter_mut().for_each(|v| *v = (*v - mean) * *inverse);
            }
        }
        (normalised, inverse)
    }
}

impl Kernels for ReferenceKernels {
    type Tensor = Tensor;
    type Parameters = [f64];
    type Weight = f64;
    type Saved = Saved;
    type Rows<'a> = RowsMut<'a, f64>;
    type Bits = ActivationBits;

    fn fuses(_: Fusion) -> bool {
        false
    }
    fn one() -> f64 {
        1.0
    }
    fn weights(&mut self, slots: &[Vec<f64>]) -> Result<Vec<f64>> {
        Ok(slots.iter().map(|values| values[0]).collect())
    }
    fn product(&mut self, a: &f64, b: &f64) -> Result<f64> {
        Ok(a * b)
    }

    fn tensor(&mut self, shape: Shape) -> Result<Tensor> {
        let len = shape.cotangents * shape.batch * shape.chw.iter().product::<usize>();
        Ok(Tensor { data: try_vec(0.0, len, "tensor")?, shape })
    }
    fn release(&mut self, _: Tensor) {}
    fn release_saved(&mut self, _: Saved) {}

    fn seed(&mut self, first: usize, shape: Shape) -> Result<Tensor> {
        let mut seed = self.tensor(shape)?;
        let classes = shape.chw[0];
        for i in 0..shape.cotangents {
            let at = (i * shape.batch + first + i) * classes;
            seed.data[at..at + classes].fill(1.0);
        }
        Ok(seed)
    }

    fn write(&mut self, values: &[f64], shape: Shape) -> Result<Tensor> {
        Ok(Tensor { data: values.to_vec(), shape })
    }

    fn read(&mut self, tensor: &Tensor) -> Result<Vec<f64>> {
        Ok(tensor.data.clone())
    }

    fn variances(&mut self, saved: &Saved) -> Result<Vec<f64>> {
        let Saved::Norm { inverse, epsilon, .. } = saved else { return Ok(Vec::new()) };
        Ok(inverse.iter().map(|i| (1.0 / (i * i) - epsilon).max(0.0)).collect())
    }

    fn bits(&mut self, x: &Tensor, bits: &mut ActivationBits, bit: usize) -> Result<()> {
        let elements = x.shape.chw.iter().product();
        for (n, image) in x.data.chunks_exact(elements).enumerate() {
            for (e, _) in image.iter().enumerate().filter(|(_, v)| **v > 0.0) {
                bits.set(n, bit + e);
            }
        }
        Ok(())
    }

    fn conv(
        &mut self,
        p: &[f64],
        conv: &Conv,
        x: &Tensor,
        y: &mut Tensor,
        _: bool,
    ) -> Result<Saved> {
        let (input, out) = (x.shape.chw, y.shape.chw);
        let (ip, op) = (x.shape.plane(), y.shape.plane());
        match conv.bias {
            None => y.data.fill(0.0),
            Some(bias) => {
                for (c, plane) in y.data.chunks_exact_mut(op).enumerate() {
                    plane.fill(p[bias + c % out[0]]);
                }
            }
        }
        let images = x.data.chunks_exact(ip * input[0]).zip(y.data.chunks_exact_mut(op * out[0]));
        for (x, y) in images {
            for (o, i, w) in channel_pairs(conv, out[0], input[0]) {
                let w = &p[conv.weight + w..];
                let (x, y) = (&x[i * ip..], &mut y[o * op..]);
                each_tap(out, input, &conv.geometry, |a, k, b| y[a] += w[k] * x[b]);
            }
        }
        Ok(Saved::Nothing)
    }

    fn conv_adjoint(
        &mut self,
        p: &[f64],
        conv: &Conv,
        x: &Tensor,
        _: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Option<Target<'_, Tensor>>,
        rows: &mut RowsMut<'_, f64>,
    ) -> Result<()> {
        let (input, out) = (x.shape.chw, dy.tensor.shape.chw);
        let (ip, op) = (x.shape.plane(), dy.tensor.shape.plane());
        let mut dx = dx.map(Tensor::ready);
        let batch = x.shape.batch;
        for (b, dy_image) in dy.tensor.data.chunks_exact(op * out[0]).enumerate() {
            let (i, n) = (b / batch, b % batch);
            let x_image = &x.data[n * ip * input[0]..];
            let row = rows.at(i, conv.column, conv.weights)?;
            for (o, c, w) in channel_pairs(conv, out[0], input[0]) {
                let (x, dy_plane) = (&x_image[c * ip..], &dy_image[o * op..]);
                let row = &mut row[w..];
                each_tap(out, input, &conv.geometry, |a, k, b| {
                    row[k] += dy.scale * dy_plane[a] * x[b];
                });
                if let Some(dx) = &mut dx {
                    let w = &p[conv.weight + w..];
                    let dx = &mut dx.data[b * ip * input[0] + c * ip..];
                    each_tap(out, input, &conv.geometry, |a, k, b| {
                        dx[b] += dy.scale * dy_plane[a] * w[k];
                    });
                }
            }
        }
        Ok(())
    }

    fn batch_norm(&mut self, p: &[f64], norm: &Norm, x: &Tensor, y: &mut Tensor) -> Result<Saved> {
        let epsilon = norm.epsilon;
        let (normalised, inverse) = Self::normalise(x, epsilon);
        let channels = x.shape.chw[0];
        let planes = y.data.chunks_exact_mut(x.shape.plane());
        for (b, (y, x)) in planes.zip(normalised.chunks_exact(x.shape.plane())).enumerate() {
            let (scale, shift) = (p[norm.scale + b % channels], p[norm.shift + b % channels]);
            y.iter_mut().zip(x).for_each(|(y, x)| *y = scale * x + shift);
        }
        Ok(Saved::Norm { normalised, inverse, epsilon })
    }

    fn batch_norm_adjoint(
        &mut self,
        p: &[f64],
        norm: &Norm,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
        rows: &mut RowsMut<'_, f64>,
    ) -> Result<()> {
        let Saved::Norm { normalised, inverse, .. } = saved else {
            unreachable!("saved by batch_norm")
        };
        let dx = Tensor::ready(dx);
        let shape = dx.shape;
        let (channels, plane, batch) = (shape.chw[0], shape.plane(), shape.batch);
        let count = (batch * plane) as f64;
        for i in 0..shape.cotangents {
            for c in 0..channels {
                // Elements of (image, place) in dy and in the normalised values.
                let at = |n: usize, e: usize| {
                    let inner = (n * channels + c) * plane + e;
                    (i * batch * channels * plane + inner, inner)
                };
                let places = || (0..batch).flat_map(|n| (0..plane).map(move |e| (n, e)));
                let (mut sum, mut product) = (0.0, 0.0);
                for (n, e) in places() {
                    let (d, v) = at(n, e);
                    sum += dy.scale * dy.tensor.data[d];
                    product += dy.scale * dy.tensor.data[d] * normalised[v];
                }
                rows.at(i, norm.column, channels)?[c] += product;
                let factor = p[norm.scale + c] * inverse[c];
                for (n, e) in places() {
                    let (d, v) = at(n, e);
                    let centred = dy.scale * dy.tensor.data[d] - sum / count;
                    dx.data[d] += factor * (centred - normalised[v] * product / count);
                }
            }
        }
        Ok(())
    }

    fn relu(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        y.data.iter_mut().zip(&x.data).for_each(|(y, x)| *y = x.max(0.0));
        Ok(())
    }

    fn relu_adjoint(
        &mut self,
        x: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let dx = Tensor::ready(dx);
        let pairs = dx.data.iter_mut().zip(&dy.tensor.data).zip(x.data.iter().cycle());
        for ((dx, dy_value), x) in pairs {
            if *x > 0.0 {
                *dx += dy.scale * dy_value;
            }
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
        let each = y.data.iter_mut().zip(&x.data);
        let slopes: Vec<f64> = each
            .map(|(y, x)| {
                let [value, slope] = activation.at(*x);
                *y = value;
                slope
            })
            .collect();
        Ok(if keep { Saved::Slopes(slopes) } else { Saved::Nothing })
    }

    fn activation_adjoint(
        &mut self,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let Saved::Slopes(slopes) = saved else { unreachable!("saved by activation") };
        add_products(slopes, dy, Tensor::ready(dx));
        Ok(())
    }

    fn multiply(&mut self, a: &Tensor, b: &Tensor, y: &mut Tensor) -> Result<()> {
        let pairs = a.data.iter().zip(&b.data);
        y.data.iter_mut().zip(pairs).for_each(|(y, (a, b))| *y = a * b);
        Ok(())
    }

    fn multiply_adjoint(
        &mut self,
        other: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        add_products(&other.data, dy, Tensor::ready(dx));
        Ok(())
    }

    fn select(&mut self, channels: &[usize], x: &Tensor, y: &mut Tensor) -> Result<()> {
        let (plane, from) = (x.shape.plane(), x.shape.chw[0] * x.shape.plane());
        let images = x.data.chunks_exact(from).zip(y.data.chunks_exact_mut(channels.len() * plane));
        for (x, y) in images {
            for (y, c) in y.chunks_exact_mut(plane).zip(channels) {
                y.copy_from_slice(&x[c * plane..(c + 1) * plane]);
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
        let dx = Tensor::ready(dx);
        let (plane, to) = (dx.shape.plane(), dx.shape.chw[0] * dx.shape.plane());
        let images = dx.data.chunks_exact_mut(to);
        for (dx, dy_image) in images.zip(dy.tensor.data.chunks_exact(channels.len() * plane)) {
            for (dy_plane, c) in dy_image.chunks_exact(plane).zip(channels) {
                let dx = &mut dx[c * plane..(c + 1) * plane];
                dx.iter_mut().zip(dy_plane).for_each(|(dx, v)| *dx += dy.scale * v);
            }
        }
        Ok(())
    }

    fn reshape(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        y.data.copy_from_slice(&x.data);
        Ok(())
    }

    fn reshape_adjoint(&mut self, dy: Cotangent<'_, Self>, dx: Target<'_, Tensor>) -> Result<()> {
        let dx = Tensor::ready(dx);
        dx.data.iter_mut().zip(&dy.tensor.data).for_each(|(dx, v)| *dx += dy.scale * v);
        Ok(())
    }

    fn expand(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let plane = y.shape.plane();
        y.data.chunks_exact_mut(plane).zip(&x.data).for_each(|(y, x)| y.fill(*x));
        Ok(())
    }

    fn expand_adjoint(&mut self, dy: Cotangent<'_, Self>, dx: Target<'_, Tensor>) -> Result<()> {
        let dx = Tensor::ready(dx);
        for (dx, dy_plane) in dx.data.iter_mut().zip(dy.tensor.planes()) {
            *dx += dy.scale * dy_plane.iter().sum::<f64>();
        }
        Ok(())
    }

    fn pad(&mut self, padding: &Padding, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let (input, out) = (x.shape.chw, y.shape.chw);
        y.data.fill(0.0);
        for (x, y) in x.planes().zip(y.data.chunks_exact_mut(out[1] * out[2])) {
            each_place(padding, input, out, |from, to| y[to] = x[from]);
        }
        Ok(())
    }

    fn pad_adjoint(
        &mut self,
        padding: &Padding,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let dx = Tensor::ready(dx);
        let (input, out) = (dx.shape.chw, dy.tensor.shape.chw);
        for (dx, dy_plane) in dx.data.chunks_exact_mut(input[1] * input[2]).zip(dy.tensor.planes())
        {
            each_place(padding, input, out, |from, to| dx[from] += dy.scale * dy_plane[to]);
        }
        Ok(())
    }

    fn avg_pool(&mut self, window: &Window, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let (out, input, g) = (y.shape.chw, x.shape.chw, window_geometry(window));
        let counts = counts(out, input, window);
        y.data.fill(0.0);
        for (x, y) in x.planes().zip(y.data.chunks_exact_mut(out[1] * out[2])) {
            each_tap(out, input, &g, |o, _, i| y[o] += x[i] / counts[o]);
        }
        Ok(())
    }

    fn avg_pool_adjoint(
        &mut self,
        window: &Window,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let dx = Tensor::ready(dx);
        let (out, input, g) = (dy.tensor.shape.chw, dx.shape.chw, window_geometry(window));
        let counts = counts(out, input, window);
        for (dy_plane, dx) in dy.tensor.planes().zip(dx.data.chunks_exact_mut(input[1] * input[2]))
        {
            each_tap(out, input, &g, |o, _, i| dx[i] += dy.scale * dy_plane[o] / counts[o]);
        }
        Ok(())
    }

    fn max_pool(&mut self, window: &Window, x: &Tensor, y: &mut Tensor) -> Result<Saved> {
        let (out, input, g) = (y.shape.chw, x.shape.chw, window_geometry(window));
        let plane = out[1] * out[2];
        let mut places = vec![0; y.data.len()];
        y.data.fill(f64::NEG_INFINITY);
        let outputs = y.data.chunks_exact_mut(plane).zip(places.chunks_exact_mut(plane));
        for (x, (y, places)) in x.planes().zip(outputs) {
            // Row by row, so that the first maximum wins in scan order of the window.
            each_tap(out, input, &g, |o, _, i| {
                if x[i] > y[o] {
                    (y[o], places[o]) = (x[i], i);
                }
            });
        }
        Ok(Saved::Places(places))
    }

    fn max_pool_adjoint(
        &mut self,
        _: &Window,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let Saved::Places(places) = saved else { unreachable!("saved by max_pool") };
        let dx = Tensor::ready(dx);
        let (op, ip) = (dy.tensor.shape.plane(), dx.shape.plane());
        let pairs = dy.tensor.data.iter().zip(places.iter().cycle());
        for (e, (value, place)) in pairs.enumerate() {
            dx.data[e / op * ip + place] += dy.scale * value;
        }
        Ok(())
    }

    fn mix(&mut self, inputs: &[(&Tensor, f64)], y: Target<'_, Tensor>) -> Result<()> {
        let y = Tensor::ready(y);
        for (x, weight) in inputs {
            y.data.iter_mut().zip(&x.data).for_each(|(y, x)| *y += weight * x);
        }
        Ok(())
    }

    fn concat(&mut self, inputs: &[&Tensor], y: &mut Tensor) -> Result<()> {
        let stride = y.shape.chw.iter().product::<usize>();
        let mut at = 0;
        for x in inputs {
            let len = x.shape.chw.iter().product();
            for (x, y) in x.data.chunks_exact(len).zip(y.data.chunks_exact_mut(stride)) {
                y[at..at + len].copy_from_slice(x);
            }
            at += len;
        }
        Ok(())
    }

    fn concat_adjoint(
        &mut self,
        channel: usize,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let dx = Tensor::ready(dx);
        let (len, at) = (dx.shape.chw.iter().product(), channel * dx.shape.plane());
        let stride = dy.tensor.shape.chw.iter().product();
        let images = dx.data.chunks_exact_mut(len).zip(dy.tensor.data.chunks_exact(stride));
        for (dx, dy_image) in images {
            dx.iter_mut().zip(&dy_image[at..]).for_each(|(dx, v)| *dx += dy.scale * v);
        }
        Ok(())
    }

    fn global_pool(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        for (x, y) in x.planes().zip(&mut y.data) {
            *y = x.iter().sum::<f64>() / x.len() as f64;
        }
        Ok(())
    }

    fn global_pool_adjoint(
        &mut self,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let dx = Tensor::ready(dx);
        let plane = dx.shape.plane();
        for (dx, v) in dx.data.chunks_exact_mut(plane).zip(&dy.tensor.data) {
            dx.iter_mut().for_each(|dx| *dx += dy.scale * v / plane as f64);
        }
        Ok(())
    }

    fn linear(&mut self, p: &[f64], linear: &Linear, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let (channels, classes) = (x.shape.chw[0], y.shape.chw[0]);
        for (x, y) in x.data.chunks_exact(channels).zip(y.data.chunks_exact_mut(classes)) {
            for (k, y) in y.iter_mut().enumerate() {
                let w = &p[linear.weight + k * channels..];
                *y = linear.bias.map_or(0.0, |bias| p[bias + k])
                    + x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
            }
        }
        Ok(())
    }

    fn linear_adjoint(
        &mut self,
        p: &[f64],
        linear: &Linear,
        x: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
        rows: &mut RowsMut<'_, f64>,
    ) -> Result<()> {
        let dx = Tensor::ready(dx);
        let (channels, classes) = (x.shape.chw[0], dy.tensor.shape.chw[0]);
        for (b, dy_image) in dy.tensor.data.chunks_exact(classes).enumerate() {
            let (i, n) = (b / x.shape.batch, b % x.shape.batch);
            let row = rows.at(i, linear.column, classes * channels)?;
            for (k, v) in dy_image.iter().enumerate() {
                for c in 0..channels {
                    let at = k * channels + c;
                    row[at] += dy.scale * v * x.data[n * channels + c];
                    dx.data[b * channels + c] += dy.scale * v * p[linear.weight + at];
                }
            }
        }
        Ok(())
    }
}

impl CpuKernels for ReferenceKernels {
    type Scalar = f64;

    fn input(&mut self, values: &[f32], batch: usize, chw: [usize; 3]) -> Result<Tensor> {
        let shape = Shape { cotangents: 1, batch, chw, halo: 0 };
        Ok(Tensor { data: values.iter().map(|v| f64::from(*v)).collect(), shape })
    }
    fn rows(values: &[f64]) -> Rows<'_> {
        Rows::F64(values)
    }
}
