//! Vectors of AVX-512.

use super::Simd;
use std::arch::x86_64::*;

/// Sixteen floats in a `zmm` register.
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

#[inline(always)]
fn mask(count: usize) -> __mmask16 {
    (1 << count) - 1
}

// SAFETY of every block below: the trait's contract: the CPU runs AVX-512 F, and the pointers are
// valid for the lanes that are touched; masked lanes are not.
impl Simd for Avx512 {
    type V = __m512;
    const LANES: usize = 16;
    const WIDE: bool = true;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
        // SAFETY: the trait's contract; lanes beyond `count` are masked, so not read.
        unsafe { _mm512_maskz_loadu_ps(mask(count), from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: the trait's contract.
        unsafe { _mm512_storeu_ps(to, v) }
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: Self::V, count: usize) {
        // SAFETY: the trait's contract; lanes beyond `count` are masked, so not written.
        unsafe { _mm512_mask_storeu_ps(to, mask(count), v) }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(sum: Self::V, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { _mm512_fmadd_ps(a, b, sum) }
    }

    #[inline(always)]
    unsafe fn hold(v: Self::V, low: Self::V, high: Self::V) -> Self::V {
        // The second operand is the result where one is not a number.
        // SAFETY: the trait's contract.
        unsafe { _mm512_min_ps(high, _mm512_max_ps(low, v)) }
    }

    #[inline(always)]
    unsafe fn prefetch(address: *const f32) {
        // SAFETY: a prefetch reads nothing and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
    }
}
