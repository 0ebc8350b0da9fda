//! AVX2: eight lanes; products of 16-bit pairs, or of byte quadruples with AVX-VNNI.

mod pairs;
mod products;
mod quadruples;

use super::{Finish, Lanes};
use std::arch::asm;
use std::arch::x86_64::*;

/// AVX2: input and weights widened to `i16`, multiplied and added in pairs (`pmaddwd`), exactly.
#[derive(Debug)]
pub(in super::super) struct Avx2;

/// AVX-VNNI: unsigned input bytes by signed weights (`vpdpbusd`), exactly, modulo 2^32.
#[derive(Debug)]
pub(in super::super) struct AvxVnni;

/// AVX512-VNNI's instructions on 256 bits, for channels that do not fill 512.
#[derive(Debug)]
pub(in super::super) struct Vnni256;

macro_rules! lanes {
    ($isa:ty) => {
        impl Lanes for $isa {
            const COUNT: usize = 8;
            type Int = __m256i;
            type Float = __m256;

            #[inline(always)]
            unsafe fn load_i32(from: *const i32) -> __m256i {
                // SAFETY: the caller's promise.
                unsafe { _mm256_loadu_si256(from.cast()) }
            }
            #[inline(always)]
            unsafe fn load_i8(from: *const i8) -> __m256i {
                // SAFETY: the caller's promise.
                unsafe { _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.cast())) }
            }
            #[inline(always)]
            unsafe fn load_f32(from: *const f32) -> __m256 {
                // SAFETY: the caller's promise.
                unsafe { _mm256_loadu_ps(from) }
            }
            #[inline(always)]
            unsafe fn splat_i32(value: i32) -> __m256i {
                // SAFETY: the caller's promise.
                unsafe { _mm256_set1_epi32(value) }
            }
            #[inline(always)]
            unsafe fn splat_f32(value: f32) -> __m256 {
                // SAFETY: the caller's promise.
                unsafe { _mm256_set1_ps(value) }
            }
            #[inline(always)]
            unsafe fn sub(a: __m256i, b: __m256i) -> __m256i {
                // SAFETY: the caller's promise.
                unsafe { _mm256_sub_epi32(a, b) }
            }
            #[inline(always)]
            unsafe fn to_float(value: __m256i) -> __m256 {
                // SAFETY: the caller's promise.
                unsafe { _mm256_cvtepi32_ps(value) }
            }
            #[inline(always)]
            unsafe fn mul(a: __m256, b: __m256) -> __m256 {
                // SAFETY: the caller's promise.
                unsafe { _mm256_mul_ps(a, b) }
            }
            #[inline(always)]
            unsafe fn add(a: __m256, b: __m256) -> __m256 {
                // SAFETY: the caller's promise.
                unsafe { _mm256_add_ps(a, b) }
            }
            #[inline(always)]
            unsafe fn min(a: __m256, b: __m256) -> __m256 {
                // SAFETY: the caller's promise.
                unsafe { _mm256_min_ps(a, b) }
            }
            #[inline(always)]
            unsafe fn store(values: [__m256; 4], finish: &Finish, to: *mut i8) {
                // SAFETY: the caller's promise. Values too low convert to `i32::MIN` and saturate
                // from there.
                unsafe {
                    let zero = _mm256_set1_epi16(finish.zero);
                    let mut whole = [_mm256_setzero_si256(); 4];
                    for v in 0..4 {
                        whole[v] = _mm256_cvtps_epi32(values[v]);
                    }
                    let halves = [
                        _mm256_adds_epi16(_mm256_packs_epi32(whole[0], whole[1]), zero),
                        _mm256_adds_epi16(_mm256_packs_epi32(whole[2], whole[3]), zero),
                    ];
                    let bytes = _mm256_packs_epi16(halves[0], halves[1]);
                    // Packing worked within 128-bit halves.
                    let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
                    let bytes = _mm256_permutevar8x32_epi32(bytes, order);
                    let bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(finish.low));
                    let bytes = _mm256_min_epi8(bytes, _mm256_set1_epi8(finish.high));
                    _mm256_storeu_si256(to.cast(), bytes);
                }
            }
        }
    };
}

lanes!(Avx2);
lanes!(AvxVnni);

/// Adds the products of 16-bit pairs.
///
/// The sum passes through an empty `asm!`: the compiler would else add products to each other first
/// and run out of registers for them.
#[inline]
#[target_feature(enable = "avx2")]
fn add_pairs(sums: __m256i, x: __m256i, w: __m256i) -> __m256i {
    let mut sums = _mm256_add_epi32(sums, _mm256_madd_epi16(x, w));
    // SAFETY: no instruction at all.
    unsafe {
        asm!(
            "/* {0} */",
            inout(ymm_reg) sums,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

/// Sixteen bytes, their sign extended.
#[inline(always)]
unsafe fn widen(from: *const i8) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(from.cast())) }
}

#[inline(always)]
unsafe fn widen_16(from: *const i8, to: *mut i16) {
    // SAFETY: the caller's promise.
    unsafe { _mm256_storeu_si256(to.cast(), widen(from)) }
}

#[inline(always)]
unsafe fn widen_8(from: *const i8, to: *mut i16) {
    // SAFETY: the caller's promise.
    unsafe { _mm_storeu_si128(to.cast(), _mm_cvtepi8_epi16(_mm_loadl_epi64(from.cast()))) }
}

/// Thirty-two bytes, shifted to unsigned.
#[inline(always)]
unsafe fn shifted(from: *const i8) -> __m256i {
    // SAFETY: the caller's promise.
    unsafe { _mm256_xor_si256(_mm256_loadu_si256(from.cast()), _mm256_set1_epi8(i8::MIN)) }
}

#[inline(always)]
unsafe fn shift_32(from: *const i8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { _mm256_storeu_si256(to.cast(), shifted(from)) }
}

#[inline(always)]
unsafe fn shift_8(from: *const i8, to: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        let bytes = from.cast::<u64>().read_unaligned();
        to.cast::<u64>()
            .write_unaligned(bytes ^ 0x8080_8080_8080_8080);
    }
}
