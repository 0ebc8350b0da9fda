//! Depthwise sums by pairs of rows, by quadruples with the dot product.

use super::{Neon, NeonDot, dot, vectors};
use crate::int8::lanes::{Finish, Lanes, Taps, pack_lone_quadruples};
use std::arch::aarch64::*;

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

/// Quadruples of bytes, one from each vector, in the order of channels.
#[inline(always)]
pub(in super::super::super) unsafe fn interleave(x: [int8x16_t; 4]) -> [int8x16_t; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let low = vreinterpretq_s16_s8(vzip1q_s8(x[0], x[1]));
        let high = vreinterpretq_s16_s8(vzip2q_s8(x[0], x[1]));
        let other_low = vreinterpretq_s16_s8(vzip1q_s8(x[2], x[3]));
        let other_high = vreinterpretq_s16_s8(vzip2q_s8(x[2], x[3]));
        [
            vreinterpretq_s8_s16(vzip1q_s16(low, other_low)),
            vreinterpretq_s8_s16(vzip2q_s16(low, other_low)),
            vreinterpretq_s8_s16(vzip1q_s16(high, other_high)),
            vreinterpretq_s8_s16(vzip2q_s16(high, other_high)),
        ]
    }
}

impl Taps for NeonDot {
    const CHANNELS: usize = 16;
    const GROUP: usize = 4;
    const ELEMENT: usize = 1;
    const SHIFT: i32 = 0;
    type Sums = [int32x4_t; 4];
    type Column = [int8x16_t; 4];
    type Pixel = int8x16_t;
    const LONE: usize = 4 * 16;

    fn channel(position: usize) -> usize {
        position
    }
    fn place(position: usize, tap: usize) -> usize {
        position * 4 + tap
    }
    #[inline(always)]
    unsafe fn load(from: *const i32) -> [int32x4_t; 4] {
        // SAFETY: the caller's promise.
        unsafe { <Neon as Taps>::load(from) }
    }
    #[inline(always)]
    unsafe fn store(sums: [int32x4_t; 4], to: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe { <Neon as Taps>::store(sums, to) }
    }
    #[inline(always)]
    unsafe fn column(rows: *const *const i8, live: usize, offset: usize) -> [int8x16_t; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [vld1q_s8((*rows).add(offset)); 4];
            for (row, values) in x.iter_mut().enumerate().take(live).skip(1) {
                *values = vld1q_s8((*rows.add(row)).add(offset));
            }
            interleave(x)
        }
    }
    #[inline(always)]
    unsafe fn multiply(
        sums: [int32x4_t; 4],
        column: [int8x16_t; 4],
        weights: *const u8,
    ) -> [int32x4_t; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = sums;
            let weights = vectors::<4>(weights.cast());
            for v in 0..4 {
                sums[v] = dot(sums[v], column[v], weights[v]);
            }
            sums
        }
    }
    fn pack_lone(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        pack_lone_quadruples::<NeonDot>(weight, to);
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
        // SAFETY: the caller's promise; the fourth weight is 0.
        unsafe {
            let column = interleave([pixels[0], pixels[1], pixels[2], pixels[2]]);
            <NeonDot as Taps>::multiply(sums, column, weights)
        }
    }
    #[inline(always)]
    unsafe fn finish(sums: [int32x4_t; 4], multipliers: *const f32, finish: &Finish, to: *mut i8) {
        // SAFETY: the caller's promise.
        unsafe { <Neon as Taps>::finish(sums, multipliers, finish, to) }
    }
}
