//! aarch64: four lanes; byte products by widening multiplication, dot product or matrix product.

use super::{Finish, Lanes, Products, Taps};
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
                // SAFETY: the caller's promise. Conversion and narrowing saturate, so the clamp
                // comes last.
                unsafe {
                    let zero = vdupq_n_s16(finish.zero);
                    let low = vqmovn_s32(vcvtnq_s32_f32(values[0]));
                    let low = vqmovn_high_s32(low, vcvtnq_s32_f32(values[1]));
                    let high = vqmovn_s32(vcvtnq_s32_f32(values[2]));
                    let high = vqmovn_high_s32(high, vcvtnq_s32_f32(values[3]));
                    let (low, high) = (vqaddq_s16(low, zero), vqaddq_s16(high, zero));
                    let bytes = vqmovn_high_s16(vqmovn_s16(low), high);
                    let bytes = vmaxq_s8(bytes, vdupq_n_s8(finish.low));
                    vst1q_s8(to, vminq_s8(bytes, vdupq_n_s8(finish.high)));
                }
            }
        }
    };
}

lanes!(Neon);
lanes!(NeonDot);

/// Staging is copying: these products take signed bytes.
macro_rules! stage_bytes {
    () => {
        const ELEMENT: usize = 1;
        const SHIFT: i32 = 0;
        const ROWS_PER_POINTER: usize = 1;

        #[inline(always)]
        unsafe fn stage(from: *const i8, len: usize, to: *mut u8) {
            // SAFETY: the caller's promise.
            unsafe { from.cast::<u8>().copy_to_nonoverlapping(to, len) }
        }
        #[inline(always)]
        unsafe fn fill(value: i8, len: usize, to: *mut u8) {
            // SAFETY: the caller's promise.
            unsafe { to.write_bytes(value as u8, len) }
        }
    };
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

impl Taps for Neon {
    const CHANNELS: usize = 16;
    const GROUP: usize = 2;
    const ELEMENT: usize = 1;
    const SHIFT: i32 = 0;
    type Sums = [int32x4_t; 4];
    type Column = [int8x16_t; 2];
    type Pixel = int8x16_t;
    const LONE: usize = 3 * 16;

    fn pack_lone(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        for kw in 0..3 {
            for channel in 0..16 {
                to[kw * 16 + channel] = weight(channel, kw) as u8;
            }
        }
    }
    #[inline(always)]
    unsafe fn pixel(from: *const i8) -> int8x16_t {
        // SAFETY: the caller's promise.
        unsafe { vld1q_s8(from) }
    }
    #[inline(always)]
    unsafe fn multiply_lone(
        sums: [int32x4_t; 4],
        pixels: [int8x16_t; 3],
        weights: *const u8,
    ) -> [int32x4_t; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let sums = <Neon as Taps>::multiply(sums, [pixels[0], pixels[1]], weights);
            let third = vld1q_s8(weights.add(32).cast());
            let low = vmull_s8(vget_low_s8(pixels[2]), vget_low_s8(third));
            let high = vmull_high_s8(pixels[2], third);
            [
                vaddw_s16(sums[0], vget_low_s16(low)),
                vaddw_high_s16(sums[1], low),
                vaddw_s16(sums[2], vget_low_s16(high)),
                vaddw_high_s16(sums[3], high),
            ]
        }
    }

    fn channel(position: usize) -> usize {
        position
    }
    fn place(position: usize, tap: usize) -> usize {
        tap * 16 + position
    }
    #[inline(always)]
    unsafe fn load(from: *const i32) -> [int32x4_t; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let low = [vld1q_s32(from), vld1q_s32(from.add(4))];
            [
                low[0],
                low[1],
                vld1q_s32(from.add(8)),
                vld1q_s32(from.add(12)),
            ]
        }
    }
    #[inline(always)]
    unsafe fn store(sums: [int32x4_t; 4], to: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe {
            for (v, sums) in sums.into_iter().enumerate() {
                vst1q_s32(to.add(v * 4), sums);
            }
        }
    }
    #[inline(always)]
    unsafe fn column(rows: *const *const i8, live: usize, offset: usize) -> [int8x16_t; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let first = vld1q_s8((*rows).add(offset));
            match live {
                1 => [first, first],
                _ => [first, vld1q_s8((*rows.add(1)).add(offset))],
            }
        }
    }
    #[inline(always)]
    unsafe fn multiply(
        sums: [int32x4_t; 4],
        x: [int8x16_t; 2],
        weights: *const u8,
    ) -> [int32x4_t; 4] {
        // SAFETY: the caller's promise. Weights are at least -127: two products fit 16 bits.
        unsafe {
            let w = [vld1q_s8(weights.cast()), vld1q_s8(weights.add(16).cast())];
            let low = vmull_s8(vget_low_s8(x[0]), vget_low_s8(w[0]));
            let low = vmlal_s8(low, vget_low_s8(x[1]), vget_low_s8(w[1]));
            let high = vmlal_high_s8(vmull_high_s8(x[0], w[0]), x[1], w[1]);
            [
                vaddw_s16(sums[0], vget_low_s16(low)),
                vaddw_high_s16(sums[1], low),
                vaddw_s16(sums[2], vget_low_s16(high)),
                vaddw_high_s16(sums[3], high),
            ]
        }
    }
    #[inline(always)]
    unsafe fn finish(sums: [int32x4_t; 4], multipliers: *const f32, finish: &Finish, to: *mut i8) {
        // SAFETY: the caller's promise; sums stand in the order of channels.
        unsafe {
            let mut values = [vdupq_n_f32(0.0); 4];
            for v in 0..4 {
                let multiplier = vld1q_f32(multipliers.add(v * 4));
                values[v] = vmulq_f32(vcvtq_f32_s32(sums[v]), multiplier);
            }
            <Neon as Lanes>::store(values, finish, to);
        }
    }
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
