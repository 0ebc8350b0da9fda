//! AVX-512: sixteen lanes; products of 16-bit pairs, or of byte quadruples with AVX512-VNNI.

mod products;
mod taps;

use super::{Finish, Lanes};
use std::arch::asm;
use std::arch::x86_64::*;

/// AVX-512 BW: input and weights widened to `i16`, multiplied and added in pairs, exactly.
#[derive(Debug)]
pub(in super::super) struct Avx512;

/// AVX512-VNNI: unsigned input bytes by signed weights (`vpdpbusd`), exactly, modulo 2^32.
#[derive(Debug)]
pub(in super::super) struct Avx512Vnni;

macro_rules! lanes {
    ($isa:ty) => {
        impl Lanes for $isa {
            const COUNT: usize = 16;
            type Int = __m512i;
            type Float = __m512;

            #[inline(always)]
            unsafe fn load_i32(from: *const i32) -> __m512i {
                // SAFETY: the caller's promise.
                unsafe { _mm512_loadu_si512(from.cast()) }
            }
            #[inline(always)]
            unsafe fn load_i8(from: *const i8) -> __m512i {
                // SAFETY: the caller's promise.
                unsafe { _mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast())) }
            }
            #[inline(always)]
            unsafe fn load_f32(from: *const f32) -> __m512 {
                // SAFETY: the caller's promise.
                unsafe { _mm512_loadu_ps(from) }
            }
            #[inline(always)]
            unsafe fn splat_i32(value: i32) -> __m512i {
                // SAFETY: the caller's promise.
                unsafe { _mm512_set1_epi32(value) }
            }
            #[inline(always)]
            unsafe fn splat_f32(value: f32) -> __m512 {
                // SAFETY: the caller's promise.
                unsafe { _mm512_set1_ps(value) }
            }
            #[inline(always)]
            unsafe fn sub(a: __m512i, b: __m512i) -> __m512i {
                // SAFETY: the caller's promise.
                unsafe { _mm512_sub_epi32(a, b) }
            }
            #[inline(always)]
            unsafe fn to_float(value: __m512i) -> __m512 {
                // SAFETY: the caller's promise.
                unsafe { _mm512_cvtepi32_ps(value) }
            }
            #[inline(always)]
            unsafe fn mul(a: __m512, b: __m512) -> __m512 {
                // SAFETY: the caller's promise.
                unsafe { _mm512_mul_ps(a, b) }
            }
            #[inline(always)]
            unsafe fn add(a: __m512, b: __m512) -> __m512 {
                // SAFETY: the caller's promise.
                unsafe { _mm512_add_ps(a, b) }
            }
            #[inline(always)]
            unsafe fn min(a: __m512, b: __m512) -> __m512 {
                // SAFETY: the caller's promise.
                unsafe { _mm512_min_ps(a, b) }
            }
            #[inline(always)]
            unsafe fn store(values: [__m512; 4], finish: &Finish, to: *mut i8) {
                // SAFETY: the caller's promise. Values too low convert to `i32::MIN` and saturate
                // from there.
                unsafe {
                    let zero = _mm512_set1_epi16(finish.zero);
                    let mut whole = [_mm512_setzero_si512(); 4];
                    for v in 0..4 {
                        whole[v] = _mm512_cvtps_epi32(values[v]);
                    }
                    let halves = [
                        _mm512_adds_epi16(_mm512_packs_epi32(whole[0], whole[1]), zero),
                        _mm512_adds_epi16(_mm512_packs_epi32(whole[2], whole[3]), zero),
                    ];
                    let bytes = _mm512_packs_epi16(halves[0], halves[1]);
                    // Packing worked within 128-bit quarters.
                    let order =
                        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
                    let bytes = _mm512_permutexvar_epi32(order, bytes);
                    let bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8(finish.low));
                    let bytes = _mm512_min_epi8(bytes, _mm512_set1_epi8(finish.high));
                    _mm512_storeu_si512(to.cast(), bytes);
                }
            }
        }
    };
}

lanes!(Avx512);
lanes!(Avx512Vnni);

/// Adds the products of 16-bit pairs, each sum apart, as AVX2's does.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_pairs(sums: __m512i, x: __m512i, w: __m512i) -> __m512i {
    let mut sums = _mm512_add_epi32(sums, _mm512_madd_epi16(x, w));
    // SAFETY: no instruction at all.
    unsafe {
        asm!(
            "/* {0} */",
            inout(zmm_reg) sums,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

/// Thirty-two bytes, their sign extended.
#[inline(always)]
unsafe fn widen(from: *const i8) -> __m512i {
    // SAFETY: the caller's promise.
    unsafe { _mm512_cvtepi8_epi16(_mm256_loadu_si256(from.cast())) }
}

/// Sixty-four bytes, shifted to unsigned.
#[inline(always)]
unsafe fn shifted(from: *const i8) -> __m512i {
    // SAFETY: the caller's promise.
    unsafe { _mm512_xor_si512(_mm512_loadu_si512(from.cast()), _mm512_set1_epi8(i8::MIN)) }
}
