//! Mixing, concatenation, ReLU's adjoint: loops over elements.

use super::super::simd::{Job, Lanes, Vector};

/// y (+)= weight x, where `mask`, if any, is positive.
pub(crate) struct AddScaled<'a> {
    pub(crate) x: &'a [Lanes],
    pub(crate) weight: f32,
    pub(crate) mask: Option<&'a [Lanes]>,
    pub(crate) y: &'a mut [Lanes],
    /// Write instead of adding.
    pub(crate) first: bool,
}

impl Job for AddScaled<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let weight = V::splat(self.weight);
        let zero = V::splat(0.0);
        for (i, (x, y)) in self.x.iter().zip(self.y).enumerate() {
            let mut x = V::load(x);
            if let Some(mask) = self.mask {
                x = x.where_positive(V::load(&mask[i]));
            }
            let sum = if self.first { zero } else { V::load(y) };
            x.mul_add(weight, sum).store(y);
        }
    }
}
