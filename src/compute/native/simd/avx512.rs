//! The vector of x86-64 machines with AVX-512 (F and VL): still eight lanes, so that the bits are the
//! same, but twice the registers for sums, and masks in registers of their own.

#![allow(unsafe_code, reason = "vector intrinsics")]

use std::arch::x86_64::*;

use super::{LANES, Lanes, Vector, VectorKernel};

/// Exists only inside [`run`], which checks that the machine has what its methods use.
#[derive(Clone, Copy)]
struct Avx512(__m256);

/// Whether the machine has what the methods use.
pub(super) fn is_available() -> bool {
    std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512vl")
        && std::is_x86_feature_detected!("fma")
}

/// Runs a kernel compiled for AVX-512.
pub(super) fn run(job: impl VectorKernel) {
    #[target_feature(enable = "avx512f,avx512vl,fma")]
    fn compiled(job: impl VectorKernel) {
        job.run::<Avx512>();
    }
    assert!(is_available());
    // SAFETY: the machine has the features, as just checked.
    unsafe { compiled(job) }
}

/// Wraps an intrinsic.
macro_rules! intrinsic {
    ($call:expr) => {
        // SAFETY: methods of `Avx512` run only inside `run`, on a machine with AVX-512.
        unsafe { $call }
    };
}

impl Vector for Avx512 {
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Avx512(intrinsic!(_mm256_set1_ps(value)))
    }
    #[inline(always)]
    fn load(from: &Lanes) -> Self {
        const { assert!(align_of::<Lanes>() == 32 && size_of::<Lanes>() == 4 * LANES) };
        Avx512(intrinsic!(_mm256_load_ps(from.0.as_ptr())))
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes) {
        intrinsic!(_mm256_store_ps(to.0.as_mut_ptr(), self.0));
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Avx512(intrinsic!(_mm256_add_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Avx512(intrinsic!(_mm256_mul_ps(self.0, other.0)))
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Avx512(intrinsic!(_mm256_fmadd_ps(self.0, factor.0, addend.0)))
    }
    #[inline(always)]
    fn relu(self) -> Self {
        self.where_positive(self)
    }
    #[inline(always)]
    fn where_positive(self, x: Self) -> Self {
        let zero = intrinsic!(_mm256_setzero_ps());
        let positive = intrinsic!(_mm256_cmp_ps_mask::<_CMP_GT_OQ>(x.0, zero));
        Avx512(intrinsic!(_mm256_maskz_mov_ps(positive, self.0)))
    }
    #[inline(always)]
    fn where_equal(self, a: Self, b: Self) -> Self {
        let equal = intrinsic!(_mm256_cmp_ps_mask::<_CMP_EQ_OQ>(a.0, b.0));
        Avx512(intrinsic!(_mm256_maskz_mov_ps(equal, self.0)))
    }
    #[inline(always)]
    fn select_greater(self, other: Self, here: Self, there: Self) -> (Self, Self) {
        let greater = intrinsic!(_mm256_cmp_ps_mask::<_CMP_GT_OQ>(self.0, other.0));
        (
            Avx512(intrinsic!(_mm256_mask_blend_ps(greater, other.0, self.0))),
            Avx512(intrinsic!(_mm256_mask_blend_ps(greater, there.0, here.0))),
        )
    }
}
