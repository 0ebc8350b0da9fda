//! AVX2: eight lanes; products of 16-bit pairs, or of byte quadruples with AVX-VNNI.

use super::{Finish, Lanes, Products, Taps, pack_lone_pairs, pack_lone_quadruples};
use std::arch::asm;
use std::arch::x86_64::*;

/// AVX2: input and weights widened to `i16`, multiplied and added in pairs (`pmaddwd`), exactly.
#[derive(Debug)]
pub(in super::super) struct Avx2;

/// AVX-VNNI: unsigned input bytes by signed weights (`vpdpbusd`), exactly, modulo 2^32.
#[derive(Debug)]
pub(in super::super) struct AvxVnni;

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

/// AVX512-VNNI's instructions on 256 bits, for channels that do not fill 512.
#[derive(Debug)]
pub(in super::super) struct Vnni256;

taps_of_quadruples!(AvxVnni, _mm256_dpbusd_avx_epi32);
taps_of_quadruples!(Vnni256, _mm256_dpbusd_epi32);
