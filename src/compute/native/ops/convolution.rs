//! Convolutions: what is fixed by the geometry, worked out once; the passes over a batch.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::InstructionSet;
use super::super::simd::Lanes;
use super::super::tensor::Tensor;
use super::correlate::{Correlate, Grid};
use super::padded::{Elements, Pad, Padding, Plain};
use super::weight_gradient::WeightGradient;
use crate::error::{Result, try_resize};
use crate::network::Convolution;

/// One phase of an input adjoint: the inputs (phase + stride * m) are reached by these taps only.
#[derive(Debug)]
struct Phase {
    rows: usize,
    columns: usize,
    dx_grid: Grid,
    /// For each term: tap, and the output that input 0 of the phase feeds through it, [y, x].
    taps: Vec<(usize, [isize; 2])>,
}

/// Everything about a convolution that its geometry and shapes determine.
#[derive(Debug)]
pub(crate) struct Layout {
    geometry: Convolution,
    /// Output channels that one kernel call sees.
    outputs: usize,
    /// Input channels that it sees.
    inputs: usize,
    /// Kernel calls: groups of channels.
    groups: usize,
    /// Kernel elements of one (output, input) channel pair.
    taps: usize,
    /// Those that ever read an input; the others count for nothing.
    live: Vec<usize>,
    input: [usize; 3],
    output: [usize; 3],
    /// Zeros around the planes that the forward pass and the weight gradient read.
    x_padding: Padding,
    /// Whether the input comes without them.
    copies_x: bool,
    x_grid: Grid,
    /// Offsets of the terms (input channel, live tap) in those planes.
    x_terms: Vec<usize>,
    dy_padding: Padding,
    phases: Vec<Phase>,
}

impl Layout {
    fn new(g: &Convolution, input: [usize; 3], output: [usize; 3], halo: usize) -> Self {
        let ([_, h, w], [_, oh, ow]) = (input, output);
        let reach = g.reach(input, output);
        let low = halo.max(reach);
        let x_padding = Padding { height: h, width: w, low, high: low };
        let row = x_padding.row();
        let ys: Vec<usize> = g.taps(0, h, oh).collect();
        let xs: Vec<usize> = g.taps(1, w, ow).collect();
        let square = || ys.iter().flat_map(|y| xs.iter().map(move |x| (*y, *x)));
        let live = square().map(|(y, x)| y * g.kernel[1] + x).collect();
        let groups = g.groups;
        let (outputs, inputs) = (output[0] / groups, input[0] / groups);
        // From what the first live tap reads for the first output: no other may lie in the plane.
        let (top, left) = (ys.first().copied().unwrap_or(0), xs.first().copied().unwrap_or(0));
        let start = |axis: usize, tap: usize| {
            let at = (low + tap * g.dilation[axis]) as isize - g.padding[axis][0];
            usize::try_from(at).unwrap_or(0)
        };
        let origin = start(0, top) * row + start(1, left);
        let x_grid = Grid { origin, row: g.stride[0] * row, column: g.stride[1] };
        let offset = |c: usize, y: usize, x: usize| {
            c * x_padding.plane() + (y - top) * g.dilation[0] * row + (x - left) * g.dilation[1]
        };
        let x_terms = (0..inputs)
            .flat_map(|c| square().map(move |(y, x)| (c, y, x)))
            .map(|(c, y, x)| offset(c, y, x))
            .collect();

        // Outputs that input (phase + stride * m) feeds through tap k: m + shift.
        let shift = |axis: usize, phase: usize, k: usize| {
            let stride = g.stride[axis] as isize;
            let d = phase as isize + g.padding[axis][0] - (k * g.dilation[axis]) as isize;
            (d.rem_euclid(stride) == 0).then(|| d.div_euclid(stride))
        };
        let length = |axis: usize, phase: usize, size: usize| {
            (size - phase.min(size)).div_ceil(g.stride[axis])
        };
        let (mut dy_low, mut dy_high) = (0, 0);
        for (axis, taps, size, out) in [(0, &ys, h, oh), (1, &xs, w, ow)] {
            for phase in 0..g.stride[axis] {
                for s in taps.iter().filter_map(|k| shift(axis, phase, *k)) {
                    let last = length(axis, phase, size) as isize - 1 + s;
                    dy_low = dy_low.max(-s);
                    dy_high = dy_high.max(last - (out as isize - 1));
                }
            }
        }
        let dy_padding =
            Padding { height: oh, width: ow, low: dy_low as usize, high: dy_high as usize };
        let [sy, sx] = g.stride;
        let mut phases = Vec::with_capacity(sy * sx);
        for (py, px) in (0..sy).flat_map(|y| (0..sx).map(move |x| (y, x))) {
            let tap = |(ky, kx): (usize, usize)| {
                Some((ky * g.kernel[1] + kx, [shift(0, py, ky)?, shift(1, px, kx)?]))
            };
            let taps = square().filter_map(tap).collect();
            let dx_grid = Grid { origin: py * w + px, row: sy * w, column: sx };
            phases.push(Phase { rows: length(0, py, h), columns: length(1, px, w), dx_grid, taps });
        }
        Layout {
            geometry: *g,
            outputs,
            inputs,
            groups,
            taps: g.kernel_size(),
            live,
            input,
            output,
            x_padding,
            copies_x: halo < reach,
            x_grid,
            x_terms,
            dy_padding,
            phases,
        }
    }

    /// Number of weights.
    pub(crate) fn weights(&self) -> usize {
        self.groups * self.outputs * self.inputs * self.taps
    }

    /// Weights of one output channel.
    pub(crate) fn fan_in(&self) -> usize {
        self.inputs * self.taps
    }

    /// The tap of `other` that reads what this convolution reads, if it is 1x1: its weight gradient is
    /// that tap's.
    pub(crate) fn tap_of(&self, other: &Layout) -> Option<usize> {
        let (g, o) = (&self.geometry, &other.geometry);
        let alike = g.kernel == [1, 1] && g.stride == o.stride && g.groups == 1 && o.groups == 1;
        let tap = |axis: usize| {
            let apart = usize::try_from(o.padding[axis][0] - g.padding[axis][0]).ok()?;
            let tap = apart / o.dilation[axis];
            (apart.is_multiple_of(o.dilation[axis]) && tap < o.kernel[axis]).then_some(tap)
        };
        Some(tap(0)? * o.kernel[1] + tap(1)?).filter(|_| alike)
    }

    fn output_plane(&self) -> usize {
        self.output[1] * self.output[2]
    }
}

/// What a layout depends on: geometry, input and output shape, halo of the input.
type LayoutKey = (Convolution, [usize; 3], [usize; 3], usize);

/// Layouts, and memory that the passes reuse.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    layouts: HashMap<LayoutKey, Arc<Layout>>,
    x: Vec<Lanes>,
    dy: Vec<Lanes>,
    terms: Vec<usize>,
    weights: Vec<f32>,
    sums: Vec<Lanes>,
}

/// The first `len` of a buffer that grows as needed.
fn sized(buffer: &mut Vec<Lanes>, len: usize) -> Result<&mut [Lanes]> {
    if buffer.len() < len {
        try_resize(buffer, len, Lanes::ZERO, "planes of a convolution")?;
    }
    Ok(&mut buffer[..len])
}

impl Scratch {
    /// The layout of a convolution of an input whose planes have a halo.
    pub(crate) fn layout(
        &mut self,
        g: &Convolution,
        input: [usize; 3],
        output: [usize; 3],
        halo: usize,
    ) -> Arc<Layout> {
        let make = || Arc::new(Layout::new(g, input, output, halo));
        self.layouts.entry((*g, input, output, halo)).or_insert_with(make).clone()
    }

    /// Block `b` of x with the zeros around it that the layout asks for.
    fn padded_x<'a>(
        buffer: &'a mut Vec<Lanes>,
        set: InstructionSet,
        l: &Layout,
        x: &'a Tensor,
        b: usize,
    ) -> Result<&'a [Lanes]> {
        if !l.copies_x {
            return Ok(x.block(b));
        }
        assert_eq!(x.shape.halo, 0, "a halo, where there is one, has the reach of all its readers");
        let (channels, padding) = (l.input[0], l.x_padding);
        let out = sized(buffer, channels * padding.plane())?;
        set.run(Pad { source: Plain(x.block(b)), channels, padding, out });
        Ok(out)
    }

    /// Lays out the weights for `forward`.
    pub(crate) fn load(&mut self, l: &Layout, weights: &[f32]) {
        let kernels = weights[..l.weights()].chunks_exact(l.taps);
        self.weights.clear();
        self.weights.extend(kernels.flat_map(|kernel| l.live.iter().map(|t| kernel[*t])));
    }

    /// y of block `b`, with the weights that were loaded.
    pub(crate) fn forward(
        &mut self,
        set: InstructionSet,
        l: &Layout,
        x: &Tensor,
        b: usize,
        y: &mut [Lanes],
    ) -> Result<()> {
        let x = Self::padded_x(&mut self.x, set, l, x, b)?;
        let size = l.outputs * l.x_terms.len();
        let (x_plane, y_plane) = (l.x_padding.plane(), l.output_plane());
        for g in 0..l.groups {
            set.run(Correlate {
                input: &x[g * l.inputs * x_plane..(g + 1) * l.inputs * x_plane],
                input_grid: l.x_grid,
                offsets: &l.x_terms,
                weights: &self.weights[g * size..(g + 1) * size],
                out: &mut y[g * l.outputs * y_plane..(g + 1) * l.outputs * y_plane],
                out_grid: Grid { origin: 0, row: l.output[2], column: 1 },
                out_plane: y_plane,
                channels: l.outputs,
                rows: l.output[1],
                columns: l.output[2],
                overwrite: true,
            });
        }
        Ok(())
    }

    /// The sums over places and images of dy times what each weight reads, `[out, in, taps]`: the
    /// weight gradient. The cotangent is that of `dy` from block `first` on.
    pub(crate) fn gradient(
        &mut self,
        set: InstructionSet,
        l: &Layout,
        x: &Tensor,
        dy: &Tensor,
        first: usize,
    ) -> Result<Vec<f64>> {
        let size = l.outputs * l.x_terms.len();
        let (x_plane, dy_plane) = (l.x_padding.plane(), l.output_plane());
        let sums = sized(&mut self.sums, l.groups * size)?;
        sums.fill(Lanes::ZERO);
        for b in 0..x.blocks() {
            let dy = dy.block(first + b);
            let x = Self::padded_x(&mut self.x, set, l, x, b)?;
            for g in 0..l.groups {
                set.run(WeightGradient {
                    dy: &dy[g * l.outputs * dy_plane..(g + 1) * l.outputs * dy_plane],
                    dy_grid: Grid { origin: 0, row: l.output[2], column: 1 },
                    dy_plane,
                    input: &x[g * l.inputs * x_plane..(g + 1) * l.inputs * x_plane],
                    input_grid: l.x_grid,
                    offsets: &l.x_terms,
                    sums: &mut sums[g * size..(g + 1) * size],
                    channels: l.outputs,
                    rows: l.output[1],
                    columns: l.output[2],
                });
            }
        }
        let mut gradient = vec![0.0; l.weights()];
        let kernels = gradient.chunks_exact_mut(l.taps).zip(sums.chunks_exact(l.live.len().max(1)));
        for (kernel, sums) in kernels {
            for (t, sum) in l.live.iter().zip(sums) {
                kernel[*t] = sum.sum();
            }
        }
        Ok(gradient)
    }

    /// The weight gradients of convolutions of the same x and dy.
    pub(crate) fn gradients(
        &mut self,
        set: InstructionSet,
        layouts: &[Arc<Layout>],
        x: &Tensor,
        dy: &Tensor,
        first: usize,
    ) -> Result<Vec<Vec<f64>>> {
        let mut all: Vec<Vec<f64>> = vec![Vec::new(); layouts.len()];
        // What another's tap gives is not computed again.
        let of = |n: usize| {
            let others = layouts.iter().enumerate().filter(|(m, l)| *m != n && l.taps > 1);
            others.filter_map(|(m, l)| Some((m, layouts[n].tap_of(l)?))).next()
        };
        for (n, layout) in layouts.iter().enumerate().filter(|(n, _)| of(*n).is_none()) {
            all[n] = self.gradient(set, layout, x, dy, first)?;
        }
        for n in 0..layouts.len() {
            if let Some((m, tap)) = of(n) {
                let kernels = all[m].chunks_exact(layouts[m].taps);
                all[n] = kernels.map(|kernel| kernel[tap]).collect();
            }
        }
        Ok(all)
    }

    /// dx of the blocks of one cotangent: for each part, an adjoint of the cotangent that its source
    /// gives. `source(part, block)`; the parts have one input and one output shape.
    pub(crate) fn input_adjoint<S: Elements>(
        &mut self,
        set: InstructionSet,
        parts: &[Part<'_>],
        source: impl Fn(usize, usize) -> S,
        dx: &mut [Lanes],
        overwrite: bool,
    ) -> Result<()> {
        let l = parts[0].layout;
        let padding = parts.iter().map(|p| p.layout.dy_padding).reduce(|a, b| Padding {
            low: a.low.max(b.low),
            high: a.high.max(b.high),
            ..a
        });
        let Some(padding) = padding else { return Ok(()) };
        let (channels, dy_plane) = (l.output[0], padding.plane());
        let dx_plane = l.input[1] * l.input[2];
        self.terms.clear();
        self.weights.clear();
        for phase in 0..l.phases.len() {
            for (n, part) in parts.iter().enumerate() {
                for o in 0..l.outputs {
                    let at = |[y, x]: [isize; 2]| {
                        let low = padding.low as isize;
                        (low + y) as usize * padding.row() + (low + x) as usize
                    };
                    let plane = (n * channels + o) * dy_plane;
                    let taps = &part.layout.phases[phase].taps;
                    self.terms.extend(taps.iter().map(|(_, yx)| plane + at(*yx)));
                }
            }
            // `[group, input, (part, output, tap)]`: kernels transposed, this phase's taps only.
            for (g, i) in (0..l.groups).flat_map(|g| (0..l.inputs).map(move |i| (g, i))) {
                for part in parts {
                    for o in 0..l.outputs {
                        let k = &part.layout;
                        let kernel = &part.weights[((g * k.outputs + o) * k.inputs + i) * k.taps..];
                        let weight = |(t, _): &(usize, _)| part.scale * kernel[*t];
                        let taps = &part.layout.phases[phase].taps;
                        self.weights.extend(taps.iter().map(weight));
                    }
                }
            }
        }
        let out = sized(&mut self.dy, parts.len() * channels * dy_plane)?;
        for (b, dx) in dx.chunks_exact_mut(l.input[0] * dx_plane).enumerate() {
            for (n, out) in out.chunks_exact_mut(channels * dy_plane).enumerate() {
                set.run(Pad { source: source(n, b), channels, padding, out });
            }
            let (mut terms, mut weights) = (&self.terms[..], &self.weights[..]);
            for (n, phase) in l.phases.iter().enumerate() {
                let count = parts.iter().map(|p| p.layout.phases[n].taps.len()).sum::<usize>();
                let offsets = terms.split_off(..count * l.outputs).unwrap_or_default();
                for g in 0..l.groups {
                    set.run(Correlate {
                        input: &out[g * l.outputs * dy_plane..],
                        input_grid: Grid { origin: 0, row: padding.row(), column: 1 },
                        offsets,
                        weights: weights.split_off(..l.inputs * offsets.len()).unwrap_or_default(),
                        out: &mut dx[g * l.inputs * dx_plane..(g + 1) * l.inputs * dx_plane],
                        out_grid: phase.dx_grid,
                        out_plane: dx_plane,
                        channels: l.inputs,
                        rows: phase.rows,
                        columns: phase.columns,
                        overwrite,
                    });
                }
            }
        }
        Ok(())
    }
}

/// One of the convolutions of an input adjoint.
pub(crate) struct Part<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) weights: &'a [f32],
    /// What the cotangent is multiplied by.
    pub(crate) scale: f32,
}
