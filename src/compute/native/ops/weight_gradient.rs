//! The weight gradient of a convolution for one cotangent.
//!
//! sums[c, q] += sum over y, x of dy[c, y, x] * input[origin + y * row + x * column + offset[q]],
//! lane by lane; lanes are added up at the very end.

#![allow(clippy::needless_range_loop, reason = "arrays in step, unrolled")]

use super::super::simd::{Lanes, Vector, VectorKernel};
use super::correlate::Grid;

/// Rows of a strip: what a strip reads stays in the first cache.
const STRIP: usize = 4;

/// The arguments.
pub(crate) struct WeightGradient<'a> {
    pub(crate) dy: &'a [Lanes],
    pub(crate) dy_grid: Grid,
    /// Distance of output channels.
    pub(crate) dy_plane: usize,
    pub(crate) input: &'a [Lanes],
    pub(crate) input_grid: Grid,
    pub(crate) offsets: &'a [usize],
    /// `[channels, offsets]`.
    pub(crate) sums: &'a mut [Lanes],
    pub(crate) channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl VectorKernel for WeightGradient<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        if self.rows == 0 || self.columns == 0 || self.offsets.is_empty() {
            return;
        }
        let (y, x) = (self.rows - 1, self.columns - 1);
        let far = self.offsets.iter().max().copied().unwrap_or(0);
        assert!(self.input_grid.at(y, x) + far < self.input.len());
        assert!((self.channels - 1) * self.dy_plane + self.dy_grid.at(y, x) < self.dy.len());
        assert_eq!(self.sums.len(), self.channels * self.offsets.len());
        let window = TapRows::of(self.offsets).filter(|_| self.channels == 1);
        let mut top = 0;
        while top < self.rows {
            let strip = top..(top + STRIP).min(self.rows);
            top = strip.end;
            if let Some(window) = window {
                self.window::<V>(window, &strip);
                continue;
            }
            let mut c = 0;
            while c < self.channels {
                c += match self.channels - c {
                    1 => self.channels_1::<V>(c, &strip),
                    2 => self.channels_2::<V>(c, &strip),
                    4 => self.channels_4::<V>(c, &strip),
                    _ => self.channels_3::<V>(c, &strip),
                };
            }
        }
    }
}

/// The terms of a depthwise convolution as a square of taps, each row evenly spaced: one pointer a
/// row instead of one a term, which would not fit the registers.
#[derive(Debug, Clone, Copy)]
struct TapRows {
    kernel: usize,
    /// Distance of taps in a row.
    step: usize,
}

impl TapRows {
    fn of(offsets: &[usize]) -> Option<Self> {
        let kernel = match offsets.len() {
            9 => 3,
            25 => 5,
            _ => return None,
        };
        let step = offsets[1] - offsets[0];
        let even = |row: &[usize]| row.iter().enumerate().all(|(t, o)| *o == row[0] + t * step);
        let known = step == 1 || step == 2;
        (known && offsets.chunks_exact(kernel).all(even)).then_some(TapRows { kernel, step })
    }
}

/// Walks all terms in groups: `terms left => (C, terms, columns at once)`. C * terms * columns sums
/// stay in registers; 8 or more hide the latency of a multiply-add.
macro_rules! groups {
    ($name:ident, $channels:literal, $($left:pat => ($terms:literal, $unroll:literal)),+) => {
        #[inline(always)]
        fn $name<V: Vector>(&mut self, c: usize, strip: &std::ops::Range<usize>) -> usize {
            let mut q = 0;
            while q < self.offsets.len() {
                q += match self.offsets.len() - q {
                    $($left => self.tile::<V, $channels, $terms, $unroll>(c, q, strip)),+
                };
            }
            $channels
        }
    };
}

impl WeightGradient<'_> {
    groups!(channels_1, 1,
        1 => (1, 8), 2 => (2, 4), 3 => (3, 2), 4 => (4, 2), 5 => (5, 2), 6 => (6, 1),
        7 => (7, 1), 8 | 16 => (8, 1), 10..=15 => (5, 2), 17..=24 => (8, 1), _ => (9, 1));
    groups!(channels_2, 2, 1 => (1, 4), 2 => (2, 2), 3 => (3, 2), 5 => (5, 1), _ => (4, 1));
    groups!(channels_3, 3, 1 => (1, 4), 2 => (2, 2), 3 => (3, 1), _ => (4, 1));
    groups!(channels_4, 4, 1 => (1, 2), 2 => (2, 1), _ => (3, 1));

    /// All terms of one channel's window over a strip of rows.
    #[inline(always)]
    fn window<V: Vector>(&mut self, window: TapRows, strip: &std::ops::Range<usize>) {
        match (window.kernel, window.step) {
            (3, 1) => self.window_rows::<V, 3, 3, 1>(0, strip),
            (3, _) => self.window_rows::<V, 3, 3, 2>(0, strip),
            (_, 1) => {
                self.window_rows::<V, 3, 5, 1>(0, strip);
                self.window_rows::<V, 2, 5, 1>(3, strip);
            }
            _ => {
                self.window_rows::<V, 3, 5, 2>(0, strip);
                self.window_rows::<V, 2, 5, 2>(3, strip);
            }
        }
    }

    /// R rows of K taps, S apart, from row `row` of the window on.
    #[inline(always)]
    fn window_rows<V: Vector, const R: usize, const K: usize, const S: usize>(
        &mut self,
        row: usize,
        strip: &std::ops::Range<usize>,
    ) {
        let mut sums = [[V::splat(0.0); K]; R];
        for r in 0..R {
            for k in 0..K {
                sums[r][k] = V::load(&self.sums[(row + r) * K + k]);
            }
        }
        for y in strip.clone() {
            let dy = self.dy.as_ptr().wrapping_add(self.dy_grid.at(y, 0));
            let mut input = [self.input.as_ptr(); R];
            for (r, input) in input.iter_mut().enumerate() {
                let offset = self.offsets[(row + r) * K];
                *input = input.wrapping_add(self.input_grid.at(y, 0) + offset);
            }
            if self.input_grid.column == 1 {
                window_columns::<V, R, K, S>(&mut sums, dy, input, self.columns, 1);
            } else {
                let stride = self.input_grid.column;
                window_columns::<V, R, K, S>(&mut sums, dy, input, self.columns, stride);
            }
        }
        for r in 0..R {
            for k in 0..K {
                sums[r][k].store(&mut self.sums[(row + r) * K + k]);
            }
        }
    }

    /// Terms q to q + T of channels c to c + C over a strip of rows, U columns at once; returns T.
    #[inline(always)]
    fn tile<V: Vector, const C: usize, const T: usize, const U: usize>(
        &mut self,
        c: usize,
        q: usize,
        strip: &std::ops::Range<usize>,
    ) -> usize {
        let terms = self.offsets.len();
        let mut sums = [[[V::splat(0.0); T]; C]; U];
        for i in 0..C {
            for t in 0..T {
                sums[0][i][t] = V::load(&self.sums[(c + i) * terms + q + t]);
            }
        }
        for y in strip.clone() {
            // Pointers to the row's first column: one register each, and one index for all.
            let (dy_at, input_at) = (self.dy_grid.at(y, 0), self.input_grid.at(y, 0));
            let mut dy = [self.dy.as_ptr(); C];
            for (i, dy) in dy.iter_mut().enumerate() {
                *dy = dy.wrapping_add(dy_at + (c + i) * self.dy_plane);
            }
            let mut input = [self.input.as_ptr(); T];
            for (t, input) in input.iter_mut().enumerate() {
                *input = input.wrapping_add(input_at + self.offsets[q + t]);
            }
            if self.input_grid.column == 1 {
                columns(&mut sums, dy, input, self.columns, 1);
            } else {
                columns(&mut sums, dy, input, self.columns, self.input_grid.column);
            }
        }
        for i in 0..C {
            for t in 0..T {
                let mut sum = sums[0][i][t];
                for part in &sums[1..] {
                    sum = sum.add(part[i][t]);
                }
                sum.store(&mut self.sums[(c + i) * terms + q + t]);
            }
        }
        T
    }
}

/// One row. Functions, not closures: closures are not always inlined, and then neither are the
/// intrinsics in them.
#[inline(always)]
fn columns<V: Vector, const C: usize, const T: usize, const U: usize>(
    sums: &mut [[[V; T]; C]; U],
    dy: [*const Lanes; C],
    input: [*const Lanes; T],
    count: usize,
    stride: usize,
) {
    let whole = count / U;
    for x in 0..whole {
        for (u, sums) in sums.iter_mut().enumerate() {
            column(sums, &dy, &input, x * U + u, (x * U + u) * stride);
        }
    }
    for x in whole * U..count {
        column(&mut sums[0], &dy, &input, x, x * stride);
    }
}

#[inline(always)]
#[allow(unsafe_code, reason = "the innermost loop of the engine")]
fn column<V: Vector, const C: usize, const T: usize>(
    sums: &mut [[V; T]; C],
    dy: &[*const Lanes; C],
    input: &[*const Lanes; T],
    dy_at: usize,
    input_at: usize,
) {
    let mut values = [V::splat(0.0); C];
    for i in 0..C {
        // SAFETY: `run` has checked the largest index that any tile forms.
        values[i] = V::load(unsafe { &*dy[i].add(dy_at) });
    }
    for t in 0..T {
        // SAFETY: as above.
        let input = V::load(unsafe { &*input[t].add(input_at) });
        for i in 0..C {
            sums[i][t] = values[i].mul_add(input, sums[i][t]);
        }
    }
}

/// One row for R rows of K taps, S apart.
#[inline(always)]
#[allow(unsafe_code, reason = "the innermost loop of the engine")]
fn window_columns<V: Vector, const R: usize, const K: usize, const S: usize>(
    sums: &mut [[V; K]; R],
    dy: *const Lanes,
    input: [*const Lanes; R],
    count: usize,
    stride: usize,
) {
    for x in 0..count {
        // SAFETY: `run` has checked the largest index that any term forms.
        let value = V::load(unsafe { &*dy.add(x) });
        for r in 0..R {
            for k in 0..K {
                // SAFETY: as above.
                let input = V::load(unsafe { &*input[r].add(x * stride + k * S) });
                sums[r][k] = value.mul_add(input, sums[r][k]);
            }
        }
    }
}
