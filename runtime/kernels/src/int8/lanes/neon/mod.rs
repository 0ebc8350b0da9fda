//! aarch64: four lanes; byte products by widening multiplication, dot product or matrix product.

mod products;
mod taps;

pub(in super::super) use taps::interleave;

use super::{Finish, Lanes};
use std::arch::aarch64::*;
use std::arch::asm;

/// NEON: two byte products fit an `i16` (127 * 128 * 2 < 2^15), pairs of those are added to `i32`.
#[derive(Debug)]
pub(in super::super) struct Neon;

/// The dot product of byte quadruples (`sdot`).
#[derive(Debug)]
pub(in super::super) struct NeonDot;

macro_rules! lanes {
    ($isa:ty) => {
        impl Lanes for $isa {
            const COUNT: usize = 4;
            type Int = int32x4_t;
            type Float = float32x4_t;

            #[inline(always)]
            unsafe fn load_i32(from: *const i32) -> int32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vld1q_s32(from) }
            }
            #[inline(always)]
            unsafe fn load_i8(from: *const i8) -> int32x4_t {
                // SAFETY: the caller's promise.
                unsafe {
                    let bytes = from.cast::<u32>().read_unaligned();
                    let bytes = vreinterpret_s8_u32(vdup_n_u32(bytes));
                    vmovl_s16(vget_low_s16(vmovl_s8(bytes)))
                }
            }
            #[inline(always)]
            unsafe fn load_f32(from: *const f32) -> float32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vld1q_f32(from) }
            }
            #[inline(always)]
            unsafe fn splat_i32(value: i32) -> int32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vdupq_n_s32(value) }
            }
            #[inline(always)]
            unsafe fn splat_f32(value: f32) -> float32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vdupq_n_f32(value) }
            }
            #[inline(always)]
            unsafe fn sub(a: int32x4_t, b: int32x4_t) -> int32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vsubq_s32(a, b) }
            }
            #[inline(always)]
            unsafe fn to_float(value: int32x4_t) -> float32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vcvtq_f32_s32(value) }
            }
            #[inline(always)]
            unsafe fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vmulq_f32(a, b) }
            }
            #[inline(always)]
            unsafe fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vaddq_f32(a, b) }
            }
            #[inline(always)]
            unsafe fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t {
                // SAFETY: the caller's promise.
                unsafe { vminq_f32(a, b) }
            }
            #[inline(always)]
            unsafe fn store(values: [float32x4_t; 4], finish: &Finish, to: *mut i8) {
                // SAFETY: the caller's promise.
                unsafe { vst1q_s8(to, narrow(values, finish)) }
            }
        }
    };
}

lanes!(Neon);
lanes!(NeonDot);

/// Loads up to four vectors that follow each other by one instruction.
///
/// # Safety
/// `from` is valid for reading them.
#[inline(always)]
pub(in super::super) unsafe fn vectors<const VECTORS: usize>(
    from: *const i8,
) -> [int8x16_t; VECTORS] {
    const { assert!(1 <= VECTORS && VECTORS <= 4) };
    // SAFETY: the caller's promise.
    unsafe {
        let loaded = match VECTORS {
            1 => [vld1q_s8(from); 4],
            2 => {
                let int8x16x2_t(a, b) = vld1q_s8_x2(from);
                [a, b, b, b]
            }
            3 => {
                let int8x16x3_t(a, b, c) = vld1q_s8_x3(from);
                [a, b, c, c]
            }
            _ => {
                let int8x16x4_t(a, b, c, d) = vld1q_s8_x4(from);
                [a, b, c, d]
            }
        };
        std::array::from_fn(|v| loaded[v])
    }
}

/// Rounds, clamps and adds the zero point. Conversion and narrowing saturate, so the clamp comes last.
#[inline(always)]
pub(in super::super) fn narrow(values: [float32x4_t; 4], finish: &Finish) -> int8x16_t {
    // SAFETY: NEON belongs to the base of aarch64.
    unsafe {
        let zero = vdupq_n_s16(finish.zero);
        let low = vqmovn_s32(vcvtnq_s32_f32(values[0]));
        let low = vqmovn_high_s32(low, vcvtnq_s32_f32(values[1]));
        let high = vqmovn_s32(vcvtnq_s32_f32(values[2]));
        let high = vqmovn_high_s32(high, vcvtnq_s32_f32(values[3]));
        let (low, high) = (vqaddq_s16(low, zero), vqaddq_s16(high, zero));
        let bytes = vqmovn_high_s16(vqmovn_s16(low), high);
        let bytes = vmaxq_s8(bytes, vdupq_n_s8(finish.low));
        vminq_s8(bytes, vdupq_n_s8(finish.high))
    }
}

/// Passes a sum through an empty `asm!`: the compiler would else add products to each other first
/// and run out of registers for them.
#[inline(always)]
fn apart(sums: int32x4_t) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: no instruction at all.
    unsafe {
        asm!("/* {0:v} */", inout(vreg) sums, options(pure, nomem, nostack, preserves_flags));
    }
    sums
}

/// Adds the dot products of four quadruples of weights with quadruple `LANE` of the input.
///
/// (The standard library's intrinsic is not stable.)
///
/// # Safety
/// The CPU has the instruction.
#[inline(always)]
pub(in super::super) unsafe fn sdot<const LANE: i32>(
    sums: int32x4_t,
    weights: int8x16_t,
    input: int8x16_t,
) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: the caller's promise; the instruction touches registers only.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {weights:v}.16b, {input:v}.4b[{lane}]",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            input = in(vreg) input,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

/// Adds the dot products of four quadruples with four others.
///
/// # Safety
/// The CPU has the instruction.
#[inline(always)]
pub(in super::super) unsafe fn dot(sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: the caller's promise; the instruction touches registers only.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

/// Adds the matrix product of two rows of eight bytes and two columns of eight (`smmla`).
///
/// # Safety
/// The CPU has the instruction.
#[inline(always)]
pub(in super::super) unsafe fn smmla(
    sums: int32x4_t,
    rows: int8x16_t,
    columns: int8x16_t,
) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: the caller's promise; the instruction touches registers only.
    unsafe {
        asm!(
            "smmla {sums:v}.4s, {rows:v}.16b, {columns:v}.16b",
            sums = inout(vreg) sums,
            rows = in(vreg) rows,
            columns = in(vreg) columns,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}
