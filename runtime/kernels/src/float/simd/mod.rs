//! Vectors of `f32` behind one trait.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;

use super::gemm::multiply_once;

/// Vectors of [`Simd::LANES`] floats.
///
/// # Safety
/// Every method needs the CPU to run the implementing instruction set, and is meant to be inlined
/// into a function compiled for it. Pointers must be valid for the values that are read or written;
/// they need no alignment.
pub(crate) trait Simd: Copy {
    /// A vector.
    type V: Copy;
    /// Floats in a vector.
    const LANES: usize;
    /// Whether there are more than sixteen registers.
    const WIDE: bool;
    /// How many values of each row [`Simd::multiply`] takes.
    const DEPTH: usize = 1;

    /// The value in every lane.
    unsafe fn splat(value: f32) -> Self::V;
    /// Reads `LANES` values.
    unsafe fn load(from: *const f32) -> Self::V;
    /// Reads the first `count < LANES` values; the other lanes are zero.
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V;
    /// Writes `LANES` values.
    unsafe fn store(to: *mut f32, v: Self::V);
    /// Writes the first `count < LANES` lanes.
    unsafe fn store_first(to: *mut f32, v: Self::V, count: usize);
    /// `a + b`.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `sum + a * b`, fused where the instruction set can.
    unsafe fn mul_add(sum: Self::V, a: Self::V, b: Self::V) -> Self::V;
    /// `v` held within limits; not a number stays what it is.
    unsafe fn hold(v: Self::V, low: Self::V, high: Self::V) -> Self::V;

    /// Asks for the cache line at any address, if the instruction set can.
    #[inline(always)]
    unsafe fn prefetch(_address: *const f32) {}

    /// Adds to `M` rows of sums the products of the next [`Simd::DEPTH`] values of left-hand rows,
    /// [`A_STRIDE`](crate::float::gemm::A_STRIDE) apart, and as many rows of a packed panel.
    #[inline(always)]
    unsafe fn multiply<const M: usize, const NV: usize>(
        sums: &mut [[Self::V; NV]; M],
        a: *const f32,
        b: *const f32,
    ) {
        // SAFETY: the trait's contract.
        unsafe { multiply_once::<Self, M, NV>(sums, a, b) }
    }
}

/// The feature sets that paths are compiled with, one name for each attribute.
macro_rules! with_features {
    (avx2: $item:item) => {
        #[target_feature(enable = "avx2,fma")]
        $item
    };
    (avx512: $item:item) => {
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
        $item
    };
    (neon: $item:item) => {
        #[target_feature(enable = "neon")]
        $item
    };
    (portable: $item:item) => {
        $item
    };
}
pub(crate) use with_features;
