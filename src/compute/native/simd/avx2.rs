//! The vector of x86-64 machines with AVX2 and FMA.

#![allow(unsafe_code, reason = "vector intrinsics")]

use std::arch::x86_64::*;

use super::{LANES, Lanes, Vector, VectorKernel};

/// Exists only inside [`run`], which checks that the machine has what its methods use.
#[derive(Clone, Copy)]
struct Avx2(__m256);

/// Runs a kernel compiled for AVX2 and FMA.
pub(super) fn run(job: impl VectorKernel) {
    #[target_feature(enable = "avx2,fma")]
    fn compiled(job: impl VectorKernel) {
        job.run::<Avx2>();
    }
    assert!(std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma"));
    // SAFETY: the machine has both features, as just checked.
    unsafe { compiled(job) }
}

/// Wraps an intrinsic.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: methods of `Avx2` run only inside `run`, on a machine with AVX2 and FMA.
        unsafe { $call }
    };
}

impl Vector for Avx2 {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Avx2(intrinsic!(_mm256_set1_ps(value)))
    }
    #[inline(always)]
    fn load(from: &Lanes) -> Self {
        const { assert!(align_of::<Lanes>() == 32 && size_of::<Lanes>() == 4 * LANES) };
        Avx2(intrinsic!(_mm256_load_ps(from.0.as_ptr())))
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes) {
        intrinsic!(_mm256_store_ps(to.0.as_mut_ptr(), self.0));
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Avx2(intrinsic!(_mm256_add_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Avx2(intrinsic!(_mm256_mul_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Avx2(intrinsic!(_mm256_fmadd_ps(self.0, factor.0, addend.0)))
    }
    #[inline(always)]
    fn relu(self) -> Self {
        self.where_positive(self)
    }
    #[inline(always)]
    fn where_positive(self, x: Self) -> Self {
        let zero = intrinsic!(_mm256_setzero_ps());
        Avx2(intrinsic!(_mm256_and_ps(self.0, _mm256_cmp_ps::<_CMP_GT_OQ>(x.0, zero))))
    }
    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        Avx2(intrinsic!(_mm256_and_ps(self.0, _mm256_cmp_ps::<_CMP_EQ_OQ>(a.0, b.0))))
    }
    #[inline(always)]
    fn select_greater(self, other: Self, here: Self, there: Self) -> (Self, Self) {
        let greater = intrinsic!(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, other.0));
        (
            Avx2(intrinsic!(_mm256_blendv_ps(other.0, self.0, greater))),
            Avx2(intrinsic!(_mm256_blendv_ps(there.0, here.0, greater))),
        )
    }
}
