//! The kernel behind convolutions and their input adjoints.
//!
//! out[c, y, x] = sum over q of weight[c, q] * input[origin + y * row + x * column + offset[q]].
//! A term q is one (input channel, tap) pair; strides, dilation and the phases of a strided
//! adjoint are all in the offsets.

use super::super::simd::{Lanes, Vector, VectorKernel};

/// Where an element (y, x) lies: `origin + y * row + x * column`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) origin: usize,
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl Grid {
    #[inline(always)]
    pub(crate) fn at(&self, y: usize, x: usize) -> usize {
        self.origin + y * self.row + x * self.column
    }
}

/// The arguments.
pub(crate) struct Correlate<'a> {
    pub(crate) input: &'a [Lanes],
    pub(crate) input_grid: Grid,
    pub(crate) offsets: &'a [usize],
    /// `[channels, offsets]`.
    pub(crate) weights: &'a [f32],
    pub(crate) out: &'a mut [Lanes],
    pub(crate) out_grid: Grid,
    /// Distance of output channels.
    pub(crate) out_plane: usize,
    pub(crate) channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Write instead of adding.
    pub(crate) overwrite: bool,
}

impl VectorKernel for Correlate<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        let (y, x) = (self.rows - 1, self.columns - 1);
        let far = self.offsets.iter().max().copied().unwrap_or(0);
        let last_out = (self.channels - 1) * self.out_plane + self.out_grid.at(y, x);
        assert!(self.offsets.is_empty() || self.input_grid.at(y, x) + far < self.input.len());
        assert!(last_out < self.out.len());
        assert_eq!(self.weights.len(), self.channels * self.offsets.len());
        for y in 0..self.rows {
            let mut c = 0;
            while c < self.channels {
                // As many sums as stay in registers beside their inputs and a weight: twelve of
                // sixteen. The tile's shape changes no sum.
                let wide = V::REGISTERS >= 32;
                c += match self.channels - c {
                    1 => self.row::<V, 1, 8>(c, y),
                    2 if wide => self.row::<V, 2, 8>(c, y),
                    2 => self.row::<V, 2, 4>(c, y),
                    4 if wide => self.row::<V, 4, 4>(c, y),
                    4 => self.row::<V, 4, 2>(c, y),
                    _ if wide => self.row::<V, 3, 6>(c, y),
                    _ => self.row::<V, 3, 4>(c, y),
                };
            }
        }
    }
}

impl Correlate<'_> {
    /// A row of C channels from `c` on, X columns at a time; returns C.
    #[inline(always)]
    fn row<V: Vector, const C: usize, const X: usize>(&mut self, c: usize, y: usize) -> usize {
        let mut x = 0;
        while x + X <= self.columns {
            self.tile::<V, C, X>(c, y, x);
            x += X;
        }
        // What is left over at once too: planes of 3 x 3 are nothing else.
        match self.columns - x {
            0 => {}
            1 => self.tile::<V, C, 1>(c, y, x),
            2 => self.tile::<V, C, 2>(c, y, x),
            3 => self.tile::<V, C, 3>(c, y, x),
            4 => self.tile::<V, C, 4>(c, y, x),
            _ => {
                self.tile::<V, C, 4>(c, y, x);
                (x + 4..self.columns).for_each(|x| self.tile::<V, C, 1>(c, y, x));
            }
        }
        C
    }

    #[inline(always)]
    #[allow(unsafe_code, reason = "the innermost loop of the engine")]
    fn tile<V: Vector, const C: usize, const X: usize>(&mut self, c: usize, y: usize, x: usize) {
        let base = self.input.as_ptr().wrapping_add(self.input_grid.at(y, x));
        // A distance that the compiler knows becomes part of the instruction.
        let sums = if self.input_grid.column == 1 {
            self.sums::<V, C, X>(c, base, 1)
        } else {
            self.sums::<V, C, X>(c, base, self.input_grid.column)
        };
        for (i, sums) in sums.into_iter().enumerate() {
            for (j, mut sum) in sums.into_iter().enumerate() {
                let at = (c + i) * self.out_plane + self.out_grid.at(y, x + j);
                // SAFETY: `run` has checked the largest index that any tile forms.
                let out = unsafe { self.out.get_unchecked_mut(at) };
                if !self.overwrite {
                    sum = V::load(out).add(sum);
                }
                sum.store(out);
            }
        }
    }

    #[inline(always)]
    #[allow(unsafe_code, reason = "the innermost loop of the engine")]
    fn sums<V: Vector, const C: usize, const X: usize>(
        &self,
        c: usize,
        base: *const Lanes,
        column: usize,
    ) -> [[V; X]; C] {
        let terms = self.offsets.len();
        let weights = self.weights.as_ptr().wrapping_add(c * terms);
        let mut sums = [[V::splat(0.0); X]; C];
        for (q, offset) in self.offsets.iter().enumerate() {
            // Weights in registers, inputs one after the other: with three channels and four
            // columns exactly the sixteen that AVX2 has.
            let mut factors = [V::splat(0.0); C];
            for (i, factor) in factors.iter_mut().enumerate() {
                // SAFETY: c + i < channels and q < terms; `run` has checked the length.
                *factor = V::splat(unsafe { *weights.add(i * terms + q) });
            }
            for j in 0..X {
                // SAFETY: `run` has checked the largest index that any tile forms.
                let input = V::load(unsafe { &*base.add(*offset + j * column) });
                for (sums, factor) in sums.iter_mut().zip(factors) {
                    sums[j] = input.mul_add(factor, sums[j]);
                }
            }
        }
        sums
    }
}
