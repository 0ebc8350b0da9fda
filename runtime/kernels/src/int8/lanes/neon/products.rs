//! Matrix products of bytes.

use super::{Neon, NeonDot, apart, sdot};
use crate::int8::lanes::Products;
use std::arch::aarch64::*;

/// Staging is copying: these products take signed bytes.
macro_rules! stage_bytes {
    () => {
        const ELEMENT: usize = 1;
        const SHIFT: i32 = 0;
        const ROWS_PER_POINTER: usize = 1;

        #[inline(always)]
        unsafe fn stage(from: *const i8, len: usize, to: *mut u8) {
            // SAFETY: the caller's promise.
            unsafe { copy(from.cast(), len, to) }
        }
        #[inline(always)]
        unsafe fn fill(value: i8, len: usize, to: *mut u8) {
            // SAFETY: the caller's promise.
            unsafe { to.write_bytes(value as u8, len) }
        }
    };
}

/// Copies bytes: a few, as the colours of a row of taps are, by two moves that may overlap.
///
/// # Safety
/// `len` bytes lie at both ends, which do not overlap.
#[inline(always)]
unsafe fn copy(from: *const u8, len: usize, to: *mut u8) {
    // SAFETY: the caller's promise; both moves lie within `len`.
    unsafe {
        if (8..=16).contains(&len) {
            let (from, to, last) = (from.cast::<u64>(), to.cast::<u64>(), len - 8);
            let (first, second) = (from.read_unaligned(), from.byte_add(last).read_unaligned());
            to.write_unaligned(first);
            to.byte_add(last).write_unaligned(second);
        } else {
            from.copy_to_nonoverlapping(to, len);
        }
    }
}

impl Products for Neon {
    const STEP: usize = 4;
    const DEPTH: usize = 2;
    /// The first and the second pair of a step, each in every 16-bit lane.
    type Input = [int8x16_t; 2];
    /// Four channels' first pairs, then their second pairs.
    type Weights = int8x16_t;
    stage_bytes!();

    #[inline(always)]
    unsafe fn input(from: *const u8) -> [int8x16_t; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let pairs = from.cast::<i16>();
            let first = vdupq_n_s16(pairs.read_unaligned());
            let second = vdupq_n_s16(pairs.add(1).read_unaligned());
            [vreinterpretq_s8_s16(first), vreinterpretq_s8_s16(second)]
        }
    }
    #[inline(always)]
    unsafe fn weights(from: *const u8) -> int8x16_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_s8(from.cast()) }
    }
    #[inline(always)]
    unsafe fn accumulate(sums: int32x4_t, x: [int8x16_t; 2], w: int8x16_t) -> int32x4_t {
        // SAFETY: the caller's promise. Weights are at least -127: two products fit 16 bits.
        unsafe {
            let products = vmull_s8(vget_low_s8(x[0]), vget_low_s8(w));
            apart(vpadalq_s16(sums, vmlal_high_s8(products, x[1], w)))
        }
    }
}

impl Products for NeonDot {
    const STEP: usize = 4;
    const DEPTH: usize = 4;
    type Input = int8x16_t;
    type Weights = int8x16_t;
    stage_bytes!();

    #[inline(always)]
    unsafe fn input(from: *const u8) -> int8x16_t {
        // SAFETY: the caller's promise.
        unsafe { vreinterpretq_s8_s32(vdupq_n_s32(from.cast::<i32>().read_unaligned())) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const u8) -> int8x16_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_s8(from.cast()) }
    }
    #[inline(always)]
    unsafe fn accumulate(sums: int32x4_t, x: int8x16_t, w: int8x16_t) -> int32x4_t {
        // SAFETY: the caller's promise.
        unsafe { sdot::<0>(sums, w, x) }
    }
}
