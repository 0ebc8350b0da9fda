//! Depthwise sums by quadruples of rows, with either encoding of the dot product.

use super::{AvxVnni, Vnni256, shifted};
use crate::int8::lanes::{Finish, Taps, pack_lone_quadruples};
use std::arch::x86_64::*;

/// Quadruples of bytes, one from each vector.
#[inline(always)]
unsafe fn interleave(x: [__m256i; 4]) -> [__m256i; 4] {
    // SAFETY: the caller's promise.
    unsafe {
        let low = _mm256_unpacklo_epi8(x[0], x[1]);
        let high = _mm256_unpackhi_epi8(x[0], x[1]);
        let other_low = _mm256_unpacklo_epi8(x[2], x[3]);
        let other_high = _mm256_unpackhi_epi8(x[2], x[3]);
        [
            _mm256_unpacklo_epi16(low, other_low),
            _mm256_unpackhi_epi16(low, other_low),
            _mm256_unpacklo_epi16(high, other_high),
            _mm256_unpackhi_epi16(high, other_high),
        ]
    }
}

/// A block of 32 channels by quadruples of bytes, with either encoding of `vpdpbusd`.
macro_rules! taps_of_quadruples {
    ($isa:ty, $dot:ident) => {
        impl Taps for $isa {
            const CHANNELS: usize = 32;
            const GROUP: usize = 4;
            const ELEMENT: usize = 1;
            const SHIFT: i32 = 128;
            type Sums = [__m256i; 4];
            type Column = [__m256i; 4];
            type Pixel = __m256i;
            const LONE: usize = 4 * 32;

            fn channel(position: usize) -> usize {
                let (vector, lane) = (position / 8, position % 8);
                lane / 4 * 16 + vector * 4 + lane % 4
            }
            fn place(position: usize, tap: usize) -> usize {
                position * 4 + tap
            }
            #[inline(always)]
            unsafe fn load(from: *const i32) -> [__m256i; 4] {
                // SAFETY: the caller's promise.
                unsafe {
                    [
                        _mm256_loadu_si256(from.cast()),
                        _mm256_loadu_si256(from.add(8).cast()),
                        _mm256_loadu_si256(from.add(16).cast()),
                        _mm256_loadu_si256(from.add(24).cast()),
                    ]
                }
            }
            #[inline(always)]
            unsafe fn store(sums: [__m256i; 4], to: *mut i32) {
                // SAFETY: the caller's promise.
                unsafe {
                    for (v, sums) in sums.into_iter().enumerate() {
                        _mm256_storeu_si256(to.add(v * 8).cast(), sums);
                    }
                }
            }
            #[inline(always)]
            unsafe fn column(rows: *const *const i8, live: usize, offset: usize) -> [__m256i; 4] {
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
                sums: [__m256i; 4],
                column: [__m256i; 4],
                weights: *const u8,
            ) -> [__m256i; 4] {
                // SAFETY: the caller's promise.
                unsafe {
                    let mut sums = sums;
                    for v in 0..4 {
                        let weights = _mm256_loadu_si256(weights.add(v * 32).cast());
                        sums[v] = $dot(sums[v], column[v], weights);
                    }
                    sums
                }
            }
            fn pack_lone(weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
                pack_lone_quadruples::<$isa>(weight, to);
            }
            #[inline(always)]
            unsafe fn pixel(from: *const i8) -> __m256i {
                // SAFETY: the caller's promise.
                unsafe { shifted(from) }
            }
            #[inline(always)]
            unsafe fn multiply_lone(
                sums: [__m256i; 4],
                pixels: [__m256i; 3],
                weights: *const u8,
            ) -> [__m256i; 4] {
                // SAFETY: the caller's promise; the fourth weight is 0.
                unsafe {
                    let column = interleave([pixels[0], pixels[1], pixels[2], pixels[2]]);
                    <$isa as Taps>::multiply(sums, column, weights)
                }
            }
            #[inline(always)]
            unsafe fn finish(
                sums: [__m256i; 4],
                multipliers: *const f32,
                finish: &Finish,
                to: *mut i8,
            ) {
                // SAFETY: the caller's promise; otherwise as in `Lanes::store`. Packing within
                // halves undoes the order in which a column was unpacked.
                unsafe {
                    let zero = _mm256_set1_epi16(finish.zero);
                    let mut whole = sums;
                    for v in 0..4 {
                        let multiplier = _mm256_loadu_ps(multipliers.add(v * 8));
                        let mut value = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[v]), multiplier);
                        if finish.wild {
                            value = _mm256_min_ps(value, _mm256_set1_ps(finish.ceiling));
                        }
                        whole[v] = _mm256_cvtps_epi32(value);
                    }
                    let low = _mm256_adds_epi16(_mm256_packs_epi32(whole[0], whole[1]), zero);
                    let high = _mm256_adds_epi16(_mm256_packs_epi32(whole[2], whole[3]), zero);
                    let bytes = _mm256_packs_epi16(low, high);
                    let bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(finish.low));
                    let bytes = _mm256_min_epi8(bytes, _mm256_set1_epi8(finish.high));
                    _mm256_storeu_si256(to.cast(), bytes);
                }
            }
        }
    };
}

taps_of_quadruples!(AvxVnni, _mm256_dpbusd_avx_epi32);
taps_of_quadruples!(Vnni256, _mm256_dpbusd_epi32);
