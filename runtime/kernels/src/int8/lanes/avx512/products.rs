//! Matrix products by 512-bit vectors.

use super::{Avx512, Avx512Vnni, add_pairs, shifted, widen};
use crate::int8::lanes::Products;
use crate::int8::lanes::avx2::{Avx2, AvxVnni};
use std::arch::x86_64::*;

impl Products for Avx512 {
    const STEP: usize = 2;
    const DEPTH: usize = 2;
    const ELEMENT: usize = 2;
    const SHIFT: i32 = 0;
    const ROWS_PER_POINTER: usize = 3;
    type Input = __m512i;
    type Weights = __m512i;

    #[inline(always)]
    unsafe fn input(from: *const u8) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const u8) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn accumulate(sums: __m512i, x: __m512i, w: __m512i) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { add_pairs(sums, x, w) }
    }
    #[inline(always)]
    unsafe fn stage(from: *const i8, len: usize, to: *mut u8) {
        let to: *mut i16 = to.cast();
        // SAFETY: the caller's promise; AVX2 does what is left.
        unsafe {
            let whole = len / 32 * 32;
            for at in (0..whole).step_by(32) {
                _mm512_storeu_si512(to.add(at).cast(), widen(from.add(at)));
            }
            <Avx2 as Products>::stage(from.add(whole), len - whole, to.add(whole).cast());
        }
    }
    #[inline(always)]
    unsafe fn fill(value: i8, len: usize, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            for i in 0..len {
                to.cast::<i16>().add(i).write_unaligned(value.into());
            }
        }
    }
}

impl Products for Avx512Vnni {
    const STEP: usize = 4;
    const DEPTH: usize = 4;
    const ELEMENT: usize = 1;
    const SHIFT: i32 = 128;
    const ROWS_PER_POINTER: usize = 3;
    type Input = __m512i;
    type Weights = __m512i;

    #[inline(always)]
    unsafe fn input(from: *const u8) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const u8) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn accumulate(sums: __m512i, x: __m512i, w: __m512i) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_dpbusd_epi32(sums, x, w) }
    }
    #[inline(always)]
    unsafe fn stage(from: *const i8, len: usize, to: *mut u8) {
        // SAFETY: the caller's promise; AVX2 does what is left.
        unsafe {
            let whole = len / 64 * 64;
            for at in (0..whole).step_by(64) {
                _mm512_storeu_si512(to.add(at).cast(), shifted(from.add(at)));
            }
            <AvxVnni as Products>::stage(from.add(whole), len - whole, to.add(whole));
        }
    }
    #[inline(always)]
    unsafe fn fill(value: i8, len: usize, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { to.write_bytes(value as u8 ^ 0x80, len) }
    }
}
