//! What an engine must be able to do for the walk: one method a primitive and direction.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::program::{Conv, Linear, Norm};
use crate::error::{Result, try_vec};
use crate::network::{Activation, Window};

/// Node patterns that an engine may run as one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fusion {
    /// One ReLU, or pooling of one window, for all that read the same input; a ReLU's output with the
    /// border of zeros that the convolutions behind it need.
    Shared,
    /// BN into the convolution before it.
    BatchNormIntoConv,
}

/// Shape of a tensor. Activations have one cotangent. The group axis G of section 2, point 7, is the
/// same for all tensors of a pass, and known to the kernels that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// I: rows of gradients, each with a cotangent of its own.
    pub(super) cotangents: usize,
    /// N: images of the batch.
    pub(super) batch: usize,
    /// C, H, W.
    pub(super) chw: [usize; 3],
    /// Rows and columns of zeros around each plane.
    pub(super) halo: usize,
}

impl Shape {
    /// H W, with the halo.
    pub(super) fn plane(&self) -> usize {
        (self.chw[1] + 2 * self.halo) * (self.chw[2] + 2 * self.halo)
    }
}

/// A cotangent as an adjoint reads it: a tensor times a mixing weight.
pub(super) struct Cotangent<'a, K: Kernels + ?Sized> {
    pub(super) tensor: &'a K::Tensor,
    pub(super) scale: K::Weight,
}

/// A convolution whose output a mix reads, for its adjoint.
pub(super) struct MixedConv<'a, K: Kernels + ?Sized> {
    pub(super) conv: &'a Conv,
    pub(super) saved: &'a K::Saved,
    /// Its weight in the mix.
    pub(super) scale: K::Weight,
}

/// A tensor that an adjoint adds into.
pub(super) struct Target<'a, T: ?Sized> {
    pub(super) tensor: &'a mut T,
    /// Nothing is in it yet: write instead of adding.
    pub(super) overwrite: bool,
}

/// Zeros before and after the planes on each axis; negative numbers cut.
pub(super) type Padding = [[isize; 2]; 2];

/// Rows of J that an adjoint adds into, on a CPU: one for each cotangent of the block.
pub(super) enum RowsMut<'a, T> {
    /// Whole rows.
    Whole {
        /// The rows, one after the other.
        values: &'a mut [T],
        /// Length of one.
        columns: usize,
    },
    /// One row, as those parts of it that have been asked for, by their first columns.
    Parts(&'a mut BTreeMap<usize, Vec<T>>),
}

impl<T: Copy + Default> RowsMut<'_, T> {
    /// The `len` columns of a parameter from `column` on, of row `i`.
    pub(super) fn at(&mut self, i: usize, column: usize, len: usize) -> Result<&mut [T]> {
        match self {
            RowsMut::Whole { values, columns } => Ok(&mut values[i * *columns + column..][..len]),
            RowsMut::Parts(parts) => match parts.entry(column) {
                Entry::Occupied(part) => Ok(part.into_mut()),
                Entry::Vacant(place) => {
                    Ok(place.insert(try_vec(T::default(), len, "a part of a row of J")?))
                }
            },
        }
    }
}

/// The kernels of one engine.
///
/// `Tensor` is an activation `[N, G, C, H, W]` or a cotangent `[I, N, G, C, H, W]`, with G networks of
/// the same graph side by side; the CPU's kernels run one. Each adjoint is linear in the cotangent. New tensors come from [`tensor`](Self::tensor) and go back with
/// [`release`](Self::release), so that an engine can plan its memory.
pub(super) trait Kernels {
    type Tensor;
    /// The flat vector of parameters.
    type Parameters: ?Sized;
    /// The mixing weight of a slot.
    type Weight: Clone;
    /// What a forward step leaves for its adjoint: BN statistics, places of maxima.
    type Saved;
    /// A block of rows of J.
    type Rows<'a>;
    /// Where activation bits go.
    type Bits: ?Sized;

    /// Whether the engine runs the pattern as one step.
    fn fuses(fusion: Fusion) -> bool;
    /// The mixing weight 1.
    fn one() -> Self::Weight;
    /// The mixing weights of all slots: for each one value a group.
    fn weights(&mut self, slots: &[Vec<f64>]) -> Result<Vec<Self::Weight>>;
    /// Product of two mixing weights.
    fn product(&mut self, a: &Self::Weight, b: &Self::Weight) -> Result<Self::Weight>;

    /// A tensor of unspecified content.
    fn tensor(&mut self, shape: Shape) -> Result<Self::Tensor>;
    fn release(&mut self, tensor: Self::Tensor);
    fn release_saved(&mut self, saved: Self::Saved);
    /// Logit cotangents of images `first..first + shape.cotangents`: 1 for each logit of that image.
    fn seed(&mut self, first: usize, shape: Shape) -> Result<Self::Tensor>;
    /// A tensor of these numbers, `[G, I, N, C, H, W]`.
    fn write(&mut self, values: &[f64], shape: Shape) -> Result<Self::Tensor>;
    /// The numbers of a tensor without halo, `[G, I, N, C, H, W]`.
    fn read(&mut self, tensor: &Self::Tensor) -> Result<Vec<f64>>;
    /// The variances of a normalisation, without epsilon, `[G, C]`; nothing if the step had none.
    fn variances(&mut self, saved: &Self::Saved) -> Result<Vec<f64>>;
    /// Writes the bits x > 0 of image n's elements to row n, from bit `bit` on.
    fn bits(&mut self, x: &Self::Tensor, bits: &mut Self::Bits, bit: usize) -> Result<()>;

    /// `keep`: an adjoint will follow.
    fn conv(
        &mut self,
        p: &Self::Parameters,
        conv: &Conv,
        x: &Self::Tensor,
        y: &mut Self::Tensor,
        keep: bool,
    ) -> Result<Self::Saved>;
    #[expect(clippy::too_many_arguments, reason = "what a fused step reads and writes")]
    fn conv_adjoint(
        &mut self,
        p: &Self::Parameters,
        conv: &Conv,
        x: &Self::Tensor,
        saved: &Self::Saved,
        dy: Cotangent<'_, Self>,
        dx: Option<Target<'_, Self::Tensor>>,
        rows: &mut Self::Rows<'_>,
    ) -> Result<()>;
    /// The adjoints of convolutions that read the same x, and whose outputs the same mix alone reads,
    /// all with BN or all without: `dy` is the mix's cotangent.
    fn conv_adjoints(
        &mut self,
        p: &Self::Parameters,
        convs: &[MixedConv<'_, Self>],
        x: &Self::Tensor,
        dy: &Self::Tensor,
        mut dx: Option<Target<'_, Self::Tensor>>,
        rows: &mut Self::Rows<'_>,
    ) -> Result<()> {
        for MixedConv { conv, saved, scale } in convs {
            let dy = Cotangent { tensor: dy, scale: scale.clone() };
            let dx = dx.as_mut().map(|Target { tensor, overwrite }| Target {
                tensor: &mut **tensor,
                overwrite: std::mem::replace(overwrite, false),
            });
            self.conv_adjoint(p, conv, x, saved, dy, dx, rows)?;
        }
        Ok(())
    }

    fn batch_norm(
        &mut self,
        p: &Self::Parameters,
        norm: &Norm,
        x: &Self::Tensor,
        y: &mut Self::Tensor,
    ) -> Result<Self::Saved>;
    fn batch_norm_adjoint(
        &mut self,
        p: &Self::Parameters,
        norm: &Norm,
        saved: &Self::Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
        rows: &mut Self::Rows<'_>,
    ) -> Result<()>;

    fn relu(&mut self, x: &Self::Tensor, y: &mut Self::Tensor) -> Result<()>;
    fn relu_adjoint(
        &mut self,
        x: &Self::Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    /// A function of each element. `keep`: an adjoint will follow.
    fn activation(
        &mut self,
        activation: &Activation,
        x: &Self::Tensor,
        y: &mut Self::Tensor,
        keep: bool,
    ) -> Result<Self::Saved>;
    fn activation_adjoint(
        &mut self,
        saved: &Self::Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    /// y = a b, element by element.
    fn multiply(&mut self, a: &Self::Tensor, b: &Self::Tensor, y: &mut Self::Tensor) -> Result<()>;
    /// The adjoint by one factor, `other` being the other one.
    fn multiply_adjoint(
        &mut self,
        other: &Self::Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    /// Channel i of y is channel `channels[i]` of x.
    fn select(&mut self, channels: &[usize], x: &Self::Tensor, y: &mut Self::Tensor) -> Result<()>;
    fn select_adjoint(
        &mut self,
        channels: &[usize],
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    /// The same numbers in another shape.
    fn reshape(&mut self, x: &Self::Tensor, y: &mut Self::Tensor) -> Result<()>;
    fn reshape_adjoint(
        &mut self,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    /// `[C, 1, 1]` at every place of a plane.
    fn expand(&mut self, x: &Self::Tensor, y: &mut Self::Tensor) -> Result<()>;
    fn expand_adjoint(
        &mut self,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    /// Zeros around the planes.
    fn pad(&mut self, padding: &Padding, x: &Self::Tensor, y: &mut Self::Tensor) -> Result<()>;
    fn pad_adjoint(
        &mut self,
        padding: &Padding,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    fn avg_pool(&mut self, window: &Window, x: &Self::Tensor, y: &mut Self::Tensor) -> Result<()>;
    fn avg_pool_adjoint(
        &mut self,
        window: &Window,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    fn max_pool(
        &mut self,
        window: &Window,
        x: &Self::Tensor,
        y: &mut Self::Tensor,
    ) -> Result<Self::Saved>;
    fn max_pool_adjoint(
        &mut self,
        window: &Window,
        saved: &Self::Saved,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    /// y (+)= sum of weight times input. Activations, and in reverse cotangents.
    fn mix(
        &mut self,
        inputs: &[(&Self::Tensor, Self::Weight)],
        y: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    fn concat(&mut self, inputs: &[&Self::Tensor], y: &mut Self::Tensor) -> Result<()>;
    /// dx += channels of dy from `channel` on.
    fn concat_adjoint(
        &mut self,
        channel: usize,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    fn global_pool(&mut self, x: &Self::Tensor, y: &mut Self::Tensor) -> Result<()>;
    fn global_pool_adjoint(
        &mut self,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
    ) -> Result<()>;

    fn linear(
        &mut self,
        p: &Self::Parameters,
        linear: &Linear,
        x: &Self::Tensor,
        y: &mut Self::Tensor,
    ) -> Result<()>;
    fn linear_adjoint(
        &mut self,
        p: &Self::Parameters,
        linear: &Linear,
        x: &Self::Tensor,
        dy: Cotangent<'_, Self>,
        dx: Target<'_, Self::Tensor>,
        rows: &mut Self::Rows<'_>,
    ) -> Result<()>;
}
