//! Vectors of AVX2 with FMA.

use super::Simd;
use std::arch::x86_64::*;

/// Eight floats in a `ymm` register.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

#[inline(always)]
unsafe fn mask(count: usize) -> __m256i {
    const EDGE: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let from = &EDGE[8 - count..][..8];
    // SAFETY: eight integers from a checked slice; the caller runs AVX2.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

// SAFETY of every block below: the trait's contract: the CPU runs AVX2 and FMA, and the pointers
// are valid for the lanes that are touched; masked lanes are not.
impl Simd for Avx2 {
    type V = __m256;
    const LANES: usize = 8;
    const WIDE: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
        // SAFETY: the trait's contract; lanes beyond `count` are masked, so not read.
        unsafe { _mm256_maskload_ps(from, mask(count)) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: the trait's contract.
        unsafe { _mm256_storeu_ps(to, v) }
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: Self::V, count: usize) {
        // SAFETY: the trait's contract; lanes beyond `count` are masked, so not written.
        unsafe { _mm256_maskstore_ps(to, mask(count), v) }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(sum: Self::V, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { _mm256_fmadd_ps(a, b, sum) }
    }

    #[inline(always)]
    unsafe fn hold(v: Self::V, low: Self::V, high: Self::V) -> Self::V {
        // The second operand is the result where one is not a number.
        // SAFETY: the trait's contract.
        unsafe { _mm256_min_ps(high, _mm256_max_ps(low, v)) }
    }

    #[inline(always)]
    unsafe fn prefetch(address: *const f32) {
        // SAFETY: a prefetch reads nothing and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
    }
}
