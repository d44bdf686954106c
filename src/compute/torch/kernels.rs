//! The kernels: each adjoint a few operations on whole `[I, N, G, C, H, W]` arrays.
//!
//! What depends on the cotangent is large; statistics, weights and sums over images are small, and
//! in f64. A mixing weight is folded into something small wherever it can be.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::backend::{Array, Backend, F32, F64, U8, Window2d};
use crate::compute::kernels::{Cotangent, Fusion, Kernels, Padding, Shape, Target};
use crate::compute::program::{Conv, Linear, Norm};
use crate::error::{Error, Result};
use crate::network::{Activation, Convolution, Window};

/// Kernels for G networks side by side.
#[derive(Debug)]
pub(super) struct TorchKernels<'a> {
    pub(super) backend: &'a Backend,
    pub(super) groups: usize,
}

/// `[I, N, G, C, H, W]`; no array yet where nothing is in it.
#[derive(Debug)]
pub(super) struct Tensor {
    dims: [i64; 6],
    array: Option<Array>,
}

/// What adjoints need beside the input.
#[derive(Debug)]
pub(super) enum Saved {
    Nothing,
    Norm(SavedNorm),
    /// For each element of the window, where its maximum is: `[k k, N, G, C, H, W]` of 0 and 1.
    Windows(Array),
    /// The slope at each element, `[1, N, G, C, H, W]`.
    Slopes(Array),
}

/// Statistics of a batch normalisation, f64 but for the normalised values.
#[derive(Debug)]
pub(super) struct SavedNorm {
    /// `[1, N, G, C, H, W]`, f32.
    normalised: Array,
    /// `[G, 1, C, 1]`.
    mean: Array,
    /// 1 / sqrt(variance + epsilon), `[G, 1, C, 1]`.
    inverse: Array,
    epsilon: f64,
    /// Sums over images and places, if a convolution comes before.
    columns: Option<ColumnSums>,
}

/// Sums over images and places that no cotangent is in; K is the window's size.
#[derive(Debug)]
struct ColumnSums {
    /// Of the columns of windows: `[G, 1, 1 or C, K]`.
    plain: Array,
    /// Of the columns times the normalised output: `[G, 1, C, K]`.
    normalised: Array,
}

/// A block of rows of J of all groups, which adjoints add into, in f64.
#[derive(Debug)]
pub(super) enum BlockRows {
    /// Whole rows, `[G, I, columns]`.
    Whole(Array),
    /// Those parts of the rows that have been asked for, `[G, I, length]`, by their first columns.
    Parts(BTreeMap<usize, Array>),
}

/// Bits of one ReLU input of all groups, eight in a byte.
#[derive(Debug)]
pub(super) struct PackedBits {
    /// The first bit, counted over the ReLU inputs that any group has.
    pub(super) bit: usize,
    /// `[N, G, bytes]`.
    pub(super) bytes: Array,
}

impl Tensor {
    pub(super) fn new(array: Array) -> Self {
        let mut dims = [1; 6];
        dims.copy_from_slice(&array.shape);
        Tensor { dims, array: Some(array) }
    }

    pub(super) fn array(&self) -> Result<&Array> {
        self.array.as_ref().ok_or_else(|| Error::Internal("a tensor that nothing is in".into()))
    }

    /// `[I N, G C, H, W]`, as libtorch's layers take it.
    fn images(&self) -> Result<Array> {
        self.array()?.reshape(&flat(self.dims))
    }

    /// Takes the numbers of an array of the same size.
    fn set(&mut self, array: &Array) -> Result<()> {
        self.array = Some(array.reshape(&self.dims)?);
        Ok(())
    }
}

fn flat([i, n, g, c, h, w]: [i64; 6]) -> [i64; 4] {
    [i * n, g * c, h, w]
}

/// A pooling window on an input of `[height, width]` for such an output.
struct Pool {
    /// On what `ends` makes of the input.
    window: Window2d,
    /// What to add before and after each axis, where libtorch cannot say it: other padding at the
    /// end than at the begin, padding that an average counts, outputs that reach beyond it.
    ends: Option<[[i64; 2]; 2]>,
}

impl Pool {
    fn new(w: &Window, input: [i64; 2], output: [i64; 2]) -> Self {
        let [kernel, stride] = [w.kernel, w.stride].map(|two| two.map(|n| n as i64));
        let begin = w.padding.map(|sides| sides[0] as i64);
        let simple = [0, 1].into_iter().all(|d| {
            let padding = begin[d];
            w.padding[d][0] == w.padding[d][1]
                && 2 * padding <= kernel[d]
                && (padding == 0 || !w.counts_padding)
                && output[d] == (input[d] + 2 * padding - kernel[d]) / stride[d] + 1
        });
        let end = |d: usize| (output[d] - 1) * stride[d] + kernel[d] - input[d] - begin[d];
        Pool {
            window: Window2d {
                kernel,
                stride,
                padding: if simple { begin } else { [0, 0] },
                dilation: [1, 1],
            },
            ends: (!simple).then(|| [0, 1].map(|d| [begin[d], end(d)])),
        }
    }
}

/// For each place of the output, one over how many elements its average counts: `[1, 1, 1, 1, H, W]`.
fn shares(b: &Backend, w: &Window, input: [i64; 2], output: [i64; 2]) -> Result<Array> {
    let count = |d: usize, o: i64| w.count(d, input[d] as usize, o as usize) as f64;
    let places = (0..output[0]).flat_map(|y| (0..output[1]).map(move |x| (y, x)));
    let shares: Vec<f32> =
        places.map(|(y, x)| (1.0 / (count(0, y) * count(1, x))) as f32).collect();
    b.upload(&shares, &[1, 1, 1, 1, output[0], output[1]])
}

/// Whether libtorch can say the padding of a convolution: the same at both ends, and nothing cut.
fn is_plain(g: &Convolution) -> bool {
    g.padding.iter().all(|[begin, end]| begin == end && *begin >= 0)
}

/// Window of a convolution on an input that `shifted` may have padded.
fn conv_window(g: &Convolution) -> Window2d {
    let padding = match is_plain(g) {
        true => g.padding.map(|sides| sides[0] as i64),
        false => [0, 0],
    };
    let [kernel, stride, dilation] =
        [g.kernel, g.stride, g.dilation].map(|two| two.map(|n| n as i64));
    Window2d { kernel, stride, padding, dilation }
}

/// What to add before and after axis `d`, so that the last window ends with it.
fn ends(g: &Convolution, d: usize, input: i64, output: i64) -> [i64; 2] {
    let reach = (g.dilation[d] * (g.kernel[d] - 1)) as i64 + 1;
    let begin = g.padding[d][0] as i64;
    [begin, (output - 1) * g.stride[d] as i64 + reach - (input + begin)]
}

impl TorchKernels<'_> {
    /// Numbers of all groups' parameters from `offset` on, in order of `shape`, whose first axis
    /// is the group.
    fn parameters(&self, p: &Array, offset: usize, shape: &[i64]) -> Result<Array> {
        let length = shape[1..].iter().product();
        p.narrow(1, offset as i64, length)?.reshape(shape)
    }

    /// The weight of a convolution, `[G out, in, k, k]`, where in is that of one of its groups.
    fn conv_weight(&self, p: &Array, conv: &Conv, x: &Tensor, outputs: i64) -> Result<Array> {
        let inputs = x.dims[3] / conv.geometry.groups as i64;
        let (g, [rows, columns]) = (self.groups as i64, conv.geometry.kernel.map(|k| k as i64));
        let weight = self.parameters(p, conv.weight, &[g, outputs, inputs, rows, columns])?;
        weight.reshape(&[g * outputs, inputs, rows, columns])
    }

    /// The input of a convolution, padded or cut where libtorch cannot say it.
    fn shifted(&self, g: &Convolution, x: &Tensor, output: [i64; 2]) -> Result<Array> {
        let images = x.images()?;
        if is_plain(g) {
            return Ok(images);
        }
        let [height, width] = [0, 1].map(|d| ends(g, d, x.dims[4 + d], output[d]));
        self.backend.pad(&images, height, width)
    }

    /// Weights `[G out, in, k, k]` as the adjoint reads them: `[G in, out, k, k]`, windows turned
    /// around; in and out are those of one group of channels.
    fn turned(&self, weight: &Array, g: &Convolution, outputs: i64) -> Result<Array> {
        let (inputs, [rows, columns]) = (weight.shape[1], g.kernel.map(|k| k as i64));
        let windows = match (rows, columns) {
            (1, 1) => weight.clone(),
            _ => self.backend.flip(weight, &[2, 3])?,
        };
        let (all, each) = (self.groups as i64 * g.groups as i64, outputs / g.groups as i64);
        let split = windows.reshape(&[all, each, inputs, rows, columns])?;
        let swapped = split.permute(&[0, 2, 1, 3, 4])?;
        swapped.reshape(&[all * inputs, each, rows, columns])
    }

    /// Groups of channels of all networks.
    fn conv_groups(&self, g: &Convolution) -> i64 {
        self.groups as i64 * g.groups as i64
    }

    /// Columns of windows with a row of ones, f64: `[N G groups, in k k + 1, places]`.
    fn columns(&self, g: &Convolution, x: &Tensor, output: [i64; 2]) -> Result<Array> {
        let batch = x.dims[1] * self.conv_groups(g);
        self.backend.windows(&self.shifted(g, x, output)?, &conv_window(g), batch, output)
    }

    /// Sums over images and places of a tensor times columns: `[G, I, C, K]`. `of` is the number of
    /// groups of channels.
    fn correlate(&self, dy: &Tensor, columns: &Array, of: i64) -> Result<Array> {
        let [i, n, g, c, h, w] = dy.dims;
        let (places, k, each) = (h * w, columns.shape[1], c / of);
        let split = dy.array()?.reshape(&[i, n, g, of, each, places])?;
        let across = columns.permute(&[0, 2, 1])?;
        let rows = self.backend.copy(&split.permute(&[1, 2, 3, 0, 4, 5])?, F64)?;
        let rows = rows.reshape(&[n * g * of, i * each, places])?;
        let products = self.backend.product(&rows, &across)?;
        let sums = self.backend.sum(&products.reshape(&[n, g * c * i * k])?, &[0], F64)?;
        let ordered = sums.reshape(&[g, of, i, each, k])?.permute(&[0, 2, 1, 3, 4])?;
        ordered.reshape(&[g, i, c, k])
    }

    /// Sums over images of the columns themselves, for each of `outputs` channels or for all:
    /// `[G, 1, 1 or C, K]`.
    fn column_sums(&self, columns: &Array, x: &Tensor, of: i64, outputs: i64) -> Result<Array> {
        let [_, n, g, ..] = x.dims;
        let [_, k, places] = columns.shape[..] else {
            return Err(Error::Internal("columns have three axes".into()));
        };
        let split = columns.reshape(&[n, g, of, k, places])?;
        let sums = self.backend.sum(&split, &[0, 4], F64)?;
        if of == 1 {
            return sums.reshape(&[g, 1, 1, k]);
        }
        let each = sums.reshape(&[g, of, 1, k])?.expand(&[g, of, outputs / of, k])?;
        each.reshape(&[g, 1, outputs, k])
    }

    /// Normalises `[1, N, G, C, H, W]` with the statistics of each group's batch. Returns the result
    /// and what the adjoint needs.
    fn normalise(&self, p: &Array, norm: &Norm, x: &Tensor) -> Result<(Array, SavedNorm)> {
        let b = self.backend;
        let [_, n, g, c, h, w] = x.dims;
        let count = (n * h * w) as f64;
        let wide = b.copy(x.array()?, F64)?;
        let mean = b.scale(&b.sum(&wide, &[1, 4, 5], F64)?, 1.0 / count)?;
        let centred = b.sub(&wide, &mean)?;
        let squares = b.sum(&b.mul(&centred, &centred)?, &[1, 4, 5], F64)?;
        let inverse = b.inverse_root(&b.scale(&squares, 1.0 / count)?, norm.epsilon)?;
        let normalised = b.mul(&centred, &inverse)?;
        let term = |offset| -> Result<Array> {
            let values = b.copy(&self.parameters(p, offset, &[g, c])?, F64)?;
            values.reshape(&[1, 1, g, c, 1, 1])
        };
        let y = b.multiply_add(&term(norm.shift)?, &normalised, &term(norm.scale)?)?;
        let small = [g, 1, c, 1];
        let saved = SavedNorm {
            normalised: b.copy(&normalised, F32)?,
            mean: mean.reshape(&small)?,
            inverse: inverse.reshape(&small)?,
            epsilon: norm.epsilon,
            columns: None,
        };
        Ok((b.copy(&y, F32)?, saved))
    }

    /// The cotangent before BN, of `dy` times `scale`, given the sums over images and places of that
    /// cotangent (`sum`) and of it times the normalised values (`against`), both `[G, I, C, 1]`, and
    /// BN's `norm_factor`.
    fn norm_input(
        &self,
        factor: &Array,
        saved: &SavedNorm,
        dy: &Cotangent<'_, Self>,
        [sum, against]: [&Array; 2],
    ) -> Result<Array> {
        let b = self.backend;
        let [_, n, g, c, h, w] = dy.tensor.dims;
        let each = b.scale(factor, -1.0 / (n * h * w) as f64)?;
        // [G, I, C, 1] to [I, 1, G, C, 1, 1].
        let spread = |a: &Array| -> Result<Array> {
            let i = a.shape[1];
            b.copy(&a.permute(&[1, 0, 2, 3])?, F32)?.reshape(&[i, 1, g, c, 1, 1])
        };
        let constant = spread(&b.mul(sum, &each)?)?;
        let slope = spread(&b.mul(against, &each)?)?;
        let direct = match &dy.scale {
            Some(scale) => spread(&b.mul(factor, &b.copy(scale, F64)?)?)?,
            None => spread(factor)?,
        };
        let rest = b.multiply_add(&constant, &saved.normalised, &slope)?;
        b.multiply_add(&rest, dy.tensor.array()?, &direct)
    }

    /// scale / sqrt(variance + epsilon) of a BN, `[G, 1, C, 1]`.
    fn norm_factor(
        &self,
        p: &Array,
        norm: &Norm,
        saved: &SavedNorm,
        [g, c]: [i64; 2],
    ) -> Result<Array> {
        let scale = self.backend.copy(&self.parameters(p, norm.scale, &[g, c])?, F64)?;
        self.backend.mul(&saved.inverse, &scale.reshape(&[g, 1, c, 1])?)
    }

    /// An array times a mixing weight.
    fn scaled(&self, a: &Array, scale: &Option<Array>) -> Result<Array> {
        match scale {
            Some(scale) => self.backend.mul(a, &scale.reshape(&[1, 1, scale.shape[0], 1, 1, 1])?),
            None => Ok(a.clone()),
        }
    }

    /// An f64 array, whose first axis is the group, times a mixing weight.
    fn scaled_sums(&self, a: &Array, scale: &Option<Array>) -> Result<Array> {
        match scale {
            Some(scale) => self.backend.mul(a, &self.backend.copy(scale, F64)?),
            None => Ok(a.clone()),
        }
    }

    /// Adds `value` times `scale` into a target.
    fn add_into(
        &self,
        target: Target<'_, Tensor>,
        value: &Array,
        scale: &Option<Array>,
    ) -> Result<()> {
        let value = value.reshape(&target.tensor.dims)?;
        let sum = match (target.overwrite, scale) {
            (true, scale) => self.scaled(&value, scale)?,
            (false, None) => self.backend.add(target.tensor.array()?, &value)?,
            (false, Some(scale)) => {
                let scale = scale.reshape(&[1, 1, scale.shape[0], 1, 1, 1])?;
                self.backend.multiply_add(target.tensor.array()?, &value, &scale)?
            }
        };
        target.tensor.set(&sum)
    }

    /// Adds `[G, I, ...]` into the rows' columns from `column` on.
    fn add_rows(&self, rows: &mut BlockRows, column: usize, values: &Array) -> Result<()> {
        let (g, i) = (values.shape[0], values.shape[1]);
        let length = values.shape[2..].iter().product();
        let values = values.reshape(&[g, i, length])?;
        match rows {
            BlockRows::Whole(all) => {
                self.backend.add_at(&all.narrow(2, column as i64, length)?, &values)
            }
            BlockRows::Parts(parts) => match parts.entry(column) {
                Entry::Occupied(part) => self.backend.add_at(part.get(), &values),
                Entry::Vacant(place) => {
                    // An adjoint made it for this call, and has no more use for it.
                    place.insert(values);
                    Ok(())
                }
            },
        }
    }

    /// The input adjoint of a convolution: `dz` is `[I, N, G, C, H, W]`. Without a stride it is a
    /// convolution itself, with the weights' axes swapped and their windows turned around: cuDNN has
    /// far faster kernels for it than for a transposed one of few channels.
    fn conv_input(
        &self,
        weight: &Array,
        g: &Convolution,
        dz: &Tensor,
        dx: [i64; 6],
    ) -> Result<Array> {
        let w = conv_window(g);
        let groups = self.conv_groups(g);
        let around = [0, 1].map(|d: usize| w.dilation[d] * (w.kernel[d] - 1) - w.padding[d]);
        if g.stride == [1, 1] && is_plain(g) && around.iter().all(|n| *n >= 0) {
            let turned = self.turned(weight, g, dz.dims[3])?;
            let w = Window2d { padding: around, ..w };
            return self.backend.convolution(&dz.images()?, &turned, &w, None, groups, &flat(dx));
        }
        let output = [dz.dims[4], dz.dims[5]];
        // The zeros, or cuts, that `shifted` has made.
        let added = [0, 1].map(|d: usize| match is_plain(g) {
            true => [0, 0],
            false => ends(g, d, dx[4 + d], output[d]),
        });
        let size = [0, 1].map(|d: usize| dx[4 + d] + added[d][0] + added[d][1]);
        let extra = [0, 1].map(|d: usize| {
            let reach = w.dilation[d] * (w.kernel[d] - 1) + 1;
            size[d] + 2 * w.padding[d] - (output[d] - 1) * w.stride[d] - reach
        });
        let shape = [dx[0] * dx[1], dx[2] * dx[3], size[0], size[1]];
        let images = dz.images()?;
        let full = self.backend.convolution(&images, weight, &w, Some(extra), groups, &shape)?;
        if is_plain(g) {
            return Ok(full);
        }
        let [height, width] = added.map(|sides| sides.map(|n| -n));
        self.backend.pad(&full, height, width)
    }

    /// Adds `values` times `dy` times its weight into a target.
    fn add_product(
        &self,
        values: &Array,
        dy: &Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let factors = self.scaled(values, &dy.scale)?;
        let sum = match dx.overwrite {
            true => self.backend.mul(dy.tensor.array()?, &factors)?,
            false => self.backend.multiply_add(dx.tensor.array()?, dy.tensor.array()?, &factors)?,
        };
        dx.tensor.set(&sum)
    }

    /// Values and slopes of a function of each element.
    fn activate(&self, activation: &Activation, x: &Array) -> Result<[Array; 2]> {
        let b = self.backend;
        Ok(match *activation {
            Activation::Clip { low, high } => [b.clamp(x, low, high)?, b.between(x, low, high)?],
            Activation::LeakyRelu { slope } => {
                let slopes = b.affine(&b.positive(x, F32)?, 1.0 - slope, slope)?;
                [b.mul(x, &slopes)?, slopes]
            }
            Activation::Sigmoid => {
                let y = b.sigmoid(x)?;
                let slopes = b.mul(&y, &b.affine(&y, -1.0, 1.0)?)?;
                [y, slopes]
            }
            Activation::HardSigmoid { slope, shift } => {
                let inner = b.affine(x, slope, shift)?;
                let slopes = b.scale(&b.between(&inner, 0.0, 1.0)?, slope)?;
                [b.clamp(&inner, 0.0, 1.0)?, slopes]
            }
            // x g with the gate g = max(0, min(x / 6 + 1/2, 1)): its slope is g + x g'.
            Activation::HardSwish => {
                let gate = b.clamp(&b.affine(x, 1.0 / 6.0, 0.5)?, 0.0, 1.0)?;
                let inside = b.between(x, -3.0, 3.0)?;
                let slopes = b.multiply_add(&gate, &b.scale(x, 1.0 / 6.0)?, &inside)?;
                [b.mul(x, &gate)?, slopes]
            }
            Activation::Affine { scale, shift } => {
                [b.affine(x, scale, shift)?, b.affine(x, 0.0, scale)?]
            }
        })
    }
}

impl Kernels for TorchKernels<'_> {
    type Tensor = Tensor;
    /// `[G, parameters]`, f32.
    type Parameters = Array;
    /// One value a group, `[G, 1, 1, 1]`, f32; `None`: 1 for all.
    type Weight = Option<Array>;
    type Saved = Saved;
    type Rows<'a> = BlockRows;
    type Bits = Vec<PackedBits>;

    fn fuses(_: Fusion) -> bool {
        true
    }

    fn one() -> Option<Array> {
        None
    }

    fn weights(&mut self, slots: &[Vec<f64>]) -> Result<Vec<Option<Array>>> {
        let groups = self.groups as i64;
        let values: Vec<f32> = slots.iter().flatten().map(|w| *w as f32).collect();
        let all = self.backend.upload(&values, &[slots.len() as i64, groups])?;
        let weight = |(s, values): (usize, &Vec<f64>)| {
            if values.iter().all(|w| *w == 1.0) {
                return Ok(None);
            }
            Ok(Some(all.narrow(0, s as i64, 1)?.reshape(&[groups, 1, 1, 1])?))
        };
        slots.iter().enumerate().map(weight).collect()
    }

    fn product(&mut self, a: &Option<Array>, b: &Option<Array>) -> Result<Option<Array>> {
        match (a, b) {
            (Some(a), Some(b)) => Ok(Some(self.backend.mul(a, b)?)),
            (one, None) | (None, one) => Ok(one.clone()),
        }
    }

    fn tensor(&mut self, shape: Shape) -> Result<Tensor> {
        let [c, h, w] = shape.chw;
        let dims = [shape.cotangents, shape.batch, self.groups, c, h, w].map(|d| d as i64);
        Ok(Tensor { dims, array: None })
    }

    fn release(&mut self, _: Tensor) {}

    fn release_saved(&mut self, _: Saved) {}

    fn seed(&mut self, first: usize, shape: Shape) -> Result<Tensor> {
        let mut tensor = self.tensor(shape)?;
        let [i, n, ..] = tensor.dims;
        let at = |e: usize| f32::from(u8::from(e % shape.batch == first + e / shape.batch));
        let ones: Vec<f32> = (0..shape.cotangents * shape.batch).map(at).collect();
        let ones = self.backend.upload(&ones, &[i, n, 1, 1, 1, 1])?;
        tensor.array = Some(ones.expand(&tensor.dims)?);
        Ok(tensor)
    }

    fn write(&mut self, values: &[f64], shape: Shape) -> Result<Tensor> {
        let mut tensor = self.tensor(shape)?;
        let [i, n, g, c, h, w] = tensor.dims;
        let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        let groups = self.backend.upload(&values, &[g, i, n, c, h, w])?;
        let ordered = groups.permute(&[1, 2, 0, 3, 4, 5])?;
        tensor.array = Some(self.backend.copy(&ordered, F32)?);
        Ok(tensor)
    }

    fn read(&mut self, tensor: &Tensor) -> Result<Vec<f64>> {
        let groups = tensor.array()?.permute(&[2, 0, 1, 3, 4, 5])?;
        self.backend.read::<f64>(&self.backend.copy(&groups, F64)?)
    }

    fn variances(&mut self, saved: &Saved) -> Result<Vec<f64>> {
        let Saved::Norm(norm) = saved else { return Ok(Vec::new()) };
        let inverse = self.backend.read::<f64>(&norm.inverse)?;
        Ok(inverse.iter().map(|i| (1.0 / (i * i) - norm.epsilon).max(0.0)).collect())
    }

    fn bits(&mut self, x: &Tensor, bits: &mut Vec<PackedBits>, bit: usize) -> Result<()> {
        let [_, n, g, c, h, w] = x.dims;
        let elements = c * h * w;
        let bytes = (elements + 7) / 8;
        let mut on = self.backend.positive(x.array()?, U8)?.reshape(&[n, g, 1, elements])?;
        if bytes * 8 > elements {
            on = self.backend.pad(&on, [0, 0], [0, bytes * 8 - elements])?;
        }
        let powers: [u8; 8] = std::array::from_fn(|b| 1 << b);
        let powers = self.backend.upload(&powers, &[1, 1, 1, 8])?;
        let mut sums = self.backend.mul(&on.reshape(&[n, g, bytes, 8])?, &powers)?;
        // Halves, since libtorch sums short rows of bytes slowly on a GPU.
        for half in [4, 2, 1] {
            sums = self.backend.add(&sums.narrow(3, 0, half)?, &sums.narrow(3, half, half)?)?;
        }
        let bytes = sums.reshape(&[n, g, bytes])?;
        bits.push(PackedBits { bit, bytes });
        Ok(())
    }

    fn conv(
        &mut self,
        p: &Array,
        conv: &Conv,
        x: &Tensor,
        y: &mut Tensor,
        keep: bool,
    ) -> Result<Saved> {
        let (g, output) = (&conv.geometry, [y.dims[4], y.dims[5]]);
        let weight = self.conv_weight(p, conv, x, y.dims[3])?;
        let input = self.shifted(g, x, output)?;
        let (groups, shape) = (self.conv_groups(g), flat(y.dims));
        let z = self.backend.convolution(&input, &weight, &conv_window(g), None, groups, &shape)?;
        y.set(&z)?;
        if let Some(bias) = conv.bias {
            let [_, _, g, c, ..] = y.dims;
            let bias = self.parameters(p, bias, &[g, c])?.reshape(&[1, 1, g, c, 1, 1])?;
            let sum = self.backend.add(y.array()?, &bias)?;
            y.set(&sum)?;
        }
        let Some(norm) = &conv.norm else { return Ok(Saved::Nothing) };
        let (normal, mut saved) = self.normalise(p, norm, y)?;
        y.set(&normal)?;
        if keep {
            let columns = self.columns(g, x, output)?;
            let normalised = Tensor::new(saved.normalised.clone());
            saved.columns = Some(ColumnSums {
                plain: self.column_sums(&columns, x, g.groups as i64, y.dims[3])?,
                normalised: self.correlate(&normalised, &columns, g.groups as i64)?,
            });
        }
        Ok(Saved::Norm(saved))
    }

    /// With BN behind: the sums of the incoming cotangent times the columns, and of the cotangent
    /// alone, give everything that is small. With z = W columns, those of the cotangent times the
    /// normalised z follow, and from them the gradients of W and of BN's scale.
    fn conv_adjoint(
        &mut self,
        p: &Array,
        conv: &Conv,
        x: &Tensor,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Option<Target<'_, Tensor>>,
        rows: &mut BlockRows,
    ) -> Result<()> {
        let b = self.backend;
        let geometry = &conv.geometry;
        let [_, n, g, c, h, w] = dy.tensor.dims;
        let columns = self.columns(geometry, x, [h, w])?;
        let k = columns.shape[1] - 1;
        let sums = self.correlate(dy.tensor, &columns, geometry.groups as i64)?;
        let sums = self.scaled_sums(&sums, &dy.scale)?;
        drop(columns);
        let against_columns = sums.narrow(3, 0, k)?;
        let weight = self.conv_weight(p, conv, x, c)?;
        let Some(norm) = &conv.norm else {
            self.add_rows(rows, conv.column, &b.copy(&against_columns, F64)?)?;
            let Some(dx) = dx else { return Ok(()) };
            // The mixing weight goes into the weight: it is the smaller of the two.
            let weight = match &dy.scale {
                None => weight,
                Some(scale) => {
                    let (shape, scale) = (weight.shape.clone(), scale.reshape(&[g, 1])?);
                    let each = weight.reshape(&[g, shape.iter().product::<i64>() / g])?;
                    b.mul(&each, &scale)?.reshape(&shape)?
                }
            };
            let full = self.conv_input(&weight, geometry, dy.tensor, dx.tensor.dims)?;
            return self.add_into(dx, &full, &None);
        };
        let Saved::Norm(saved) = saved else {
            return Err(Error::Internal("a BN that saved nothing".into()));
        };
        let Some(fixed) = &saved.columns else {
            return Err(Error::Internal("a pass that was not kept".into()));
        };
        let sum = sums.narrow(3, k, 1)?;
        let weights = b.copy(&weight.reshape(&[g, 1, c, k])?, F64)?;
        let product = b.sum(&b.mul(&against_columns, &weights)?, &[3], F64)?;
        let against = b.mul(&b.sub(&product, &b.mul(&sum, &saved.mean)?)?, &saved.inverse)?;
        // dW = factor (against_columns - (sum plain + against normalised) / count).
        let plain = fixed.plain.narrow(3, 0, k)?;
        let normalised = fixed.normalised.narrow(3, 0, k)?;
        let means = b.multiply_add(&b.mul(&sum, &plain)?, &against, &normalised)?;
        let inner = b.sub(&against_columns, &b.scale(&means, 1.0 / (n * h * w) as f64)?)?;
        let factor = self.norm_factor(p, norm, saved, [g, c])?;
        let gradient = b.mul(&inner, &factor)?;
        self.add_rows(rows, conv.column, &gradient)?;
        self.add_rows(rows, norm.column, &against)?;
        let Some(dx) = dx else { return Ok(()) };
        let dz = Tensor::new(self.norm_input(&factor, saved, &dy, [&sum, &against])?);
        let full = self.conv_input(&weight, geometry, &dz, dx.tensor.dims)?;
        self.add_into(dx, &full, &None)
    }

    fn batch_norm(&mut self, p: &Array, norm: &Norm, x: &Tensor, y: &mut Tensor) -> Result<Saved> {
        let (normal, saved) = self.normalise(p, norm, x)?;
        y.set(&normal)?;
        Ok(Saved::Norm(saved))
    }

    fn batch_norm_adjoint(
        &mut self,
        p: &Array,
        norm: &Norm,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
        rows: &mut BlockRows,
    ) -> Result<()> {
        let Saved::Norm(saved) = saved else {
            return Err(Error::Internal("a BN that saved nothing".into()));
        };
        let b = self.backend;
        let [i, _, g, c, ..] = dy.tensor.dims;
        // [I, 1, G, C, 1, 1] to [G, I, C, 1], weighed.
        let gather = |sums: &Array| -> Result<Array> {
            let sums = sums.reshape(&[i, g, c, 1])?.permute(&[1, 0, 2, 3])?;
            self.scaled_sums(&sums, &dy.scale)
        };
        let cotangent = dy.tensor.array()?;
        let sum = gather(&b.sum(cotangent, &[1, 4, 5], F64)?)?;
        let product = b.mul(cotangent, &saved.normalised)?;
        let against = gather(&b.sum(&product, &[1, 4, 5], F64)?)?;
        drop(product);
        self.add_rows(rows, norm.column, &against)?;
        let factor = self.norm_factor(p, norm, saved, [g, c])?;
        let full = self.norm_input(&factor, saved, &dy, [&sum, &against])?;
        self.add_into(dx, &full, &None)
    }

    fn relu(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        y.set(&self.backend.relu(x.array()?)?)
    }

    fn relu_adjoint(
        &mut self,
        x: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        self.add_product(&self.backend.positive(x.array()?, F32)?, &dy, dx)
    }

    fn activation(
        &mut self,
        activation: &Activation,
        x: &Tensor,
        y: &mut Tensor,
        keep: bool,
    ) -> Result<Saved> {
        let [values, slopes] = self.activate(activation, x.array()?)?;
        y.set(&values)?;
        Ok(if keep { Saved::Slopes(slopes) } else { Saved::Nothing })
    }

    fn activation_adjoint(
        &mut self,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let Saved::Slopes(slopes) = saved else {
            return Err(Error::Internal("a function of each element that saved nothing".into()));
        };
        self.add_product(slopes, &dy, dx)
    }

    fn multiply(&mut self, a: &Tensor, b: &Tensor, y: &mut Tensor) -> Result<()> {
        y.set(&self.backend.mul(a.array()?, b.array()?)?)
    }

    fn multiply_adjoint(
        &mut self,
        other: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        self.add_product(other.array()?, &dy, dx)
    }

    fn select(&mut self, channels: &[usize], x: &Tensor, y: &mut Tensor) -> Result<()> {
        let places: Vec<i64> = channels.iter().map(|c| *c as i64).collect();
        y.set(&self.backend.select(x.array()?, 3, &places)?)
    }

    /// A channel that was selected more than once is a sum of several, one after the other.
    fn select_adjoint(
        &mut self,
        channels: &[usize],
        dy: Cotangent<'_, Self>,
        mut dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let b = self.backend;
        let mut shape = dy.tensor.dims;
        shape[3] = 1;
        let zero = b.zeros(&shape, F32)?;
        let padded = b.concat(&[dy.tensor.array()?, &zero], 3)?;
        let mut left: Vec<Option<usize>> = channels.iter().map(|c| Some(*c)).collect();
        loop {
            // Of each channel the first place that is left, or that of the zeros.
            let mut places = vec![channels.len() as i64; dx.tensor.dims[3] as usize];
            for (place, channel) in left.iter_mut().enumerate() {
                if let Some(c) = *channel
                    && places[c] == channels.len() as i64
                {
                    (places[c], *channel) = (place as i64, None);
                }
            }
            let part = b.select(&padded, 3, &places)?;
            let overwrite = std::mem::replace(&mut dx.overwrite, false);
            self.add_into(Target { tensor: &mut *dx.tensor, overwrite }, &part, &dy.scale)?;
            if left.iter().all(Option::is_none) {
                return Ok(());
            }
        }
    }

    fn reshape(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        y.set(x.array()?)
    }

    fn reshape_adjoint(&mut self, dy: Cotangent<'_, Self>, dx: Target<'_, Tensor>) -> Result<()> {
        self.add_into(dx, dy.tensor.array()?, &dy.scale)
    }

    fn expand(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let all = x.array()?.expand(&y.dims)?;
        y.set(&self.backend.copy(&all, F32)?)
    }

    fn expand_adjoint(&mut self, dy: Cotangent<'_, Self>, dx: Target<'_, Tensor>) -> Result<()> {
        let sums = self.backend.sum(dy.tensor.array()?, &[4, 5], F64)?;
        self.add_into(dx, &self.backend.copy(&sums, F32)?, &dy.scale)
    }

    fn pad(&mut self, padding: &Padding, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let [height, width] = padding.map(|sides| sides.map(|n| n as i64));
        y.set(&self.backend.pad(x.array()?, height, width)?)
    }

    fn pad_adjoint(
        &mut self,
        padding: &Padding,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let [height, width] = padding.map(|sides| sides.map(|n| -n as i64));
        let full = self.backend.pad(dy.tensor.array()?, height, width)?;
        self.add_into(dx, &full, &dy.scale)
    }

    fn avg_pool(&mut self, window: &Window, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let b = self.backend;
        let (input, output) = ([x.dims[4], x.dims[5]], [y.dims[4], y.dims[5]]);
        let pool = Pool::new(window, input, output);
        let Some([height, width]) = pool.ends else {
            return y.set(&b.avg_pool(&x.images()?, &pool.window, false, &flat(y.dims))?);
        };
        let padded = b.pad(&x.images()?, height, width)?;
        y.set(&b.avg_pool(&padded, &pool.window, true, &flat(y.dims))?)?;
        let means = b.mul(y.array()?, &shares(b, window, input, output)?)?;
        y.set(&means)
    }

    fn avg_pool_adjoint(
        &mut self,
        window: &Window,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let b = self.backend;
        let [input, output] = [&*dx.tensor, dy.tensor].map(|t| [t.dims[4], t.dims[5]]);
        let pool = Pool::new(window, input, output);
        let shape = flat(dx.tensor.dims);
        let full = match pool.ends {
            None => b.avg_pool_adjoint(&dy.tensor.images()?, &pool.window, false, &shape)?,
            Some(ends) => {
                let each = b.mul(dy.tensor.array()?, &shares(b, window, input, output)?)?;
                let [n, c, ..] = flat(dy.tensor.dims);
                let [height, width] = [0, 1].map(|d| input[d] + ends[d][0] + ends[d][1]);
                let images = each.reshape(&flat(dy.tensor.dims))?;
                let padded = [n, c, height, width];
                let full = b.avg_pool_adjoint(&images, &pool.window, true, &padded)?;
                let [height, width] = ends.map(|sides| sides.map(|n| -n));
                b.pad(&full, height, width)?
            }
        };
        self.add_into(dx, &full, &dy.scale)
    }

    fn max_pool(&mut self, window: &Window, x: &Tensor, y: &mut Tensor) -> Result<Saved> {
        let b = self.backend;
        let [_, n, g, c, h, w] = y.dims;
        let pool = Pool::new(window, [x.dims[4], x.dims[5]], [h, w]);
        let images = match pool.ends {
            None => x.images()?,
            Some(ends) => {
                // The input's end may be in no window.
                let [height, width] = ends.map(|[_, end]| [0, end.min(0)]);
                let cut = b.pad(&x.images()?, height, width)?;
                let [height, width] = ends.map(|[begin, end]| [begin, end.max(0)]);
                b.pad_low(&cut, height, width)?
            }
        };
        let (maxima, places) = b.max_pool(&images, &pool.window, &flat(y.dims))?;
        y.set(&maxima)?;
        // The place in the plane of each window's elements; -1 beyond it.
        let (height, width) = (images.shape[2], images.shape[3]);
        let ([rows, columns], [down, right]) = (pool.window.kernel, pool.window.stride);
        let [top, left] = pool.window.padding;
        let mut grid = Vec::with_capacity((rows * columns * h * w) as usize);
        for tap in 0..rows * columns {
            for place in 0..h * w {
                let row = (place / w) * down - top + tap / columns;
                let column = (place % w) * right - left + tap % columns;
                let inside = (0..height).contains(&row) && (0..width).contains(&column);
                grid.push(if inside { row * width + column } else { -1 });
            }
        }
        let grid = b.upload(&grid, &[rows * columns, 1, 1, 1, h, w])?;
        let places = places.reshape(&[1, n, g, c, h, w])?;
        Ok(Saved::Windows(b.equal(&grid, &places)?))
    }

    /// One element of the window after the other, so that nothing is added in an order that the
    /// device chooses.
    fn max_pool_adjoint(
        &mut self,
        window: &Window,
        saved: &Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let Saved::Windows(windows) = saved else {
            return Err(Error::Internal("a pooling that saved nothing".into()));
        };
        let b = self.backend;
        let [_, _, _, _, h, w] = dy.tensor.dims;
        let [i, n, g, c, height, width] = dx.tensor.dims;
        let [kernel, stride] = [window.kernel, window.stride].map(|two| two.map(|n| n as i64));
        let begin = window.padding.map(|sides| sides[0] as i64);
        let cotangent = self.scaled(dy.tensor.array()?, &dy.scale)?;
        let long = |d: usize, input: i64, output: i64| {
            (input + begin[d]).max((output - 1) * stride[d] + kernel[d])
        };
        let shape = [i, n, g, c, long(0, height, h), long(1, width, w)];
        let padded = b.zeros(&shape, F32)?;
        for tap in 0..kernel[0] * kernel[1] {
            let rows = padded.strided(4, tap / kernel[1], h, stride[0])?;
            let part = rows.strided(5, tap % kernel[1], w, stride[1])?;
            b.add_product_at(&part, &cotangent, &windows.narrow(0, tap, 1)?)?;
        }
        let inner = padded.narrow(4, begin[0], height)?.narrow(5, begin[1], width)?;
        self.add_into(dx, &b.copy(&inner, F32)?, &None)
    }

    fn mix(&mut self, inputs: &[(&Tensor, Option<Array>)], y: Target<'_, Tensor>) -> Result<()> {
        let mut sum = match y.overwrite {
            true => None,
            false => Some(y.tensor.array()?.clone()),
        };
        for (x, weight) in inputs {
            sum = Some(match (&sum, weight) {
                (None, weight) => self.scaled(x.array()?, weight)?,
                (Some(sum), None) => self.backend.add(sum, x.array()?)?,
                (Some(sum), Some(weight)) => {
                    let weight = weight.reshape(&[1, 1, weight.shape[0], 1, 1, 1])?;
                    self.backend.multiply_add(sum, x.array()?, &weight)?
                }
            });
        }
        match sum {
            Some(sum) => y.tensor.set(&sum),
            None => y.tensor.set(&self.backend.zeros(&y.tensor.dims, F32)?),
        }
    }

    fn concat(&mut self, inputs: &[&Tensor], y: &mut Tensor) -> Result<()> {
        let arrays = inputs.iter().map(|x| x.array()).collect::<Result<Vec<_>>>()?;
        y.set(&self.backend.concat(&arrays, 3)?)
    }

    fn concat_adjoint(
        &mut self,
        channel: usize,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let part = dy.tensor.array()?.narrow(3, channel as i64, dx.tensor.dims[3])?;
        let part = self.backend.copy(&part, F32)?;
        self.add_into(dx, &part, &dy.scale)
    }

    fn global_pool(&mut self, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let places = (x.dims[4] * x.dims[5]) as f64;
        let sums = self.backend.sum(x.array()?, &[4, 5], F64)?;
        y.set(&self.backend.copy(&self.backend.scale(&sums, 1.0 / places)?, F32)?)
    }

    fn global_pool_adjoint(
        &mut self,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
    ) -> Result<()> {
        let places = (dx.tensor.dims[4] * dx.tensor.dims[5]) as f64;
        let each = self.backend.scale(dy.tensor.array()?, 1.0 / places)?;
        let full = each.expand(&dx.tensor.dims)?;
        self.add_into(dx, &full, &dy.scale)
    }

    fn linear(&mut self, p: &Array, linear: &Linear, x: &Tensor, y: &mut Tensor) -> Result<()> {
        let b = self.backend;
        let ([_, n, g, c, ..], classes) = (x.dims, y.dims[3]);
        let input = b.copy(&x.array()?.reshape(&[n, g, c])?.permute(&[1, 0, 2])?, F64)?;
        let weight = b.copy(&self.parameters(p, linear.weight, &[g, classes, c])?, F64)?;
        let mut logits = b.product(&input, &weight.permute(&[0, 2, 1])?)?;
        if let Some(bias) = linear.bias {
            logits = b.add(&logits, &b.copy(&self.parameters(p, bias, &[g, 1, classes])?, F64)?)?;
        }
        y.set(&b.copy(&logits.permute(&[1, 0, 2])?, F32)?)
    }

    fn linear_adjoint(
        &mut self,
        p: &Array,
        linear: &Linear,
        x: &Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Tensor>,
        rows: &mut BlockRows,
    ) -> Result<()> {
        let b = self.backend;
        let ([i, n, g, classes, ..], c) = (dy.tensor.dims, x.dims[3]);
        let cotangent = self.scaled(dy.tensor.array()?, &dy.scale)?;
        let cotangent = cotangent.reshape(&[i, n, g, classes])?;
        // Gradient of the matrix: over images, for each cotangent.
        let of_class = b.copy(&cotangent.permute(&[2, 0, 3, 1])?, F64)?;
        let input = b.copy(&x.array()?.reshape(&[n, g, c])?.permute(&[1, 0, 2])?, F64)?;
        let gradient = b.product(&of_class.reshape(&[g, i * classes, n])?, &input)?;
        self.add_rows(rows, linear.column, &gradient.reshape(&[g, i, classes, c])?)?;
        let of_image = b.copy(&cotangent.permute(&[2, 0, 1, 3])?, F64)?;
        let weight = b.copy(&self.parameters(p, linear.weight, &[g, classes, c])?, F64)?;
        let full = b.product(&of_image.reshape(&[g, i * n, classes])?, &weight)?;
        let full = full.reshape(&[g, i, n, c])?.permute(&[1, 2, 0, 3])?;
        self.add_into(dx, &b.copy(&full, F32)?, &None)
    }
}
