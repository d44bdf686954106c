//! Copies of planes with zeros around them, made on the fly of what a convolution reads.

use super::super::simd::{Lanes, Vector, VectorKernel};

/// Size of planes and the zeros around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Padding {
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Zeros above and to the left.
    pub(crate) low: usize,
    /// Zeros below and to the right.
    pub(crate) high: usize,
}

impl Padding {
    /// Width with the zeros.
    pub(crate) fn row(&self) -> usize {
        self.low + self.width + self.high
    }
    /// Elements of a plane with the zeros.
    pub(crate) fn plane(&self) -> usize {
        self.row() * (self.low + self.height + self.high)
    }
}

/// What is copied, per element.
pub(crate) trait Elements: Copy {
    /// What the elements of a channel have in common.
    fn channel<V: Vector>(self, channel: usize) -> [V; 3];
    /// The vector for element `at`, counted over all channels.
    fn value<V: Vector>(self, channel: &[V; 3], at: usize) -> V;
}

/// The values themselves.
#[derive(Clone, Copy)]
pub(crate) struct Plain<'a>(pub(crate) &'a [Lanes]);

impl Elements for Plain<'_> {
    #[inline(always)]
    fn channel<V: Vector>(self, _: usize) -> [V; 3] {
        [V::splat(0.0); 3]
    }
    #[inline(always)]
    fn value<V: Vector>(self, _: &[V; 3], at: usize) -> V {
        V::load(&self.0[at])
    }
}

/// max(x, 0).
#[derive(Clone, Copy)]
pub(crate) struct Relu<'a>(pub(crate) &'a [Lanes]);

impl Elements for Relu<'_> {
    #[inline(always)]
    fn channel<V: Vector>(self, _: usize) -> [V; 3] {
        [V::splat(0.0); 3]
    }
    #[inline(always)]
    fn value<V: Vector>(self, _: &[V; 3], at: usize) -> V {
        V::load(&self.0[at]).relu()
    }
}

/// Fills `out`, `[channels]` padded planes, from contiguous planes.
pub(crate) struct Pad<'a, S> {
    pub(crate) source: S,
    pub(crate) channels: usize,
    pub(crate) padding: Padding,
    pub(crate) out: &'a mut [Lanes],
}

impl<S: Elements> VectorKernel for Pad<'_, S> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let p = self.padding;
        let plane = p.height * p.width;
        for c in 0..self.channels {
            let channel = self.source.channel::<V>(c);
            let out = &mut self.out[c * p.plane()..(c + 1) * p.plane()];
            let (above, rest) = out.split_at_mut(p.low * p.row());
            let (rows, below) = rest.split_at_mut(p.height * p.row());
            above.fill(Lanes::ZERO);
            below.fill(Lanes::ZERO);
            for (y, row) in rows.chunks_exact_mut(p.row()).enumerate() {
                let (left, rest) = row.split_at_mut(p.low);
                let (middle, right) = rest.split_at_mut(p.width);
                left.fill(Lanes::ZERO);
                right.fill(Lanes::ZERO);
                let at = c * plane + y * p.width;
                for (x, out) in middle.iter_mut().enumerate() {
                    self.source.value(&channel, at + x).store(out);
                }
            }
        }
    }
}
