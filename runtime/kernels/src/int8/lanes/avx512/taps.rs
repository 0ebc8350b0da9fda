//! Depthwise sums, by pairs of rows or by quadruples.

use super::{Avx512, Avx512Vnni, add_pairs, shifted, widen};
use crate::int8::lanes::{Finish, Taps, pack_lone_pairs, pack_lone_quadruples};
use std::arch::x86_64::*;

/// Quadruples of bytes, one from each vector.
#[inline(always)]
unsafe fn interleave(x: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let low = _mm512_unpacklo_epi8(x[0], x[1]);
        let high = _mm512_unpackhi_epi8(x[0], x[1]);
        let other_low = _mm512_unpacklo_epi8(x[2], x[3]);
        let other_high = _mm512_unpackhi_epi8(x[2], x[3]);
        [
            _mm512_unpacklo_epi16(low, other_low),
            _mm512_unpackhi_epi16(low, other_low),
            _mm512_unpacklo_epi16(high, other_high),
            _mm512_unpackhi_epi16(high, other_high),
        ]
    }
}

/// What both kinds of blocks do with their sums.
macro_rules! sums {
    () => {
        const CHANNELS: usize = 64;
        type Sums = [__m512i; 4];
        type Column = [__m512i; 4];

        #[inline(always)]
        unsafe fn load(from: *const i32) -> [__m512i; 4] {
            // SAFETY: the caller's promise.
            unsafe {
                [
                    _mm512_loadu_si512(from.cast()),
                    _mm512_loadu_si512(from.add(16).cast()),
                    _mm512_loadu_si512(from.add(32).cast()),
                    _mm512_loadu_si512(from.add(48).cast()),
                ]
            }
        }
        #[inline(always)]
        unsafe fn store(sums: [__m512i; 4], to: *mut i32) {
            // SAFETY: the caller's promise.
            unsafe {
                for (v, sums) in sums.into_iter().enumerate() {
                    _mm512_storeu_si512(to.add(v * 16).cast(), sums);
                }
            }
        }
        #[inline(always)]
        unsafe fn finish(
            sums: [__m512i; 4],
            multipliers: *const f32,
            finish: &Finish,
            to: *mut i8,
        ) {
            // SAFETY: the caller's promise; otherwise as in `Lanes::store`.
            unsafe {
                let zero = _mm512_set1_epi16(finish.zero);
                let mut whole = sums;
                for v in 0..4 {
                    let multiplier = _mm512_loadu_ps(multipliers.add(v * 16));
                    let mut value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[v]), multiplier);
                    if finish.wild {
                        value = _mm512_min_ps(value, _mm512_set1_ps(finish.ceiling));
                    }
                    whole[v] = _mm512_cvtps_epi32(value);
                }
                let low = _mm512_adds_epi16(_mm512_packs_epi32(whole[0], whole[1]), zero);
                let high = _mm512_adds_epi16(_mm512_packs_epi32(whole[2], whole[3]), zero);
                let bytes = Self::in_order(_mm512_packs_epi16(low, high));
                let bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8(finish.low));
                let bytes = _mm512_min_epi8(bytes, _mm512_set1_epi8(finish.high));
                _mm512_storeu_si512(to.cast(), bytes);
            }
        }
    };
}

impl Avx512 {
    /// Undoes packing two halves within 128-bit quarters.
    #[inline(always)]
    unsafe fn in_order(bytes: __m512i) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes) }
    }
}

impl Avx512Vnni {
    /// Packing within quarters undid the order in which a column was unpacked.
    #[inline(always)]
    unsafe fn in_order(bytes: __m512i) -> __m512i {
        bytes
    }
}

impl Taps for Avx512 {
    const GROUP: usize = 2;
    const ELEMENT: usize = 2;
    const SHIFT: i32 = 0;
    type Pixel = [__m512i; 2];
    const LONE: usize = 4 * 2 * 64;
    sums!();

    fn pack_lone(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        pack_lone_pairs::<Avx512>(weight, to);
    }
    #[inline(always)]
    unsafe fn pixel(from: *const i8) -> [__m512i; 2] {
        // SAFETY: the caller's promise.
        unsafe { [widen(from), widen(from.add(32))] }
    }
    #[inline(always)]
    unsafe fn multiply_lone(
        sums: [__m512i; 4],
        pixels: [[__m512i; 2]; 3],
        weights: *const u8,
    ) -> [__m512i; 4] {
        let mut sums = sums;
        // SAFETY: the caller's promise. Weights are at least -127: two products fit 16 bits.
        unsafe {
            for half in 0..2 {
                let first = _mm512_loadu_si512(weights.add(half * 64).cast());
                let second = _mm512_loadu_si512(weights.add(128 + half * 64).cast());
                let products = _mm512_add_epi16(
                    _mm512_mullo_epi16(pixels[0][half], first),
                    _mm512_mullo_epi16(pixels[1][half], second),
                );
                let third = weights.add(256 + half * 128);
                let low = _mm512_unpacklo_epi16(products, pixels[2][half]);
                let high = _mm512_unpackhi_epi16(products, pixels[2][half]);
                let w = [
                    _mm512_loadu_si512(third.cast()),
                    _mm512_loadu_si512(third.add(64).cast()),
                ];
                sums[half * 2] = add_pairs(sums[half * 2], low, w[0]);
                sums[half * 2 + 1] = add_pairs(sums[half * 2 + 1], high, w[1]);
            }
        }
        sums
    }
    fn channel(position: usize) -> usize {
        // Thirty-two channels' low and high quadruples of each 128-bit quarter, twice.
        let (vector, lane) = (position / 16, position % 16);
        vector / 2 * 32 + lane / 4 * 8 + vector % 2 * 4 + lane % 4
    }
    fn place(position: usize, tap: usize) -> usize {
        position * 2 + tap
    }
    #[inline(always)]
    unsafe fn column(rows: *const *const i8, live: usize, offset: usize) -> [__m512i; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let first = (*rows).add(offset);
            let mut low = [widen(first); 2];
            let mut high = [widen(first.add(32)); 2];
            if live > 1 {
                let second = (*rows.add(1)).add(offset);
                low[1] = widen(second);
                high[1] = widen(second.add(32));
            }
            [
                _mm512_unpacklo_epi16(low[0], low[1]),
                _mm512_unpackhi_epi16(low[0], low[1]),
                _mm512_unpacklo_epi16(high[0], high[1]),
                _mm512_unpackhi_epi16(high[0], high[1]),
            ]
        }
    }
    #[inline(always)]
    unsafe fn multiply(
        sums: [__m512i; 4],
        column: [__m512i; 4],
        weights: *const u8,
    ) -> [__m512i; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = sums;
            for v in 0..4 {
                let weights = _mm512_loadu_si512(weights.add(v * 64).cast());
                sums[v] = add_pairs(sums[v], column[v], weights);
            }
            sums
        }
    }
}

impl Taps for Avx512Vnni {
    const GROUP: usize = 4;
    const ELEMENT: usize = 1;
    const SHIFT: i32 = 128;
    type Pixel = __m512i;
    const LONE: usize = 4 * 64;
    sums!();

    fn pack_lone(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        pack_lone_quadruples::<Avx512Vnni>(weight, to);
    }
    #[inline(always)]
    unsafe fn pixel(from: *const i8) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { shifted(from) }
    }
    #[inline(always)]
    unsafe fn multiply_lone(
        sums: [__m512i; 4],
        pixels: [__m512i; 3],
        weights: *const u8,
    ) -> [__m512i; 4] {
        // SAFETY: the caller's promise; the fourth weight is 0.
        unsafe {
            let column = interleave([pixels[0], pixels[1], pixels[2], pixels[2]]);
            <Avx512Vnni as Taps>::multiply(sums, column, weights)
        }
    }
    fn channel(position: usize) -> usize {
        let (vector, lane) = (position / 16, position % 16);
        lane / 4 * 16 + vector * 4 + lane % 4
    }
    fn place(position: usize, tap: usize) -> usize {
        position * 4 + tap
    }
    #[inline(always)]
    unsafe fn column(rows: *const *const i8, live: usize, offset: usize) -> [__m512i; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = [shifted((*rows).add(offset)); 4];
            for (row, values) in x.iter_mut().enumerate().take(live).skip(1) {
                *values = shifted((*rows.add(row)).add(offset));
            }
            interleave(x)
        }
    }
    #[inline(always)]
    unsafe fn multiply(
        sums: [__m512i; 4],
        column: [__m512i; 4],
        weights: *const u8,
    ) -> [__m512i; 4] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sums = sums;
            for v in 0..4 {
                let weights = _mm512_loadu_si512(weights.add(v * 64).cast());
                sums[v] = _mm512_dpbusd_epi32(sums[v], column[v], weights);
            }
            sums
        }
    }
}
