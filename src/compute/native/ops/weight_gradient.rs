//! The weight gradient of a convolution for one cotangent.
//!
//! sums[c, q] += sum over y, x of dy[c, y, x] * input[origin + y * row + x * column + offset[q]],
//! lane by lane; lanes are added up at the very end.

use super::super::simd::{Job, Lanes, Vector};
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

impl Job for WeightGradient<'_> {
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
        let mut top = 0;
        while top < self.rows {
            let strip = top..(top + STRIP).min(self.rows);
            let mut c = 0;
            while c < self.channels {
                c += match self.channels - c {
                    1 => self.channels_1::<V>(c, &strip),
                    2 => self.channels_2::<V>(c, &strip),
                    4 => self.channels_4::<V>(c, &strip),
                    _ => self.channels_3::<V>(c, &strip),
                };
            }
            top = strip.end;
        }
    }
}

/// Walks all terms in groups: `terms left => (C, terms, columns at once)`. C * terms * columns sums
/// stay in registers; at least 8 hide the latency of a multiply-add.
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

    /// One column. A method, not a closure: closures are not always inlined, and then neither are
    /// the intrinsics in them.
    #[inline(always)]
    #[allow(unsafe_code, reason = "the innermost loop of the engine")]
    fn step<V: Vector, const C: usize, const T: usize>(
        &self,
        c: usize,
        offsets: &[usize; T],
        sums: &mut [[V; T]; C],
        dy_at: usize,
        input_at: usize,
    ) {
        let mut dy = [V::splat(0.0); C];
        for (i, dy) in dy.iter_mut().enumerate() {
            // SAFETY: `run` has checked the largest index that any tile forms.
            *dy = V::load(unsafe { self.dy.get_unchecked(dy_at + (c + i) * self.dy_plane) });
        }
        for t in 0..T {
            // SAFETY: as above.
            let input = V::load(unsafe { self.input.get_unchecked(input_at + offsets[t]) });
            for i in 0..C {
                sums[i][t] = dy[i].mul_add(input, sums[i][t]);
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
        let offsets: [usize; T] = std::array::from_fn(|t| self.offsets[q + t]);
        let mut sums = [[[V::splat(0.0); T]; C]; U];
        for (i, sums) in sums[0].iter_mut().enumerate() {
            for (t, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(&self.sums[(c + i) * terms + q + t]);
            }
        }
        for y in strip.clone() {
            let (mut dy_at, mut input_at) = (self.dy_grid.at(y, 0), self.input_grid.at(y, 0));
            let mut x = 0;
            while x + U <= self.columns {
                for sums in &mut sums {
                    self.step(c, &offsets, sums, dy_at, input_at);
                    dy_at += self.dy_grid.column;
                    input_at += self.input_grid.column;
                }
                x += U;
            }
            while x < self.columns {
                self.step(c, &offsets, &mut sums[0], dy_at, input_at);
                dy_at += self.dy_grid.column;
                input_at += self.input_grid.column;
                x += 1;
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
