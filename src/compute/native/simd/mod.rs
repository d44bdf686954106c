//! Eight virtual lanes: the unit of all native arithmetic.
//!
//! A kernel is a [`VectorKernel`], generic over a [`Vector`] of eight f32. Lanes never meet inside a kernel,
//! every multiply-add is fused, and the order of summation is the source's, so each instruction set
//! gives the same bits. Own code instead of `pulp` or `wide`: their lane count or their use of FMA
//! follows the machine, and ten operations are all that is needed.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use portable::Portable;

/// Number of virtual lanes.
pub(crate) const LANES: usize = 8;

/// Eight values in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Lanes(pub(crate) [f32; LANES]);

impl Lanes {
    /// All zero.
    pub(crate) const ZERO: Lanes = Lanes([0.0; LANES]);

    /// `value` in the first `valid` lanes, zero in the others.
    pub(crate) fn first(valid: usize, value: f32) -> Self {
        let mut lanes = Lanes::ZERO;
        lanes.0[..valid].fill(value);
        lanes
    }

    /// Sum in f64, lanes in order.
    pub(crate) fn sum(&self) -> f64 {
        self.0.iter().map(|v| f64::from(*v)).sum()
    }
}

/// Eight values in registers.
pub(crate) trait Vector: Copy {
    /// Vectors that the machine holds at once: how large a tile of sums may be.
    const REGISTERS: usize = 16;

    fn splat(value: f32) -> Self;
    fn load(from: &Lanes) -> Self;
    fn store(self, to: &mut Lanes);
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// self * factor + addend, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// max(self, 0).
    fn relu(self) -> Self;
    /// self where x > 0, else 0.
    fn where_positive(self, x: Self) -> Self;
    /// self where a = b, else 0.
    fn where_equal(self, a: Self, b: Self) -> Self;
    /// (self, here) where self > other, else (other, there).
    fn select_greater(self, other: Self, here: Self, there: Self) -> (Self, Self);
}

/// A kernel with its arguments. `run` must be `#[inline(always)]`, so that it is compiled for the
/// instruction set of its caller.
pub(crate) trait VectorKernel {
    fn run<V: Vector>(self);
}

/// Which instructions the native engine uses. All give the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// What every machine has.
    Portable,
    /// AVX2 and FMA of x86-64.
    Avx2,
    /// AVX-512 F and VL of x86-64, on vectors of the same eight lanes.
    Avx512,
}

impl InstructionSet {
    /// All there are, the best last.
    pub const ALL: [InstructionSet; 3] =
        [InstructionSet::Portable, InstructionSet::Avx2, InstructionSet::Avx512];

    /// The best that this machine has.
    pub fn detect() -> Self {
        let available = Self::ALL.into_iter().rev().find(|set| set.is_available());
        available.unwrap_or(InstructionSet::Portable)
    }

    /// Whether this machine has it.
    pub fn is_available(self) -> bool {
        match self {
            InstructionSet::Portable => true,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => {
                std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => avx512::is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            InstructionSet::Portable => "portable",
            InstructionSet::Avx2 => "avx2",
            InstructionSet::Avx512 => "avx512",
        }
    }

    /// Its engine's name in reports.
    pub(crate) fn engine_name(self) -> &'static str {
        match self {
            InstructionSet::Portable => "native portable",
            InstructionSet::Avx2 => "native avx2",
            InstructionSet::Avx512 => "native avx512",
        }
    }

    /// Runs a kernel.
    #[inline]
    pub(crate) fn run(self, job: impl VectorKernel) {
        match self {
            InstructionSet::Portable => job.run::<Portable>(),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => avx2::run(job),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => avx512::run(job),
            #[cfg(not(target_arch = "x86_64"))]
            _ => unreachable!("not available on this machine"),
        }
    }
}
