//! The kernels, a file an idea.

pub(super) mod batch_norm;
pub(super) mod convolution;
pub(super) mod correlate;
pub(super) mod elementwise;
pub(super) mod linear;
pub(super) mod padded;
pub(super) mod pooling;
pub(super) mod weight_gradient;
