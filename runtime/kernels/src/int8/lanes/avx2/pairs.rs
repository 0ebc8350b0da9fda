//! Depthwise sums by pairs of rows, widened to 16 bits.

use super::{Avx2, add_pairs, widen};
use crate::int8::lanes::{Finish, Taps, pack_lone_pairs};
use std::arch::x86_64::*;

impl Taps for Avx2 {
    const CHANNELS: usize = 16;
    const GROUP: usize = 2;
    const ELEMENT: usize = 2;
    const SHIFT: i32 = 0;
    type Sums = [__m256i; 2];
    type Column = [__m256i; 2];
    type Pixel = __m256i;
    const LONE: usize = 4 * 2 * 16;

    fn channel(position: usize) -> usize {
        // The low quadruples of both 128-bit halves, then the high ones.
        let (vector, lane) = (position / 8, position % 8);
        lane / 4 * 8 + vector * 4 + lane % 4
    }
    fn place(position: usize, tap: usize) -> usize {
        position * 2 + tap
    }
    #[inline(always)]
    unsafe fn load(from: *const i32) -> [__m256i; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            [
                _mm256_loadu_si256(from.cast()),
                _mm256_loadu_si256(from.add(8).cast()),
            ]
        }
    }
    #[inline(always)]
    unsafe fn store(sums: [__m256i; 2], to: *mut i32) {
        // SAFETY: the caller's promise.
        unsafe {
            _mm256_storeu_si256(to.cast(), sums[0]);
            _mm256_storeu_si256(to.add(8).cast(), sums[1]);
        }
    }
    #[inline(always)]
    unsafe fn column(rows: *const *const i8, live: usize, offset: usize) -> [__m256i; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let first = widen((*rows).add(offset));
            let second = match live {
                1 => first,
                _ => widen((*rows.add(1)).add(offset)),
            };
            [
                _mm256_unpacklo_epi16(first, second),
                _mm256_unpackhi_epi16(first, second),
            ]
        }
    }
    #[inline(always)]
    unsafe fn multiply(
        sums: [__m256i; 2],
        column: [__m256i; 2],
        weights: *const u8,
    ) -> [__m256i; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let low = _mm256_loadu_si256(weights.cast());
            let high = _mm256_loadu_si256(weights.add(32).cast());
            [
                add_pairs(sums[0], column[0], low),
                add_pairs(sums[1], column[1], high),
            ]
        }
    }
    fn pack_lone(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        pack_lone_pairs::<Avx2>(weight, to);
    }
    #[inline(always)]
    unsafe fn pixel(from: *const i8) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { widen(from) }
    }
    #[inline(always)]
    unsafe fn multiply_lone(
        sums: [__m256i; 2],
        pixels: [__m256i; 3],
        weights: *const u8,
    ) -> [__m256i; 2] {
        // SAFETY: the caller's promise. Weights are at least -127: two products fit 16 bits.
        unsafe {
            let first = _mm256_mullo_epi16(pixels[0], _mm256_loadu_si256(weights.cast()));
            let second = _mm256_loadu_si256(weights.add(32).cast());
            let products = _mm256_add_epi16(first, _mm256_mullo_epi16(pixels[1], second));
            let low = _mm256_unpacklo_epi16(products, pixels[2]);
            let high = _mm256_unpackhi_epi16(products, pixels[2]);
            [
                add_pairs(sums[0], low, _mm256_loadu_si256(weights.add(64).cast())),
                add_pairs(sums[1], high, _mm256_loadu_si256(weights.add(96).cast())),
            ]
        }
    }
    #[inline(always)]
    unsafe fn finish(sums: [__m256i; 2], multipliers: *const f32, finish: &Finish, to: *mut i8) {
        // SAFETY: the caller's promise; otherwise as in `Lanes::store`.
        unsafe {
            let mut whole = sums;
            for v in 0..2 {
                let multiplier = _mm256_loadu_ps(multipliers.add(v * 8));
                let mut value = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[v]), multiplier);
                if finish.wild {
                    value = _mm256_min_ps(value, _mm256_set1_ps(finish.ceiling));
                }
                whole[v] = _mm256_cvtps_epi32(value);
            }
            let words = _mm256_packs_epi32(whole[0], whole[1]);
            let words = _mm256_adds_epi16(words, _mm256_set1_epi16(finish.zero));
            let (low, high) = (
                _mm256_castsi256_si128(words),
                _mm256_extracti128_si256::<1>(words),
            );
            let bytes = _mm_max_epi8(_mm_packs_epi16(low, high), _mm_set1_epi8(finish.low));
            let bytes = _mm_min_epi8(bytes, _mm_set1_epi8(finish.high));
            _mm_storeu_si128(to.cast(), bytes);
        }
    }
}
