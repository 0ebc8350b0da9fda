//! Vectors of NEON.

use super::Simd;
use crate::float::gemm::A_STRIDE;
use std::arch::aarch64::*;

/// Four floats in a `v` register.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

// NEON belongs to the base of aarch64, so the instructions themselves are always sound here; what
// stays of the trait's contract is that pointers are valid for the lanes that are touched.
impl Simd for Neon {
    type V = float32x4_t;
    const LANES: usize = 4;
    const WIDE: bool = true;
    const DEPTH: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self::V {
        let mut lanes = [0.0; 4];
        // SAFETY: the trait's contract: `count < 4` values are read into an array of four.
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), count);
            vld1q_f32(lanes.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: the trait's contract.
        unsafe { vst1q_f32(to, v) }
    }

    #[inline(always)]
    unsafe fn store_first(to: *mut f32, v: Self::V, count: usize) {
        let mut lanes = [0.0; 4];
        // SAFETY: the trait's contract: `count < 4` values are written from an array of four.
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count);
        }
    }

    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    unsafe fn mul_add(sum: Self::V, a: Self::V, b: Self::V) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { vfmaq_f32(sum, a, b) }
    }

    #[inline(always)]
    unsafe fn hold(v: Self::V, low: Self::V, high: Self::V) -> Self::V {
        // SAFETY: the trait's contract.
        unsafe { vminq_f32(high, vmaxq_f32(low, v)) }
    }

    /// Loads four values of a row at once and multiplies by their lanes: a quarter of the loads.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)]
    unsafe fn multiply<const M: usize, const NV: usize>(
        sums: &mut [[Self::V; NV]; M],
        a: *const f32,
        b: *const f32,
    ) {
        // SAFETY: the trait's contract: four values in each row, four rows of `NV` vectors.
        unsafe {
            let mut values = [vdupq_n_f32(0.0); M];
            for m in 0..M {
                values[m] = vld1q_f32(a.add(m * A_STRIDE));
            }
            multiply_lane::<0, M, NV>(sums, &values, b);
            multiply_lane::<1, M, NV>(sums, &values, b);
            multiply_lane::<2, M, NV>(sums, &values, b);
            multiply_lane::<3, M, NV>(sums, &values, b);
        }
    }
}

/// Adds the products of one lane of each row's values and its row of the panel.
///
/// # Safety
/// `b` must be valid for `LANE + 1` rows of `NV` vectors.
#[inline(always)]
#[allow(clippy::needless_range_loop)]
unsafe fn multiply_lane<const LANE: i32, const M: usize, const NV: usize>(
    sums: &mut [[float32x4_t; NV]; M],
    values: &[float32x4_t; M],
    b: *const f32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        for n in 0..NV {
            let panel = vld1q_f32(b.add((LANE as usize * NV + n) * Neon::LANES));
            for m in 0..M {
                sums[m][n] = vfmaq_laneq_f32::<LANE>(sums[m][n], panel, values[m]);
            }
        }
    }
}
