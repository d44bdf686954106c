//! The vector of every machine: plain arrays, which compilers turn into what the target has (NEON
//! among them).

use super::{LANES, Lanes, Vector};

#[derive(Clone, Copy)]
pub(super) struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn map(f: impl Fn(usize) -> f32) -> Self {
        Portable(std::array::from_fn(f))
    }
}

impl Vector for Portable {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Portable([value; LANES])
    }
    #[inline(always)]
    fn load(from: &Lanes) -> Self {
        Portable(from.0)
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes) {
        to.0 = self.0;
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::map(|i| self.0[i] + other.0[i])
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::map(|i| self.0[i] * other.0[i])
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self::map(|i| self.0[i].mul_add(factor.0[i], addend.0[i]))
    }
    #[inline(always)]
    fn relu(self) -> Self {
        self.where_positive(self)
    }
    #[inline(always)]
    fn where_positive(self, x: Self) -> Self {
        Self::map(|i| if x.0[i] > 0.0 { self.0[i] } else { 0.0 })
    }
    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        Self::map(|i| if a.0[i] == b.0[i] { self.0[i] } else { 0.0 })
    }
    #[inline(always)]
    fn select_greater(self, other: Self, here: Self, there: Self) -> (Self, Self) {
        let greater = |i: usize| self.0[i] > other.0[i];
        (
            Self::map(|i| if greater(i) { self.0[i] } else { other.0[i] }),
            Self::map(|i| if greater(i) { here.0[i] } else { there.0[i] }),
        )
    }
}
