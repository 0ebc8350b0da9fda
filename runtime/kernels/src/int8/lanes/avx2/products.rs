//! Matrix products by 256-bit vectors.

use super::{Avx2, AvxVnni, add_pairs, shift_8, shift_32, widen_8, widen_16};
use crate::int8::lanes::Products;
use std::arch::x86_64::*;

impl Products for Avx2 {
    const STEP: usize = 2;
    const DEPTH: usize = 2;
    const ELEMENT: usize = 2;
    const SHIFT: i32 = 0;
    const ROWS_PER_POINTER: usize = 3;
    type Input = __m256i;
    type Weights = __m256i;

    #[inline(always)]
    unsafe fn input(from: *const u8) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const u8) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    unsafe fn accumulate(sums: __m256i, x: __m256i, w: __m256i) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { add_pairs(sums, x, w) }
    }
    #[inline(always)]
    unsafe fn stage(from: *const i8, len: usize, to: *mut u8) {
        let to: *mut i16 = to.cast();
        // SAFETY: the caller's promise; ends are done by vectors that overlap what came before.
        unsafe {
            let mut at = 0;
            while at + 16 <= len {
                widen_16(from.add(at), to.add(at));
                at += 16;
            }
            match len - at {
                0 => {}
                _ if len >= 16 => widen_16(from.add(len - 16), to.add(len - 16)),
                rest if rest >= 8 => {
                    widen_8(from.add(at), to.add(at));
                    widen_8(from.add(len - 8), to.add(len - 8));
                }
                rest => {
                    for i in at..at + rest {
                        *to.add(i) = (*from.add(i)).into();
                    }
                }
            }
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

impl Products for AvxVnni {
    const STEP: usize = 4;
    const DEPTH: usize = 4;
    const ELEMENT: usize = 1;
    const SHIFT: i32 = 128;
    const ROWS_PER_POINTER: usize = 3;
    type Input = __m256i;
    type Weights = __m256i;

    #[inline(always)]
    unsafe fn input(from: *const u8) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn weights(from: *const u8) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    unsafe fn accumulate(sums: __m256i, x: __m256i, w: __m256i) -> __m256i {
        // SAFETY: the caller's promise.
        unsafe { _mm256_dpbusd_avx_epi32(sums, x, w) }
    }
    #[inline(always)]
    unsafe fn stage(from: *const i8, len: usize, to: *mut u8) {
        // SAFETY: the caller's promise; ends are done by vectors that overlap what came before.
        unsafe {
            let mut at = 0;
            while at + 32 <= len {
                shift_32(from.add(at), to.add(at));
                at += 32;
            }
            if at < len && len >= 32 {
                shift_32(from.add(len - 32), to.add(len - 32));
                return;
            }
            while at + 8 <= len {
                shift_8(from.add(at), to.add(at));
                at += 8;
            }
            if at < len && len >= 8 {
                shift_8(from.add(len - 8), to.add(len - 8));
                return;
            }
            for i in at..len {
                *to.add(i) = *from.add(i) as u8 ^ 0x80;
            }
        }
    }
    #[inline(always)]
    unsafe fn fill(value: i8, len: usize, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { to.write_bytes(value as u8 ^ 0x80, len) }
    }
}
