//! Mixing, products, functions of each element, ReLU's adjoint: loops over elements.

use super::super::simd::{Lanes, Vector, VectorKernel};
use super::super::tensor::Tensor;

/// y (+)= weight x, where `mask`, if any, is positive.
pub(crate) struct AddScaled<'a> {
    pub(crate) x: &'a [Lanes],
    pub(crate) weight: f32,
    pub(crate) mask: Option<&'a [Lanes]>,
    pub(crate) y: &'a mut [Lanes],
    /// Write instead of adding.
    pub(crate) overwrite: bool,
}

impl VectorKernel for AddScaled<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let weight = V::splat(self.weight);
        let zero = V::splat(0.0);
        for (i, (x, y)) in self.x.iter().zip(self.y).enumerate() {
            let mut x = V::load(x);
            if let Some(mask) = self.mask {
                x = x.where_positive(V::load(&mask[i]));
            }
            let sum = if self.overwrite { zero } else { V::load(y) };
            x.mul_add(weight, sum).store(y);
        }
    }
}

/// y (+)= weight a b.
pub(crate) struct AddProduct<'a> {
    pub(crate) a: &'a [Lanes],
    pub(crate) b: &'a [Lanes],
    pub(crate) weight: f32,
    pub(crate) y: &'a mut [Lanes],
    /// Write instead of adding.
    pub(crate) overwrite: bool,
}

impl VectorKernel for AddProduct<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let weight = V::splat(self.weight);
        let zero = V::splat(0.0);
        for ((a, b), y) in self.a.iter().zip(self.b).zip(self.y) {
            let sum = if self.overwrite { zero } else { V::load(y) };
            V::load(a).mul(V::load(b)).mul_add(weight, sum).store(y);
        }
    }
}

/// y += constant.
pub(crate) struct AddConstant<'a> {
    pub(crate) y: &'a mut [Lanes],
    pub(crate) constant: f32,
}

impl VectorKernel for AddConstant<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let constant = V::splat(self.constant);
        for y in self.y {
            V::load(y).add(constant).store(y);
        }
    }
}

/// y (+)= weight times the sum of x.
pub(crate) struct AddSum<'a> {
    pub(crate) x: &'a [Lanes],
    pub(crate) weight: f32,
    pub(crate) y: &'a mut Lanes,
    /// Write instead of adding.
    pub(crate) overwrite: bool,
}

impl VectorKernel for AddSum<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let zero = V::splat(0.0);
        let sum = self.x.iter().fold(zero, |sum, x| sum.add(V::load(x)));
        let before = if self.overwrite { zero } else { V::load(self.y) };
        sum.mul_add(V::splat(self.weight), before).store(self.y);
    }
}

/// Inputs that a [`Mix`] takes at once.
pub(crate) const MIXED: usize = 4;

/// y (+)= sum of weight times x, in one pass over y.
pub(crate) struct Mix<'a> {
    /// 1 to [`MIXED`].
    pub(crate) inputs: &'a [(&'a Tensor, f32)],
    pub(crate) y: &'a mut [Lanes],
    /// Write instead of adding.
    pub(crate) overwrite: bool,
}

impl VectorKernel for Mix<'_> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        match self.inputs.len() {
            1 => self.sum::<V, 1>(),
            2 => self.sum::<V, 2>(),
            3 => self.sum::<V, 3>(),
            len => {
                assert_eq!(len, MIXED);
                self.sum::<V, 4>();
            }
        }
    }
}

impl Mix<'_> {
    #[inline(always)]
    fn sum<V: Vector, const N: usize>(&mut self) {
        let zero = V::splat(0.0);
        let len = self.y.len();
        let mut x: [&[Lanes]; N] = [&[]; N];
        let mut weights = [zero; N];
        for (n, (tensor, weight)) in self.inputs.iter().enumerate() {
            x[n] = &tensor.data[..len];
            weights[n] = V::splat(*weight);
        }
        for (e, y) in self.y.iter_mut().enumerate() {
            let mut sum = if self.overwrite { zero } else { V::load(y) };
            for n in 0..N {
                sum = V::load(&x[n][e]).mul_add(weights[n], sum);
            }
            sum.store(y);
        }
    }
}
