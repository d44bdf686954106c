//! Convolutions: what is fixed by the geometry, worked out once; the passes over a batch.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::InstructionSet;
use super::super::simd::Lanes;
use super::correlate::{Correlate, Grid};
use super::padded::{Pad, Padding, Source};
use super::weight_gradient::WeightGradient;
use crate::network::Convolution;

/// One phase of an input adjoint: the inputs (phase + stride * m) are reached by these taps only.
#[derive(Debug)]
struct Phase {
    rows: usize,
    columns: usize,
    dx_grid: Grid,
    /// For each term: tap, and offset in the padded cotangent of its channel.
    taps: Vec<(usize, usize)>,
}

/// Everything about a convolution that its geometry and shapes determine.
#[derive(Debug)]
pub(crate) struct Layout {
    depthwise: bool,
    /// Kernel elements of one (output, input) channel pair.
    taps: usize,
    input: [usize; 3],
    output: [usize; 3],
    x_padding: Padding,
    x_grid: Grid,
    /// Offsets of taps in a padded input plane.
    x_offsets: Vec<usize>,
    dy_padding: Padding,
    dy_grid: Grid,
    phases: Vec<Phase>,
}

impl Layout {
    fn new(g: &Convolution, input: [usize; 3], output: [usize; 3]) -> Self {
        let ([_, h, w], [_, oh, ow]) = (input, output);
        // One axis: zeros needed below 0 and beyond the last input.
        let low = g.padding.max(0) as usize;
        let reach = |out: usize, size: usize| {
            let last = (out - 1) * g.stride + (g.kernel - 1) * g.dilation;
            (last as isize - g.padding - (size as isize - 1)).max(0) as usize
        };
        let high = reach(oh, h).max(reach(ow, w));
        let x_padding = Padding { height: h, width: w, low, high };
        let start = (low as isize - g.padding) as usize;
        let x_grid = Grid {
            origin: start * x_padding.row() + start,
            row: g.stride * x_padding.row(),
            column: g.stride,
        };
        let square = || (0..g.kernel).flat_map(|y| (0..g.kernel).map(move |x| (y, x)));
        let x_offsets = square().map(|(y, x)| (y * x_padding.row() + x) * g.dilation).collect();

        // Outputs that input (phase + stride * m) feeds through tap k: m + shift.
        let stride = g.stride as isize;
        let shift = |phase: usize, k: usize| {
            let d = phase as isize + g.padding - (k * g.dilation) as isize;
            (d.rem_euclid(stride) == 0).then(|| d.div_euclid(stride))
        };
        let length = |phase: usize, size: usize| (size - phase.min(size)).div_ceil(g.stride);
        let (mut dy_low, mut dy_high) = (0, 0);
        for phase in 0..g.stride {
            for s in (0..g.kernel).filter_map(|k| shift(phase, k)) {
                for (size, out) in [(h, oh), (w, ow)] {
                    let last = length(phase, size) as isize - 1 + s;
                    dy_low = dy_low.max(-s);
                    dy_high = dy_high.max(last - (out as isize - 1));
                }
            }
        }
        let dy_padding =
            Padding { height: oh, width: ow, low: dy_low as usize, high: dy_high as usize };
        let row = dy_padding.row();
        let dy_grid = Grid { origin: dy_padding.low * (row + 1), row, column: 1 };
        let mut phases = Vec::with_capacity(g.stride * g.stride);
        for (py, px) in (0..g.stride).flat_map(|y| (0..g.stride).map(move |x| (y, x))) {
            let taps = square()
                .enumerate()
                .filter_map(|(tap, (ky, kx))| {
                    let (sy, sx) = (shift(py, ky)?, shift(px, kx)?);
                    let at = (dy_low + sy) as usize * row + (dy_low + sx) as usize;
                    Some((tap, at))
                })
                .collect();
            let dx_grid = Grid { origin: py * w + px, row: g.stride * w, column: g.stride };
            phases.push(Phase { rows: length(py, h), columns: length(px, w), dx_grid, taps });
        }
        Layout {
            depthwise: g.depthwise,
            taps: g.kernel * g.kernel,
            input,
            output,
            x_padding,
            x_grid,
            x_offsets,
            dy_padding,
            dy_grid,
            phases,
        }
    }

    /// (output channels, input channels) that one kernel call sees, and how many calls.
    fn groups(&self) -> (usize, usize, usize) {
        if self.depthwise { (1, 1, self.output[0]) } else { (self.output[0], self.input[0], 1) }
    }

    /// Offsets of the terms (input channel, tap) in padded input planes.
    fn x_terms(&self, out: &mut Vec<usize>) {
        let (_, inputs, _) = self.groups();
        let plane = self.x_padding.plane();
        out.clear();
        out.extend((0..inputs).flat_map(|c| self.x_offsets.iter().map(move |o| c * plane + o)));
    }
}

/// Layouts by geometry and shapes, and memory that the passes reuse.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    layouts: HashMap<(Convolution, [usize; 3], [usize; 3]), Arc<Layout>>,
    x: Vec<Lanes>,
    dy: Vec<Lanes>,
    terms: Vec<usize>,
    weights: Vec<f32>,
    sums: Vec<Lanes>,
}

/// The first `len` of a buffer that grows as needed.
fn sized<T: Clone>(buffer: &mut Vec<T>, len: usize, value: T) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, value);
    }
    &mut buffer[..len]
}

impl Scratch {
    pub(crate) fn layout(
        &mut self,
        g: &Convolution,
        input: [usize; 3],
        output: [usize; 3],
    ) -> Arc<Layout> {
        let make = || Arc::new(Layout::new(g, input, output));
        self.layouts.entry((*g, input, output)).or_insert_with(make).clone()
    }

    /// Pads what a forward pass or a weight gradient reads.
    pub(crate) fn pad_x(&mut self, set: InstructionSet, l: &Layout, source: impl Source) {
        let channels = l.input[0];
        let out = sized(&mut self.x, channels * l.x_padding.plane(), Lanes::ZERO);
        set.run(Pad { source, channels, padding: l.x_padding, out });
    }

    /// Pads the cotangent that the adjoints read.
    pub(crate) fn pad_dy(&mut self, set: InstructionSet, l: &Layout, source: impl Source) {
        let channels = l.output[0];
        let out = sized(&mut self.dy, channels * l.dy_padding.plane(), Lanes::ZERO);
        set.run(Pad { source, channels, padding: l.dy_padding, out });
    }

    /// y of one block, from the padded x.
    pub(crate) fn forward(
        &mut self,
        set: InstructionSet,
        l: &Layout,
        weights: &[f32],
        y: &mut [Lanes],
    ) {
        let (channels, inputs, groups) = l.groups();
        l.x_terms(&mut self.terms);
        let size = channels * inputs * l.taps;
        let (x_plane, y_plane) = (l.x_padding.plane(), l.output[1] * l.output[2]);
        for g in 0..groups {
            set.run(Correlate {
                input: &self.x[g * inputs * x_plane..(g + 1) * inputs * x_plane],
                input_grid: l.x_grid,
                offsets: &self.terms,
                weights: &weights[g * size..(g + 1) * size],
                out: &mut y[g * channels * y_plane..(g + 1) * channels * y_plane],
                out_grid: Grid { origin: 0, row: l.output[2], column: 1 },
                out_plane: y_plane,
                channels,
                rows: l.output[1],
                columns: l.output[2],
                first: true,
                mask: None,
            });
        }
    }

    /// Clears the sums of the weight gradient.
    pub(crate) fn start_gradient(&mut self, l: &Layout) {
        let (channels, inputs, groups) = l.groups();
        let len = groups * channels * inputs * l.taps;
        sized(&mut self.sums, len, Lanes::ZERO).fill(Lanes::ZERO);
    }

    /// Adds one block's part, from the padded x and dy.
    pub(crate) fn add_gradient(&mut self, set: InstructionSet, l: &Layout) {
        let (channels, inputs, groups) = l.groups();
        l.x_terms(&mut self.terms);
        let size = channels * inputs * l.taps;
        let (x_plane, dy_plane) = (l.x_padding.plane(), l.dy_padding.plane());
        for g in 0..groups {
            set.run(WeightGradient {
                dy: &self.dy[g * channels * dy_plane..(g + 1) * channels * dy_plane],
                dy_grid: l.dy_grid,
                dy_plane,
                input: &self.x[g * inputs * x_plane..(g + 1) * inputs * x_plane],
                input_grid: l.x_grid,
                offsets: &self.terms,
                sums: &mut self.sums[g * size..(g + 1) * size],
                channels,
                rows: l.output[1],
                columns: l.output[2],
            });
        }
    }

    /// Adds the weight gradient to a row of J.
    pub(crate) fn finish_gradient(&self, row: &mut [f32], len: usize) {
        for (row, sum) in row.iter_mut().zip(&self.sums[..len]) {
            *row += sum.sum() as f32;
        }
    }

    /// dx of one block, from the padded dy. Where `mask` is not positive, dx gets nothing.
    pub(crate) fn input_adjoint(
        &mut self,
        set: InstructionSet,
        l: &Layout,
        weights: &[f32],
        mask: Option<&[Lanes]>,
        dx: &mut [Lanes],
        first: bool,
    ) {
        let (outputs, inputs, groups) = l.groups();
        let (dx_plane, dy_plane) = (l.input[1] * l.input[2], l.dy_padding.plane());
        for phase in &l.phases {
            self.terms.clear();
            let offset = |o: usize| phase.taps.iter().map(move |(_, at)| o * dy_plane + at);
            self.terms.extend((0..outputs).flat_map(offset));
            for g in 0..groups {
                // `[input, (output, tap)]`: the kernel transposed, this phase's taps only.
                self.weights.clear();
                for i in 0..inputs {
                    for o in 0..outputs {
                        let kernel = ((g * outputs + o) * inputs + i) * l.taps;
                        self.weights.extend(phase.taps.iter().map(|(t, _)| weights[kernel + t]));
                    }
                }
                let planes = g * inputs * dx_plane..(g + 1) * inputs * dx_plane;
                set.run(Correlate {
                    input: &self.dy[g * outputs * dy_plane..(g + 1) * outputs * dy_plane],
                    input_grid: Grid { origin: 0, row: l.dy_padding.row(), column: 1 },
                    offsets: &self.terms,
                    weights: &self.weights,
                    out: &mut dx[planes.clone()],
                    out_grid: phase.dx_grid,
                    out_plane: dx_plane,
                    channels: inputs,
                    rows: phase.rows,
                    columns: phase.columns,
                    first,
                    mask: mask.map(|m| &m[planes.clone()]),
                });
            }
        }
    }
}
